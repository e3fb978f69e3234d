"""What REST and the command line ask of a herder: the one who keeps connectors, their tasks and their states.

The words and the meaning are those of Kafka Connect's `Herder`; the values have the fields of its REST answers. Texts of errors are
Connect's where a client may look for them.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from cdc.connect.loggers import Loggers
from cdc.errors import CdcError
from cdc.model.position import Json


class ConnectorType(enum.StrEnum):
    """Which way the records go."""

    SOURCE = "source"
    SINK = "sink"
    UNKNOWN = "unknown"


class State(enum.StrEnum):
    """What a connector or a task is doing."""

    UNASSIGNED = "UNASSIGNED"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    FAILED = "FAILED"
    RESTARTING = "RESTARTING"
    STOPPED = "STOPPED"


class TargetState(enum.StrEnum):
    """What a person wants of a connector: the `initial_state` of `POST /connectors`."""

    STARTED = "STARTED"
    PAUSED = "PAUSED"
    STOPPED = "STOPPED"


class RequestError(CdcError):
    """A request that cannot be carried out as it stands; `status` is the HTTP status that says so."""

    status = 400
    exit_code = 2


class Forbidden(RequestError):
    """The worker's own configuration does not allow it."""

    status = 403


class NotFound(RequestError):
    """There is no such connector, task or plugin."""

    status = 404


class Conflict(RequestError):
    """It cannot be done in this state: the connector exists already, or a rebalance is under way."""

    status = 409


class NotLeader(RequestError):
    """Only the leader of the cluster can do it, at `leader_url` (http://host:port/), which is "" while there is none that is known."""

    status = 409

    def __init__(self, leader_url: str = "") -> None:
        reason = (
            "Cannot complete request because of a conflicting operation (e.g. worker rebalance)"
            if leader_url
            else "Cannot complete request momentarily due to no known leader URL, likely because a rebalance was underway."
        )
        super().__init__(reason)
        self.leader_url = leader_url


@dataclass(frozen=True, slots=True)
class TaskId:
    """A task by its connector and its number, from 0."""

    connector: str
    task: int

    def __str__(self) -> str:
        return f"{self.connector}-{self.task}"


@dataclass(frozen=True, slots=True)
class ConnectorInfo:
    """A connector as it was configured; references to secrets stand in `config` as they were written, never replaced."""

    name: str
    config: Mapping[str, str]
    tasks: tuple[TaskId, ...]
    type: ConnectorType


@dataclass(frozen=True, slots=True)
class InstanceStatus:
    """The status of a connector or of a task: `trace` is why it failed, or ""; `worker_id` is host:port of its worker."""

    state: State
    worker_id: str
    version: str
    trace: str = ""


@dataclass(frozen=True, slots=True)
class ConnectorStatus:
    """A connector with its tasks, in the order of their numbers."""

    name: str
    connector: InstanceStatus
    tasks: Mapping[int, InstanceStatus]
    type: ConnectorType


@dataclass(frozen=True, slots=True)
class TaskInfo:
    """A task and its configuration; references to secrets are not replaced."""

    id: TaskId
    config: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """A class that connectors can use: `type` is source, sink, transformation, predicate, converter or header_converter."""

    class_name: str
    type: str
    version: str


@dataclass(frozen=True, slots=True)
class ConnectorOffset:
    """The offset of one partition. Of a sink: partition `{"kafka_topic", "kafka_partition"}`, offset `{"kafka_offset"}`."""

    partition: Mapping[str, Json]
    offset: Mapping[str, Json] | None


class Herder(Protocol):
    """Keeps the connectors of a worker or a cluster.

    Concurrency: any number of callers on one event loop; changes are carried out one after another. Durability: when a call that changes
    something returns, the change survives what the herder promises to survive; tasks follow it in their own time.
    Every call about one connector raises NotFound when there is none of that name.
    """

    @property
    def worker_id(self) -> str:
        """Host and port of this worker's REST API."""

    @property
    def ready(self) -> bool:
        """Whether starting has come to its end, so that answers are complete."""

    @property
    def loggers(self) -> Loggers:
        """The loggers of this worker."""

    async def set_cluster_level(self, logger: str, level: str) -> None:
        """Set the level of a logger, and of those below it, on all workers that run now; a worker that starts later does not have it.

        Raises KeyError for a word that is no level.
        """

    async def kafka_cluster_id(self) -> str:
        """Return the id of the Kafka cluster; raises KafkaUnavailable."""

    async def connectors(self) -> Sequence[str]:
        """Return the names of all connectors."""

    async def connector(self, name: str) -> ConnectorInfo:
        """Return a connector with its configuration."""

    async def put_connector(
        self, name: str, config: Mapping[str, str], *, replace: bool, target: TargetState | None = None
    ) -> tuple[bool, ConnectorInfo]:
        """Create a connector, or give it another configuration when `replace`; return whether it is new, and what it is now.

        Raises:
            Conflict: it exists, and is not to be replaced.
            RequestError: the configuration is invalid; the text lists everything that is wrong, as Connect does.
        """

    async def patch_connector(self, name: str, patch: Mapping[str, str | None]) -> ConnectorInfo:
        """Change some properties, remove those whose value is None, and return what the connector is now; raises as `put_connector`."""

    async def delete_connector(self, name: str) -> None:
        """Stop and forget a connector; its offsets stay."""

    async def status(self, name: str) -> ConnectorStatus:
        """Return the states of a connector and its tasks."""

    async def tasks(self, name: str) -> Sequence[TaskInfo]:
        """Return the tasks with their configurations."""

    async def set_target(self, name: str, target: TargetState) -> None:
        """Pause, resume (STARTED) or stop a connector: paused tasks stay where they are, stopped ones are shut down."""

    async def restart(self, name: str, *, include_tasks: bool, only_failed: bool) -> ConnectorStatus | None:
        """Restart a connector and, if asked, its tasks; return the status as it will be, or None for the connector alone."""

    async def restart_task(self, id: TaskId) -> None:  # noqa: A002 (the field's word)
        """Restart one task."""

    async def topics(self, name: str) -> Sequence[str]:
        """Return the topics that the connector has used since the last reset."""

    async def reset_topics(self, name: str) -> None:
        """Forget which topics it has used."""

    async def offsets(self, name: str) -> Sequence[ConnectorOffset]:
        """Return the committed offsets."""

    async def alter_offsets(self, name: str, offsets: Sequence[ConnectorOffset]) -> str:
        """Store these offsets for a connector that is stopped, and return what to tell the person; raises RequestError if it is not stopped."""

    async def reset_offsets(self, name: str) -> str:
        """Remove all offsets of a connector that is stopped, and return what to tell the person."""

    async def plugins(self, *, connectors_only: bool) -> Sequence[PluginInfo]:
        """Return what is installed."""

    async def plugin_config(self, plugin: str) -> Sequence[Mapping[str, Json]]:
        """Return the property definitions of a plugin, in Connect's shape (`ConfigKeyInfo`)."""

    async def validate(self, plugin: str, config: Mapping[str, str]) -> Mapping[str, Json]:
        """Return Connect's `ConfigInfos` for a configuration: name, error_count, groups, configs."""
