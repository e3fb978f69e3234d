"""The same servers as containers, through testcontainers, for machines with a Docker engine of their own."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cdc.testing.servers.base import LOOPBACK, Address, Server, ServerError
from cdc.testing.servers.postgres_programs import IN_WHEEL, chosen
from cdc.testing.servers.process import free_port

if TYPE_CHECKING:
    from testcontainers.core.container import DockerContainer

START_SECONDS = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """How a server runs in a container.

    `port` is the one inside; `ready` is a command inside the container that succeeds when clients are served; `environment`
    may name `{port}`, the port outside; `url` is the address that clients get.
    """

    name: str
    image: str
    port: int
    ready: tuple[str, ...]
    url: str
    user: str = ""
    command: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)


POSTGRES = Image(
    name="postgres",
    image=f"postgres:{IN_WHEEL}",
    port=5432,
    ready=("pg_isready", "-q", "-h", LOOPBACK),
    url="postgresql://postgres@127.0.0.1:{port}/postgres",
    user="postgres",
    command=tuple(
        word
        for setting in (
            "wal_level=logical",
            "max_wal_senders=64",
            "max_replication_slots=64",
            "max_prepared_transactions=10",
            "max_connections=200",
            "timezone=Etc/UTC",
            "fsync=off",
        )
        for word in ("-c", setting)
    ),
    environment={"POSTGRES_HOST_AUTH_METHOD": "trust", "POSTGRES_INITDB_ARGS": "--no-sync"},
)
KAFKA = Image(
    name="kafka",
    image="apache/kafka:4.3.1",
    port=9092,
    ready=("bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/9092"),
    url="127.0.0.1:{port}",
    environment={
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_LISTENERS": "PLAINTEXT://:9092,CONTROLLER://:9093",
        "KAFKA_ADVERTISED_LISTENERS": "PLAINTEXT://127.0.0.1:{port}",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_BROKER_SESSION_TIMEOUT_MS": "3000",
        "KAFKA_BROKER_HEARTBEAT_INTERVAL_MS": "500",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "KAFKA_LOG_RETENTION_MS": "-1",
        "KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS": "4",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_NUM_PARTITIONS": "4",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
    },
)
MYSQL = Image(
    name="mysql",
    image="mysql:9.7",
    port=3306,
    ready=("mysqladmin", "--silent", f"--host={LOOPBACK}", "ping"),
    url="mysql://root@127.0.0.1:{port}",
    user="root",
    command=(
        "--server-id=1",
        "--gtid-mode=ON",
        "--enforce-gtid-consistency=ON",
        "--binlog-row-metadata=FULL",
        "--default-time-zone=+00:00",
        "--local-infile=ON",
    ),
    environment={"MYSQL_ALLOW_EMPTY_PASSWORD": "yes"},
)
MARIADB = Image(
    name="mariadb",
    image="mariadb:10.11",
    port=3306,
    ready=("healthcheck.sh", "--connect"),
    url="mysql://root@127.0.0.1:{port}",
    user="root",
    command=(
        "--server-id=1",
        "--log-bin=binlog",
        "--binlog-format=ROW",
        "--binlog-row-metadata=FULL",
        "--gtid-strict-mode=ON",
        "--default-time-zone=+00:00",
    ),
    environment={"MARIADB_ALLOW_EMPTY_ROOT_PASSWORD": "yes"},
)
IMAGES = {image.name: image for image in (POSTGRES, KAFKA, MYSQL, MARIADB)}


class ContainerServer(Server):
    """A server in a container, published on one free loopback port that it keeps over stops and starts."""

    def __init__(self, image: Image, make: Callable[[Image, int], DockerContainer] | None = None) -> None:
        self.name = image.name
        self.port = free_port()
        self._image = image
        self._make = make or _container
        self._container: DockerContainer | None = None
        self._running = False

    @property
    def address(self) -> Address:
        """The running server; raises `ServerError` when it does not run."""
        if self._container is None or not self._running:
            raise ServerError(f"{self.name} on port {self.port} does not run", "Call start() first.")
        url = self._image.url.format(port=self.port)
        identity = self._container.get_wrapped_container().id or ""
        return Address(name=self.name, port=self.port, user=self._image.user, url=url, container=identity)

    def start(self) -> Address:
        """Start the container, the first time from its image, and wait until clients are served."""
        if not self._running:
            if self._container is None:
                self._container = self._make(self._image, self.port)
                self._container.start()
            else:
                self._container.get_wrapped_container().start()
            self._running = True
            self._wait_until_ready(self._container)
        return self.address

    def stop(self) -> None:
        """Stop the container in good order; its data stays in it."""
        if self._container is not None and self._running:
            self._container.get_wrapped_container().stop(timeout=30)
        self._running = False

    def kill(self) -> None:
        """Kill the container's process; its data stays in it."""
        if self._container is not None and self._running:
            self._container.get_wrapped_container().kill()
        self._running = False

    def release(self) -> Address:
        """Let the container outlive this process; `TESTCONTAINERS_RYUK_DISABLED=true` must have been set at its start."""
        return self.address

    def discard(self) -> None:
        """Remove the container and its data."""
        if self._container is not None:
            self._container.stop()
        self._container = None
        self._running = False

    def _wait_until_ready(self, container: DockerContainer) -> None:
        deadline = time.monotonic() + START_SECONDS
        while container.exec(list(self._image.ready)).exit_code:
            if time.monotonic() > deadline:
                log = b"".join(container.get_logs()).decode(errors="replace").splitlines()[-20:]
                raise ServerError("\n".join([f"{self.name} was not ready within {START_SECONDS:.0f} s", *log]))
            time.sleep(0.2)


def create(name: str) -> ContainerServer:
    """Return a new server in a container, not started."""
    return ContainerServer(image(name))


def image(name: str) -> Image:
    """Return the image of a server, PostgreSQL's of the version that `CDC_POSTGRES_VERSION` chooses."""
    return replace(POSTGRES, image=f"postgres:{chosen()}") if name == POSTGRES.name else IMAGES[name]


def answers() -> bool:
    """Tell whether a Docker engine answers where `DOCKER_HOST` says, or at the usual socket; one with TLS is not asked."""
    engine = urlsplit(os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock")
    family = socket.AF_UNIX if engine.scheme == "unix" else socket.AF_INET
    try:
        with socket.socket(family) as client:
            client.settimeout(2)
            client.connect(engine.path if engine.scheme == "unix" else (engine.hostname, engine.port or 2375))
            client.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return b" 200 " in client.recv(64)
    except OSError:
        return False


def runs(identity: str) -> bool:
    """Tell whether the container of this id runs."""
    from docker.client import DockerClient  # noqa: PLC0415
    from docker.errors import NotFound  # noqa: PLC0415

    with closing(DockerClient.from_env()) as client:
        try:
            return bool(client.containers.get(identity).status == "running")
        except NotFound:
            return False


def remove(identity: str) -> None:
    """Remove the container of this id, with its data."""
    from docker.client import DockerClient  # noqa: PLC0415

    with closing(DockerClient.from_env()) as client:
        client.containers.get(identity).remove(force=True, v=True)


def _container(image: Image, port: int) -> DockerContainer:
    from testcontainers.core.container import DockerContainer  # noqa: PLC0415

    container = DockerContainer(image.image).with_bind_ports(image.port, port)
    for key, value in image.environment.items():
        container.with_env(key, value.format(port=port))
    return container.with_command(list(image.command)) if image.command else container
