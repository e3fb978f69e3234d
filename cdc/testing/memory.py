"""A source and a broker in memory: the contracts of `cdc.sources.base` and `cdc.pipeline.publisher`, without servers.

    log, broker = MemoryLog(), MemoryBroker()
    log.commit(Change("c", table, after=(1, "x")))
    session = Session(MemorySource(log), open_publisher=lambda snapshot: broker.publisher(), …)

`MemoryLog` outlives its readers as a database does, and `MemoryBroker` its producers. Both can be made to fail: subclass the source or
the publisher, and wait or raise before or after calling the method underneath.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cdc.errors import Fenced, KafkaUnavailable, SlotInUse, SourceLost
from cdc.model.batch import ChangeBatch
from cdc.model.event import Transaction
from cdc.model.position import Json, Offset, Position
from cdc.model.records import RecordBatch
from cdc.model.table import Table, TableId
from cdc.snapshot.progress import SnapshotProgress

Row = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one row: `op` is c, u or d; rows are tuples in the order of the table's columns."""

    op: str
    table: Table
    before: Row | None = None
    after: Row | None = None


@dataclass(frozen=True, slots=True)
class MemoryPosition:
    """Behind how many transactions of the log a source stands, and behind how many changes of the next one.

    `snapshot` is true while the initial snapshot is not complete.
    """

    transactions: int
    changes: int = 0
    snapshot: bool = False

    def offset(self) -> Offset:
        """Return the value of the offset record."""
        found: dict[str, Json] = {"transactions": self.transactions, "changes": self.changes}
        return {**found, "snapshot": True} if self.snapshot else found

    @classmethod
    def from_offset(cls, offset: Offset) -> MemoryPosition:
        """Return the position that `offset` was made of."""
        return cls(_number(offset, "transactions"), _number(offset, "changes"), "snapshot" in offset)


def _number(offset: Offset, name: str) -> int:
    value = offset.get(name)
    return value if isinstance(value, int) else 0


class MemoryLog:
    """What a database keeps: its rows, its log, and up to where the one reader of the log has acknowledged it.

    `transactions` are the changes of each committed transaction, oldest first; one without changes moves the position alone.
    """

    def __init__(self, name: str = "memory") -> None:
        self.name = name
        self.transactions: list[tuple[Change, ...]] = []
        self.acknowledged = 0
        self.reader: MemorySource | None = None
        self._rows: dict[tuple[TableId, Row], tuple[Table, Row]] = {}
        self._grown = asyncio.Event()

    def commit(self, *changes: Change) -> int:
        """Commit a transaction and return the number of transactions so far."""
        for change in changes:
            if change.before is not None:
                self._rows.pop(_place(change.table, change.before), None)
            if change.after is not None:
                self._rows[_place(change.table, change.after)] = (change.table, change.after)
        self.transactions.append(changes)
        self._grown.set()
        self._grown = asyncio.Event()
        return len(self.transactions)

    def rows(self) -> list[tuple[Table, Row]]:
        """Return the rows as they are now, each with its table."""
        return list(self._rows.values())

    async def reached(self, transactions: int) -> None:
        """Wait until more than so many transactions are committed."""
        while len(self.transactions) <= transactions:
            await self._grown.wait()


def _place(table: Table, row: Row) -> tuple[TableId, Row]:
    """Return what tells a row from all others: its key, or the whole row where there is none."""
    return table.id, tuple(row[column] for column in table.key) or row


class MemorySource:
    """A `Source` (see `cdc.sources.base`) over a `MemoryLog`.

    A batch ends at `batch_rows` changes, even inside a transaction; what comes behind the end of a transaction that was cut stands in the
    next batch. With `snapshot` False, a source without offset begins with the changes that are not acknowledged.
    """

    def __init__(
        self, log: MemoryLog, *, batch_rows: int = 1000, snapshot: bool = True, tombstones: bool = True
    ) -> None:
        self.log = log
        self._batch_rows = batch_rows
        self._take_snapshot = snapshot
        self._tombstones = tombstones
        self._position = MemoryPosition(0)

    @property
    def partition(self) -> Mapping[str, str]:
        """See `Source.partition`."""
        return {"server": self.log.name}

    @property
    def progress(self) -> SnapshotProgress | None:
        """See `Source.progress`; always None."""
        return None

    @property
    def takes_snapshot(self) -> bool:
        """See `Source.takes_snapshot`."""
        return self._take_snapshot

    @property
    def lag(self) -> int | None:
        """See `Source.lag`; in transactions."""
        return len(self.log.transactions) - self._position.transactions

    async def start(self, stored: Offset | None) -> None:
        """See `Source.start`; raises SlotInUse while another source reads the log."""
        if self.log.reader not in {None, self}:
            raise SlotInUse(f"another source reads {self.log.name}", "Stop it.")
        position = MemoryPosition(self.log.acknowledged) if stored is None else MemoryPosition.from_offset(stored)
        if position.transactions < self.log.acknowledged:
            raise SourceLost(
                f"{self.log.name} begins at transaction {self.log.acknowledged}, the offset says {position.transactions}",
                "Delete the offset.",
            )
        self.log.reader = self
        self._take_snapshot = position.snapshot or (stored is None and self._take_snapshot)
        self._position = position

    async def batches(self) -> AsyncIterator[ChangeBatch]:
        """See `Source.batches`."""
        if self._take_snapshot:
            for batch in self._read_rows(self.log.rows(), MemoryPosition(len(self.log.transactions))):
                yield batch
        yield self._batch(self._position)
        while True:
            await self.log.reached(self._position.transactions)
            for batch in self._cut(self._position):
                self._position = batch.position
                yield batch

    def _read_rows(self, rows: Sequence[tuple[Table, Row]], end: MemoryPosition) -> Iterator[ChangeBatch]:
        unfinished = MemoryPosition(end.transactions, snapshot=True)
        for start in range(0, max(len(rows), 1), self._batch_rows):
            last = start + self._batch_rows >= len(rows)
            batch = self._batch(end if last else unfinished, boundary=last)
            for number, (table, row) in enumerate(rows[start : start + self._batch_rows], start):
                batch.add("r", table, None, row, _source(table, number))
            self._position = batch.position
            yield batch

    def _cut(self, position: MemoryPosition) -> Iterator[ChangeBatch]:
        """Return the batches from a position to the end of the transaction there."""
        changes = self.log.transactions[position.transactions]
        for start in range(position.changes, max(len(changes), position.changes + 1), self._batch_rows):
            end = start + self._batch_rows
            following = MemoryPosition(position.transactions, end)
            batch = self._batch(following, boundary=False, continues=start)
            for number, change in enumerate(changes[start:end], start):
                batch.add(change.op, change.table, change.before, change.after, _source(change.table, number))
            if end >= len(changes):
                batch.position, batch.boundary = MemoryPosition(position.transactions + 1), True
                name = str(position.transactions)
                batch.transactions.append(Transaction(name, len(batch), 0, position.transactions + 1))
            yield batch

    def _batch(self, position: MemoryPosition, *, boundary: bool = True, continues: int = 0) -> ChangeBatch:
        batch = ChangeBatch(self._tombstones)
        batch.position, batch.boundary, batch.continues = position, boundary, continues
        return batch

    async def keep_alive(self) -> None:
        """See `Source.keep_alive`."""
        await asyncio.Event().wait()

    def acknowledge(self, position: Position) -> None:
        """See `Source.acknowledge`."""
        if isinstance(position, MemoryPosition) and self.log.reader is self:
            self.log.acknowledged = max(self.log.acknowledged, position.transactions)

    async def stop(self) -> None:
        """See `Source.stop`."""
        if self.log.reader is self:
            self.log.reader = None


def _source(table: Table, number: int) -> Row:
    """Return source variables for a row: its number for numeric fields, nothing for others."""
    return tuple(number if variable.schema.type.value == "int64" else None for variable in table.source_variables)


@dataclass(frozen=True, slots=True)
class Record:
    """A record that a `read_committed` consumer sees."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


@dataclass(frozen=True, slots=True)
class KafkaTransaction:
    """A committed transaction: its records in order, and the offset that came with them."""

    records: tuple[Record, ...]
    partition: Mapping[str, str]
    offset: Offset


@dataclass(slots=True)
class MemoryBroker:
    """A Kafka with transactions. `clock` gives seconds: by it, transactions that last longer than their time-out are aborted."""

    clock: Callable[[], float] = lambda: 0.0
    transactions: list[KafkaTransaction] = field(default_factory=list)
    _owners: dict[str, MemoryPublisher] = field(default_factory=dict)

    def publisher(self, transactional_id: str = "memory", *, timeout: float = 60.0) -> MemoryPublisher:
        """Return a new publisher, not started; `timeout` is how long its transactions may last, in seconds."""
        return MemoryPublisher(self, transactional_id, timeout)

    def records(self, topic: str | None = None) -> list[Record]:
        """Return the committed records of a topic (None: of all), in the order in which they were committed."""
        every = itertools.chain.from_iterable(transaction.records for transaction in self.transactions)
        return [record for record in every if topic in {None, record.topic}]

    def offset(self, partition: Mapping[str, str]) -> Offset | None:
        """Return the newest committed offset of a source partition."""
        found = (each.offset for each in reversed(self.transactions) if each.partition == partition)
        return next(found, None)

    def take_over(self, publisher: MemoryPublisher) -> None:
        """Make this the only publisher that may write under its transactional id."""
        self._owners[publisher.transactional_id] = publisher

    def check(self, publisher: MemoryPublisher) -> None:
        """Raise Fenced unless the publisher is the newest that has started under its transactional id."""
        if self._owners.get(publisher.transactional_id) is not publisher:
            raise Fenced(f"another instance has started ({publisher.transactional_id})", "Stop one of the two.")


class MemoryPublisher:
    """A `Publisher` (see `cdc.pipeline.publisher`) to a `MemoryBroker`; calls out of turn raise RuntimeError."""

    def __init__(self, broker: MemoryBroker, transactional_id: str = "memory", timeout: float = 60.0) -> None:
        self.broker = broker
        self.transactional_id = transactional_id
        self._timeout = timeout
        self._open: list[Record] | None = None
        self._begun = 0.0
        self._started = False

    async def start(self) -> None:
        """See `Publisher.start`."""
        self.broker.take_over(self)
        self._started = True

    async def begin(self) -> None:
        """See `Publisher.begin`."""
        if not self._started or self._open is not None:
            raise RuntimeError("a transaction begins once, after start, or after the commit before")
        self._open, self._begun = [], self.broker.clock()

    async def send(self, records: RecordBatch) -> None:
        """See `Publisher.send`."""
        self.broker.check(self)
        found = self._transaction()
        found.extend(Record(*records[index]) for index in range(len(records)))

    async def commit(self, partition: Mapping[str, str], offset: Offset) -> None:
        """See `Publisher.commit`."""
        records = self._transaction()
        self.broker.check(self)
        if self.broker.clock() - self._begun > self._timeout:
            raise KafkaUnavailable(f"the transaction took longer than {self._timeout} s", "It is repeated.")
        self.broker.transactions.append(KafkaTransaction(tuple(records), dict(partition), dict(offset)))
        self._open = None

    async def close(self) -> None:
        """See `Publisher.close`."""
        self._open, self._started = None, False

    def _transaction(self) -> list[Record]:
        if self._open is None:
            raise RuntimeError("no transaction is open")
        return self._open
