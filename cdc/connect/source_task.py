"""A source task at work: poll, convert, publish with the offsets in one transaction, tell the task; then again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from cdc.connect.encoding import RecordEncoder
from cdc.model.connect_record import SourceRecord
from cdc.model.position import Offset
from cdc.model.records import RecordBatch
from cdc.offsets.base import SourcePartition
from cdc.pipeline.status import PipelineStatus, Tally
from cdc.sources.connector import Properties, SourceTask

#: How often an idle task's offset is committed again, in seconds, so that an instance that was fenced notices and stops.
OWNERSHIP_SECONDS: Final = 30.0
#: The pause after a poll that brought nothing, in seconds: a task that does not wait by itself leaves the loop to others.
EMPTY_PAUSE: Final = 0.02


class TaskPublisher(Protocol):
    """What a source task needs of Kafka (see `cdc.kafka.publisher.TransactionalPublisher`)."""

    async def start(self) -> None:
        """Connect, and shut out every earlier instance."""

    async def begin(self) -> None:
        """Open a transaction."""

    async def send(self, records: RecordBatch) -> None:
        """Add records."""

    async def commit(
        self, partition: SourcePartition, offset: Offset | None, *others: tuple[SourcePartition, Offset | None]
    ) -> None:
        """Add offsets, and commit."""

    async def close(self) -> None:
        """End; what is open is aborted."""


@dataclass(frozen=True, slots=True)
class TaskContext:
    """A `SourceTaskContext` over the offsets that were stored when the task's publisher had started."""

    properties: Properties
    stored: Sequence[tuple[SourcePartition, Offset]]

    async def offset(self, partition: Mapping[str, str]) -> Offset | None:
        """Return the newest committed offset of a source partition, or None when there is none."""
        return next((offset for found, offset in self.stored if dict(found) == dict(partition)), None)


@dataclass(slots=True)
class SourceTaskSession:
    """One run of a source task until its first error; used once.

    Each `poll` is one Kafka transaction. The publisher starts before the offsets are read, so an earlier instance can write nothing
    more by then. `load_offsets` returns all offsets that the connector has stored. `transaction_timeout` is the publisher's, in seconds.
    """

    task: SourceTask
    properties: Properties
    publisher: TaskPublisher
    load_offsets: Callable[[], Awaitable[Sequence[tuple[SourcePartition, Offset]]]]
    encoder: RecordEncoder
    status: PipelineStatus
    clock: Callable[[], float]
    transaction_timeout: float = 60.0
    _committed: dict[tuple[tuple[str, str], ...], tuple[SourcePartition, Offset]] = field(default_factory=dict)
    _committed_at: float = 0.0

    async def run(self) -> None:
        """Run until an error or cancellation; what is open then is aborted."""
        try:
            await self.publisher.start()
            await self.task.start(TaskContext(self.properties, await self.load_offsets()))
            self._committed_at = self.clock()
            self.status.begun = True
            self.status.limit = self.transaction_timeout
            self.status.start(self._committed_at)
            self.status.come_up()
            while True:
                await self._step()
        finally:
            try:
                await self.task.stop()
            finally:
                await self.publisher.close()

    async def _step(self) -> None:
        asked = self.clock()
        records = await self._poll()
        self.status.read(len(records), self.clock(), self.clock() - asked)
        if records:
            await self._publish(records)
            await self.task.commit()
        elif self._committed and self.clock() - self._committed_at >= OWNERSHIP_SECONDS:
            await self.publisher.begin()
            await self._commit(Tally(self.clock()))
        else:
            self.status.work()  # Kafka has answered, and there is nothing that could wait
            await asyncio.sleep(EMPTY_PAUSE)

    async def _poll(self) -> Sequence[SourceRecord]:
        """Return what the task has, or nothing when the ownership is to be looked at first."""
        left = OWNERSHIP_SECONDS - (self.clock() - self._committed_at)
        try:
            async with asyncio.timeout(max(left, 1.0)) as limit:
                return await self.task.poll() or ()
        except TimeoutError:
            if not limit.expired():
                raise  # the task's own
            return ()

    async def _publish(self, records: Sequence[SourceRecord]) -> None:
        batches = await self.encoder.encode(records)
        for record in records:
            same = tuple(sorted(record.source_partition.items()))
            self._committed[same] = (record.source_partition, record.source_offset)
        await self.publisher.begin()
        tally = Tally(self.clock(), rows=len(records))
        for batch in batches:
            await self.publisher.send(batch)
            self.status.topics.update(batch.topics)
            tally.records += len(batch)
            tally.record_bytes += batch.size
        await self._commit(tally)

    async def _commit(self, tally: Tally) -> None:
        """Commit the newest offset of each source partition that has delivered since the start."""
        first, *others = self._committed.values()
        started = self.clock()
        await self.publisher.commit(*first, *others)
        self._committed_at = self.clock()
        self.status.commit(tally, self._committed_at, self._committed_at - started)
        self.status.work()
