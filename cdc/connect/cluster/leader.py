"""What one worker does for the whole cluster: it writes the configurations, and runs the connectors, which divide the work into tasks.

Kafka Connect spreads the connectors over the workers; here the leader runs them all. A connector does little beside its tasks, and so
everything that decides about tasks is in one place: docs/decisions/0010-leader-runs-connectors.md.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from cdc.connect.calls import PLUGIN_SECONDS, answered
from cdc.connect.cluster.configs import ConnectorEntry, fencing_record, task_records
from cdc.connect.cluster.links import Log, Writer
from cdc.connect.cluster.turns import Turns
from cdc.connect.herder import ConnectorType, InstanceStatus, NotLeader, State, TargetState, TaskId
from cdc.connect.host import ConnectorHandle, Host
from cdc.connect.task_run import describe
from cdc.errors import CdcError, Fenced, KafkaUnavailable

log = logging.getLogger(__name__)

RETRY_SECONDS: Final = 1.0

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

    While `leading` is false nothing is written; the first `converge` after that shuts out the leader before. Whoever is shut out himself
    leads no more, until he is told anew that he does: `on_shut_out` is called. `open_writer` makes a writer that shuts out every earlier
    leader's. `connectors` is what the log of configurations says, which has been read to its end when a write returns. `on_change` is
    called when the status of a connector has changed, and when there is something left to do.
    """

    host: Host
    log: Log
    open_writer: Callable[[], Writer]
    connectors: Callable[[], Mapping[str, ConnectorEntry]]
    on_change: Callable[[], None]
    on_shut_out: Callable[[], None]
    worker_id: Callable[[], str]
    leading: bool = False
    _writer: Writer | None = None
    _writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    _started: dict[str, _Started] = field(default_factory=dict)
    _starts: dict[str, int] = field(default_factory=dict)
    _turns: Turns[str] = field(init=False)

    def __post_init__(self) -> None:
        self._turns = Turns(self._tend)

    @property
    def in_office(self) -> bool:
        """Whether this worker leads, and has read all that leaders before it have written."""
        return self.leading and self._writer is not None

    async def write(self, compose: Callable[[], Records]) -> None:
        """Write records of configuration in one transaction, and read them.

        `compose` makes them when everything that was written before is known; what it raises is raised.

        Raises:
            NotLeader: this worker does not lead, or was shut out; nothing is written.
            KafkaUnavailable: it is not known whether they are written.
        """
        async with self._writing, self._shut_out():
            writer = await self._open()
            records = compose()
            if not records:
                return
            try:
                await writer.write(records)
                await self.log.read_to_end()
            except BaseException:
                await self._close()  # what is written next has to know these
                raise

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

    async def converge(self, group: asyncio.TaskGroup) -> None:
        """Have connectors started and stopped as configured, in the group, and the configurations of their tasks written.

        When this worker leads no more, all are stopped. Each goes on in its own time; what cannot be done for one is its status.

        Raises:
            NotLeader: another worker leads by now.
            KafkaUnavailable: call again later.
        """
        async with self._writing, self._shut_out():
            if self.leading:
                await self._open()
            else:
                await self._close()
        self._turns.ask({*self._started, *self._turns.busy, *self._led()}, group)

    async def resign(self) -> None:
        """Lead no more, and stop all connectors; for the last time, also when the group is being cancelled."""
        self.leading = False
        async with self._writing:
            await self._close()
        await self._turns.idle()
        await asyncio.gather(*(self._stop(name) for name in [*self._started]))

    async def _tend(self, name: str, _group: asyncio.TaskGroup) -> None:
        """Bring one connector in order; whatever goes wrong is about this one alone."""
        entry, started = self._led().get(name), self._started.get(name)
        if started is not None and (entry is None or started.issue != self._issue(entry)):
            await self._stop(name)
        entry = self._led().get(name)
        if entry is None:
            return
        issue = self._issue(entry)
        try:
            await self._bring(entry, issue)
        except NotLeader:
            self.on_change()  # which stops it
        except KafkaUnavailable as error:
            log.warning("the tasks of connector %s cannot be given out now: %s", name, error.sentence())
            asyncio.get_running_loop().call_later(RETRY_SECONDS, self.on_change)
        except Exception as error:  # noqa: BLE001 (a secret cannot be fetched, or its tasks do not fit into records)
            await self._stop(name)
            self._started[name] = self._failed(name, issue, error)
            self.on_change()

    def _led(self) -> Mapping[str, ConnectorEntry]:
        return self.connectors() if self.leading else {}

    async def _bring(self, entry: ConnectorEntry, issue: Issue) -> None:
        if entry.name not in self._started and entry.target is not TargetState.STOPPED:
            self._started[entry.name] = await self._start(entry, issue)
            self.on_change()
        started = self._started.get(entry.name)
        if started is None:  # it is stopped
            await self._divide(entry.name, issue, ())
        elif started.handle is not None:
            await self._divide(entry.name, issue, started.handle.task_configs)

    async def _divide(self, name: str, issue: Issue, tasks: Sequence[Mapping[str, str]]) -> None:
        """Have the tasks written, and those before them shut out, as far as that has not been done."""
        if self._division(name, issue, tasks):
            await self.write(lambda: self._division(name, issue, tasks))
        entry = self.connectors().get(name)
        if entry is not None and entry.tasks is not None and not entry.fenced:
            await self._fence(entry)

    def _division(self, name: str, issue: Issue, tasks: Sequence[Mapping[str, str]]) -> Records:
        entry = self.connectors().get(name)
        if entry is None or self._issue(entry) != issue:
            return ()
        same = entry.tasks is not None and list(map(dict, entry.tasks)) == list(map(dict, tasks))
        return () if same and entry.tasks_offset > entry.config_offset else task_records(name, tasks)

    async def _fence(self, entry: ConnectorEntry) -> None:
        """Shut out the tasks of the last division: one that still runs somewhere could hold a share that is another's now."""
        if self.host.kind(entry.config) is not ConnectorType.SINK:
            await self.host.fence(entry.name, entry.config, entry.fenced_count)

        def record() -> Records:
            now = self.connectors().get(entry.name)
            same = now is not None and now.tasks_offset == entry.tasks_offset
            return [fencing_record(entry.name, len(entry.tasks or ()))] if same else ()

        await self.write(record)

    def _issue(self, entry: ConnectorEntry) -> Issue:
        return entry.config_offset, self._starts.get(entry.name, 0), entry.target is TargetState.STOPPED

    async def _start(self, entry: ConnectorEntry, issue: Issue) -> _Started:
        try:
            handle = await answered(self.host.start_connector(entry.name, entry.config), PLUGIN_SECONDS)
        except Exception as error:  # noqa: BLE001 (it becomes the status)
            return self._failed(entry.name, issue, error)
        return _Started(issue, handle)

    def _failed(self, name: str, issue: Issue, error: Exception) -> _Started:
        hide = partial(self.host.hide, name)
        trace = describe(error, hide)
        detail = "" if isinstance(error, CdcError) else "\n" + hide("".join(traceback.format_exception(error)).rstrip())
        log.error("connector %s failed: %s%s", name, trace, detail)
        return _Started(issue, None, trace)

    async def _stop(self, name: str) -> None:
        started = self._started.pop(name, None)
        handle = None if started is None else started.handle
        try:
            if handle is not None:
                await answered(handle.connector.stop(), PLUGIN_SECONDS)
        except Exception as error:  # noqa: BLE001 (there is nobody whom it could help)
            hide = partial(self.host.hide, name)
            log.error("connector %s did not stop in good order, and is let go: %s", name, describe(error, hide))  # noqa: TRY400
        if started is not None:
            self.on_change()

    def _status(self, entry: ConnectorEntry, started: _Started | None) -> InstanceStatus | None:
        if entry.target is TargetState.STOPPED:
            return self._instance(entry, State.STOPPED, "" if started is None else started.trace)
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

    @asynccontextmanager
    async def _shut_out(self) -> AsyncIterator[None]:
        """Lead no more once another has begun to: to start another writer would shut that one out in turn."""
        try:
            yield
        except Fenced as error:
            log.warning("another worker leads by now: %s", error)
            self.leading = False
            self.on_shut_out()
            raise NotLeader from error

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
