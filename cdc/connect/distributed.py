"""The herder of one worker of a cluster: everyone answers, and what changes something is written by the leader into Kafka."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

from cdc.connect.cluster.configs import (
    ConnectorEntry,
    connector_records,
    level_record,
    removal_records,
    restart_record,
    restart_task_record,
    target_record,
)
from cdc.connect.cluster.leader import Records
from cdc.connect.cluster.links import Links
from cdc.connect.cluster.member import ClusterMember
from cdc.connect.herder import (
    Conflict,
    ConnectorInfo,
    ConnectorOffset,
    ConnectorStatus,
    Forbidden,
    InstanceStatus,
    NotFound,
    PluginInfo,
    State,
    TargetState,
    TaskId,
    TaskInfo,
)
from cdc.connect.host import Host
from cdc.connect.loggers import Loggers
from cdc.connect.metrics.watched import Rebalances, RunningConnector
from cdc.connect.restarting import restarting
from cdc.connect.task_run import GRACE_SECONDS, TaskRun
from cdc.connect.words import altered, must_be_stopped, reset
from cdc.metrics.counters import Startups
from cdc.model.position import Json


class DistributedHerder:
    """A `Herder` that is one of many: configurations, offsets and statuses are in Kafka, and outlive every worker.

    What a person changes is written by the leader; the others raise NotLeader with its URL. When such a call returns, the change
    is in the topic of configurations, and the workers follow it. `run` must be running.
    """

    def __init__(
        self,
        host: Host,
        links: Links,
        *,
        topic_tracking: bool = True,
        topic_reset: bool = True,
        grace: float = GRACE_SECONDS,
        loggers: Loggers | None = None,
    ) -> None:
        """Take what runs things and what links to the cluster; a task may take `grace` seconds to end."""
        self._host = host
        self.loggers = loggers or Loggers()
        self._member = ClusterMember(host, links, self.loggers, grace=grace)
        self._altering: set[str] = set()
        self._topic_tracking = topic_tracking
        self._topic_reset = topic_reset

    @property
    def worker_id(self) -> str:
        """See `Herder.worker_id`."""
        return self._member.worker_id

    @property
    def ready(self) -> bool:
        """See `Herder.ready`."""
        return self._member.joined.is_set()

    async def set_cluster_level(self, logger: str, level: str) -> None:
        """See `Herder.set_cluster_level`."""
        record = level_record(logger, level)
        self._member.check_leading()
        await self._member.leader.write(lambda: [record])

    def advertise(self, worker_id: str, url: str) -> None:
        """Say where others reach the REST API of this worker, before it runs."""
        self._member.worker_id, self._member.tasks.worker_id, self._member.url = worker_id, worker_id, url

    async def run(self) -> None:
        """Be a member of the cluster until it is cancelled; then end the tasks and leave.

        Raises:
            KafkaRefused: a topic or the group may not be used.
        """
        await self._member.run()

    async def wait_until_ready(self) -> None:
        """Wait until this worker has joined and knows all connectors."""
        await self._member.joined.wait()

    async def kafka_cluster_id(self) -> str:
        """See `Herder.kafka_cluster_id`."""
        return await self._host.kafka_cluster_id()

    async def connectors(self) -> Sequence[str]:
        """See `Herder.connectors`."""
        self._check_ready()
        return list(self._entries)

    async def connector(self, name: str) -> ConnectorInfo:
        """See `Herder.connector`."""
        return self._info(self._find(name))

    async def put_connector(
        self, name: str, config: Mapping[str, str], *, replace: bool, target: TargetState | None = None
    ) -> tuple[bool, ConnectorInfo]:
        """See `Herder.put_connector`."""
        return await self._put(name, config, self._new_or_any(name, replace=replace), target)

    async def patch_connector(self, name: str, patch: Mapping[str, str | None]) -> ConnectorInfo:
        """See `Herder.patch_connector`; raises Conflict when somebody else has changed it meanwhile."""
        self._member.check_leading()
        before = self._find(name)
        changed = {**before.config, **patch}
        config = {key: value for key, value in changed.items() if value is not None}

        def unchanged() -> ConnectorEntry:
            found = self._find(name)
            if found.config_offset != before.config_offset:
                raise Conflict(f"Connector {name} has been given another configuration meanwhile", "Try again.")
            return found

        return (await self._put(name, config, unchanged))[1]

    def _new_or_any(self, name: str, *, replace: bool) -> Callable[[], ConnectorEntry | None]:
        def former() -> ConnectorEntry | None:
            found = self._entries.get(name)
            if found is not None and not replace:
                raise Conflict(f"Connector {name} already exists")
            return found

        return former

    async def _put(
        self,
        name: str,
        config: Mapping[str, str],
        former: Callable[[], ConnectorEntry | None],
        target: TargetState | None = None,
    ) -> tuple[bool, ConnectorInfo]:
        """Write a configuration, unless `former` raises why not; it is asked what there is when everything before is known."""
        self._member.check_leading()
        kind = await self._host.check(name, config)
        found: ConnectorEntry | None = None

        def records() -> Records:
            nonlocal found
            found = former()
            self._check_unaltered(name)
            return connector_records(name, config, target)

        await self._member.leader.write(records)
        return found is None, ConnectorInfo(name, dict(config), self._ids(found) if found else (), kind)

    async def delete_connector(self, name: str) -> None:
        """See `Herder.delete_connector`."""
        await self._write_about(name, removal_records(name))

    async def status(self, name: str) -> ConnectorStatus:
        """See `Herder.status`."""
        entry = self._find(name)
        tasks = {id.task: self._task_status(entry, id) for id in self._ids(entry)}  # noqa: A001
        return ConnectorStatus(name, self._connector_status(entry), tasks, self._host.kind(entry.config))

    async def tasks(self, name: str) -> Sequence[TaskInfo]:
        """See `Herder.tasks`."""
        entry = self._find(name)
        return [TaskInfo(id, config) for id, config in zip(self._ids(entry), entry.tasks or (), strict=True)]  # noqa: A001

    async def set_target(self, name: str, target: TargetState) -> None:
        """See `Herder.set_target`."""
        await self._write_about(name, [target_record(name, target)])

    async def restart(self, name: str, *, include_tasks: bool, only_failed: bool) -> ConnectorStatus | None:
        """See `Herder.restart`."""
        self._member.check_leading()
        coming = restarting(await self.status(name), include_tasks=include_tasks, only_failed=only_failed)
        await self._write_about(name, [restart_record(name, include_tasks=include_tasks, only_failed=only_failed)])
        return coming if include_tasks or only_failed else None

    async def restart_task(self, id: TaskId) -> None:  # noqa: A002 (the field's word)
        """See `Herder.restart_task`."""
        self._member.check_leading()
        if id not in self._ids(self._find(id.connector)):
            raise NotFound(f"Task {id} not found")
        await self._write_about(id.connector, [restart_task_record(id)])

    async def topics(self, name: str) -> Sequence[str]:
        """See `Herder.topics`."""
        self._check_tracking()
        return sorted(self._member.statuses.topics(self._find(name).name))

    async def reset_topics(self, name: str) -> None:
        """See `Herder.reset_topics`."""
        self._check_tracking()
        if not self._topic_reset:
            raise Forbidden("Topic tracking reset is disabled.")
        await self._member.forget_topics(self._find(name).name)

    async def offsets(self, name: str) -> Sequence[ConnectorOffset]:
        """See `Herder.offsets`."""
        return await self._host.offsets(name, self._find(name).config)

    async def alter_offsets(self, name: str, offsets: Sequence[ConnectorOffset]) -> str:
        """See `Herder.alter_offsets`."""
        async with self._stopped(name) as entry:
            return altered(sure=await self._host.alter_offsets(name, entry.config, offsets))

    async def reset_offsets(self, name: str) -> str:
        """See `Herder.reset_offsets`."""
        async with self._stopped(name) as entry:
            return reset(sure=await self._host.reset_offsets(name, entry.config))

    async def plugins(self, *, connectors_only: bool) -> Sequence[PluginInfo]:
        """See `Herder.plugins`."""
        return self._host.plugins(connectors_only=connectors_only)

    async def plugin_config(self, plugin: str) -> Sequence[Mapping[str, Json]]:
        """See `Herder.plugin_config`."""
        return self._host.plugin_config(plugin)

    async def validate(self, plugin: str, config: Mapping[str, str]) -> Mapping[str, Json]:
        """See `Herder.validate`."""
        return await self._host.validate(plugin, config)

    def runs(self) -> Mapping[str, RunningConnector]:
        """See `Watched.runs`; connectors themselves run on the leader."""
        own = self._member.leader.statuses() if self._member.leader.leading else {}
        tasks: dict[str, dict[int, TaskRun]] = {name: {} for name in own}
        for id, run in self._member.tasks.runs.items():  # noqa: A001
            tasks.setdefault(id.connector, {})[id.task] = run
        return {name: self._running(name, own.get(name), runs) for name, runs in tasks.items()}

    def startups(self) -> Startups:
        """See `Watched.startups`."""
        return self._host.startups

    def rebalances(self) -> Rebalances:
        """See `Member.rebalances`."""
        return self._member.rebalances()

    def _running(self, name: str, status: InstanceStatus | None, tasks: Mapping[int, TaskRun]) -> RunningConnector:
        config: Mapping[str, str] = self._entries[name].config if name in self._entries else {}
        return RunningConnector(self._host.kind(config), config.get("connector.class", ""), status, tasks)

    @property
    def _entries(self) -> Mapping[str, ConnectorEntry]:
        return self._member.configs.connectors

    def _check_ready(self) -> None:
        if not self.ready:
            raise Conflict("The worker has not joined its cluster yet.", "Try again in a moment.")

    def _find(self, name: str) -> ConnectorEntry:
        self._check_ready()
        if name not in self._entries:
            raise NotFound(f"Connector {name} not found")
        return self._entries[name]

    async def _write_about(self, name: str, records: Records) -> None:
        """Write records about a connector, if there is one when its turn comes."""
        self._member.check_leading()

        def found() -> Records:
            self._find(name)
            self._check_unaltered(name)
            return records

        await self._member.leader.write(found)

    @asynccontextmanager
    async def _stopped(self, name: str) -> AsyncIterator[ConnectorEntry]:
        """Give a connector that is stopped everywhere, and stays so meanwhile: its offsets can be changed."""
        self._member.check_leading()
        await self._member.read_to_end()
        entry = self._find(name)
        self._check_stopped(entry)
        self._check_unaltered(name)
        self._altering.add(name)
        try:
            yield entry
        finally:
            self._altering.discard(name)

    def _check_stopped(self, entry: ConnectorEntry) -> None:
        if entry.target is not TargetState.STOPPED or entry.tasks:
            raise must_be_stopped(entry.name)
        told = self._member.statuses.tasks(entry.name).values()
        if not entry.fenced or any(said.instance.state is State.RUNNING for said in told):
            raise Conflict(f"The tasks of connector {entry.name} are still being stopped", "Try again in a moment.")

    def _check_unaltered(self, name: str) -> None:
        if name in self._altering:
            raise Conflict(f"The offsets of connector {name} are being changed", "Try again in a moment.")

    def _ids(self, entry: ConnectorEntry) -> tuple[TaskId, ...]:
        return tuple(TaskId(entry.name, number) for number in range(len(entry.tasks or ())))

    def _info(self, entry: ConnectorEntry) -> ConnectorInfo:
        return ConnectorInfo(entry.name, entry.config, self._ids(entry), self._host.kind(entry.config))

    def _connector_status(self, entry: ConnectorEntry) -> InstanceStatus:
        leader = self._member.leader
        own = leader.statuses().get(entry.name) if leader.leading else None
        told = self._member.statuses.connector(entry.name)
        return own or (told.instance if told is not None else self._unassigned(entry))

    def _task_status(self, entry: ConnectorEntry, id: TaskId) -> InstanceStatus:  # noqa: A002
        own = self._member.tasks.runs.get(id)
        told = self._member.statuses.tasks(entry.name).get(id.task)
        if own is not None:
            return own.status
        return told.instance if told is not None else self._unassigned(entry)

    def _unassigned(self, entry: ConnectorEntry) -> InstanceStatus:
        return InstanceStatus(State.UNASSIGNED, self.worker_id, self._host.version(entry.config))

    def _check_tracking(self) -> None:
        if not self._topic_tracking:
            raise Forbidden("Topic tracking is disabled.")
