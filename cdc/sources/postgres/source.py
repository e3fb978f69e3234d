"""The PostgreSQL source: from the configuration to batches of committed changes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from cdc.config.settings import PostgresSettings
from cdc.config.snapshot import TableOrder
from cdc.errors import SlotInUse
from cdc.model.batch import ChangeBatch
from cdc.model.position import Offset, Position, format_lsn
from cdc.snapshot.progress import SnapshotProgress
from cdc.sources.base import Retention
from cdc.sources.columns.converter import ColumnConverters
from cdc.sources.columns.reselection import Reselection
from cdc.sources.columns.row import RowPlan
from cdc.sources.guardrail import check_count
from cdc.sources.postgres.protocol.connection import Connection, connect, refusals
from cdc.sources.postgres.protocol.reader import ReplicationStream, SystemIdentity
from cdc.sources.postgres.server.catalog import Catalog
from cdc.sources.postgres.server.continuity import publication_loss
from cdc.sources.postgres.server.heartbeat import HeartbeatAction
from cdc.sources.postgres.server.identity import set_identities
from cdc.sources.postgres.server.inspection import gather
from cdc.sources.postgres.server.planning import Plan, Planner, check_server
from cdc.sources.postgres.server.publication import (
    PublishedTable,
    check_nothing_missed,
    ensure_publication,
    find_publication,
    in_order,
    published_tables,
    unlogged_tables,
)
from cdc.sources.postgres.server.reselection import Selection, SelectionReader
from cdc.sources.postgres.server.retention import SlotWatch
from cdc.sources.postgres.server.slot import Slot, check_free, find_slot, remove_slot
from cdc.sources.postgres.server.table_warnings import warn_of_tables
from cdc.sources.postgres.snapshot.snapshot import Snapshot
from cdc.sources.postgres.snapshot.view import open_view
from cdc.sources.postgres.stream.beside import Beside
from cdc.sources.postgres.stream.pgoutput import PgOutputDecoder
from cdc.sources.postgres.stream.streamed import StreamedTransactions
from cdc.sources.postgres.wal.position import (
    PostgresPosition,
    PublicationEvidence,
    SlotEvidence,
    Visibility,
    Witness,
    still_needed,
)
from cdc.sources.postgres.wal.relation import Relation
from cdc.sources.postgres.wal.table_views import TableViews, completed

log = logging.getLogger(__name__)

T = TypeVar("T")

#: A batch ends at this many rows, or at this share of `max.queue.size.in.bytes`, even inside a transaction: one batch
#: is being read, two wait, one is being published, and the producer has the records of the last ones.
BATCH_ROWS = 5_000
BATCH_SHARE = 8
#: How often a slot that another session reads is tried again, in seconds.
SLOT_POLL_SECONDS = 0.5


class PostgresLog:
    """A `Source` (see `cdc.sources.base`) over one slot and one publication.

    `resumed` says that the connector has taken its snapshot since it was started: a mode that takes one at each start takes no other.
    `converters` are the custom converters of columns.
    """

    def __init__(
        self, settings: PostgresSettings, *, resumed: bool = False, converters: ColumnConverters | None = None
    ) -> None:
        self._converters = converters
        self._settings = settings
        self._resumed = resumed
        self._connection: Connection | None = None
        self._stream: ReplicationStream | None = None
        self._catalog: Catalog | None = None
        self._reselection: Reselection[Selection] | None = None
        self._decoder = PgOutputDecoder()
        self._identity = SystemIdentity("", 0, 0)
        self._plan = Plan(PostgresPosition(0))
        self._tables: list[PublishedTable] = []
        self._unlogged: list[PublishedTable] = []
        self._snapshot: Snapshot | None = None
        self._position = PostgresPosition(0)
        self._views: TableViews | None = None
        self._began = 0
        self._acknowledged = 0
        self._streaming = False
        self._streamed = StreamedTransactions(settings.queue_bytes) if settings.stream_open else None
        self._slot: SlotEvidence | None = None
        self._publication: PublicationEvidence | None = None
        self._witness: Witness | None = None
        self._watch = SlotWatch(settings, self._note_slot, self._check_publication)

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

    @property
    def retention(self) -> Retention | None:
        """See `RetainsLog.retention`."""
        return self._watch.retention

    async def start(self, stored: Offset | None) -> None:
        """See `Source.start`."""
        self._connection = await connect(self._settings)
        if self._settings.reselect is not None:
            most = self._settings.queue_bytes // BATCH_SHARE
            self._reselection = Reselection(
                SelectionReader(self._connection, self._settings), self._settings.reselect, most
            )
        self._catalog = Catalog(self._connection, self._settings, self._reselection, self._converters)
        await check_server(self._connection, self._settings)
        self._stream = await ReplicationStream.open(self._settings, beside=self._connection)
        self._identity = await self._stream.identify()
        slot = await self._when_free(self._find_free_slot) if self._settings.snapshot_policy.streams else None
        planner = self._planner()
        gap = await planner.judge(stored, slot)
        if slot is not None and not planner.mends:
            await check_nothing_missed(self._connection, self._settings)
        await ensure_publication(self._connection, self._settings)
        published = await self._find_tables()
        if await set_identities(self._connection, self._settings, self._tables):
            published = await self._find_tables()
        check_count(self._settings.guardrail, len(self._tables), "are captured")
        warn_of_tables(self._settings, published, self._tables, self._unlogged)
        publication = await find_publication(self._connection, self._settings)
        self._begin_with(await planner.plan(stored, slot, gap), publication)

    def _planner(self) -> Planner:
        connection, stream = self._need_connection(), self._need_stream()
        return Planner(
            self._settings,
            stream,
            self._identity,
            ask=partial(gather, connection, stream, self._settings),
            find=self._find_slot,
            remove=partial(remove_slot, connection, self._settings),
            resumed=self._resumed,
        )

    def _begin_with(self, plan: Plan, publication: PublicationEvidence) -> None:
        self._plan = replace(plan, position=replace(plan.position, publication=publication))
        self._slot, self._witness, self._publication = plan.position.slot, plan.position.witness, publication

    async def _find_tables(self) -> Sequence[PublishedTable]:
        """Note the tables to capture, as the connection's transaction sees them, and return all that are published."""
        published = await published_tables(self._need_connection(), self._settings)
        captured = [table for table in published if self._settings.tables.matches(table.schema, table.name)]
        self._unlogged = await unlogged_tables(self._need_connection(), self._settings)
        self._tables = in_order([*captured, *self._unlogged], self._settings)
        return published

    async def _find_free_slot(self) -> Slot | None:
        """Return the slot, if there is one; raises SlotInUse now, and not after a long snapshot."""
        slot = await self._find_slot()
        if slot is not None:
            check_free(slot, self._settings)
        return slot

    async def _find_slot(self) -> Slot | None:
        return await find_slot(self._need_connection(), self._settings)

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
                    taken = self._decoder.feed(messages, taken, batch, *self._batch_limits())
                    if self._decoder.unresolved is not None:
                        await self._bind(self._decoder.unresolved)
                    elif taken < len(messages):
                        yield await self._filled(self._cut(batch))
                        batch = self._new_batch()
                del messages  # the next ones may be long in coming, and a row of these large
                self._reply()
            if not self._decoder.in_transaction:
                yield await self._filled(self._cut(batch))
                batch = self._new_batch()

    def _batch_limits(self) -> tuple[int, int]:
        """Return how many rows and how many bytes a batch may have."""
        rows = BATCH_ROWS if self._reselection is None else self._reselection.rows
        return rows, self._settings.queue_bytes // BATCH_SHARE

    async def _filled(self, batch: ChangeBatch) -> ChangeBatch:
        """Return a batch with what its rows lack and is to be read again."""
        if self._reselection is not None:
            await self._reselection.fill(batch)
        return batch

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
        if decoder.commit_lsn:
            self._witness = Witness(decoder.commit_lsn, decoder.commit_us)
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
            slot=self._slot,
            publication=self._publication,
            witness=self._witness,
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
        """See `Source.keep_alive`: status updates in time, also while the reader waits for the publisher; and a look at the slot."""
        action = HeartbeatAction(self._settings)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._send_statuses(), name="statuses")
                group.create_task(self._watch_slot(), name="watch the slot")
                if action.wanted:
                    group.create_task(action.run(lambda: self._streaming), name="heartbeat action")
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None

    async def _watch_slot(self) -> None:
        await self._watch.run(self._need_connection())

    def _note_slot(self, slot: Slot) -> None:
        """Let the positions from here on know how far the slot is."""
        self._slot = slot.evidence(self._settings.slot_name, self._slot)

    def _check_publication(self, found: PublicationEvidence) -> None:
        """Raise SourceLost when the publication is not the one any more whose changes are read: the server may send nothing, in silence."""
        lost = publication_loss(self._publication, found, self._settings.slot_name)
        if lost is not None:
            raise lost

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
