"""One run from a stored offset until the first error: read, convert, publish, acknowledge."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Generic, TypeVar

from cdc.config.settings import PipelineSettings
from cdc.errors import Fenced, KafkaRefused, KafkaUnavailable, SourceLost
from cdc.model.batch import ChangeBatch
from cdc.model.position import Offset, Position
from cdc.model.records import RecordBatch
from cdc.pipeline.encoding import BatchEncoder
from cdc.pipeline.heartbeat import Heartbeat
from cdc.pipeline.publisher import Publisher
from cdc.pipeline.status import PipelineStatus, Tally
from cdc.sources.base import Source

log = logging.getLogger(__name__)

#: Batches between the reader and the publisher: one being converted, one waiting.
QUEUED_BATCHES = 2
#: How often the offset is committed while only the position moves, in seconds.
IDLE_SECONDS = 10.0
#: It is committed sooner when so much log waits to be released, half a segment of PostgreSQL's: in bytes, and how soon, in seconds.
RELEASE_BYTES = 8 << 20
RELEASE_SECONDS = 1.0
#: How often it is committed even when nothing moves, so that an instance that was fenced notices and stops.
OWNERSHIP_SECONDS = 30.0
#: The share of the broker's transaction timeout after which a source transaction that has not ended yet is split.
SPLIT_SHARE = 0.5
#: On records of the second and later parts of a split source transaction: how many of its changes came in earlier parts.
CONTINUES_HEADER = "cdc.transaction.continues"


P = TypeVar("P", bound=Publisher)


class Session(Generic[P]):
    """Owns one source and one publisher from start to stop; used once.

    `open_publisher` makes a publisher for the snapshot (True: with the longest transaction that the broker allows) or for streaming.
    `load_offset` reads the newest committed offset, once the publisher has started. `transaction_timeouts` are those of streaming and of
    the snapshot, in seconds.
    """

    def __init__(
        self,
        source: Source,
        *,
        open_publisher: Callable[[bool], P],
        load_offset: Callable[[P], Awaitable[Offset | None]],
        encoder: BatchEncoder,
        settings: PipelineSettings,
        status: PipelineStatus,
        transaction_timeouts: tuple[float, float],
        clock: Callable[[], float],
        wall_ns: Callable[[], int] = time.time_ns,
        heartbeat: Heartbeat | None = None,
    ) -> None:
        self._source = source
        self._open_publisher = open_publisher
        self._load_offset = load_offset
        self._encoder = encoder
        self._settings = settings
        self._status = status
        self._timeouts = transaction_timeouts
        self._timeout = transaction_timeouts[False]
        self._clock = clock
        self._wall_ns = wall_ns
        self._heartbeat = heartbeat
        self._queue: asyncio.Queue[ChangeBatch] = asyncio.Queue(QUEUED_BATCHES)
        self._publisher: P | None = None
        self._in_snapshot = False
        self._committed_at = float("-inf")
        self._moved_to: Position | None = None
        self._committed: Position | None = None

    async def run(self) -> None:
        """Run until an error or cancellation; whatever is open then is aborted.

        Raises:
            ExceptionGroup: holding the CdcError that ended it.
        """
        try:
            await self._start()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._source.keep_alive(), name="keep-alive")
                group.create_task(self._read(), name="read")
                group.create_task(self._publish(), name="publish")
        finally:
            await self._stop()

    async def _start(self) -> None:
        """Fence the predecessor first, then read the offset: what it had open is decided by then."""
        stored = await self._load_offset(await self._use_publisher(snapshot=False))
        if _needs_snapshot(stored):
            # Anew, as another instance may have come and gone between the two publishers.
            stored = await self._load_offset(await self._prepare_snapshot())
        self._in_snapshot = _needs_snapshot(stored)
        self._status.source = self._source
        await self._start_source(stored)
        if self._source.takes_snapshot and not self._in_snapshot:
            await self._prepare_another(stored)
        self._status.queued = self._queue.qsize
        self._status.start(self._clock(), snapshot=self._in_snapshot)

    async def _start_source(self, stored: Offset | None) -> None:
        """Start the source. What seems lost is not, if a later instance has moved both the offset and the slot."""
        try:
            await self._source.start(stored)
        except SourceLost:
            newest = await self._load_offset(self._require_publisher())
            if newest != stored:
                raise Fenced(
                    f"another instance has started and published up to {newest}",
                    "Stop one of the two, or give one of them another name and slot.",
                ) from None
            raise

    async def _prepare_snapshot(self) -> P:
        """Ask for transactions that may last longer, so that one can hold the snapshot; a broker may refuse that."""
        try:
            return await self._use_publisher(snapshot=True)
        except KafkaRefused as error:
            log.info("%s The snapshot may be published in parts.", error.sentence())
            return await self._use_publisher(snapshot=False)

    async def _prepare_another(self, stored: Offset | None) -> None:
        """Prepare a snapshot although one is complete: the source takes another, of which it decides by what the server has."""
        newest = await self._load_offset(await self._prepare_snapshot())
        if newest != stored:
            raise KafkaUnavailable(
                f"another instance has published up to {newest} since this one has started at {stored}",
                "Stop one of the two; this one goes on from the stored offset.",
            )
        self._in_snapshot = True

    async def _end_snapshot(self, position: Position) -> None:
        """Go on with a publisher for streaming, unless another instance has published between the two."""
        stored = await self._load_offset(await self._use_publisher(snapshot=False))
        if stored != position.offset():
            raise KafkaUnavailable(
                f"another instance has published up to {stored} since the snapshot ended at {position}",
                "Stop one of the two; this one goes on from the stored offset.",
            )
        self._in_snapshot = False
        self._status.end_snapshot(self._clock())

    async def _use_publisher(self, *, snapshot: bool) -> P:
        """Replace the publisher by one for the snapshot or for streaming."""
        if self._publisher is not None:
            await self._publisher.close()
        self._timeout = self._status.limit = self._timeouts[snapshot]
        self._publisher = self._open_publisher(snapshot)
        await self._publisher.start()
        return self._publisher

    async def _stop(self) -> None:
        """Release both sides; the source first, as its slot may be waited for."""
        try:
            with suppress(OSError):
                await self._source.stop()
        finally:
            if self._publisher is not None:
                await self._publisher.close()

    async def _read(self) -> None:
        asked = self._clock()
        async for batch in self._source.batches():
            self._note_read(len(batch), self._clock() - asked)
            await self._queue.put(batch)
            asked = self._clock()

    def _note_read(self, rows: int, seconds: float) -> None:
        status = self._status
        status.begun = True
        status.come_up()
        status.read(rows, self._clock(), seconds)
        status.snapshot.progress = self._source.progress or status.snapshot.progress

    async def _publish(self) -> None:
        while True:
            batch = await self._next(min(IDLE_SECONDS, self._heartbeat_left()))
            if batch is not None and (len(batch) or batch.asides or batch.history):
                await self._transaction(batch)
            else:
                await self._settle(batch)

    async def _next(self, seconds: float) -> ChangeBatch | None:
        """Return the next batch, or None when none came in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(max(seconds, 0)):
                return await self._queue.get()
        return None

    async def _settle(self, batch: ChangeBatch | None) -> None:
        """Commit the position alone when that is due; a position is never acknowledged before it is stored."""
        if batch is not None:
            self._moved_to = batch.position
        idle = self._clock() - self._committed_at
        if self._moved_to is not None and (idle >= self._patience() or self._heartbeat_left() <= 0):
            await self._commit(self._moved_to, Tally(self._clock()))
        elif self._committed is not None and (idle >= OWNERSHIP_SECONDS or self._heartbeat_left() <= 0):
            await self._commit(self._committed, Tally(self._clock()))

    def _patience(self) -> float:
        """Return how long after a commit the position alone is committed: a busy database beside an idle one must not fill the disk."""
        return RELEASE_SECONDS if (self._source.lag or 0) >= RELEASE_BYTES else IDLE_SECONDS

    def _heartbeat_left(self) -> float:
        """Return how long until a heartbeat is due: one goes along with a position, so with none before there is one."""
        if self._heartbeat is None or self._in_snapshot or (self._moved_to or self._committed) is None:
            return math.inf
        return self._heartbeat.left()

    async def _transaction(self, batch: ChangeBatch) -> None:
        """Publish batches in one Kafka transaction, up to the source commit at which the queue is empty or a limit is reached."""
        tally = Tally(self._clock(), continues=batch.continues)
        await self._require_publisher().begin()
        await self._send(batch, tally)
        while not self._complete(batch, tally):
            following = await self._next(self._split_seconds(tally))
            if following is None:
                break
            batch = following
            await self._send(batch, tally)
        if not batch.boundary:
            self._report_split()
        await self._commit(batch.position, tally, begun=True)

    def _complete(self, batch: ChangeBatch, tally: Tally) -> bool:
        if not batch.boundary:
            return self._split_seconds(tally) <= 0
        return (
            self._queue.empty()
            or tally.rows >= self._settings.transaction_rows
            or tally.record_bytes >= self._settings.transaction_bytes
            or self._clock() - tally.opened >= self._settings.transaction_seconds
        )

    def _split_seconds(self, tally: Tally) -> float:
        """Return how long the open transaction may still last."""
        return self._timeout * SPLIT_SHARE - (self._clock() - tally.opened)

    async def _send(self, batch: ChangeBatch, tally: Tally) -> None:
        encoded = await self._encoder.encode(batch)
        rows, operations = len(batch), batch.operations()
        batch.release()  # a row of 200 MB would be held twice while it is sent
        for records in encoded:
            if tally.continues and batch.continues:
                records.headers = (*records.headers, (CONTINUES_HEADER, b"%d" % tally.continues))
            await self._hand_over(records, tally)
        tally.rows += rows
        tally.operations.update(operations)
        if batch.transactions:
            tally.transactions += len(batch.transactions)
            tally.commit_us = batch.transactions[-1].commit_us
        if batch.boundary:
            tally.continues = 0  # what follows begins in this Kafka transaction
        self._report_problems(batch)

    async def _hand_over(self, records: RecordBatch, tally: Tally) -> None:
        await self._require_publisher().send(records)
        tally.records += len(records)
        tally.record_bytes += records.size
        self._status.topics.update(records.topics)

    async def _commit(self, position: Position, tally: Tally, *, begun: bool = False) -> None:
        publisher = self._require_publisher()
        if not begun:
            await publisher.begin()
        if self._heartbeat is not None and self._heartbeat_left() <= 0:
            for records in await self._encoder.encode(self._heartbeat.beat()):
                await self._hand_over(records, tally)
        started = self._clock()
        await publisher.commit(self._source.partition, position.offset())
        self._count(position, tally, self._clock() - started)
        self._source.acknowledge(position)
        self._committed = position
        self._moved_to = None
        self._committed_at = self._clock()
        if self._in_snapshot and "snapshot" not in position.offset():
            await self._end_snapshot(position)

    def _count(self, position: Position, tally: Tally, seconds: float) -> None:
        status = self._status
        status.position = position
        status.commit(tally, self._clock(), seconds)
        if tally.commit_us:
            status.behind_ms = max(self._wall_ns() // 1000 - tally.commit_us, 0) / 1000
        if status.problem:
            log.info("working again, at %s", position)
        status.work()

    def _report_problems(self, batch: ChangeBatch) -> None:
        nulled = [problem for problem in batch.problems if problem.row < 0]
        for problem in nulled[:3]:
            log.warning(
                "value %r of %s.%s became null: %s", problem.value, problem.table, problem.column, problem.reason
            )
        self._status.nulled_values += len(nulled)

    def _report_split(self) -> None:
        if self._in_snapshot:
            log.warning(
                "the snapshot takes longer than one Kafka transaction may last and is published in parts; "
                "if it is interrupted now, tables that are not complete are read again and their rows delivered again"
            )
        else:
            log.info(
                "a source transaction is published in parts, as it takes longer than one Kafka transaction may last"
            )

    def _require_publisher(self) -> P:
        if self._publisher is None:
            raise RuntimeError("the session has not been started")
        return self._publisher


def _needs_snapshot(stored: Offset | None) -> bool:
    """Tell whether a snapshot is still to be taken: nothing is stored, or that one was interrupted."""
    return stored is None or "snapshot" in stored
