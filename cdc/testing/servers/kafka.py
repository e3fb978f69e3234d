"""Kafka 4.3 as one KRaft process, broker and controller, from its jars on Maven Central.

The internal topics have few partitions and one replica, so that the first transaction and the first group are quick.
"""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

from cdc.testing.servers.base import LOOPBACK, Address, ServerError
from cdc.testing.servers.cache import announce, cache_folder, locked
from cdc.testing.servers.kafka_security import Security
from cdc.testing.servers.maven import copy_jars
from cdc.testing.servers.native import NativeServer
from cdc.testing.servers.process import free_port

VERSION = "4.3.1"
READY = "Kafka Server started"
FENCED = "Fencing broker 1 "
FENCING_SECONDS = 10.0
SHOW_FENCING = "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.controller.ReplicationControlManager=info"

LOGGING = (
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd HH:mm:ss.SSS",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info",
)
SMALL_CLUSTER = {
    "auto.create.topics.enable": "true",
    "group.initial.rebalance.delay.ms": "0",
    # Records of tests bear any time; by the default of a week the broker deletes old ones half a minute after its start.
    "log.retention.ms": "-1",
    "offsets.topic.num.partitions": "4",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
}
JAVA_OPTIONS = ("-XX:+UseSerialGC", "-Djava.awt.headless=true", *LOGGING)


class KafkaServer(NativeServer):
    """A Kafka of its own: automatic topics, transactions, and clients are let in as `security` says: all, by default.

    `properties` are added to `server.properties`, over the kit's own; `heap` is the JVM's largest heap. Clients are told to
    connect to `advertised_port`, the server's own by default: with the port of a proxy there, all their traffic passes it.
    """

    name = "kafka"

    def __init__(
        self,
        *,
        security: Security | None = None,
        properties: Mapping[str, str] | None = None,
        heap: str = "512m",
        advertised_port: int | None = None,
    ) -> None:
        super().__init__()
        self._inner_port = free_port()
        self._controller_port = free_port()
        self._advertised_port = advertised_port or self.port
        self._security = security or Security()
        self._properties = dict(properties or {})
        self._heap = heap

    @property
    def inner(self) -> str:
        """The bootstrap server of a listener that lets everybody in with all rights, past any proxy."""
        return f"{LOOPBACK}:{self._inner_port}"

    @property
    def data(self) -> Path:
        """The log directory: the partitions and the cluster's metadata."""
        return self.folder / "data"

    def _prepare(self) -> None:
        _write(self._settings, self._all_properties())
        quick = ("-XX:TieredStopAtLevel=1", "-Xmx128m")
        tool = ["kafka.tools.StorageTool", "format", "--cluster-id", cluster_id(), "--config", str(self._settings)]
        self._run([*java(*quick), *tool, *self._security.format_options()])

    def _recover(self) -> None:
        """After a crash, let a controller alone fence the broker that is gone, as a cluster's other nodes would.

        A node that is broker and controller at once would still be the leader of its partitions in its own metadata when it
        starts, begin to complete the transactions that were being committed, be fenced by itself half-way, take the partitions
        for deleted, and leave those transactions open for ever (`TransactionMarkerChannelManager`).
        """
        if (self.data / ".kafka_cleanshutdown").exists():
            return
        settings = self.folder / "controller.properties"
        _write(settings, self._controller_properties())
        self._launch([*java(SHOW_FENCING, "-XX:TieredStopAtLevel=1", "-Xmx256m"), "kafka.Kafka", str(settings)])
        self._wait_until(self._is_ready)
        soon = time.monotonic() + FENCING_SECONDS  # a broker killed before it registered is fenced already
        self._wait_until(lambda: FENCED in self._log_since_start() or time.monotonic() > soon)
        self.stop()

    def _command(self) -> list[str]:
        return [*java(f"-Xmx{self._heap}"), "kafka.Kafka", str(self._settings)]

    def _is_ready(self) -> bool:
        return READY in self._log_since_start()

    def _address(self, pid: int) -> Address:
        url = f"{LOOPBACK}:{self.port}"
        return Address(name=self.name, port=self.port, url=url, pid=pid, data=str(self.data), log=str(self.log))

    @property
    def _settings(self) -> Path:
        return self.folder / "server.properties"

    def _all_properties(self) -> dict[str, str]:
        listener = self._security.properties("CLIENT")
        return {**self._listeners(), **SMALL_CLUSTER, "log.dirs": str(self.data), **listener, **self._properties}

    def _listeners(self) -> dict[str, str]:
        inner, controller = f"INNER://{self.inner}", f"CONTROLLER://{LOOPBACK}:{self._controller_port}"
        return {
            "process.roles": "broker,controller",
            "node.id": "1",
            "listeners": f"CLIENT://{LOOPBACK}:{self.port},{inner},{controller}",
            "advertised.listeners": f"CLIENT://{LOOPBACK}:{self._advertised_port},{inner}",
            "listener.security.protocol.map": f"CLIENT:{self._security.protocol},INNER:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "INNER",
            "controller.listener.names": "CONTROLLER",
            "controller.quorum.voters": f"1@{LOOPBACK}:{self._controller_port}",
        }

    def _controller_properties(self) -> dict[str, str]:
        properties = self._all_properties()
        for broker_only in ("advertised.listeners", "inter.broker.listener.name"):
            del properties[broker_only]
        return {
            **properties,
            "process.roles": "controller",
            "listeners": f"CONTROLLER://{LOOPBACK}:{self._controller_port}",
            "broker.session.timeout.ms": "200",
            "broker.heartbeat.interval.ms": "100",
        }


def _write(file: Path, properties: Mapping[str, str]) -> None:
    file.write_text("".join(f"{key}={value}\n" for key, value in properties.items()))


def cluster_id() -> str:
    """Return a new cluster id: 16 bytes in URL-safe base64. One that began with `-` would be taken for an option."""
    return f"c{secrets.token_urlsafe(16)[1:]}"


def version() -> str:
    """Return the version of the broker."""
    return VERSION


def java(*options: str) -> list[str]:
    """Return the start of a command that runs a class of Kafka's jars; the class and its arguments follow."""
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=f"{home}/bin" if home else None)
    if found is None:
        raise ServerError(
            "no Java was found", "Install Java 17 or later (Debian: apt install openjdk-17-jre-headless)."
        )
    return [found, *JAVA_OPTIONS, *options, "-cp", f"{jars()}/*"]


def fetch() -> None:
    """Fetch the jars if the cache has none."""
    jars()


def jars() -> Path:
    """Return the folder with the broker's jars, fetched by Maven the first time."""
    target = cache_folder() / f"kafka-{VERSION}"
    if not target.exists():
        with locked("kafka"):
            if not target.exists():
                _download(target)
    return target


def _download(target: Path) -> None:
    announce(f"fetching Kafka {VERSION} (about 60 MB) with Maven into {target}")
    unfinished = target.with_name(f"{target.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    copy_jars(Path(__file__).with_name("kafka.xml"), unfinished, f"Kafka {VERSION}")
    unfinished.rename(target)
