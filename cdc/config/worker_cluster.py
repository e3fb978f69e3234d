"""The cluster that a distributed worker belongs to: its properties, and the settings that they make."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from cdc.config import kafka
from cdc.config.definition import Config
from cdc.config.property import REQUIRED, Importance, Problem, Property, Status, Type, in_group, without_effect
from cdc.config.validators import PRINTABLE, between

LOW: Final = Importance.LOW

_ALONE: Final = "this worker stands alone"

_OTHER_DEFAULTS: Final = {
    "offset.storage.partitions": ("25", "Offsets are few, and all of them are read when a task starts."),
    "offset.storage.replication.factor": ("3", "Fewer than three brokers can create no topic with three replicas."),
}


def _offset_row(row: Property) -> Property:
    there, why = _OTHER_DEFAULTS.get(row.name, (None, ""))
    return replace(row, also=(), debezium_default=there, why=why)


OFFSETS: Final = tuple(map(_offset_row, kafka.OFFSETS))
"""The topic of offsets of a worker that stands alone."""

_TOPIC, _PARTITIONS, _REPLICAS = OFFSETS

CLUSTER_OFFSETS: Final = (
    replace(
        _TOPIC,
        default=REQUIRED,
        doc="Compacted topic that holds the offsets of all connectors, written in the transactions of their records. It is created when absent.",
    ),
    _PARTITIONS,
    _REPLICAS,
)
"""The topic of offsets of a cluster: nothing but its name must be said."""


def _storage(what: str, holds: str) -> Iterable[Property]:
    """Return the name and the replicas of another topic in which a cluster keeps what it knows."""
    doc = f"Compacted topic that holds {holds}. It is created when absent."
    return (
        replace(_TOPIC, name=f"{what}.storage.topic", default=REQUIRED, doc=doc),
        replace(_REPLICAS, name=f"{what}.storage.replication.factor"),
    )


def _time(name: str, default: str, doc: str, low: int = 1) -> Property:
    return Property(name, Type.INT, default, doc, LOW, validator=between(low, unit="milliseconds"))


CLUSTER: Final = in_group(
    "Cluster",
    Property(
        "group.id",
        Type.STRING,
        REQUIRED,
        "Name of the cluster: workers with one name share connectors. It must be the group of no sink, which is connect-<name>.",
        Importance.HIGH,
        validator=PRINTABLE,
    ),
    *_storage("config", "the configurations of connectors"),
    without_effect(
        "config.storage.partitions",
        Type.INT,
        "1",
        "Partitions of the topic of configurations.",
        "there is always one, so that all workers read them in one order",
    ),
    *_storage("status", "the states of connectors and tasks"),
    replace(_PARTITIONS, name="status.storage.partitions", default="5", debezium_default=None, why=""),
    _time(
        "session.timeout.ms",
        "10000",
        "How long a worker may be silent before its tasks run elsewhere, in milliseconds.",
        low=1000,
    ),
    _time(
        "heartbeat.interval.ms",
        "3000",
        "Pause between a worker's signs of life, in milliseconds; less than the session timeout, best a third of it.",
    ),
    _time(
        "rebalance.timeout.ms",
        "60000",
        "Longest time that a worker may take to give up tasks when they are shared out anew, in milliseconds.",
    ),
    Property(
        "rest.advertised.listener",
        Type.STRING,
        None,
        "Whether other workers use http or https to reach this one; http, if it is not set and there is such a listener.",
        LOW,
        choices=("http", "https"),
    ),
    without_effect(
        "scheduled.rebalance.max.delay.ms",
        Type.INT,
        "300000",
        "How long the tasks of a lost worker wait for it.",
        "tasks of a lost worker run elsewhere at once",
    ),
    without_effect(
        "connect.protocol",
        Type.STRING,
        "sessioned",
        "Version of the protocol between workers.",
        "there is one protocol",
    ),
    *(
        without_effect(
            name, Type.INT, default, doc, "a worker that has not read the configurations waits, and does not leave"
        )
        for name, default, doc in (
            ("worker.sync.timeout.ms", "3000", "Longest wait to read all configurations."),
            ("worker.unsync.backoff.ms", "300000", "Pause of a worker that could not."),
        )
    ),
)
"""What a cluster of workers reads, beside `CLUSTER_OFFSETS`."""


def alone(row: Property) -> Property:
    """Return a row of the cluster as a worker that stands alone takes it: without effect."""
    if row.status is Status.WITHOUT_EFFECT:
        return row
    default = None if row.required else row.default
    return replace(row, default=default, status=Status.WITHOUT_EFFECT, reason=_ALONE)


def fits_together(config: Config) -> Iterator[Problem]:
    """Yield a problem for signs of life that come too seldom, and for each topic that has two uses."""
    session, heartbeat = config["session.timeout.ms"], config["heartbeat.interval.ms"]
    if isinstance(session, int) and isinstance(heartbeat, int) and heartbeat >= session:
        fact = f"heartbeat.interval.ms = {heartbeat} is not less than session.timeout.ms = {session}"
        yield Problem("heartbeat.interval.ms", fact, f"Give a third of that, {max(session // 3, 1)}.")
    uses: dict[str, str] = {}
    for name in ("config.storage.topic", "offset.storage.topic", "status.storage.topic"):
        topic = config.string(name)
        if topic and uses.setdefault(topic, name) != name:
            yield Problem(name, f"{name} and {uses[topic]} are both {topic}", "Give each a topic of its own.")


@dataclass(frozen=True, slots=True)
class StorageTopic:
    """A compacted topic, created when absent; -1 partitions or replicas are the broker's default."""

    name: str
    partitions: int = -1
    replication_factor: int = -1

    @classmethod
    def from_config(cls, config: Config, what: str, partitions: int | None = None) -> StorageTopic:
        """Return the topic of `what` ("config", "offset" or "status"); its partitions are those of the configuration if not given."""
        return cls(
            config.string(f"{what}.storage.topic"),
            config.integer(f"{what}.storage.partitions") if partitions is None else partitions,
            config.integer(f"{what}.storage.replication.factor"),
        )


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """How a worker takes part in its cluster. Times are in seconds; the topic of configurations has one partition."""

    group_id: str
    config_topic: StorageTopic
    status_topic: StorageTopic
    session_timeout: float = 10.0
    heartbeat_interval: float = 3.0
    rebalance_timeout: float = 60.0

    @classmethod
    def from_config(cls, config: Config) -> ClusterSettings:
        """Return the settings of a distributed worker's configuration."""
        return cls(
            group_id=config.string("group.id"),
            config_topic=StorageTopic.from_config(config, "config", partitions=1),
            status_topic=StorageTopic.from_config(config, "status"),
            session_timeout=config.integer("session.timeout.ms") / 1000,
            heartbeat_interval=config.integer("heartbeat.interval.ms") / 1000,
            rebalance_timeout=config.integer("rebalance.timeout.ms") / 1000,
        )
