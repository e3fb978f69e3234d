"""How a snapshot's parts are read: one after another on one connection, or on several that see the same."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Generic, Protocol, TypeAlias, TypeVar

from cdc.snapshot.reading import Part, Rows

#: Reads that wait to be decoded, all connections together.
QUEUED_READS = 2

C = TypeVar("C")
Read: TypeAlias = Callable[[C, Part], AsyncIterator[Rows]]
"""Yields the rows of a part that a connection reads, and an empty list behind them."""


class Reader(Protocol):
    """Reads parts once. One consumer."""

    def rows(self) -> AsyncIterator[Rows]:
        """Yield all rows of all parts, and an empty list behind each part.

        Raises:
            SourceUnavailable: a connection broke; what was read up to there belongs to a view that is gone.
            SourceRefused: the server refuses a query.
        """

    async def close(self) -> None:
        """Stop reading; may be called at any time, more than once."""


class SerialReader(Generic[C]):
    """Reads one part after another."""

    def __init__(self, connection: C, read: Read[C], parts: Sequence[Part]) -> None:
        self._connection = connection
        self._read = read
        self._parts = parts

    async def rows(self) -> AsyncIterator[Rows]:
        """See `Reader.rows`."""
        for part in self._parts:
            async for rows in self._read(self._connection, part):
                yield rows

    async def close(self) -> None:
        """See `Reader.close`; the connection is its owner's."""


class ParallelReader(Generic[C]):
    """Reads several parts at once, each connection one after another; the parts begin in their order.

    `opened` gives each of at most `count` workers its connection.
    """

    def __init__(
        self, opened: Callable[[], AbstractAsyncContextManager[C]], read: Read[C], parts: Sequence[Part], count: int
    ) -> None:
        self._opened = opened
        self._read = read
        self._parts = deque(parts)
        self._count = min(count, len(parts))
        self._queue: asyncio.Queue[Rows | Exception | None] = asyncio.Queue(QUEUED_READS)
        self._tasks: list[asyncio.Task[None]] = []

    async def rows(self) -> AsyncIterator[Rows]:
        """See `Reader.rows`."""
        count = self._count
        self._tasks = [asyncio.create_task(self._work(), name=f"snapshot-{number}") for number in range(count)]
        try:
            while count:
                found = await self._queue.get()
                if isinstance(found, Exception):
                    raise found
                if found is None:
                    count -= 1
                else:
                    yield found
        finally:
            await self.close()

    async def close(self) -> None:
        """See `Reader.close`."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _work(self) -> None:
        """Read parts until there are none; hand on what goes wrong, as the consumer alone is waited for."""
        try:
            async with self._opened() as connection:
                await self._read_parts(connection)
        except Exception as error:  # noqa: BLE001 (raised by the consumer)
            await self._queue.put(error)
        else:
            await self._queue.put(None)

    async def _read_parts(self, connection: C) -> None:
        while self._parts:
            async for rows in self._read(connection, self._parts.popleft()):
                await self._queue.put(rows)
