"""Committed transactions as an asynchronous iterator: what the library's sources of all databases have in common."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from cdc.model.batch import ChangeBatch
from cdc.model.change import ChangeEvent, read_event
from cdc.model.event import Transaction
from cdc.offsets.base import OffsetStore
from cdc.sources.base import Source

#: How often the position is stored while only the log moves on and nothing waits to be acknowledged, in seconds.
IDLE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class _Segment:
    """Rows of one transaction in one batch, from `start` up to `end`."""

    batch: ChangeBatch
    start: int
    end: int


class SourceTransaction:
    """The changes of one committed transaction, in order; or a part of the snapshot, when `snapshot` is true.

    Iterating makes the events, so a transaction that is not looked at costs little. `committed_at` is the server's time of the commit.
    `number` counts the transactions of this source from 1 on. `position` is the place behind it in the log, in the class of the source.
    """

    def __init__(
        self,
        source: TransactionSource,
        number: int,
        position: Any,
        segments: Sequence[_Segment],
        info: Transaction | None,
    ) -> None:
        self._source = source
        self._segments = segments
        self.number = number
        self.position = position
        self.snapshot = info is None
        self.id = "" if info is None else info.id
        self.committed_at = None if info is None else datetime.fromtimestamp(info.commit_us / 1_000_000, UTC)

    def __len__(self) -> int:
        return sum(segment.end - segment.start for segment in self._segments)

    def __iter__(self) -> Iterator[ChangeEvent]:
        for segment in self._segments:
            for index in range(segment.start, segment.end):
                yield read_event(segment.batch, index)

    async def ack(self) -> None:
        """Note that this transaction and all before it are done with.

        The position is stored first and then reported to the server, which may then recycle its log, if it keeps one for the source. What is
        not acknowledged when the process ends is delivered again. A second time, or after a later transaction, it changes nothing.
        """
        await self._source.acknowledge(self)


class TransactionSource:
    """Reads one log transaction by transaction, passes over those without rows of its tables, and keeps the place in it in `offsets`; the base of each database's class.

    One owner. A second `async for` goes on where the first one was left. A transaction is held in memory whole.
    """

    def __init__(self, log: Source, offsets: OffsetStore) -> None:
        self._log = log
        self._offsets = offsets
        self._stack = AsyncExitStack()
        self._transactions = self._read()
        self._delivered = 0
        self._acknowledged = 0
        self._stored_at = float("-inf")

    async def __aenter__(self) -> Self:
        """Connect; raises SourceUnavailable, SourceRefused or SourceLost."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._log.stop)
            await self._log.start(await self._offsets.load(self._log.partition))
            group = await stack.enter_async_context(asyncio.TaskGroup())
            alive = group.create_task(self._log.keep_alive())
            stack.callback(alive.cancel)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Disconnect. What ended the block goes on as it is, not in the group of the task that runs beside it."""
        try:
            await self._stack.__aexit__(kind, error, traceback)
        except BaseExceptionGroup as group:
            if error not in group.exceptions:
                raise group.exceptions[0] from None

    def __aiter__(self) -> AsyncIterator[SourceTransaction]:
        return self._transactions

    async def acknowledge(self, transaction: SourceTransaction) -> None:
        """Note that a transaction and all before it are done with; `SourceTransaction.ack` calls this."""
        if transaction.number > self._acknowledged:
            self._acknowledged = transaction.number
            await self._store(transaction.position)

    # What differs from database to database ------------------------------------------------------------------------------------------

    def _behind(self, info: Transaction, batch: ChangeBatch, before: Any) -> Any:
        """Return the position behind a transaction of a batch; `before` is that of the batch before it, None for the first."""
        raise NotImplementedError

    def _batches(self) -> AsyncIterator[ChangeBatch]:
        """Return the batches that are to be read."""
        return self._log.batches()

    async def _keep(self, batch: ChangeBatch) -> None:
        """Make durable what must be so before a position of the batch is stored, or behind it."""

    # Reading -------------------------------------------------------------------------------------------------------------------------

    async def _read(self) -> AsyncIterator[SourceTransaction]:
        waiting: list[_Segment] = []
        before: Any = None
        async for batch in self._batches():
            await self._keep(batch)
            start = 0
            for info in batch.transactions:
                if start < info.rows:
                    waiting.append(_Segment(batch, start, info.rows))
                    start = info.rows
                if waiting:
                    yield self._transaction(self._behind(info, batch, before), waiting, info)
                    waiting = []
            before = batch.position
            if start < len(batch):
                waiting.append(_Segment(batch, start, len(batch)))
            if waiting and (batch.position.snapshot or (batch.boundary and not batch.transactions)):
                yield self._transaction(batch.position, waiting, None)
                waiting = []
            if not waiting and batch.boundary:
                await self._move_on(batch.position)

    def _transaction(self, position: Any, segments: Sequence[_Segment], info: Transaction | None) -> SourceTransaction:
        self._delivered += 1
        return SourceTransaction(self, self._delivered, position, segments, info)

    async def _move_on(self, position: Any) -> None:
        """Store a position behind which nothing waits to be acknowledged, from time to time: the server need not keep its log."""
        if self._acknowledged == self._delivered and time.monotonic() - self._stored_at >= IDLE_SECONDS:
            await self._store(position)

    async def _store(self, position: Any) -> None:
        """Store a position, and let the server forget what lies before it."""
        await self._offsets.store(self._log.partition, position.offset())
        self._log.acknowledge(position)
        self._stored_at = time.monotonic()
