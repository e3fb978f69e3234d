"""How a snapshot's parts are read: one after another on one connection, or on several that see the same."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

from psycopg import pq

from cdc.config.settings import PostgresSettings
from cdc.config.snapshot import SELECTS
from cdc.errors import SourceRefused
from cdc.snapshot.readers import ParallelReader, Reader, SerialReader
from cdc.snapshot.reading import Part, Rows
from cdc.sources.postgres.protocol.connection import Connection
from cdc.sources.postgres.protocol.copy_stream import CopyStream
from cdc.sources.postgres.snapshot.view import View, open_pinned


def open_reader(connection: Connection, settings: PostgresSettings, parts: Sequence[Part], view: View) -> Reader:
    """Return a reader of parts: on the connection that holds the view, or on as many others as `snapshot.max.threads` says."""
    read = partial(_read, settings)
    opened = partial(_pinned, settings, view)
    if settings.snapshot.threads == 1:
        return SerialReader(connection, read, parts)
    return ParallelReader(opened, read, parts, settings.snapshot.threads)


@asynccontextmanager
async def _pinned(settings: PostgresSettings, view: View) -> AsyncIterator[Connection]:
    """Open a connection that sees the view, for as long as the block lasts."""
    connection = await open_pinned(settings, view)
    try:
        yield connection
    finally:
        await connection.close()


async def _read(settings: PostgresSettings, connection: Connection, part: Part) -> AsyncIterator[Rows]:
    """Yield the rows of a part, and an empty list behind them."""
    stream = CopyStream(connection, settings)
    await _begin(stream, part, settings)
    while messages := await stream.read():
        yield part.reading, messages
    yield part.reading, []


async def _begin(stream: CopyStream, part: Part, settings: PostgresSettings) -> None:
    """Start a part's COPY; a statement that came with the configuration is named when the server refuses it."""
    table = str(part.reading.id)
    try:
        await stream.begin(part.query, pq.ExecStatus.COPY_OUT)
    except SourceRefused as error:
        if table not in settings.snapshot.selects:
            raise
        raise SourceRefused(
            f"the statement of {SELECTS}.{table} cannot be read: {error}",
            "Correct it; it must give all captured columns of the table, by their names.",
        ) from error
