"""The initial snapshot: every captured table, read by COPY in one consistent view."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from psycopg import pq, sql

from cdc.config.settings import PostgresSettings
from cdc.model.batch import ChangeBatch
from cdc.sources.base import SnapshotProgress
from cdc.sources.postgres.connection import Connection, refusals
from cdc.sources.postgres.copy import CopyDecoder
from cdc.sources.postgres.copy_stream import CopyStream
from cdc.sources.postgres.position import PostgresPosition, Visibility
from cdc.sources.postgres.publication import PublishedTable
from cdc.sources.postgres.row import RowPlan, SourceInfo
from cdc.sources.postgres.schema import Catalog

#: A batch ends when it holds this many bytes.
BATCH_BYTES = 4_000_000


@dataclass(frozen=True, slots=True)
class View:
    """A consistent view: streaming goes on at `lsn`, but for the transactions that `visibility` says the view has seen."""

    lsn: int
    xid: int
    visibility: Visibility | None


async def open_view(connection: Connection, settings: PostgresSettings, lsn: int, exported: str | None) -> View:
    """Begin a read-only transaction in the slot's exported snapshot, or in a new one when the slot was there before.

    With a new one, transactions that the slot will stream although the view has seen them are told apart by their ids.
    """
    with refusals(settings):
        await connection.execute("begin isolation level repeatable read read only")
        if exported is not None:
            await connection.execute(sql.SQL("set transaction snapshot {}").format(exported))
        cursor = await connection.execute(
            "select pg_current_snapshot()::text, pg_snapshot_xmax(pg_current_snapshot())::text::bigint, "
            "(case when pg_is_in_recovery() then greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) "
            "else pg_current_wal_insert_lsn() end "
            "- '0/0')::bigint"
        )
        row = await cursor.fetchone()
    if row is None:
        raise RuntimeError("a query of one row returned none")
    text, xid, end = row
    return View(lsn, int(xid), None if exported is not None else Visibility(str(text), int(end)))


class Snapshot:
    """Reads the tables one after another; used once, by one task."""

    def __init__(
        self,
        connection: Connection,
        catalog: Catalog,
        settings: PostgresSettings,
        *,
        tables: Sequence[PublishedTable],
        view: View,
        position: PostgresPosition,
    ) -> None:
        self._connection = connection
        self._catalog = catalog
        self._settings = settings
        self._tables = tables
        self._view = view
        self._position = position
        self._info = SourceInfo()
        self._info.commit_us = time.time_ns() // 1000
        self._info.xid = view.xid
        self._batch = self._new_batch()
        self._rows = 0
        self._held: tuple[CopyDecoder, memoryview, bytes] | None = None
        self.progress: SnapshotProgress | None = None

    async def batches(self) -> AsyncIterator[ChangeBatch]:
        """Yield all rows; only the last batch ends at a boundary, so that a Kafka transaction can hold the whole snapshot."""
        for number, table in enumerate(self._tables):
            async for batch in self._table(number, table):
                yield batch
        self._feed_last()
        batch = self._batch
        batch.position = self._position
        batch.boundary = True
        yield batch

    async def _table(self, number: int, table: PublishedTable) -> AsyncIterator[ChangeBatch]:
        plan = _selected(await self._catalog.snapshot_plan(table.oid, table.id, table.column_list))
        decoder = CopyDecoder(plan, self._info, self._view.lsn)
        stream = CopyStream(self._connection, self._settings)
        await stream.begin(_copy_query(self._connection, table, plan), pq.ExecStatus.COPY_OUT)
        rows = 0
        while messages := await stream.read():
            self._take(decoder, messages, first=rows == 0)
            rows += len(messages)
            estimated = max(rows, table.estimated_rows)
            self.progress = SnapshotProgress(str(table.id), rows, estimated, number, len(self._tables), self._rows)
            if self._batch.size >= BATCH_BYTES:
                yield self._cut()

    def _take(self, decoder: CopyDecoder, messages: list[memoryview], *, first: bool) -> None:
        """Decode rows with their markers; the last one waits until it is known what follows it."""
        self._feed_held(ends_table=first)
        marker = b"true"
        if first:
            marker = b"first_in_data_collection" if self._rows else b"first"
        *rows, held = messages
        decoder.feed(rows[:1], self._batch, marker)
        decoder.feed(rows[1:], self._batch, b"true")
        self._held = (decoder, held, b"true" if rows else marker)
        self._rows += len(messages)

    def _feed_held(self, *, ends_table: bool) -> None:
        """Decode the row that waited: more of its table follow, or its table ends with it."""
        if self._held is not None:
            decoder, row, marker = self._held
            if ends_table and marker != b"first":
                marker = b"last_in_data_collection"
            decoder.feed([row], self._batch, marker)
            self._held = None

    def _feed_last(self) -> None:
        """Decode the row that ends the snapshot."""
        if self._held is not None:
            decoder, row, _ = self._held
            decoder.feed([row], self._batch, b"last")
            self._held = None

    def _cut(self) -> ChangeBatch:
        batch, self._batch = self._batch, self._new_batch()
        batch.boundary = False
        batch.position = PostgresPosition(
            self._position.lsn, self._position.system_id, self._position.timeline, snapshot=True
        )
        return batch

    def _new_batch(self) -> ChangeBatch:
        batch = ChangeBatch(self._settings.tombstones_on_delete)
        batch.stamp_ns = time.time_ns()
        return batch


def _selected(plan: RowPlan) -> RowPlan:
    """Return the plan of the captured columns alone."""
    wire = zip(plan.decoders, plan.targets, plan.names, strict=True)
    chosen = [(decoder, target, name) for decoder, target, name in wire if target >= 0]
    return RowPlan(
        plan.table,
        [decoder for decoder, _, _ in chosen],
        tuple(target for _, target, _ in chosen),
        plan.on_error,
        tuple(name for _, _, name in chosen),
    )


def _copy_query(connection: Connection, table: PublishedTable, plan: RowPlan) -> str:
    """Return the COPY command. A table that others inherit from shows their rows too, as it does to every SELECT, and as in Debezium."""
    if plan.table is None:
        raise RuntimeError(f"{table.id} is not captured")
    query = sql.SQL("copy (select {} from {}{}) to stdout").format(
        sql.SQL(", ").join(sql.Identifier(name) for name in plan.names),
        sql.Identifier(table.schema, table.name),
        sql.SQL(f" where {table.filter}" if table.filter else ""),
    )
    return query.as_string(connection)
