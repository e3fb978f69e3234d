"""The writer: performs the shop's transactions one after another, and enters in the ledger what has committed."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import psycopg
from psycopg import sql

from cdc.testing.shop.deed import Deed, by_key
from cdc.testing.shop.ledger import Change, Ledger
from cdc.testing.shop.trade import Stock, Trade

log = logging.getLogger(__name__)

Connection = psycopg.AsyncConnection[tuple[Any, ...]]

RECONNECT_SECONDS = 0.25


class ShopWriter:
    """Changes the shop continuously, `rate` transactions a second on the average, on a connection of its own.

    Only what has committed is entered in the ledger. When the connection breaks during a commit, the database is asked what became of
    it. One task runs it; `stop` may be called by any other on the same loop.
    """

    def __init__(
        self, url: str, stock: Stock, ledger: Ledger, rate: float, chance: random.Random | None = None
    ) -> None:
        self.transactions = 0
        self.rolled_back = 0
        self.last_xid: int | None = None
        self._url = url
        self._ledger = ledger
        self._rate = rate
        self._chance = chance or random.Random()  # noqa: S311 (no secret)
        self._trade = Trade(stock, ledger, self._chance)
        self._stopping = asyncio.Event()
        self._connection: Connection | None = None

    def stop(self) -> None:
        """Have `run` return after the transaction at hand."""
        self._stopping.set()

    async def run(self) -> None:
        """Write until `stop`; waits for a database that is gone."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        try:
            while not self._stopping.is_set():
                await self._perform(self._trade.next())
                due = max(due + self._chance.expovariate(self._rate), loop.time() - 1)
                await self._pause(due - loop.time())
        finally:
            await self._disconnect()

    async def _pause(self, seconds: float) -> None:
        if seconds > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), seconds)

    async def _perform(self, deed: Deed) -> None:
        """Perform a transaction, and enter it in the ledger if it has committed."""
        xid = 0
        try:
            async with self._transaction(deed) as connection:
                xid = await _current_xid(connection)
                await _execute(connection, deed)
            committed = not deed.abandoned
        except psycopg.OperationalError as error:
            log.warning("the shop's connection to its database broke (%s)", _first_line(error))
            await self._disconnect()
            committed = await self._has_committed(deed, xid)
        if committed:
            self._ledger.commit(deed.changes)
            deed.finish()
            self.last_xid = xid
            self.transactions += 1
        else:
            self.rolled_back += 1

    @asynccontextmanager
    async def _transaction(self, deed: Deed) -> AsyncIterator[Connection]:
        connection = await self._connected()
        async with connection.transaction(force_rollback=deed.abandoned):
            yield connection

    async def _has_committed(self, deed: Deed, xid: int) -> bool:
        """Tell what became of a transaction whose end is in doubt; `xid` 0 stands for one that had not begun."""
        while xid and not deed.abandoned:
            await asyncio.sleep(RECONNECT_SECONDS)
            with suppress(psycopg.OperationalError):
                connection = await self._connected()
                if not await _is_running(connection, xid):
                    return await _is_there(connection, deed.changes[-1])
        return False

    async def _connected(self) -> Connection:
        """Return a connection that works, as soon as there can be one."""
        warned = False
        while self._connection is None or self._connection.closed:
            try:
                self._connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True)
            except psycopg.OperationalError as error:
                if not warned:
                    log.warning("the shop waits for its database (%s)", _first_line(error))
                warned = True
                await asyncio.sleep(RECONNECT_SECONDS)
        return self._connection

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


async def _current_xid(connection: Connection) -> int:
    cursor = await connection.execute("select pg_current_xact_id()::text")
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def _is_running(connection: Connection, xid: int) -> bool:
    """Tell whether a transaction still runs; a crash of the server makes those unknown that had not reached the disk."""
    cursor = await connection.execute(
        "select case when x < pg_snapshot_xmax(pg_current_snapshot()) then pg_xact_status(x) = 'in progress' end "
        "from (select %s::text::xid8 as x) asked",
        (str(xid),),
    )
    return await cursor.fetchone() == (True,)


async def _is_there(connection: Connection, change: Change) -> bool:
    """Tell whether a change is in the database; nobody else changes its rows."""
    query = sql.SQL("select version from {} where {}").format(sql.Identifier(change.table), by_key(change.table))
    row = await (await connection.execute(query, change.key)).fetchone()
    return row is None if change.op == "d" else row == (change.version,)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


async def _execute(connection: Connection, deed: Deed) -> None:
    for query, values in deed.statements:
        cursor = await connection.execute(query, values)
        if cursor.rowcount != 1:
            text = query.as_string(connection)
            raise RuntimeError(f"one row was to change, and {cursor.rowcount} did: {text} with {values}")
