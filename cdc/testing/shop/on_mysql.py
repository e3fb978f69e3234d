"""The shop on MySQL, through PyMySQL in threads."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import pymysql
from psycopg import sql
from psycopg.types.json import Jsonb
from pymysql.constants import CLIENT

from cdc.testing.shop import mysql_schema
from cdc.testing.shop.ledger import Change
from cdc.testing.shop.session import Session, is_there

BROKEN: tuple[type[Exception], ...] = (pymysql.err.OperationalError, pymysql.err.InterfaceError)
CREATE: str = mysql_schema.CREATE
FILL: str = mysql_schema.FILL

#: Names stand in double quotes, as in standard SQL.
MODE = "set session sql_mode = concat(@@sql_mode, ',ANSI_QUOTES')"
Result = TypeVar("Result")


async def connect(url: str) -> Session:
    """Open a session on the database of a URL: `mysql://user:password@host:port/database`."""
    at = urlsplit(url)
    return MySqlSession(
        await _in_thread(
            lambda: pymysql.connect(
                host=at.hostname or "",
                port=at.port or 3306,
                user=unquote(at.username or ""),
                password=unquote(at.password or ""),
                database=unquote(at.path.lstrip("/")) or None,
                autocommit=True,
                charset="utf8mb4",
                init_command=MODE,
                client_flag=CLIENT.MULTI_STATEMENTS,
            )
        )
    )


class MySqlSession:
    """See `Session`."""

    def __init__(self, connection: pymysql.Connection[Any]) -> None:
        self._connection = connection

    @property
    def closed(self) -> bool:
        """Whether the connection is known to be lost, or was closed."""
        return not self._connection.open

    async def run(self, query: sql.Composable | str, values: Sequence[Any] = ()) -> int:
        """Run a statement, or several without values; return how many rows the last one changed."""
        count, _ = await _in_thread(lambda: self._execute(query, values))
        return count

    async def rows(self, query: sql.Composable | str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a query and return its rows."""
        _, found = await _in_thread(lambda: self._execute(query, values))
        return found

    @asynccontextmanager
    async def transaction(self, *, abandoned: bool) -> AsyncIterator[None]:
        """Begin a transaction, and commit it at the end; roll it back if it is abandoned or an error comes out."""
        await _in_thread(self._connection.begin)
        try:
            yield
        except BaseException:
            with suppress(*BROKEN):
                await _in_thread(self._connection.rollback)
            raise
        await _in_thread(self._connection.rollback if abandoned else self._connection.commit)

    async def xid(self) -> int | None:
        """Return None: a transaction has a number only from its commit on."""
        return None

    async def has_committed(self, xid: int | None, change: Change) -> bool | None:
        """Tell what became of a transaction of another session by its last change, whose row it locks until its end."""
        return await is_there(self, change, lock=True)

    async def close(self) -> None:
        """Close the connection; it may be lost."""
        if self._connection.open:
            await _in_thread(self._connection.close)

    def _execute(self, query: sql.Composable | str, values: Sequence[Any]) -> tuple[int, list[tuple[Any, ...]]]:
        text = query if isinstance(query, str) else query.as_string(None)
        with self._connection.cursor() as cursor:
            cursor.execute(text, [_plain(value) for value in values] or None)
            while cursor.nextset():
                pass
            return cursor.rowcount, list(cursor.fetchall())


def _plain(value: object) -> object:
    return json.dumps(value.obj, ensure_ascii=False) if isinstance(value, Jsonb) else value


async def _in_thread(work: Callable[[], Result]) -> Result:
    """Do blocking work in a thread; when cancelled, wait for its end: the connection must not be used by two."""
    working = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.wait([working])
        raise
