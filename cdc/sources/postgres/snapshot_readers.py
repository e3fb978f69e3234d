"""How a snapshot's parts are read: one after another on one connection, or on several that see the same."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import Protocol, TypeAlias

from psycopg import pq

from cdc.config.settings import PostgresSettings
from cdc.config.snapshot import SELECTS
from cdc.errors import SourceRefused
from cdc.sources.postgres.connection import Connection
from cdc.sources.postgres.copy_stream import CopyStream, Message
from cdc.sources.postgres.snapshot_parts import Part, TableReading
from cdc.sources.postgres.view import View, open_pinned

#: Reads that wait to be decoded, all connections together.
QUEUED_READS = 2

Rows: TypeAlias = tuple[TableReading, list[Message]]
"""Rows of a table, as COPY sends them; none of them when a part of the table has ended."""


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


def open_reader(connection: Connection, settings: PostgresSettings, parts: Sequence[Part], view: View) -> Reader:
    """Return a reader of parts: on the connection that holds the view, or on as many others as `snapshot.max.threads` says."""
    if settings.snapshot.threads == 1:
        return SerialReader(connection, settings, parts)
    return ParallelReader(settings, parts, view)


class SerialReader:
    """Reads one part after another."""

    def __init__(self, connection: Connection, settings: PostgresSettings, parts: Sequence[Part]) -> None:
        self._connection = connection
        self._settings = settings
        self._parts = parts

    async def rows(self) -> AsyncIterator[Rows]:
        """See `Reader.rows`."""
        for part in self._parts:
            async for rows in _read(self._connection, self._settings, part):
                yield rows

    async def close(self) -> None:
        """See `Reader.close`; the connection is its owner's."""


class ParallelReader:
    """Reads several parts at once, each connection one after another; the parts begin in their order."""

    def __init__(self, settings: PostgresSettings, parts: Sequence[Part], view: View) -> None:
        self._settings = settings
        self._view = view
        self._parts = deque(parts)
        self._queue: asyncio.Queue[Rows | Exception | None] = asyncio.Queue(QUEUED_READS)
        self._tasks: list[asyncio.Task[None]] = []

    async def rows(self) -> AsyncIterator[Rows]:
        """See `Reader.rows`."""
        count = min(self._settings.snapshot.threads, len(self._parts))
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
            connection = await open_pinned(self._settings, self._view)
            try:
                await self._read_parts(connection)
            finally:
                await connection.close()
        except Exception as error:  # noqa: BLE001 (raised by the consumer)
            await self._queue.put(error)
        else:
            await self._queue.put(None)

    async def _read_parts(self, connection: Connection) -> None:
        while self._parts:
            async for rows in _read(connection, self._settings, self._parts.popleft()):
                await self._queue.put(rows)


async def _read(connection: Connection, settings: PostgresSettings, part: Part) -> AsyncIterator[Rows]:
    """Yield the rows of a part, and an empty list behind them."""
    stream = CopyStream(connection, settings)
    await _begin(stream, part, settings)
    while messages := await stream.read():
        yield part.reading, messages
    yield part.reading, []


async def _begin(stream: CopyStream, part: Part, settings: PostgresSettings) -> None:
    """Start a part's COPY; a statement that came with the configuration is named when the server refuses it."""
    table = str(part.reading.table.id)
    try:
        await stream.begin(part.query, pq.ExecStatus.COPY_OUT)
    except SourceRefused as error:
        if table not in settings.snapshot.selects:
            raise
        raise SourceRefused(
            f"the statement of {SELECTS}.{table} cannot be read: {error}",
            "Correct it; it must give all captured columns of the table, by their names.",
        ) from error
