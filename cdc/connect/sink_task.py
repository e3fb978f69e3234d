"""A sink task at work: join the group, then read, convert, transform, put and commit until it is stopped."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Protocol

from cdc.connect.dead_letters import DeadLetterQueue, SinkOrigin
from cdc.connect.herder import TaskId
from cdc.connect.tolerance import Stage, StageFailed, Tolerance
from cdc.connect.transformation import TransformationChain
from cdc.converters.base import Converter, HeaderConverter
from cdc.errors import CdcError
from cdc.kafka.consumer import ConsumedRecord
from cdc.kafka.group import RebalanceListener
from cdc.model.connect_record import Header, SinkRecord, TopicPartition
from cdc.pipeline.status import PipelineStatus
from cdc.sinks.base import Offsets, Properties, RetryLater, SinkTask

log = logging.getLogger(__name__)

#: How long one poll waits at most, in seconds.
POLL_SECONDS: Final = 1.0
#: The pauses before records are put again, in seconds: the first, and the longest.
FIRST_RETRY: Final = 0.3
LONGEST_RETRY: Final = 10.0
#: Connect's offset.flush.interval.ms and task.shutdown.graceful.timeout.ms.
FLUSH_SECONDS: Final = 60.0
GRACE_SECONDS: Final = 5.0


class SinkConsumer(Protocol):
    """What a sink task needs of Kafka: a member of a consumer group, `cdc.kafka.group.GroupConsumer`, which says what holds."""

    async def start(self, topics: Collection[str] | re.Pattern[str], listener: RebalanceListener) -> None:
        """Connect and join; the listener is called from inside `poll`."""

    async def poll(self, seconds: float) -> Sequence[ConsumedRecord]:
        """Return the next records, or none after so many seconds or a `wakeup`."""

    def wakeup(self) -> None:
        """Have the present or next `poll` return soon."""

    def seek(self, offsets: Offsets) -> None:
        """Go on at these offsets."""

    def pause(self, partitions: Collection[TopicPartition]) -> None:
        """Return nothing from these partitions."""

    def resume(self, partitions: Collection[TopicPartition]) -> None:
        """Return records from these partitions again."""

    async def commit(self, offsets: Offsets) -> None:
        """Make these the group's offsets; raises SinkError."""

    async def stop(self) -> None:
        """Leave the group, also when `start` has failed or was not called."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _ReadRecord(SinkRecord):
    """A record that still has its bytes, for the dead letter queue; `dataclasses.replace` keeps them."""

    raw: ConsumedRecord


@dataclass(frozen=True, slots=True)
class SinkRecordReader:
    """Makes the records of a sink task from bytes: converters, then transforms, each under the error policy."""

    key: Converter
    value: Converter
    header: HeaderConverter
    chain: TransformationChain
    tolerance: Tolerance
    dead_letters: DeadLetterQueue

    async def read(self, raw: ConsumedRecord) -> SinkRecord | None:
        """Return the record; None for one that a transform leaves out, or that was given up and kept.

        Raises:
            RecordFailed: it fails, and that is not tolerated.
            SinkError: it could not be kept.
        """
        try:
            found = await self.chain.apply_tolerantly(await self._converted(raw), self.tolerance)
        except StageFailed as failed:
            await self._give_up(raw, failed)
            return None
        return found if found is None or isinstance(found, _ReadRecord) else _with_raw(found, raw)

    async def report(self, record: SinkRecord, executing: type, error: Exception) -> None:
        """Give up a record that the task reports; raises as `read`."""
        raw = record.raw if isinstance(record, _ReadRecord) else self._encoded(record)
        await self._give_up(raw, StageFailed(Stage.TASK_PUT, executing, error))

    async def _give_up(self, raw: ConsumedRecord, failed: StageFailed) -> None:
        await self.tolerance.give_up(failed, SinkOrigin(raw), partial(self.dead_letters.keep, raw))

    async def _converted(self, raw: ConsumedRecord) -> SinkRecord:
        attempt, topic = self.tolerance.attempt, raw.topic
        key = await attempt(Stage.KEY_CONVERTER, type(self.key), partial(self.key.to_connect_data, topic, raw.key))
        value = await attempt(
            Stage.VALUE_CONVERTER, type(self.value), partial(self.value.to_connect_data, topic, raw.value)
        )
        headers = await attempt(Stage.HEADER_CONVERTER, type(self.header), partial(self._headers, raw))
        return _ReadRecord(
            topic=topic,
            kafka_partition=raw.partition,
            kafka_offset=raw.offset,
            key=key.value,
            key_schema=key.schema,
            value=value.value,
            value_schema=value.schema,
            timestamp_ms=raw.timestamp_ms if raw.timestamp_ms >= 0 else None,
            headers=headers,
            original_topic=topic,
            original_partition=raw.partition,
            original_offset=raw.offset,
            raw=raw,
        )

    def _headers(self, raw: ConsumedRecord) -> tuple[Header, ...]:
        found = ((name, self.header.to_connect_header(raw.topic, name, data)) for name, data in raw.headers)
        return tuple(Header(name, each.schema, each.value) for name, each in found)

    def _encoded(self, record: SinkRecord) -> ConsumedRecord:
        """Return a record that the task has made itself as bytes again: as near to what was read as can be."""
        topic = record.original_topic
        encode = self.header.from_connect_header
        headers = ((h.key, encode(topic, h.key, h.schema, h.value) or b"") for h in record.headers)
        return ConsumedRecord(
            topic,
            record.original_partition,
            record.original_offset,
            -1 if record.timestamp_ms is None else record.timestamp_ms,
            self.key.from_connect_data(topic, record.key_schema, record.key),
            self.value.from_connect_data(topic, record.value_schema, record.value),
            tuple(headers),
        )


def _with_raw(record: SinkRecord, raw: ConsumedRecord) -> _ReadRecord:
    return _ReadRecord(**{name: getattr(record, name) for name in SinkRecord.__slots__}, raw=raw)


@dataclass(slots=True)
class _Batch:
    """Records to be put, and how far reading has come with them, the records that were left out included."""

    records: list[SinkRecord] = field(default_factory=list)
    offsets: dict[TopicPartition, int] = field(default_factory=dict)

    def without(self, partitions: Collection[TopicPartition]) -> _Batch | None:
        """Return what is left without these partitions; None when that is nothing."""
        records = [record for record in self.records if _origin(record) not in partitions]
        return _Batch(records, {p: o for p, o in self.offsets.items() if p not in partitions}) if records else None


@dataclass(frozen=True, slots=True)
class _Context:
    """The `SinkTaskContext` of a task."""

    worker: WorkerSinkTask

    @property
    def properties(self) -> Properties:
        return self.worker.properties

    def assignment(self) -> Collection[TopicPartition]:
        return self.worker.assignment()

    def seek(self, offsets: Offsets) -> None:
        self.worker.seek(offsets)

    def pause(self, partitions: Collection[TopicPartition]) -> None:
        self.worker.hold_back(partitions)

    def resume(self, partitions: Collection[TopicPartition]) -> None:
        self.worker.release(partitions)

    async def report(self, record: SinkRecord, error: Exception) -> None:
        await self.worker.report(record, error)


class WorkerSinkTask:
    """One run of one sink task; used once. Owns the task, the consumer and the chain of the reader, and releases them all.

    `topics` are names, or a pattern for whole names. `clock` gives seconds. `on_topic` hears the topic of every record that was put,
    again and again. `grace` is how long what is under way may take when it is to stop, in seconds, before it is cancelled. `status` is
    told how it goes; the task alone writes it.

    Ordering, durability: as `cdc.sinks.base` promises to the task. Offsets are committed every `offset_flush_interval` seconds, when a
    task is paused, before partitions go to another member, and at the end; only those that `pre_commit` has returned.
    """

    def __init__(
        self,
        id: TaskId,  # noqa: A002 (the field's word)
        task: SinkTask,
        properties: Properties,
        consumer: SinkConsumer,
        reader: SinkRecordReader,
        *,
        topics: Collection[str] | re.Pattern[str],
        clock: Callable[[], float],
        offset_flush_interval: float = FLUSH_SECONDS,
        on_topic: Callable[[str], None] = lambda _: None,
        grace: float = GRACE_SECONDS,
        status: PipelineStatus | None = None,
    ) -> None:
        self.properties = properties
        self._id = id
        self._task = task
        self._consumer = consumer
        self._reader = reader
        self._topics = topics
        self._clock = clock
        self._interval = offset_flush_interval
        self._on_topic = on_topic
        self._grace = grace
        self._status = status if status is not None else PipelineStatus()
        self._commit_at = clock() + offset_flush_interval
        #: By partition, the next offset to be read: as committed, and behind what was put. The keys are the assignment.
        self._committed: dict[TopicPartition, int] = {}
        self._delivered: dict[TopicPartition, int] = {}
        self._sought: dict[TopicPartition, int] = {}
        #: What the task was given and could not take yet; while there is any, nothing more is read.
        self._waiting: _Batch | None = None
        self._attempt = 0
        self._retry_at = 0.0
        self._paused = False
        self._paused_by_task: set[TopicPartition] = set()
        self._held: set[TopicPartition] = set()
        self._stopping = False
        self._commit_fails = False

    async def run(self) -> None:
        """Run until cancelled, or raise why the task cannot go on.

        When it is cancelled, the call of the task that is under way comes to its end first; then everything is flushed and committed.
        """
        working = asyncio.create_task(self._work(), name=f"sink task {self._id}")
        try:
            await asyncio.shield(working)
        except asyncio.CancelledError:
            self._stopping = True
            self._consumer.wakeup()
            try:
                await asyncio.wait({working}, timeout=self._grace)
            finally:
                working.cancel()
            await asyncio.wait({working})
            if not working.cancelled() and (error := working.exception()) is not None:
                log.warning("task %s failed while it was stopped: %s", self._id, error)
            raise

    def pause(self) -> None:
        """Stop putting records, and commit; the task stays in its group and keeps its partitions."""
        self._paused = True
        self._commit_at = self._clock()
        self._consumer.wakeup()

    def resume(self) -> None:
        """Go on after `pause`."""
        self._paused = False
        self._consumer.wakeup()

    def assignment(self) -> Collection[TopicPartition]:
        """Return the partitions that the task has now."""
        return set(self._delivered)

    def seek(self, offsets: Offsets) -> None:
        """Go on at these offsets, as the task asks; done before the next poll."""
        self._sought.update(offsets)

    def hold_back(self, partitions: Collection[TopicPartition]) -> None:
        """Read nothing from these partitions, as the task asks."""
        self._paused_by_task |= set(partitions)
        self._hold()

    def release(self, partitions: Collection[TopicPartition]) -> None:
        """Read from these partitions again, as the task asks."""
        self._paused_by_task -= set(partitions)
        self._hold()

    async def report(self, record: SinkRecord, error: Exception) -> None:
        """Give up a record, as the task asks."""
        await self._reader.report(record, type(self._task), error)

    async def assigned(self, positions: Mapping[TopicPartition, int]) -> None:
        """Open partitions: the consumer calls this from inside `poll`."""
        self._committed.update(positions)
        self._delivered.update(positions)
        await self._task.open(set(positions))

    async def revoked(self, partitions: Collection[TopicPartition]) -> None:
        """Flush, commit and close partitions: the consumer calls this from inside `poll`."""
        try:
            await self._commit(partitions, closing=True)
        finally:
            try:
                await self._task.close(set(partitions))
            finally:
                self._forget(partitions)

    async def _work(self) -> None:
        async with AsyncExitStack() as at_end:
            at_end.callback(self._reader.chain.close)
            at_end.push_async_callback(self._quietly, self._consumer.stop)
            at_end.push_async_callback(self._quietly, self._task.stop)
            await self._task.start(_Context(self))
            await self._consumer.start(self._topics, self)
            at_end.push_async_callback(self._quietly, self._close)
            self._status.start(self._clock())
            self._status.come_up()
            while not self._stopping:
                await self._step()

    async def _quietly(self, release: Callable[[], Awaitable[None]]) -> None:
        """Release something on the way out, where an error must not hide why it is released."""
        try:
            await release()
        except Exception as error:  # noqa: BLE001 (a plugin's)
            log.warning("task %s was not ended in order: %s", self._id, error)

    async def _close(self) -> None:
        if self._delivered:
            await self.revoked(set(self._delivered))

    async def _step(self) -> None:
        self._carry_out_seeks()
        if self._clock() >= self._commit_at:
            self._commit_at = self._clock() + self._interval
            await self._commit(self._delivered)
        self._hold()
        records = await self._consumer.poll(self._patience())
        self._status.counts.sink.read.add(len(records), self._clock())
        if self._waiting is None:
            await self._put(await self._read(records))
        elif self._clock() >= self._retry_at:
            await self._put(self._waiting)
        self._note()

    def _note(self) -> None:
        """Tell how far it is, and whether something is in its way."""
        sink = self._status.counts.sink
        sink.partitions = len(self._delivered)
        sink.active = sum(at - self._committed[each] for each, at in self._delivered.items())
        if self._waiting is None and not (self._commit_fails and self._delivered):
            self._status.work()

    def _patience(self) -> float:
        """Return how long there is nothing else to do, in seconds."""
        until = [self._commit_at] if self._waiting is None else [self._commit_at, self._retry_at]
        return min(POLL_SECONDS, max(0.0, min(until) - self._clock()))

    async def _read(self, records: Iterable[ConsumedRecord]) -> _Batch:
        self._status.pending_since = self._clock()
        batch = _Batch()
        for raw in records:
            record = await self._reader.read(raw)
            if record is not None:
                batch.records.append(record)
            batch.offsets[TopicPartition(raw.topic, raw.partition)] = raw.offset + 1
        for topic in {partition.topic for partition in batch.offsets}:
            self._on_topic(topic)
        return batch

    async def _put(self, batch: _Batch) -> None:
        started = self._clock()
        self._status.pending_since = self._status.pending_since or started
        try:
            await self._task.put(batch.records)
        except RetryLater as error:
            self._attempt += 1
            pause = min(FIRST_RETRY * 2 ** min(self._attempt - 1, 10), LONGEST_RETRY)
            log.warning("task %s cannot take records now, and gets them again in %.1f s: %s", self._id, pause, error)
            self._waiting, self._retry_at = batch, self._clock() + pause
            self._status.wait(str(error), self._clock())
            return
        self._status.pending_since = None
        if batch.records:
            self._count(len(batch.records), self._clock() - started)
        self._delivered.update(batch.offsets)
        self._waiting, self._attempt = None, 0

    def _count(self, records: int, seconds: float) -> None:
        counts = self._status.counts
        counts.batch_sizes.add(records)
        counts.sink.sent.add(records, self._clock())
        counts.sink.put_seconds.add(seconds)

    async def _commit(self, partitions: Iterable[TopicPartition], *, closing: bool = False) -> None:
        """Have the task flush, and commit what it says; a task that cannot gets the records behind the last commit again."""
        delivered = {each: self._delivered[each] for each in partitions if each in self._delivered}
        if not delivered:
            return
        try:
            durable = await self._task.pre_commit(delivered)
        except Exception as error:  # noqa: BLE001 (a plugin's)
            log.warning("task %s could not flush; its records are read again from the last commit: %s", self._id, error)
            self._fail_commit(str(error))
            if not closing:
                self._rewind()
            return
        changed = {each: at for each, at in durable.items() if self._is_new(each, at)}
        self._commit_fails = False
        if changed:
            await self._store(changed)

    def _is_new(self, partition: TopicPartition, offset: int) -> bool:
        if partition not in self._delivered or offset > self._delivered[partition]:
            log.warning("task %s asks to commit %s at %d, which it was not given", self._id, partition, offset)
            return False
        return self._committed[partition] != offset

    async def _store(self, offsets: Offsets) -> None:
        started = self._clock()
        try:
            await self._consumer.commit(offsets)
        except CdcError as error:
            log.warning("task %s could not commit: %s", self._id, error.sentence())
            self._fail_commit(str(error))
        else:
            self._committed.update(offsets)
            self._status.counts.commit_seconds.add(self._clock() - started)

    def _fail_commit(self, problem: str) -> None:
        self._commit_fails = True
        self._status.counts.failed_commits += 1
        self._status.wait(problem, self._clock())

    def _rewind(self) -> None:
        self._waiting, self._attempt = None, 0
        self._delivered = dict(self._committed)
        self._consumer.seek(self._committed)

    def _carry_out_seeks(self) -> None:
        offsets = {each: at for each, at in self._sought.items() if each in self._delivered}
        self._sought.clear()
        if offsets:
            self._committed.update(offsets)
            self._delivered.update(offsets)
            self._drop(offsets)
            self._consumer.seek(offsets)

    def _hold(self) -> None:
        """Have the consumer deliver from no more partitions than it may now."""
        everything = self._paused or self._waiting is not None
        wanted = set(self._delivered) if everything else self._paused_by_task & set(self._delivered)
        if wanted - self._held:
            self._consumer.pause(wanted - self._held)
        if self._held - wanted:
            self._consumer.resume(self._held - wanted)
        self._held = wanted

    def _forget(self, partitions: Collection[TopicPartition]) -> None:
        for partition in partitions:
            for offsets in (self._committed, self._delivered, self._sought):
                offsets.pop(partition, None)
        self._paused_by_task -= set(partitions)
        self._held -= set(partitions)
        self._drop(partitions)

    def _drop(self, partitions: Collection[TopicPartition]) -> None:
        if self._waiting is not None:
            self._waiting = self._waiting.without(partitions)
            self._attempt = self._attempt if self._waiting else 0


def _origin(record: SinkRecord) -> TopicPartition:
    return TopicPartition(record.original_topic, record.original_partition)
