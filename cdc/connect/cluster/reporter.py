"""Writes into the status topic how the tasks of this worker are, and, on the leader, how the connectors are."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from cdc.connect.cluster.links import Writer
from cdc.connect.cluster.records import Record
from cdc.connect.cluster.statuses import StatusState, StoredStatus, connector_status, task_status, topic_status
from cdc.connect.herder import InstanceStatus, State, TaskId
from cdc.errors import KafkaUnavailable

log = logging.getLogger(__name__)

#: How often the topics of the tasks are looked at, in seconds.
LOOK_SECONDS: Final = 1.0
RETRY_SECONDS: Final = 1.0

Subject = str | TaskId
"""Who a status is about: a connector by its name, or a task."""


@dataclass(frozen=True, slots=True)
class Report:
    """How everything is that this worker answers for.

    `gone` are tombstones of what exists no more. A `subject` that is missing although it was reported before, and is still `known`,
    is UNASSIGNED. So are the tasks in `ended`, of which the status topic still says something else: it was said by a worker that is no more.
    """

    generation: int
    statuses: Mapping[Subject, InstanceStatus]
    topics: Iterable[tuple[str, TaskId]] = ()
    gone: Iterable[Record] = ()
    known: Callable[[Subject], bool] = lambda _subject: True
    ended: Mapping[TaskId, StoredStatus] = field(default_factory=dict)


@dataclass(slots=True)
class StatusReporter:
    """Writes what has changed since it was written last, until it is all written; one owner, but for `write`.

    `look` returns how things are, None while this worker is nobody's member and may say nothing. A status is written under the generation in
    which it came about, so that what is said late about a task does not stand for what its new worker has said (see `StatusState`).
    """

    open_writer: Callable[[], Writer]
    look: Callable[[], Report | None]
    state: StatusState
    now_ms: Callable[[], int]
    _told: dict[Subject, StoredStatus] = field(default_factory=dict)
    _doubted: set[Subject] = field(default_factory=set)
    _dirty: asyncio.Event = field(default_factory=asyncio.Event)
    _writer: Writer | None = None
    _writing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def wake(self) -> None:
        """Look soon: something has changed."""
        self._dirty.set()

    def forget(self) -> None:
        """Answer for nothing any more: others do."""
        self._told = {}

    def doubt(self, subject: Subject) -> None:
        """Write the status of a subject again: somebody else has spoken of it."""
        self._doubted.add(subject)
        self._dirty.set()

    async def run(self) -> None:
        """Write until cancelled; outages are waited for."""
        try:
            while True:
                try:
                    await self.flush()
                except KafkaUnavailable as error:
                    log.debug("statuses cannot be written now: %s", error)
                    await asyncio.sleep(RETRY_SECONDS)
                    continue
                await self._woken()
        finally:
            await self.close()

    async def flush(self) -> None:
        """Write what has changed; raises KafkaUnavailable or KafkaRefused."""
        self._dirty.clear()
        report = self.look()
        if report is None:
            return
        before, doubted, self._doubted = self._told, self._doubted, set()
        told = self._news(report, doubted)
        records = [*self._records(told), *self._topics(report.topics), *report.gone]
        try:
            if records:
                await self.write(records)
        except BaseException:
            self._doubted |= doubted | told.keys()  # it may have been written all the same
            raise
        if self._told is before:  # else it was forgotten meanwhile
            self._told = {subject: said for subject, said in {**before, **told}.items() if subject in report.statuses}

    async def write(self, records: Sequence[Record]) -> None:
        """Write records of the status topic; may be called by many at once. Raises as `flush`."""
        async with self._writing:
            try:
                if self._writer is None:
                    self._writer = self.open_writer()
                    await self._writer.start()
                await self._writer.write(records)
            except BaseException:
                await self._end()
                raise

    async def close(self) -> None:
        """Release the connection; it is opened again when it is needed."""
        async with self._writing:
            await self._end()

    async def _end(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            await writer.close()

    async def _woken(self) -> None:
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await self._dirty.wait()
        except TimeoutError:
            pass

    def _news(self, report: Report, doubted: Collection[Subject]) -> dict[Subject, StoredStatus]:
        news = {
            subject: StoredStatus(status, report.generation)
            for subject, status in report.statuses.items()
            if subject in doubted or subject not in self._told or self._told[subject].instance != status
        }
        last = {subject: said for subject, said in self._told.items() if isinstance(subject, TaskId)}
        for task, said in {**report.ended, **last}.items():
            if task not in report.statuses and report.known(task):
                instance = InstanceStatus(State.UNASSIGNED, said.instance.worker_id, said.instance.version)
                news[task] = StoredStatus(instance, said.generation)
        return news

    def _records(self, news: Mapping[Subject, StoredStatus]) -> Iterable[Record]:
        for subject, said in news.items():
            instance, generation = said.instance, said.generation
            if isinstance(subject, TaskId):
                record = task_status(subject, instance, generation)
                known = self.state.tasks(subject.connector).get(subject.task)
            else:
                record = connector_status(subject, instance, generation)
                known = self.state.connector(subject)
            if known is not None and known.generation > generation and instance.state is not State.UNASSIGNED:
                yield record[0], None  # of a group that began to count anew
            yield record

    def _topics(self, topics: Iterable[tuple[str, TaskId]]) -> Iterable[Record]:
        known: dict[str, set[str]] = {}
        for topic, task in topics:
            if topic not in known.setdefault(task.connector, self.state.topics(task.connector)):
                known[task.connector].add(topic)
                yield topic_status(topic, task, self.now_ms())
