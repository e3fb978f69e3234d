"""The writer: performs the shop's transactions one after another, and enters in the ledger what has committed."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from cdc.testing.shop.databases import kind_of
from cdc.testing.shop.deed import Deed
from cdc.testing.shop.ledger import Ledger
from cdc.testing.shop.session import Session
from cdc.testing.shop.trade import Stock, Trade

log = logging.getLogger(__name__)

RECONNECT_SECONDS = 0.25


class ShopWriter:
    """Changes the shop continuously, `rate` transactions a second on the average, on a connection of its own.

    Only what has committed is entered in the ledger. When the connection breaks during a commit, the database is asked what became of
    it.
    One task runs it; `stop` may be called by any other on the same loop.
    """

    def __init__(
        self, url: str, stock: Stock, ledger: Ledger, rate: float, chance: random.Random | None = None
    ) -> None:
        self.transactions = 0
        self.rolled_back = 0
        self._url = url
        self._database = kind_of(url)
        self._ledger = ledger
        self._rate = rate
        self._chance = chance or random.Random()  # noqa: S311 (no secret)
        self._trade = Trade(stock, ledger, self._chance)
        self._stopping = asyncio.Event()
        self._session: Session | None = None

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
        xid, begun = None, False
        try:
            async with self._transaction(deed) as session:
                begun = True
                xid = await session.xid()
                await _execute(session, deed)
            committed = not deed.abandoned
        except self._database.BROKEN as error:
            log.warning("the shop's connection to its database broke (%s)", _first_line(error))
            await self._disconnect()
            committed = begun and not deed.abandoned and await self._has_committed(deed, xid)
        if committed:
            self._ledger.commit(deed.changes)
            deed.finish()
            self.transactions += 1
        else:
            self.rolled_back += 1

    @asynccontextmanager
    async def _transaction(self, deed: Deed) -> AsyncIterator[Session]:
        session = await self._connected()
        async with session.transaction(abandoned=deed.abandoned):
            yield session

    async def _has_committed(self, deed: Deed, xid: int | None) -> bool:
        """Tell what became of a transaction whose end is in doubt."""
        while True:
            await asyncio.sleep(RECONNECT_SECONDS)
            with suppress(*self._database.BROKEN):
                session = await self._connected()
                if (committed := await session.has_committed(xid, deed.changes[-1])) is not None:
                    return committed

    async def _connected(self) -> Session:
        """Return a session that works, as soon as there can be one."""
        warned = False
        while self._session is None or self._session.closed:
            try:
                self._session = await self._database.connect(self._url)
            except self._database.BROKEN as error:
                if not warned:
                    log.warning("the shop waits for its database (%s)", _first_line(error))
                warned = True
                await asyncio.sleep(RECONNECT_SECONDS)
        return self._session

    async def _disconnect(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


async def _execute(session: Session, deed: Deed) -> None:
    for query, values in deed.statements:
        changed = await session.run(query, values)
        if changed != 1:
            text = query.as_string(None)
            raise RuntimeError(f"one row was to change, and {changed} did: {text} with {values}")
