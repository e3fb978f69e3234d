"""PostgreSQL as an asynchronous iterator of committed transactions: the library's face of the source."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from psycopg.conninfo import conninfo_to_dict

from cdc.config.filters import NameFilter, TableFilter
from cdc.config.hosts import join_hosts
from cdc.config.secret import Secret
from cdc.config.settings import PostgresSettings, PublicationAutocreate
from cdc.config.snapshot import SnapshotMode
from cdc.errors import ConfigError
from cdc.model.batch import ChangeBatch
from cdc.model.change import ChangeEvent, read_event
from cdc.model.event import Transaction
from cdc.offsets.base import OffsetStore
from cdc.offsets.memory import MemoryOffsetStore
from cdc.sources.postgres.position import PostgresPosition, Visibility, still_needed
from cdc.sources.postgres.source import PostgresLog

#: How often the position is stored while only the log moves on and nothing waits to be acknowledged, in seconds.
IDLE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class _Segment:
    """Rows of one transaction in one batch, from `start` up to `end`."""

    batch: ChangeBatch
    start: int
    end: int


class SourceTransaction:
    """The changes of one committed transaction, in order; or a part of the snapshot, when `snapshot` is true.

    Iterating makes the events, so a transaction that is not looked at costs little. `committed_at` is the server's time of the commit.
    `number` counts the transactions of this source from 1 on.
    """

    def __init__(
        self,
        source: PostgresSource,
        number: int,
        position: PostgresPosition,
        segments: Sequence[_Segment],
        info: Transaction | None,
    ) -> None:
        self._source = source
        self._segments = segments
        self.number = number
        self.position = position
        self.snapshot = info is None
        self.id = "" if info is None else info.id
        self.committed_at = None if info is None else datetime.fromtimestamp(info.commit_us / 1_000_000, UTC)

    def __len__(self) -> int:
        return sum(segment.end - segment.start for segment in self._segments)

    def __iter__(self) -> Iterator[ChangeEvent]:
        for segment in self._segments:
            for index in range(segment.start, segment.end):
                yield read_event(segment.batch, index)

    async def ack(self) -> None:
        """Note that this transaction and all before it are done with.

        The position is stored first and then reported to the server, which may then recycle its log. What is not acknowledged when the
        process ends is delivered again. A second time, or after a later transaction, it changes nothing.
        """
        await self._source.acknowledge(self)


class PostgresSource:
    """Reads committed changes of a PostgreSQL database, transaction by transaction.

    `dsn` is a libpq connection string. `tables` are regular expressions over `schema.table`, each of which must match the whole name; none
    means all. The slot and the publication are created when absent. `offsets` keeps the position between runs: with the default, which keeps
    it in memory, every run begins with a snapshot (unless `snapshot` is false). Further settings are the fields of
    `cdc.config.PostgresSettings`, such as `time_mode`.

    One owner. A second `async for` goes on where the first one was left. A transaction is held in memory whole.
    """

    def __init__(
        self,
        dsn: str,
        *,
        slot: str,
        publication: str | None = None,
        tables: Sequence[str] = (),
        snapshot: bool = True,
        offsets: OffsetStore | None = None,
        **settings: object,
    ) -> None:
        self._settings = replace(
            _connection_settings(dsn),
            slot_name=slot,
            publication_name=publication or slot,
            publication_autocreate=PublicationAutocreate.FILTERED,
            tables=TableFilter(tables=NameFilter.parse(",".join(name.replace(",", r"\,") for name in tables))),
            snapshot_mode=SnapshotMode.INITIAL if snapshot else SnapshotMode.NO_DATA,
            tombstones_on_delete=False,
            **settings,  # type: ignore[arg-type]
        )
        self._offsets = offsets or MemoryOffsetStore()
        self._log = PostgresLog(self._settings)
        self._stack = AsyncExitStack()
        self._transactions = self._read()
        self._delivered = 0
        self._acknowledged = 0
        self._stored_at = float("-inf")

    async def __aenter__(self) -> Self:
        """Connect; raises SourceUnavailable, SourceRefused or SourceLost."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._log.stop)
            await self._log.start(await self._offsets.load(self._log.partition))
            group = await stack.enter_async_context(asyncio.TaskGroup())
            alive = group.create_task(self._log.keep_alive())
            stack.callback(alive.cancel)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Disconnect. What ended the block goes on as it is, not in the group of the task that runs beside it."""
        try:
            await self._stack.__aexit__(kind, error, traceback)
        except BaseExceptionGroup as group:
            if error not in group.exceptions:
                raise group.exceptions[0] from None

    def __aiter__(self) -> AsyncIterator[SourceTransaction]:
        return self._transactions

    async def _read(self) -> AsyncIterator[SourceTransaction]:
        waiting: list[_Segment] = []
        visibility: Visibility | None = None
        async for batch in self._log.batches():
            start = 0
            for info in batch.transactions:
                waiting.append(_Segment(batch, start, info.rows))
                start = info.rows
                yield self._transaction(_position_behind(info, batch, visibility), waiting, info)
                waiting = []
            visibility = batch.position.visibility
            if start < len(batch):
                waiting.append(_Segment(batch, start, len(batch)))
            if waiting and (batch.position.snapshot or (batch.boundary and not batch.transactions)):
                yield self._transaction(batch.position, waiting, None)
                waiting = []
            if not waiting and batch.boundary:
                await self._move_on(batch.position)

    def _transaction(
        self, position: PostgresPosition, segments: Sequence[_Segment], info: Transaction | None
    ) -> SourceTransaction:
        self._delivered += 1
        return SourceTransaction(self, self._delivered, position, segments, info)

    async def _move_on(self, position: PostgresPosition) -> None:
        """Store a position behind which nothing waits to be acknowledged, from time to time: the server need not keep its log."""
        if self._acknowledged == self._delivered and time.monotonic() - self._stored_at >= IDLE_SECONDS:
            await self._store(position)

    async def acknowledge(self, transaction: SourceTransaction) -> None:
        """Note that a transaction and all before it are done with; `SourceTransaction.ack` calls this."""
        if transaction.number > self._acknowledged:
            self._acknowledged = transaction.number
            await self._store(transaction.position)

    async def _store(self, position: PostgresPosition) -> None:
        """Store a position, and let the server forget what lies before it."""
        await self._offsets.store(self._log.partition, position.offset())
        self._log.acknowledge(position)
        self._stored_at = time.monotonic()


def _position_behind(info: Transaction, batch: ChangeBatch, visibility: Visibility | None) -> PostgresPosition:
    """Return the position behind a transaction of a batch; `visibility` is that of the batch before."""
    position: PostgresPosition = batch.position
    seen = still_needed(visibility, info.end)
    parts = position.parts if seen is not None else ()
    return replace(position, lsn=info.end, last_commit=info.end, partial=None, visibility=seen, parts=parts)


def _connection_settings(dsn: str) -> PostgresSettings:
    """Return the settings that a libpq connection string stands for."""
    known = conninfo_to_dict(dsn)
    for name in ("host", "dbname", "user"):
        if not known.get(name):
            raise ConfigError(f"the connection string does not name the {name}", f"Add {name}=… to it.")
    files = {name: str(known[name]) for name in ("sslmode", "sslcert", "sslkey", "sslrootcert") if known.get(name)}
    return PostgresSettings(
        hostname=join_hosts(str(known["host"]), str(known.get("port") or 5432)),
        dbname=str(known["dbname"]),
        user=str(known["user"]),
        password=Secret(str(known.get("password") or "")),
        topic_prefix=str(known["dbname"]),
        **files,  # type: ignore[arg-type]
    )
