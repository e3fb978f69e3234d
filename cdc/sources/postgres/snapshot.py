"""The snapshot: every captured table, read by COPY in one consistent view."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from types import MappingProxyType

from cdc.config.settings import PostgresSettings
from cdc.model.batch import ChangeBatch
from cdc.sources.base import SnapshotProgress
from cdc.sources.postgres.connection import Connection
from cdc.sources.postgres.copy import CopyDecoder
from cdc.sources.postgres.copy_stream import Message
from cdc.sources.postgres.position import PostgresPosition
from cdc.sources.postgres.publication import PublishedTable
from cdc.sources.postgres.schema import Catalog
from cdc.sources.postgres.snapshot_parts import Part, TableReading, copy_queries, selected
from cdc.sources.postgres.snapshot_readers import Reader, open_reader
from cdc.sources.postgres.source_info import SourceInfo
from cdc.sources.postgres.table_views import PublishedTables
from cdc.sources.postgres.view import View

#: A batch ends when it holds this many bytes.
BATCH_BYTES = 4_000_000


class Snapshot:
    """Reads the tables, one after another or several at once; used once, by one task."""

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
        self._done = 0
        self._by_table: dict[str, int] = {}
        self._published = PublishedTables(position.parts, view.visibility)
        self._last: TableReading | None = None
        self._reader: Reader | None = None
        self.progress: SnapshotProgress | None = None

    async def batches(self) -> AsyncIterator[ChangeBatch]:
        """Yield all rows; only the last batch ends at a boundary, so that a Kafka transaction can hold the whole snapshot."""
        self._reader = open_reader(self._connection, self._settings, await self._parts(), self._view)
        async for reading, messages in self._reader.rows():
            if messages:
                self._take(reading, messages)
            else:
                self._end_part(reading)
            self._note(reading)
            if self._batch.size >= BATCH_BYTES:
                yield self._cut()
        self._feed_last(b"last")
        batch = self._batch
        batch.position = self._position
        batch.boundary = True
        yield batch

    async def close(self) -> None:
        """Stop reading, where it has not ended by itself."""
        if self._reader is not None:
            await self._reader.close()

    async def _parts(self) -> list[Part]:
        """Say what is to be read by which queries, in order."""
        parts: list[Part] = []
        for table in self._tables:
            plan = selected(await self._catalog.snapshot_plan(table.oid, table.id, table.column_list))
            queries = await copy_queries(self._connection, table, plan, self._settings)
            reading = TableReading(table, CopyDecoder(plan, self._info, self._view.lsn), len(queries))
            parts += [Part(reading, query) for query in queries]
        return parts

    def _take(self, reading: TableReading, messages: list[Message]) -> None:
        """Decode rows with their markers; the last one waits until it is known what follows it."""
        self._published.begin(reading.name)
        if self._last is not None and self._last is not reading:
            self._feed_last(b"last_in_data_collection")
        marker = b"true"
        if reading.held is not None:
            self._feed_held(reading, reading.marker)
        elif not reading.rows:
            marker = b"first_in_data_collection" if self._rows else b"first"
        *rows, reading.held = messages
        reading.decoder.feed(rows[:1], self._batch, marker)
        reading.decoder.feed(rows[1:], self._batch, b"true")
        reading.marker = b"true" if rows else marker
        reading.rows += len(messages)
        self._rows += len(messages)

    def _end_part(self, reading: TableReading) -> None:
        """Note that a table, or a part of it, has no more rows; the last row of a table waits for one of another table, or for the end."""
        reading.parts_left -= 1
        if not reading.parts_left:
            self._done += 1
            if reading.held is not None:
                self._feed_last(b"last_in_data_collection")
                self._last = reading
            else:
                self._published.complete(reading.name)

    def _feed_last(self, marker: bytes) -> None:
        """Decode the row that ends a table, and perhaps the snapshot."""
        reading, self._last = self._last, None
        if reading is not None:
            alone = reading.marker == b"first" and marker != b"last"
            self._feed_held(reading, b"first" if alone else marker)
            self._published.complete(reading.name)

    def _feed_held(self, reading: TableReading, marker: bytes) -> None:
        if reading.held is not None:
            reading.decoder.feed([reading.held], self._batch, marker)
            reading.held = None

    def _note(self, reading: TableReading) -> None:
        """Tell how far it is."""
        self._by_table[reading.name] = reading.rows
        estimated = max(reading.rows, reading.table.estimated_rows)
        self.progress = SnapshotProgress(
            reading.name,
            reading.rows,
            estimated,
            self._done,
            len(self._tables),
            self._rows,
            MappingProxyType(self._by_table),
        )

    def _cut(self) -> ChangeBatch:
        batch, self._batch = self._batch, self._new_batch()
        batch.boundary = False
        batch.position = replace(self._position, visibility=None, snapshot=True, parts=self._published.parts)
        return batch

    def _new_batch(self) -> ChangeBatch:
        batch = ChangeBatch(self._settings.tombstones_on_delete)
        batch.stamp_ns = time.time_ns()
        return batch
