"""What one worker does for the whole cluster: it writes the configurations, and runs the connectors, which divide the work into tasks.

Kafka Connect spreads the connectors over the workers; here the leader runs them all. A connector does little beside its tasks, and so
everything that decides about tasks is in one place: docs/decisions/0010-leader-runs-connectors.md.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from cdc.connect.cluster.configs import ConnectorEntry, fencing_record, task_records
from cdc.connect.cluster.links import Log, Writer
from cdc.connect.herder import ConnectorType, InstanceStatus, NotLeader, State, TargetState, TaskId
from cdc.connect.host import ConnectorHandle, Host
from cdc.connect.task_run import describe
from cdc.errors import CdcError, Fenced, KafkaUnavailable

log = logging.getLogger(__name__)

#: How long a connector may take to start or stop, in seconds.
PLUGIN_SECONDS: Final = 30.0

Records = Sequence[tuple[str, bytes | None]]
Issue = tuple[int, int, bool]
"""What a connector was started for: the offset of its configuration, how often it was to be started anew, whether it is stopped."""


@dataclass(slots=True)
class _Started:
    """A connector that was started for a configuration, or could not be."""

    issue: Issue
    handle: ConnectorHandle | None
    trace: str = ""


@dataclass(slots=True)
class Leader:
    """The leader's part of a herder. `write` may be called by many at once, `converge` and `resign` by one.

    While `leading` is false nothing is written; the first `converge` after that shuts out the leader before. `open_writer` makes a writer that shuts out every earlier leader's. `connectors` is what the log of configurations says, which has been
    read to its end when a write returns. `on_change` is called when the status of a connector has changed.
    """

    host: Host
    log: Log
    open_writer: Callable[[], Writer]
    connectors: Callable[[], Mapping[str, ConnectorEntry]]
    on_change: Callable[[], None]
    worker_id: Callable[[], str]
    leading: bool = False
    _writer: Writer | None = None
    _writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    _started: dict[str, _Started] = field(default_factory=dict)
    _starts: dict[str, int] = field(default_factory=dict)

    async def write(self, compose: Callable[[], Records]) -> None:
        """Write records of configuration in one transaction, and read them.

        `compose` makes them when everything that was written before is known; what it raises is raised.

        Raises:
            NotLeader: this worker does not lead.
            Fenced: another worker leads by now.
            KafkaUnavailable: it is not known whether they are written.
        """
        async with self._writing:
            writer = await self._open()
            records = compose()
            if not records:
                return
            try:
                await writer.write(records)
            except BaseException:
                await self._close()
                raise
            await self.log.read_to_end()

    def statuses(self) -> Mapping[str, InstanceStatus]:
        """Return the statuses of the connectors that were started here, or are stopped."""
        found = {}
        for name, entry in self.connectors().items():
            status = self._status(entry, self._started.get(name))
            if status is not None:
                found[name] = status
        return found

    def restart(self, name: str, *, only_failed: bool) -> None:
        """Have a connector started anew by the next `converge`."""
        started = self._started.get(name)
        if not only_failed or (started is not None and started.handle is None):
            self._starts[name] = self._starts.get(name, 0) + 1

    async def converge(self) -> None:
        """Start and stop connectors as they are configured, and write the configurations of their tasks.

        What cannot be done for one connector is its status, and the others go on.

        Raises:
            NotLeader, Fenced: another worker leads by now.
            KafkaUnavailable: call again later.
        """
        async with self._writing:
            await self._open()
        async with asyncio.TaskGroup() as group:
            for name in {*self._started, *self.connectors()}:
                group.create_task(self._bring(name))

    async def resign(self) -> None:
        """Stop the connectors, when this worker leads no more."""
        async with self._writing:
            await self._close()
        await asyncio.gather(*(self._stop(name) for name in [*self._started]))

    async def _bring(self, name: str) -> None:
        entry, started = self.connectors().get(name), self._started.get(name)
        if started is not None and (entry is None or started.issue != self._issue(entry)):
            await self._stop(name)
        if entry is None:
            return
        tasks = () if entry.target is TargetState.STOPPED else await self._tasks(entry)
        if tasks is None:
            return
        try:
            await self._divide(name, self._issue(entry), tasks)
        except (NotLeader, Fenced, KafkaUnavailable):
            raise
        except (
            CdcError
        ) as error:  # about this connector alone: a secret cannot be fetched, its tasks are too large for a record
            await self._stop(name)
            self._started[name] = self._failed(entry, error)

    async def _tasks(self, entry: ConnectorEntry) -> Sequence[Mapping[str, str]] | None:
        """Return how the connector divides its work, starting it when it is not; None when it cannot be started."""
        if entry.name not in self._started:
            self._started[entry.name] = await self._start(entry)
            self.on_change()
        handle = self._started[entry.name].handle
        return None if handle is None else handle.task_configs

    async def _divide(self, name: str, issue: Issue, tasks: Sequence[Mapping[str, str]]) -> None:
        """Have the tasks written, and those before them shut out, as far as that has not been done."""
        if self._division(name, issue, tasks):
            await self.write(lambda: self._division(name, issue, tasks))
        entry = self.connectors().get(name)
        if entry is not None and entry.tasks is not None and not entry.fenced:
            await self._fence(entry)

    def _division(self, name: str, issue: Issue, tasks: Sequence[Mapping[str, str]]) -> Records:
        entry = self.connectors().get(name)
        if entry is None or self._issue(entry) != issue or (entry.tasks is None and not tasks):
            return ()
        same = entry.tasks is not None and list(map(dict, entry.tasks)) == list(map(dict, tasks))
        return () if same and entry.tasks_offset > entry.config_offset else task_records(name, tasks)

    async def _fence(self, entry: ConnectorEntry) -> None:
        """Shut out the tasks of the last division: one that still runs somewhere could hold a share that is another's now."""
        if self.host.kind(entry.config) is ConnectorType.SOURCE:
            await self.host.fence(entry.name, entry.config, entry.fenced_count)

        def record() -> Records:
            now = self.connectors().get(entry.name)
            same = now is not None and now.tasks_offset == entry.tasks_offset
            return [fencing_record(entry.name, len(entry.tasks or ()))] if same else ()

        await self.write(record)

    def _issue(self, entry: ConnectorEntry) -> Issue:
        return entry.config_offset, self._starts.get(entry.name, 0), entry.target is TargetState.STOPPED

    async def _start(self, entry: ConnectorEntry) -> _Started:
        issue = self._issue(entry)
        try:
            async with asyncio.timeout(PLUGIN_SECONDS):
                return _Started(issue, await self.host.start_connector(entry.name, entry.config))
        except Exception as error:
            if not isinstance(error, CdcError):
                log.exception("connector %s cannot be started", entry.name)
            return self._failed(entry, error)

    def _failed(self, entry: ConnectorEntry, error: Exception) -> _Started:
        return _Started(self._issue(entry), None, self.host.hide(entry.name, describe(error)))

    async def _stop(self, name: str) -> None:
        started = self._started.pop(name, None)
        handle = None if started is None else started.handle
        try:
            if handle is not None:
                async with asyncio.timeout(PLUGIN_SECONDS):
                    await handle.connector.stop()
        except Exception:
            log.exception("connector %s did not stop in good order, and is let go", name)
        self.on_change()

    def _status(self, entry: ConnectorEntry, started: _Started | None) -> InstanceStatus | None:
        if entry.target is TargetState.STOPPED:
            return self._instance(entry, State.STOPPED)
        if started is None:
            return None
        if started.handle is None:
            return self._instance(entry, State.FAILED, started.trace)
        return self._instance(entry, State.PAUSED if entry.target is TargetState.PAUSED else State.RUNNING)

    def _instance(self, entry: ConnectorEntry, state: State, trace: str = "") -> InstanceStatus:
        return InstanceStatus(state, self.worker_id(), self.host.version(entry.config), trace)

    async def _open(self) -> Writer:
        """Return the writer; a new one has shut out every other, and what they wrote is known."""
        if not self.leading:
            raise NotLeader
        if self._writer is None:
            self._writer = self.open_writer()
            try:
                await self._writer.start()
                await self.log.read_to_end()
            except BaseException:
                await self._close()
                raise
        return self._writer

    async def _close(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            await writer.close()


def wanted_tasks(connectors: Mapping[str, ConnectorEntry]) -> frozenset[TaskId]:
    """Return every task that is to run or to be paused somewhere."""
    return frozenset(
        TaskId(entry.name, number)
        for entry in connectors.values()
        if entry.target is not TargetState.STOPPED
        for number in range(len(entry.tasks or ()))
    )
