"""The herder of one worker on its own: connectors live as long as it does, offsets live in Kafka."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from cdc.connect.calls import PLUGIN_SECONDS, answered
from cdc.connect.herder import (
    Conflict,
    ConnectorInfo,
    ConnectorOffset,
    ConnectorStatus,
    ConnectorType,
    Forbidden,
    InstanceStatus,
    NotFound,
    PluginInfo,
    State,
    TargetState,
    TaskId,
    TaskInfo,
)
from cdc.connect.host import ConnectorHandle, Host
from cdc.connect.loggers import Loggers
from cdc.connect.metrics.watched import RunningConnector
from cdc.connect.restarting import chosen_tasks, restarting
from cdc.connect.task_run import TaskRun, describe
from cdc.connect.words import altered, must_be_stopped, reset
from cdc.errors import CdcError
from cdc.metrics.counters import Startups
from cdc.model.position import Json

log = logging.getLogger(__name__)

_STATES: Final = {
    TargetState.STARTED: State.RUNNING,
    TargetState.PAUSED: State.PAUSED,
    TargetState.STOPPED: State.STOPPED,
}


@dataclass(slots=True)
class _Connector:
    """A connector with its tasks; `handle` is there while it is not stopped and could be started."""

    name: str
    config: Mapping[str, str]
    type: ConnectorType
    target: TargetState
    status: InstanceStatus
    handle: ConnectorHandle | None = None
    tasks: list[TaskRun] = field(default_factory=list)
    task_configs: Sequence[Mapping[str, str]] = ()

    def info(self) -> ConnectorInfo:
        return ConnectorInfo(self.name, self.config, tuple(self.ids()), self.type)

    def running(self) -> RunningConnector:
        class_name = self.config.get("connector.class", "")
        return RunningConnector(self.type, class_name, self.status, dict(enumerate(self.tasks)))

    def ids(self) -> list[TaskId]:
        return [TaskId(self.name, number) for number in range(len(self.tasks))]


class StandaloneHerder:
    """A `Herder` whose connectors run on the one worker in this process.

    `run` must be running: tasks live in its task group, and end with it. What connectors there are is forgotten when it ends; their
    offsets are in Kafka, so a connector that is put again under its name goes on where it ended.
    """

    def __init__(
        self, worker: Host, worker_id: str = "", *, topic_tracking: bool = True, topic_reset: bool = True
    ) -> None:
        self._worker = worker
        self._worker_id = worker_id
        self._topic_tracking = topic_tracking
        self._topic_reset = topic_reset
        self.loggers = Loggers()
        self._connectors: dict[str, _Connector] = {}
        self._changing = asyncio.Lock()
        self._group: asyncio.TaskGroup | None = None
        self._ready = asyncio.Event()

    @property
    def worker_id(self) -> str:
        """See `Herder.worker_id`."""
        return self._worker_id

    @property
    def ready(self) -> bool:
        """See `Herder.ready`."""
        return self._ready.is_set()

    async def set_cluster_level(self, logger: str, level: str) -> None:
        """See `Herder.set_cluster_level`; this worker is all of them."""
        self.loggers.set_level(logger, level)

    def advertise(self, worker_id: str) -> None:
        """Say under which host and port REST can be reached, before connectors are put."""
        self._worker_id = worker_id

    async def run(self) -> None:
        """Keep the tasks until it is cancelled; then stop them all."""
        try:
            async with asyncio.TaskGroup() as self._group:
                self._ready.set()
                await self._until_cancelled()
        finally:
            self._group = None

    async def _until_cancelled(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self._ready.clear()

    async def wait_until_ready(self) -> None:
        """Wait until connectors can be put."""
        await self._ready.wait()

    def runs(self) -> Mapping[str, RunningConnector]:
        """See `Watched.runs`."""
        return {name: each.running() for name, each in self._connectors.items()}

    def startups(self) -> Startups:
        """See `Watched.startups`."""
        return self._worker.startups

    async def kafka_cluster_id(self) -> str:
        """See `Herder.kafka_cluster_id`."""
        return await self._worker.kafka_cluster_id()

    async def connectors(self) -> Sequence[str]:
        """See `Herder.connectors`."""
        return list(self._connectors)

    async def connector(self, name: str) -> ConnectorInfo:
        """See `Herder.connector`."""
        return self._find(name).info()

    async def put_connector(
        self, name: str, config: Mapping[str, str], *, replace: bool, target: TargetState | None = None
    ) -> tuple[bool, ConnectorInfo]:
        """See `Herder.put_connector`."""
        kind = await self._worker.check(name, config)
        async with self._changing:
            former = self._connectors.get(name)
            if former is not None and not replace:
                raise Conflict(f"Connector {name} already exists")
            tasks = tuple(former.ids()) if former is not None else ()
            if former is not None:
                await self._shut_down(former)
            wanted = target or (former.target if former is not None else TargetState.STARTED)
            found = _Connector(name, dict(config), kind, wanted, self._status(State.UNASSIGNED, config))
            info = ConnectorInfo(name, found.config, tasks, kind)
            self._connectors[name] = found
            await self._bring_up(found)
        return former is None, info

    async def patch_connector(self, name: str, patch: Mapping[str, str | None]) -> ConnectorInfo:
        """See `Herder.patch_connector`."""
        changed = {**self._find(name).config, **patch}
        config = {key: value for key, value in changed.items() if value is not None}
        return (await self.put_connector(name, config, replace=True))[1]

    async def delete_connector(self, name: str) -> None:
        """See `Herder.delete_connector`."""
        async with self._changing:
            await self._shut_down(self._find(name))
            del self._connectors[name]

    async def status(self, name: str) -> ConnectorStatus:
        """See `Herder.status`."""
        found = self._find(name)
        tasks = {number: task.status for number, task in enumerate(found.tasks)}
        return ConnectorStatus(name, found.status, tasks, found.type)

    async def tasks(self, name: str) -> Sequence[TaskInfo]:
        """See `Herder.tasks`."""
        found = self._find(name)
        return [TaskInfo(id, config) for id, config in zip(found.ids(), found.task_configs, strict=True)]  # noqa: A001

    async def set_target(self, name: str, target: TargetState) -> None:
        """See `Herder.set_target`."""
        async with self._changing:
            found = self._find(name)
            before, found.target = found.target, target
            if target is TargetState.STOPPED:
                await self._shut_down(found)
                found.status = self._status(State.STOPPED, found.config)
            elif before is TargetState.STOPPED:
                await self._bring_up(found)
            elif before is not target:
                await self._pause(found) if target is TargetState.PAUSED else self._resume(found)

    async def restart(self, name: str, *, include_tasks: bool, only_failed: bool) -> ConnectorStatus | None:
        """See `Herder.restart`."""
        found, status = self._find(name), await self.status(name)
        wanted = chosen_tasks(status, include_tasks=include_tasks, only_failed=only_failed)
        connector_too = not only_failed or found.status.state is State.FAILED
        coming = restarting(status, include_tasks=include_tasks, only_failed=only_failed)
        self._in_background(self._restart(found, wanted, connector_too=connector_too))
        return coming if include_tasks or only_failed else None

    async def restart_task(self, id: TaskId) -> None:  # noqa: A002 (the field's word)
        """See `Herder.restart_task`."""
        async with self._changing:
            await self._restart_task(self._find(id.connector), self._task(id))

    async def topics(self, name: str) -> Sequence[str]:
        """See `Herder.topics`."""
        self._check_tracking()
        return sorted(set().union(*(task.topics for task in self._find(name).tasks)))

    async def reset_topics(self, name: str) -> None:
        """See `Herder.reset_topics`."""
        self._check_tracking()
        if not self._topic_reset:
            raise Forbidden("Topic tracking reset is disabled.")
        for task in self._find(name).tasks:
            task.forget_topics()

    async def offsets(self, name: str) -> Sequence[ConnectorOffset]:
        """See `Herder.offsets`."""
        return await self._worker.offsets(name, self._find(name).config)

    async def alter_offsets(self, name: str, offsets: Sequence[ConnectorOffset]) -> str:
        """See `Herder.alter_offsets`."""
        async with self._changing:
            found = self._stopped(name)
            sure = await self._worker.alter_offsets(name, found.config, offsets)
        return altered(sure=sure)

    async def reset_offsets(self, name: str) -> str:
        """See `Herder.reset_offsets`."""
        async with self._changing:
            found = self._stopped(name)
            sure = await self._worker.reset_offsets(name, found.config)
        return reset(sure=sure)

    async def plugins(self, *, connectors_only: bool) -> Sequence[PluginInfo]:
        """See `Herder.plugins`."""
        return self._worker.plugins(connectors_only=connectors_only)

    async def plugin_config(self, plugin: str) -> Sequence[Mapping[str, Json]]:
        """See `Herder.plugin_config`."""
        return self._worker.plugin_config(plugin)

    async def validate(self, plugin: str, config: Mapping[str, str]) -> Mapping[str, Json]:
        """See `Herder.validate`."""
        return await self._worker.validate(plugin, config)

    def _check_tracking(self) -> None:
        if not self._topic_tracking:
            raise Forbidden("Topic tracking is disabled.")

    def _find(self, name: str) -> _Connector:
        if name not in self._connectors:
            raise NotFound(f"Connector {name} not found")
        return self._connectors[name]

    def _task(self, id: TaskId) -> TaskRun:  # noqa: A002
        tasks = self._find(id.connector).tasks
        if not 0 <= id.task < len(tasks):
            raise NotFound(f"Task {id} not found")
        return tasks[id.task]

    def _stopped(self, name: str) -> _Connector:
        found = self._find(name)
        if found.status.state is not State.STOPPED:
            raise must_be_stopped(name)
        return found

    def _status(self, state: State, config: Mapping[str, str], trace: str = "") -> InstanceStatus:
        return InstanceStatus(state, self._worker_id, self._worker.version(config), trace)

    async def _bring_up(self, found: _Connector) -> None:
        """Start the connector and its tasks as far as its target goes; a failure becomes the status."""
        if found.target is TargetState.STOPPED:
            found.status = self._status(State.STOPPED, found.config)
            return
        try:
            found.handle = await answered(self._worker.start_connector(found.name, found.config), PLUGIN_SECONDS)
        except Exception as error:  # whatever a plugin raises ends its own connector alone
            if not isinstance(error, CdcError):
                log.exception("connector %s cannot be started", found.name)
            trace = describe(error, partial(self._worker.hide, found.name))
            found.status = self._status(State.FAILED, found.config, trace)
            return
        found.status = self._status(_STATES[found.target], found.config)
        found.task_configs = found.handle.task_configs
        found.tasks = [self._new_task(found, number) for number in range(len(found.task_configs))]
        if found.target is TargetState.STARTED:
            self._resume(found)

    def _new_task(self, found: _Connector, number: int) -> TaskRun:
        id = TaskId(found.name, number)  # noqa: A001
        state = State.PAUSED if found.target is TargetState.PAUSED else State.UNASSIGNED
        work = partial(self._worker.work, id, found.config, found.task_configs[number])
        hide = partial(self._worker.hide, found.name)
        return TaskRun(str(id), found.status.version, self._worker_id, work, state, hide=hide)

    async def _shut_down(self, found: _Connector) -> None:
        await asyncio.gather(*(task.stop() for task in found.tasks))
        found.tasks, found.task_configs = [], ()
        handle, found.handle = found.handle, None
        if handle is None:
            return
        try:
            await answered(handle.connector.stop(), PLUGIN_SECONDS)
        except Exception:
            log.exception("connector %s did not stop in good order, and is let go", found.name)

    async def _pause(self, found: _Connector) -> None:
        await asyncio.gather(*(task.stop(State.PAUSED) for task in found.tasks))
        if found.status.state is State.RUNNING:
            found.status = self._status(State.PAUSED, found.config)

    def _resume(self, found: _Connector) -> None:
        for task in found.tasks:
            if task.state is not State.FAILED:
                task.start(self._running_group())
        if found.status.state is State.PAUSED:
            found.status = self._status(State.RUNNING, found.config)

    async def _restart(self, found: _Connector, tasks: Sequence[int], *, connector_too: bool) -> None:
        async with self._changing:
            if self._connectors.get(found.name) is not found or found.target is TargetState.STOPPED:
                return
            if connector_too and (found.handle is None or len(tasks) == len(found.tasks)):
                await self._shut_down(found)
                await self._bring_up(found)
                return
            for number, task in enumerate(found.tasks):
                if number in tasks:
                    await self._restart_task(found, task)

    async def _restart_task(self, found: _Connector, task: TaskRun) -> None:
        await task.stop()
        if found.target is TargetState.STARTED:
            task.start(self._running_group())
        else:
            task.state = State.PAUSED

    def _in_background(self, work: Coroutine[None, None, None]) -> None:
        self._running_group().create_task(work)

    def _running_group(self) -> asyncio.TaskGroup:
        if self._group is None or not self.ready:
            raise Conflict("The worker is stopping, or has not started yet.")
        return self._group
