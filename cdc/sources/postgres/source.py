"""The PostgreSQL source: from the configuration to batches of committed changes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from cdc.config.settings import PostgresSettings
from cdc.config.snapshot import TableOrder
from cdc.errors import SlotInUse, SourceLost, SourceRefused
from cdc.model.batch import ChangeBatch
from cdc.model.position import Offset, Position, format_lsn
from cdc.sources.base import SnapshotProgress
from cdc.sources.postgres.beside import Beside
from cdc.sources.postgres.connection import Connection, connect, refusals
from cdc.sources.postgres.heartbeat import HeartbeatAction
from cdc.sources.postgres.identity import set_identities
from cdc.sources.postgres.pgoutput import PgOutputDecoder
from cdc.sources.postgres.position import PostgresPosition, SnapshotPart, Visibility, still_needed
from cdc.sources.postgres.publication import (
    PublishedTable,
    ensure_publication,
    in_order,
    no_table,
    published_tables,
    unlogged_tables,
)
from cdc.sources.postgres.reader import ReplicationStream, SystemIdentity
from cdc.sources.postgres.relation import Relation
from cdc.sources.postgres.row import RowPlan
from cdc.sources.postgres.schema import Catalog
from cdc.sources.postgres.slot import Slot, check_continuity, check_free, find_slot, remove_slot
from cdc.sources.postgres.snapshot import Snapshot
from cdc.sources.postgres.streamed import StreamedTransactions
from cdc.sources.postgres.table_views import TableViews, completed
from cdc.sources.postgres.view import open_view

log = logging.getLogger(__name__)

T = TypeVar("T")

#: A batch ends at this many rows, or at this share of `max.queue.size.in.bytes`, even inside a transaction: one batch
#: is being read, two wait, one is being published, and the producer has the records of the last ones.
BATCH_ROWS = 5_000
BATCH_SHARE = 8
#: How often a slot that another session reads is tried again, in seconds.
SLOT_POLL_SECONDS = 0.5


@dataclass(slots=True)
class _Plan:
    """How the stream begins: where, and whether a snapshot comes first, in which exported view."""

    position: PostgresPosition
    snapshot: bool = False
    exported: str | None = None


class PostgresLog:
    """A `Source` (see `cdc.sources.base`) over one slot and one publication."""

    def __init__(self, settings: PostgresSettings) -> None:
        self._settings = settings
        self._connection: Connection | None = None
        self._stream: ReplicationStream | None = None
        self._catalog: Catalog | None = None
        self._decoder = PgOutputDecoder()
        self._identity = SystemIdentity("", 0, 0)
        self._plan = _Plan(PostgresPosition(0))
        self._tables: list[PublishedTable] = []
        self._unlogged: list[PublishedTable] = []
        self._snapshot: Snapshot | None = None
        self._position = PostgresPosition(0)
        self._lost = False
        self._views: TableViews | None = None
        self._began = 0
        self._acknowledged = 0
        self._streaming = False
        self._streamed = StreamedTransactions(settings.queue_bytes) if settings.stream_open else None

    @property
    def partition(self) -> Mapping[str, str]:
        """The key under which the offset is stored, as Debezium's."""
        return {"server": self._settings.topic_prefix}

    @property
    def progress(self) -> SnapshotProgress | None:
        """How far the snapshot is; None when there is none."""
        return self._snapshot.progress if self._snapshot is not None else None

    @property
    def takes_snapshot(self) -> bool:
        """See `Source.takes_snapshot`."""
        return self._plan.snapshot

    @property
    def lag(self) -> int | None:
        """How many bytes of the log the server has that are not published yet; None before streaming."""
        return max(self._decoder.server_end - self._acknowledged, 0) if self._streaming else None

    async def start(self, stored: Offset | None) -> None:
        """See `Source.start`."""
        self._connection = await connect(self._settings)
        self._catalog = Catalog(self._connection, self._settings)
        await self._check_server()
        self._stream = await ReplicationStream.open(self._settings)
        self._identity = await self._stream.identify()
        slot = await self._find_slot() if self._settings.snapshot_policy.streams else None
        await ensure_publication(self._connection, self._settings)
        published = await self._find_tables()
        if await set_identities(self._connection, self._settings, self._tables):
            published = await self._find_tables()
        self._warn_of_tables(published)
        self._plan = await self._decide(stored, slot)

    async def _find_tables(self) -> Sequence[PublishedTable]:
        """Note the tables to capture, as the connection's transaction sees them, and return all that are published."""
        published = await published_tables(self._need_connection(), self._settings)
        captured = [table for table in published if self._settings.tables.matches(table.schema, table.name)]
        self._unlogged = await unlogged_tables(self._need_connection(), self._settings)
        self._tables = in_order([*captured, *self._unlogged], self._settings)
        return published

    async def _check_server(self) -> None:
        with refusals(self._settings):
            cursor = await self._need_connection().execute("show wal_level")
            row = await cursor.fetchone()
        if row is None or row[0] != "logical":
            raise SourceRefused(
                f"the server's wal_level is {row[0] if row else 'unknown'}, and logical decoding needs logical",
                "Set wal_level = logical in postgresql.conf and restart the server.",
            )

    def _warn_of_tables(self, published: Sequence[PublishedTable]) -> None:
        """Say what will not work: no table at all, and tables whose updates the server refuses while they are published."""
        if not self._tables:
            if self._settings.tables.tables.include or self._settings.tables.schemas.include:
                raise no_table(self._settings, [table.id for table in published])
            log.warning("no table is captured yet; tables are captured when they are created")
        for table in self._unlogged:
            log.warning("table %s is unlogged: a snapshot reads it, but its changes are never in the log", table.id)
        for table in published:
            if table.identity == "n" or (table.identity == "d" and not table.has_primary_key):
                log.warning(
                    "table %s has no replica identity, so PostgreSQL refuses UPDATE and DELETE on it while it is published. "
                    "Give it a primary key, or: ALTER TABLE %s REPLICA IDENTITY FULL",
                    table.id,
                    table.id,
                )

    async def _find_slot(self) -> Slot | None:
        """Return the slot, if there is one that is good; one that the server has invalidated makes room where a new snapshot mends that."""
        try:
            return await self._when_free(self._find_free_slot)
        except SourceLost as lost:
            self._note_loss(lost)
            await remove_slot(self._need_connection(), self._settings)
            return None

    def _note_loss(self, lost: SourceLost) -> None:
        """Say that a new snapshot stands for changes that are gone, or raise the error where there is to be none."""
        if not self._settings.snapshot_policy.when_lost:
            raise lost
        self._lost = True
        log.warning(
            "%s. A new snapshot is taken, as snapshot.mode is %s; what was deleted meanwhile is not reported.",
            lost,
            self._settings.snapshot_mode,
        )

    async def _find_free_slot(self) -> Slot | None:
        """Return the slot, if there is one; raises SlotInUse now, and not after a long snapshot."""
        slot = await find_slot(self._need_connection(), self._settings)
        if slot is not None:
            check_free(slot, self._settings)
        return slot

    async def _when_free(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Make an attempt that needs the slot, again and again while a former session has not released it yet."""
        give_up = time.monotonic() + self._settings.slot_max_retries * self._settings.slot_retry_delay
        warned = False
        while True:
            try:
                return await attempt()
            except SlotInUse as error:
                if time.monotonic() >= give_up:
                    raise
                if not warned:
                    log.warning("%s Waiting for it to be released.", error.sentence())
                warned = True
                await asyncio.sleep(SLOT_POLL_SECONDS)

    async def _decide(self, stored: Offset | None, slot: Slot | None) -> _Plan:
        """Say how to begin. Without an offset nothing was ever published for good, whatever the slot says."""
        policy = self._settings.snapshot_policy
        before = self._stored_position(stored, slot)
        if before is not None and not before.snapshot and not policy.at_each_start:
            return _Plan(before)
        lsn, exported = await self._beginning(slot)
        position = PostgresPosition(lsn, self._identity.system_id, self._identity.timeline)
        if before is not None:
            position = replace(position, last_commit=before.last_commit, parts=self._going_on(before))
        return _Plan(position, policy.at_first or policy.at_each_start or self._lost, exported)

    def _going_on(self, before: PostgresPosition) -> tuple[SnapshotPart, ...]:
        """Return what an interrupted snapshot has published, and say what becomes of it."""
        if not before.snapshot:
            return ()
        done = completed(before.parts)
        begun = [table for part in before.parts for table in part.begun]
        log.warning(
            "the snapshot was interrupted after a part of it had been published; it goes on. Complete, and not read again: %s. "
            "Read again, as only some of their rows are published: %s.",
            ", ".join(sorted(done)) or "none",
            ", ".join(begun) or "none",
        )
        return before.parts

    def _stored_position(self, stored: Offset | None, slot: Slot | None) -> PostgresPosition | None:
        """Return the stored position; None when there is none, or nothing behind it is left and a new snapshot mends that."""
        if stored is None or self._lost:
            return None
        try:
            position = PostgresPosition.from_offset(stored)
            if self._settings.snapshot_policy.streams:
                check_continuity(slot, position, self._identity, self._settings)
        except SourceLost as lost:
            self._note_loss(lost)
            return None
        return position

    async def _beginning(self, slot: Slot | None) -> tuple[int, str | None]:
        """Return where the log begins that a snapshot is to be followed by, and the snapshot that a new slot exports."""
        if not self._settings.snapshot_policy.streams:
            return self._identity.flushed, None
        if slot is not None:
            return slot.confirmed_lsn, None
        created = await self._need_stream().create_slot(self._settings.slot_name)
        log.info("created slot %s at %s", self._settings.slot_name, format_lsn(created.consistent_point))
        return created.consistent_point, created.snapshot

    async def batches(self) -> AsyncIterator[ChangeBatch]:
        """See `Source.batches`."""
        position = self._plan.position
        if self._plan.snapshot:
            await asyncio.sleep(self._settings.snapshot.delay)
            async for batch in self._read_snapshot():
                position = batch.position
                yield batch
            await asyncio.sleep(self._settings.snapshot.streaming_delay)
        if not self._settings.snapshot_policy.streams:
            log.info("nothing is streamed, as snapshot.mode is %s", self._settings.snapshot_mode)
            yield self._first(position)
            return
        await self._start_streaming(position)
        yield self._first(position)
        batch = self._new_batch()
        while True:
            async for messages in self._arrived():
                taken = 0
                while taken < len(messages):
                    taken = self._decoder.feed(
                        messages, taken, batch, BATCH_ROWS, self._settings.queue_bytes // BATCH_SHARE
                    )
                    if self._decoder.unresolved is not None:
                        await self._bind(self._decoder.unresolved)
                    elif taken < len(messages):
                        yield self._cut(batch)
                        batch = self._new_batch()
                self._reply()
            if not self._decoder.in_transaction:
                yield self._cut(batch)
                batch = self._new_batch()

    async def _bind(self, relation: Relation) -> None:
        """Say how rows of a relation are decoded."""
        plan = await self._need_catalog().stream_plan(relation)
        self._decoder.bind(relation.oid, plan if self._views is None else self._views.plan(relation, plan))

    def _show(self, oid: int, plan: RowPlan) -> None:
        """Say anew how rows of a relation are decoded, at the beginning of a transaction."""
        self._decoder.bind(oid, plan)

    async def _arrived(self) -> AsyncIterator[Sequence[bytes | memoryview]]:
        """Yield the next messages of the stream; transactions that were streamed before they ended, when they commit."""
        messages = await self._need_stream().read()
        if self._streamed is None:
            yield messages
            return
        async for part in self._streamed.ordered(messages):
            yield part

    async def _read_snapshot(self) -> AsyncIterator[ChangeBatch]:
        """Yield the snapshot, and end its transaction."""
        connection = self._need_connection()
        position = self._plan.position
        view = await open_view(connection, self._settings, position.lsn, self._plan.exported, self._snapshot_tables())
        await self._find_tables()  # anew: while the slot was created, which may take long, tables may have come
        done = completed(position.parts)
        tables = [table for table in self._snapshot_tables() if str(table.id) not in done]
        self._snapshot = Snapshot(
            connection,
            self._need_catalog(),
            self._settings,
            tables=tables,
            view=view,
            position=replace(position, visibility=view.visibility),
        )
        log.info("snapshot of %d tables as of %s", len(tables), format_lsn(view.lsn))
        async for batch in self._snapshot.batches():
            yield batch
        with refusals(self._settings):
            await connection.execute("commit")
        self._snapshot = None

    def _snapshot_tables(self) -> list[PublishedTable]:
        """Return the captured tables whose rows are wanted, in the order in which they are read."""
        chosen = self._settings.snapshot
        tables = [table for table in self._tables if chosen.include.matches(f"{table.schema}.{table.name}")]
        if chosen.order is TableOrder.DISABLED:
            return tables
        return sorted(tables, key=lambda table: table.estimated_rows, reverse=chosen.order is TableOrder.DESCENDING)

    async def _start_streaming(self, position: PostgresPosition) -> None:
        """Begin to stream behind `position`, waiting for a slot that a former session has not released yet."""
        settings = self._settings
        self._views = TableViews(position, self._show) if position.parts else None
        seeing = self._views or position.visibility
        self._decoder = PgOutputDecoder(
            position.lsn,
            position.partial,
            seeing.sees if seeing is not None else None,
            settings.skipped_operations,
            position.last_commit,
            Beside(settings, self.partition),
            dict(position.counts),
            settings.local_only,
        )
        self._position = position
        self._began = position.partial[1] if position.partial else 0
        self._acknowledged = position.lsn
        stream = self._need_stream()
        await self._when_free(lambda: stream.start(settings.slot_name, position.lsn, settings.publication_name))
        self._streaming = True
        log.info("streaming from %s", position)

    def _first(self, position: PostgresPosition) -> ChangeBatch:
        """Return a batch without rows, by which the place where streaming begins is stored."""
        batch = ChangeBatch()
        batch.position = position
        return batch

    def _cut(self, batch: ChangeBatch) -> ChangeBatch:
        """Finish a batch: give it its position, and remember whether it ends inside a transaction."""
        decoder = self._decoder
        partial, visibility = self._carried()
        counts = self._position.counts if partial else ()
        parts = self._position.parts if visibility else ()
        if decoder.in_transaction and decoder.ordinal:
            partial, counts = (decoder.commit_lsn, decoder.ordinal), tuple(decoder.counts.items())
        batch.position = PostgresPosition(
            lsn=decoder.resume_lsn,
            system_id=self._identity.system_id,
            timeline=self._identity.timeline,
            last_commit=decoder.last_commit,
            event_lsn=decoder.event_lsn,
            xid=decoder.xid,
            commit_us=decoder.commit_us,
            operation=decoder.operation or "",
            partial=partial,
            visibility=visibility,
            counts=counts,
            parts=parts,
        )
        batch.boundary = not (decoder.in_transaction and decoder.ordinal)
        self._began = partial[1] if partial else 0
        decoder.cut()
        return batch

    def _carried(self) -> tuple[tuple[int, int] | None, Visibility | None]:
        """Return what the position at the start still has to say: until the stream has come past it."""
        reached, start = self._decoder.resume_lsn, self._position
        partial = start.partial if start.partial and reached <= start.partial[0] else None
        return partial, still_needed(start.visibility, reached)

    def _new_batch(self) -> ChangeBatch:
        batch = ChangeBatch(self._settings.tombstones_on_delete, not self._settings.skip_unchanged)
        batch.stamp_ns = time.time_ns()
        batch.continues = self._began
        return batch

    def _reply(self) -> None:
        """Answer the server when it asks whether we are alive."""
        if self._decoder.reply_requested:
            self._decoder.replied()
            self._need_stream().send_status(self._acknowledged)

    async def keep_alive(self) -> None:
        """See `Source.keep_alive`: status updates in time, also while the reader waits for the publisher."""
        action = HeartbeatAction(self._settings)
        if not action.wanted:
            await self._send_statuses()
        async with asyncio.TaskGroup() as group:
            group.create_task(action.run(lambda: self._streaming), name="heartbeat action")
            group.create_task(self._send_statuses(), name="statuses")

    async def _send_statuses(self) -> None:
        while True:
            await asyncio.sleep(self._settings.status_update_interval)
            if self._streaming:
                self._need_stream().send_status(self._acknowledged)

    def acknowledge(self, position: Position) -> None:
        """See `Source.acknowledge`."""
        if isinstance(position, PostgresPosition) and position.lsn > self._acknowledged and self._streaming:
            self._acknowledged = position.lsn
            self._need_stream().send_status(position.lsn)

    async def stop(self) -> None:
        """See `Source.stop`."""
        self._streaming = False
        if self._snapshot is not None:
            await self._snapshot.close()
        if self._streamed is not None:
            self._streamed.close()
        stream, self._stream = self._stream, None
        connection, self._connection = self._connection, None
        if stream is not None:
            await stream.close()
        if connection is not None:
            await connection.close()

    def _need_stream(self) -> ReplicationStream:
        if self._stream is None:
            raise RuntimeError("the source is not started")
        return self._stream

    def _need_connection(self) -> Connection:
        if self._connection is None:
            raise RuntimeError("the source is not started")
        return self._connection

    def _need_catalog(self) -> Catalog:
        if self._catalog is None:
            raise RuntimeError("the source is not started")
        return self._catalog
