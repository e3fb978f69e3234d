"""A PostgreSQL with one table and one slot, in memory: the real source and decoder read its log, byte by byte.

Only the connection, the catalogue and the reading of the snapshot's rows are replaced.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from types import SimpleNamespace
from typing import Any
from unittest import mock

from cdc.config.settings import PostgresSettings
from cdc.errors import SlotInUse, SourceRefused, SourceUnavailable
from cdc.model.batch import ChangeBatch
from cdc.model.position import Offset
from cdc.model.table import Table
from cdc.sources.postgres import source as source_module
from cdc.sources.postgres.protocol.reader import NewSlot, SystemIdentity
from cdc.sources.postgres.server.continuity import Facts
from cdc.sources.postgres.server.planning import Planner
from cdc.sources.postgres.server.slot import Slot
from cdc.sources.postgres.source import PostgresLog
from cdc.sources.postgres.wal.position import PostgresPosition, PublicationEvidence, Visibility
from tests.unit.sources.postgres import messages as m
from tests.unit.sources.postgres.stream import INT8, TEXT, plan_of, table

ITEM, HIDDEN = 1, 2
COLUMNS = [("id", INT8, -1, True), ("text", TEXT, -1, False)]
RELATIONS = {ITEM: m.relation(ITEM, "s", "item", COLUMNS), HIDDEN: m.relation(HIDDEN, "s", "hidden", COLUMNS)}
SETTINGS = PostgresSettings("memory", "db", "cdc", "p", slot_name="slot", status_update_interval=10.0)
#: Waits as long as a message travels; may raise SourceUnavailable.
Travel = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Committed:
    """A transaction of the log; its changes are inserted ids, None for rows of the table that is not captured."""

    commit_lsn: int
    end_lsn: int
    xid: int
    changes: Sequence[int | None]


@dataclass(frozen=True, slots=True)
class SeenBySnapshot:
    """A view that a snapshot reads: the transactions in it, by their place in the log."""

    seen: frozenset[int]
    visibility: Visibility | None


@dataclass(eq=False)
class SimulatedPostgres:
    """The server. Transaction ids wrap at 32 bits soon after the start."""

    random: Random
    lsn: int = 0x1_0000_0000
    next_xid: int = (1 << 33) - 10
    transactions: list[Committed] = field(default_factory=list)
    views: list[SeenBySnapshot] = field(default_factory=list)
    confirmed: int | None = None
    reader: SimulatedStream | None = None

    def __post_init__(self) -> None:
        self._running: list[int] = []
        self.grown = asyncio.Event()

    def commit(self, changes: Sequence[int | None]) -> None:
        """Commit a transaction; others that began before it may commit later."""
        while len(self._running) < 1 or self.random.random() < 0.5:
            self._running.append(self.next_xid)
            self.next_xid += 1
        xid = self._running.pop(self.random.randrange(len(self._running)))
        commit_lsn = self.lsn + 8 * len(changes) + 8
        self.lsn = commit_lsn + 48
        self.transactions.append(Committed(commit_lsn, self.lsn, xid, changes))
        self._grow()

    def work_elsewhere(self) -> None:
        """Write log that belongs to another database."""
        self.lsn += 1000
        self._grow()

    def _grow(self) -> None:
        self.grown.set()
        self.grown = asyncio.Event()

    def open_view(self, exported: str | None) -> int:
        """Return the number of a new view: that of the slot's creation, or the present one.

        In the present one, the last commits may not be visible yet: the log has them before other sessions see them.
        """
        if exported is not None:
            return int(exported)
        behind_slot = bisect_left(self.transactions, self.confirmed or 0, key=lambda each: each.commit_lsn)
        seen = frozenset(range(max(len(self.transactions) - self.random.choice([0, 0, 1, 2]), behind_slot)))
        running = [*self._running, *(each.xid for each in self.transactions[len(seen) :])]
        text = f"{min([*running, self.next_xid])}:{self.next_xid}:{','.join(map(str, sorted(running)))}"
        self.views.append(SeenBySnapshot(seen, Visibility(text, self.lsn)))
        return len(self.views) - 1

    def create_slot(self) -> NewSlot:
        if self.confirmed is not None:
            raise SourceRefused("the slot already exists", "Another instance was quicker.")
        self.confirmed = self.lsn
        self.views.append(SeenBySnapshot(frozenset(range(len(self.transactions))), None))
        return NewSlot(self.lsn, str(len(self.views) - 1))

    def slot(self) -> Slot | None:
        if self.confirmed is None:
            return None
        active = None if self.reader is None else 1
        return Slot("pgoutput", "logical", SETTINGS.dbname, active, "reserved", self.confirmed)

    def confirm(self, flushed: int) -> None:
        """Take an acknowledgement; never backwards."""
        self.confirmed = max(self.confirmed or 0, flushed)


class SimulatedStream:
    """One walsender; `ReplicationStream` for the source."""

    def __init__(
        self, server: SimulatedPostgres, travel: Travel, random: Random, confirm: Callable[[int], None]
    ) -> None:
        self._server = server
        self._travel = travel
        self._random = random
        self._confirm = confirm
        self._waiting: list[bytes] = []
        self._next = 0
        self._kept_alive = 0
        self._described: set[int] = set()

    async def identify(self) -> SystemIdentity:
        await self._travel()
        return SystemIdentity("7000", 1, self._server.lsn)

    async def create_slot(self, name: str, *, failover: bool = False) -> NewSlot:
        await self._travel()
        return self._server.create_slot()

    async def start(self, slot: str, lsn: int, publication: str) -> None:
        await self._travel()
        server = self._server
        if server.reader is not None:
            raise SlotInUse("the slot is active", "Stop the other reader.")
        server.reader = self
        # PostgreSQL begins at the later one; a source must not rely on it.
        begin = self._random.choice([max(lsn, server.confirmed or 0), server.confirmed or 0])
        self._next = bisect_left(server.transactions, begin, key=lambda each: each.commit_lsn)

    async def read(self) -> list[memoryview]:
        await self._travel()
        portion = self._random.randint(1, 20)
        while not self._waiting:
            if self._server.reader is not self:
                raise SourceUnavailable("the server has closed the connection", "Wait.")
            behind = self._next == len(self._server.transactions)
            while self._next < len(self._server.transactions) and len(self._waiting) < portion:
                self._waiting += self._following()
            self._waiting += self._following()
            if not self._waiting and behind:
                await self._server.grown.wait()
        taken, self._waiting = self._waiting[:portion], self._waiting[portion:]
        return [memoryview(message) for message in taken]

    def _following(self) -> Iterator[bytes]:
        """Yield the next transaction, or a keepalive when all is sent."""
        server = self._server
        if self._next < len(server.transactions):
            transaction = server.transactions[self._next]
            if self._random.random() < 0.2:
                yield m.keepalive(self._random.randint(transaction.commit_lsn - 8, transaction.commit_lsn))
                return
            self._next += 1
            if self._random.random() < 0.8 or any(change is not None for change in transaction.changes):
                yield from self._transaction(transaction)
        elif server.lsn > self._kept_alive:
            self._kept_alive = server.lsn
            yield m.keepalive(server.lsn, reply=self._random.random() < 0.5)

    def _transaction(self, transaction: Committed) -> Iterator[bytes]:
        lsn = transaction.commit_lsn - 8 * len(transaction.changes)
        yield m.xlog(lsn, m.begin(transaction.commit_lsn, transaction.xid & 0xFFFFFFFF))
        for place, change in enumerate(transaction.changes):
            oid = HIDDEN if change is None else ITEM
            if oid not in self._described:
                self._described.add(oid)
                yield m.xlog(0, RELATIONS[oid])
            yield m.xlog(lsn + 8 * place, m.insert(oid, (change or 0, "streamed")))
            if self._random.random() < 0.1:
                yield m.keepalive(self._server.lsn, reply=True)
        yield m.xlog(transaction.end_lsn, m.commit(transaction.commit_lsn, transaction.end_lsn))

    def send_status(self, flushed: int) -> None:
        self._confirm(flushed)

    def release(self) -> None:
        """Let go of the slot."""
        if self._server.reader is self:
            self._server.reader = None
            self._server._grow()

    async def close(self) -> None:
        self.release()


class SimulatedCatalog:
    async def stream_plan(self, relation: object) -> object:
        return plan_of(relation)  # type: ignore[arg-type]


class SimulatedLog(PostgresLog):
    """The PostgreSQL source, on a simulated server."""

    def __init__(self, server: SimulatedPostgres, connect: Callable[[], SimulatedStream], travel: Travel) -> None:
        super().__init__(SETTINGS)
        self._server = server
        self._connect = connect
        self._travel = travel
        self._catalog = SimulatedCatalog()  # type: ignore[assignment]
        self._item: Table = table("id", "text", name="item")

    async def start(self, stored: Offset | None) -> None:
        self._stream = self._connect()  # type: ignore[assignment]
        self._identity = await self._need_stream().identify()
        slot = await self._when_free(self._find_free_slot)
        planner = Planner(
            SETTINGS, self._need_stream(), self._identity, ask=self._ask, find=self._find_slot, remove=self._remove
        )
        plan = await planner.plan(stored, slot, await planner.judge(stored, slot))
        self._begin_with(plan, PublicationEvidence(SETTINGS.publication_name, 1))

    async def _find_slot(self) -> Slot | None:
        slot = self._server.slot()
        await self._travel()
        return slot

    async def _remove(self) -> None:
        raise NotImplementedError

    async def _ask(self, _: PostgresPosition, known: Facts) -> Facts:
        await self._travel()
        return known

    async def _watch_slot(self) -> None:
        """Look at nothing: the real one needs a connection."""

    async def _read_snapshot(self) -> AsyncIterator[ChangeBatch]:
        start = self._plan.position
        await self._travel()
        number = self._server.open_view(self._plan.exported)
        view = self._server.views[number]
        seen = [self._server.transactions[place].changes for place in sorted(view.seen)]
        ids = [change for changes in seen for change in changes if change is not None]
        size = self._server.random.randint(1, 20)
        for first in range(0, max(len(ids), 1), size):
            await self._travel()
            batch = self._new_batch()
            for change in ids[first : first + size]:
                batch.add("r", self._item, None, (change, str(number)), (0,) * 9)
            batch.boundary = first + size >= len(ids)
            visibility = view.visibility if batch.boundary else None
            batch.position = PostgresPosition(
                start.lsn, start.system_id, start.timeline, snapshot=not batch.boundary, visibility=visibility
            )
            yield batch


def virtual_clock(batch_rows: int) -> mock._patch[Any]:
    """Return a patch by which the source reads the loop's time, and cuts batches at so many rows."""
    clock = SimpleNamespace(monotonic=lambda: asyncio.get_running_loop().time(), time_ns=lambda: 0)
    return mock.patch.multiple(source_module, time=clock, BATCH_ROWS=batch_rows)
