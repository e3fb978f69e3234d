"""The snapshot: every captured table, read by COPY in one consistent view."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from cdc.config.settings import PostgresSettings
from cdc.model.batch import ChangeBatch
from cdc.snapshot.marking import RowMarking
from cdc.snapshot.progress import SnapshotProgress
from cdc.snapshot.readers import Reader
from cdc.snapshot.reading import Part, TableReading
from cdc.sources.postgres.protocol.connection import Connection
from cdc.sources.postgres.server.catalog import Catalog
from cdc.sources.postgres.server.publication import PublishedTable
from cdc.sources.postgres.snapshot.copy import CopyDecoder
from cdc.sources.postgres.snapshot.parts import copy_queries, selected
from cdc.sources.postgres.snapshot.readers import open_reader
from cdc.sources.postgres.snapshot.view import View
from cdc.sources.postgres.wal.position import PostgresPosition
from cdc.sources.postgres.wal.source_info import SourceInfo
from cdc.sources.postgres.wal.table_views import PublishedTables

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
        self._published = PublishedTables(position.parts, view.visibility)
        self._marking = RowMarking(self._published.complete)
        self._reader: Reader | None = None
        self.progress: SnapshotProgress | None = None

    async def batches(self) -> AsyncIterator[ChangeBatch]:
        """Yield all rows; only the last batch ends at a boundary, so that a Kafka transaction can hold the whole snapshot."""
        self._reader = open_reader(self._connection, self._settings, await self._parts(), self._view)
        async for reading, messages in self._reader.rows():
            if messages:
                self._published.begin(reading.name)
            self._marking.take(reading, messages, self._batch)
            self._note(reading)
            if self._batch.size >= BATCH_BYTES:
                yield self._cut()
        self._marking.end(self._batch)
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
        for at, table in enumerate(self._tables):
            plan = selected(await self._catalog.snapshot_plan(table.oid, table.id, table.column_list))
            queries = await copy_queries(self._connection, table, plan, self._settings)
            decoder = CopyDecoder(plan, self._info, self._view.lsn)
            reading = TableReading(table.id, decoder, len(queries), table.estimated_rows, opens=at == 0)
            parts += [Part(reading, query) for query in queries]
        return parts

    def _note(self, reading: TableReading) -> None:
        """Tell how far it is."""
        self.progress = self._marking.progress(reading, len(self._tables))

    def _cut(self) -> ChangeBatch:
        batch, self._batch = self._batch, self._new_batch()
        batch.boundary = False
        batch.position = replace(self._position, visibility=None, snapshot=True, parts=self._published.parts)
        return batch

    def _new_batch(self) -> ChangeBatch:
        batch = ChangeBatch(self._settings.tombstones_on_delete)
        batch.stamp_ns = time.time_ns()
        return batch
