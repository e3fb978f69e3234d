"""The writer: performs the shop's transactions one after another, and enters in the ledger what has committed."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import psycopg

from cdc.testing.shop.deed import Deed
from cdc.testing.shop.ledger import Ledger
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
            log.warning("the shop's database connection broke (%s)", str(error).strip().partition("\n")[0])
            committed = await self._has_committed(xid)
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

    async def _has_committed(self, xid: int) -> bool:
        """Tell what became of a transaction whose end is in doubt; 0 stands for one that had not begun."""
        status = "in progress" if xid else "aborted"
        while status == "in progress":
            await asyncio.sleep(RECONNECT_SECONDS)
            with suppress(psycopg.OperationalError):
                connection = await self._connected()
                cursor = await connection.execute("select pg_xact_status(%s::text::xid8)", (str(xid),))
                [status] = await cursor.fetchone() or [status]
        return status == "committed"

    async def _connected(self) -> Connection:
        if self._connection is None or self._connection.broken or self._connection.closed:
            await self._disconnect()
            self._connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True)
        return self._connection

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


async def _current_xid(connection: Connection) -> int:
    cursor = await connection.execute("select pg_current_xact_id()::text")
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def _execute(connection: Connection, deed: Deed) -> None:
    for query, values in deed.statements:
        cursor = await connection.execute(query, values)
        if cursor.rowcount != 1:
            text = query.as_string(connection)
            raise RuntimeError(f"one row was to change, and {cursor.rowcount} did: {text} with {values}")
