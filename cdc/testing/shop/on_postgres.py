"""The shop on PostgreSQL, through psycopg."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, LiteralString, cast

import psycopg
from psycopg import sql

from cdc.testing.shop import schema
from cdc.testing.shop.ledger import Change
from cdc.testing.shop.session import Session, is_there

BROKEN: tuple[type[Exception], ...] = (psycopg.OperationalError,)
CREATE: str = schema.CREATE
FILL: str = schema.FILL

Connection = psycopg.AsyncConnection[tuple[Any, ...]]


async def connect(url: str) -> Session:
    """Open a session on the database of a libpq URL."""
    return PostgresSession(await psycopg.AsyncConnection.connect(url, autocommit=True))


class PostgresSession:
    """See `Session`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def closed(self) -> bool:
        """Whether the connection is known to be lost, or was closed."""
        return self._connection.closed

    async def run(self, query: sql.Composable | str, values: Sequence[Any] = ()) -> int:
        """Run a statement, or several without values; return how many rows the last one changed."""
        return (await self._connection.execute(_query(query), values or None)).rowcount

    async def rows(self, query: sql.Composable | str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a query and return its rows."""
        return await (await self._connection.execute(_query(query), values or None)).fetchall()

    @asynccontextmanager
    async def transaction(self, *, abandoned: bool) -> AsyncIterator[None]:
        """Begin a transaction, and commit it at the end; roll it back if it is abandoned or an error comes out."""
        async with self._connection.transaction(force_rollback=abandoned):
            yield

    async def xid(self) -> int | None:
        """Return the number of the transaction, 64 bits; positions of the log have the lower half."""
        [(text,)] = await self.rows("select pg_current_xact_id()::text")
        return int(text)

    async def has_committed(self, xid: int | None, change: Change) -> bool | None:
        """Tell what became of a transaction of another session by its last change; None: it still runs."""
        if xid is not None and await self._is_running(xid):
            return None
        return await is_there(self, change)

    async def close(self) -> None:
        """Close the connection; it may be lost."""
        await self._connection.close()

    async def _is_running(self, xid: int) -> bool:
        """Tell whether a transaction still runs; a crash of the server makes those unknown that had not reached the disk."""
        asked = await self.rows(
            "select case when x < pg_snapshot_xmax(pg_current_snapshot()) then pg_xact_status(x) = 'in progress' end "
            "from (select %s::text::xid8 as x) asked",
            (str(xid),),
        )
        return asked == [(True,)]


def _query(query: sql.Composable | str) -> sql.Composed | LiteralString:
    return cast("sql.Composed | LiteralString", query)
