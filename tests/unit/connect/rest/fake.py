"""A herder in memory: it keeps what it is told, runs nothing, and refuses what Connect refuses, in Connect's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cdc.connect.herder import (
    Conflict,
    ConnectorInfo,
    ConnectorOffset,
    ConnectorStatus,
    ConnectorType,
    InstanceStatus,
    NotFound,
    PluginInfo,
    RequestError,
    State,
    TargetState,
    TaskId,
    TaskInfo,
)
from cdc.connect.loggers import Loggers
from cdc.model.position import Json

SOURCE = "org.apache.kafka.connect.file.FileStreamSourceConnector"
STATES = {
    TargetState.STARTED: State.RUNNING,
    TargetState.PAUSED: State.PAUSED,
    TargetState.STOPPED: State.STOPPED,
}


@dataclass
class Kept:
    """What is known of one connector; it has one task, as long as it is not stopped."""

    config: dict[str, str]
    state: State = State.RUNNING
    version: str = "4.3.1"
    trace: str = ""
    topics: list[str] = field(default_factory=list)
    offsets: list[ConnectorOffset] = field(default_factory=list)

    @property
    def tasks(self) -> int:
        return 0 if self.state == State.STOPPED else 1


class FakeHerder:
    """A `Herder`; tests set what it has and read what it was told. `calls` are the restarts it was asked for."""

    def __init__(self) -> None:
        self.kept: dict[str, Kept] = {}
        self.ready = True
        self.worker_id = "WORKER:PORT"
        self.cluster_id = "cp-CeHscRRey965DO4rwJA"
        self.installed: list[PluginInfo] = [PluginInfo(SOURCE, "source", "4.3.1")]
        self.definitions: Sequence[Mapping[str, Json]] = []
        self.validation: Mapping[str, Json] = {"name": SOURCE, "error_count": 0, "groups": [], "configs": []}
        self.validated: list[tuple[str, Mapping[str, str]]] = []
        self.calls: list[str] = []
        self.fails: Exception | None = None
        self.loggers = Loggers()

    async def set_cluster_level(self, logger: str, level: str) -> None:
        self.calls.append(f"level {logger} {level}")

    async def kafka_cluster_id(self) -> str:
        return self.cluster_id

    async def connectors(self) -> Sequence[str]:
        if self.fails:
            raise self.fails
        return list(self.kept)

    async def connector(self, name: str) -> ConnectorInfo:
        return self._info(name)

    async def put_connector(
        self, name: str, config: Mapping[str, str], *, replace: bool, target: TargetState | None = None
    ) -> tuple[bool, ConnectorInfo]:
        refuse_invalid(config)
        if name in self.kept:
            if not replace:
                raise Conflict(f"Connector {name} already exists")
            self.kept[name].config = dict(config)
            return False, self._info(name)
        self.kept[name] = Kept(dict(config), STATES[target or TargetState.STARTED])
        return True, ConnectorInfo(name, config, (), ConnectorType.SOURCE)

    async def patch_connector(self, name: str, patch: Mapping[str, str | None]) -> ConnectorInfo:
        config = {**self._find(name).config, **patch}
        self.kept[name].config = {key: value for key, value in config.items() if value is not None}
        return self._info(name)

    async def delete_connector(self, name: str) -> None:
        self._find(name)
        del self.kept[name]

    async def status(self, name: str) -> ConnectorStatus:
        return self._status(name, self._find(name).state)

    async def tasks(self, name: str) -> Sequence[TaskInfo]:
        kept = self._find(name)
        task_class = {"task.class": SOURCE.replace("Connector", "Task")}
        return [TaskInfo(TaskId(name, number), {**kept.config, **task_class}) for number in range(kept.tasks)]

    async def set_target(self, name: str, target: TargetState) -> None:
        self._find(name).state = STATES[target]

    async def restart(self, name: str, *, include_tasks: bool, only_failed: bool) -> ConnectorStatus | None:
        self._find(name)
        self.calls.append(f"restart {name} {include_tasks=} {only_failed=}")
        return self._status(name, State.RESTARTING) if include_tasks or only_failed else None

    async def restart_task(self, id: TaskId) -> None:  # noqa: A002
        if id.task >= self._find(id.connector).tasks:
            raise NotFound(f"Unknown task: {id}")
        self.calls.append(f"restart {id}")

    async def topics(self, name: str) -> Sequence[str]:
        return self._find(name).topics

    async def reset_topics(self, name: str) -> None:
        self._find(name).topics = []

    async def offsets(self, name: str) -> Sequence[ConnectorOffset]:
        return self._find(name).offsets

    async def alter_offsets(self, name: str, offsets: Sequence[ConnectorOffset]) -> str:
        self._stopped(name).offsets = list(offsets)
        return "The offsets for this connector have been altered successfully"

    async def reset_offsets(self, name: str) -> str:
        self._stopped(name).offsets = []
        return "The offsets for this connector have been reset successfully"

    async def plugins(self, *, connectors_only: bool) -> Sequence[PluginInfo]:
        return [each for each in self.installed if not connectors_only or each.type in {"source", "sink"}]

    async def plugin_config(self, plugin: str) -> Sequence[Mapping[str, Json]]:
        if plugin not in SOURCE:
            raise NotFound(f"Unknown plugin {plugin}.")
        return self.definitions

    async def validate(self, plugin: str, config: Mapping[str, str]) -> Mapping[str, Json]:
        self.validated.append((plugin, config))
        return self.validation

    def _find(self, name: str) -> Kept:
        if name not in self.kept:
            raise NotFound(f"Connector {name} not found")
        return self.kept[name]

    def _stopped(self, name: str) -> Kept:
        if self._find(name).state != State.STOPPED:
            raise RequestError(
                "Connectors must be in the STOPPED state before their offsets can be modified. This can be done for the"
                f" specified connector by issuing a 'PUT' request to the '/connectors/{name}/stop' endpoint"
            )
        return self.kept[name]

    def _info(self, name: str) -> ConnectorInfo:
        kept = self._find(name)
        tasks = tuple(TaskId(name, number) for number in range(kept.tasks))
        return ConnectorInfo(name, kept.config, tasks, ConnectorType.SOURCE)

    def _status(self, name: str, state: State) -> ConnectorStatus:
        kept = self._find(name)
        own = InstanceStatus(state, self.worker_id, kept.version)
        task = InstanceStatus(state, self.worker_id, kept.version, kept.trace)
        return ConnectorStatus(name, own, dict.fromkeys(range(kept.tasks), task), ConnectorType.SOURCE)


def refuse_invalid(config: Mapping[str, str]) -> None:
    """Raise RequestError as Connect does for the mistakes of the recorded conversation."""
    if config.get("connector.class") not in {SOURCE, "FileStreamSource"}:
        raise RequestError(f"Failed to find any class that implements {config.get('connector.class')}")
    wrong = []
    if "topic" not in config:
        wrong.append('Missing required configuration "topic" which has no default value.')
    if not config.get("tasks.max", "1").isdigit():
        wrong.append(f"Invalid value {config['tasks.max']} for configuration tasks.max: Not a number of type INT")
        wrong.append("Invalid value null for configuration tasks.max: Value must be non-null")
    if wrong:
        first = f"Connector configuration is invalid and contains the following {len(wrong)} error(s):"
        last = "You can also find the above list of errors at the endpoint `/connector-plugins/{connectorType}/config/validate`"
        raise RequestError("\n".join([first, *wrong, last]))
