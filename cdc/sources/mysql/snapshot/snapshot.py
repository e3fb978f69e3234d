"""The snapshot: the definitions of all tables, and the rows of the captured ones, in one consistent view."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from cdc.config.mysql_settings import Locking, MySqlSettings
from cdc.errors import SourceUnavailable
from cdc.model.batch import ChangeBatch
from cdc.snapshot.marking import RowMarking
from cdc.snapshot.progress import SnapshotProgress
from cdc.snapshot.readers import ParallelReader, Reader, SerialReader
from cdc.snapshot.reading import Part, TableReading
from cdc.sources.mysql.binlog.place import FilePosition
from cdc.sources.mysql.binlog.position import MySqlPosition, OpenXa
from cdc.sources.mysql.ddl.statements import DdlSession
from cdc.sources.mysql.history.schema_changes import ChangeOrigin
from cdc.sources.mysql.history.told import Told
from cdc.sources.mysql.history.tracking import SchemaTracker
from cdc.sources.mysql.protocol.connection import Connection, identifier
from cdc.sources.mysql.protocol.dump import DumpSettings
from cdc.sources.mysql.protocol.endpoint import Endpoint
from cdc.sources.mysql.schema.source_info import SourceInfo
from cdc.sources.mysql.schema.table_schema import TablePlans
from cdc.sources.mysql.server.facts import ServerFacts
from cdc.sources.mysql.server.log_end import LogEnd, find_log_end
from cdc.sources.mysql.server.login import reopen
from cdc.sources.mysql.snapshot.catalog import SnapshotStatement, snapshot_statements
from cdc.sources.mysql.snapshot.locks import SnapshotLock
from cdc.sources.mysql.snapshot.parts import (
    FoundTable,
    PartReader,
    captured,
    columns_to_read,
    estimated,
    find_tables,
    remembered,
    select_queries,
    to_read,
    unchanged,
)
from cdc.sources.mysql.snapshot.prepared_before import find_prepared, prepared_now
from cdc.sources.mysql.snapshot.text_rows import TextRowDecoder
from cdc.sources.mysql.snapshot.view import close_all, open_reading, open_view, open_without_lock

log = logging.getLogger(__name__)

#: A batch ends when it holds this many bytes.
BATCH_BYTES = 4_000_000


class Snapshot:
    """Reads the server at `endpoint`; used once, by one task.

    `data` says that rows are read; `recovers` is a stored position that definitions are taken anew for, and then nothing else is. What is
    read of definitions goes to the tracker.
    """

    def __init__(
        self,
        settings: MySqlSettings,
        endpoint: Endpoint,
        facts: ServerFacts,
        plans: TablePlans,
        tracker: SchemaTracker,
        *,
        data: bool,
        recovers: MySqlPosition | None = None,
    ) -> None:
        self._settings = settings
        self._endpoint = endpoint
        self._facts = facts
        self._plans = plans
        self._tracker = tracker
        self._data = data and recovers is None
        self._recovers = recovers
        self._start_us = time.time_ns() // 1000
        self._connections: list[Connection] = []
        self._idle: list[Connection] = []
        self._lock: SnapshotLock | None = None
        self._reader: Reader | None = None
        self._tables: list[FoundTable] = []
        self._batch = self._new_batch()
        self._marking = RowMarking()
        self.progress: SnapshotProgress | None = None

    async def batches(self) -> AsyncIterator[ChangeBatch]:
        """Yield definitions and rows; only the last batch ends at a boundary, so that a Kafka transaction can hold the whole snapshot.

        Raises:
            SourceUnavailable: a connection broke, a lock was not had in time, or a table was changed; the snapshot has to begin anew.
            SourceRefused: the user lacks a right.
        """
        position, batches = await self._begin()
        for batch in batches:
            yield self._stamped(batch, position)
        if self._data:
            async for batch in self._rows(position):
                yield batch
        self._marking.end(self._batch)
        await self._release()
        await self.close()
        self._batch.position = position
        self._batch.boundary = True
        yield self._batch

    async def close(self) -> None:
        """Stop reading, and release all locks; may be called more than once."""
        if self._reader is not None:
            await self._reader.close()
        lock, self._lock = self._lock, None
        if lock is not None:
            await lock.close()
        connections, self._connections = self._connections, []
        await close_all(connections)

    async def _release(self) -> None:
        """Let others write again."""
        if self._lock is not None:
            await self._lock.release()
            self._lock = None

    # Definitions ---------------------------------------------------------------------------------------------------------------------

    async def _begin(self) -> tuple[MySqlPosition, list[ChangeBatch]]:
        """Open the view, and return its position and the definitions of its moment."""
        settings = self._settings
        count = settings.snapshot.threads if self._data and settings.locking is not Locking.NONE else 1
        self._connections = await open_reading(settings, self._endpoint, count)
        first = self._connections[0]
        prepared = await self._prepared()
        if settings.locking is Locking.NONE:
            log.warning(
                "one connection reads the snapshot without a lock: no table may be altered until its definition is read"
            )
            position = self._position(await open_without_lock(first))
            self._tables = await find_tables(first)
        else:
            position = self._position(await self._view_under_lock())
            await self._list_locked()
        if self._recovers is None:
            position = replace(
                position, open_xa=await self._waiting(prepared, FilePosition(position.file, position.pos))
            )
        with unchanged():
            batches = await self._definitions(position)
        if settings.locking is not Locking.EXTENDED:
            await self._release()
        log.info("the snapshot is that of %s", position)
        return position, batches

    async def _view_under_lock(self) -> LogEnd:
        """Open the view and return its place; one connection reads where the lock does not stop commits, as only their absence lets several see the same."""
        lock = await self._take_lock()
        first, *others = self._connections
        if lock.stops_commits:
            await open_view(self._connections)
            return await find_log_end(first)
        self._connections = [first]
        await close_all(others)
        return await open_without_lock(first)

    async def _prepared(self) -> set[str]:
        async with await reopen(self._settings, self._endpoint) as connection:
            return await prepared_now(connection)

    async def _waiting(self, before: set[str], end: FilePosition) -> tuple[OpenXa, ...]:
        """Return the distributed transactions that are prepared at the snapshot's place, so that the stream has their rows if they commit."""
        dump = DumpSettings(self._settings.server_id, silence=self._settings.keep_alive_interval * 2)
        async with await reopen(self._settings, self._endpoint) as connection:
            wanted = before | await prepared_now(connection)
            found = await find_prepared(connection, self._endpoint, dump, wanted, end)
        if found:
            log.info("prepared at the snapshot's place: %s", ", ".join(each.xid for each in found))
        return found

    async def _take_lock(self) -> SnapshotLock:
        tables = await find_tables(self._connections[0])
        self._tables = captured(self._settings, tables)
        lock = self._lock = await SnapshotLock.open(
            self._settings, self._endpoint, [table.id for table in self._tables]
        )
        await lock.take()
        return lock

    async def _list_locked(self) -> None:
        """See which tables there are under the lock; one that came up meanwhile, and is not locked, is none to be read."""
        locked = {table.id for table in self._tables}
        self._tables = await find_tables(self._connections[0])
        wanted = {table.id for table in captured(self._settings, self._tables)}
        if self._lock is not None and not self._lock.is_global and not wanted <= locked:
            raise SourceUnavailable(
                f"{', '.join(map(str, sorted(wanted - locked)))} came up while the captured tables were locked",
                "The snapshot begins anew by itself.",
            )

    async def _definitions(self, position: MySqlPosition) -> list[ChangeBatch]:
        """Tell the tracker what there is, and return the batches that tell of it."""
        tables = [table.id for table in remembered(self._settings, self._tables)]
        # Debezium's history says nothing of the server in a snapshot.
        behind = replace(position, snapshot=True, open_xa=())
        if self._recovers is None:
            behind = replace(behind, server_uuid="", server_id=0)
        found: list[ChangeBatch] = []
        waiting: SnapshotStatement | None = None
        async for step in snapshot_statements(self._connections[0], self._tracker.definitions, tables):
            if waiting is not None:
                self._tell(waiting, behind, "true")
            waiting = step
            if self._batch.aside_size >= BATCH_BYTES:
                found.append(self._cut())
        if waiting is not None:
            self._tell(waiting, behind, "true" if self._data and await self._any_row() else "last")
        return [*found, self._cut()]

    async def _any_row(self) -> bool:
        """Tell whether a row follows the definitions; by a connection of its own, as the view's would hold whoever alters the table."""
        tables = to_read(self._settings, self._tables)
        names = [f"{identifier(table.id.schema)}.{identifier(table.id.table)}" for table in tables]
        async with await reopen(self._settings, self._endpoint) as connection:
            for name in names:
                if await connection.texts(f"SELECT 1 FROM {name} LIMIT 1"):  # noqa: S608 (quoted)
                    return True
        return False

    def _tell(self, step: SnapshotStatement, behind: MySqlPosition, marker: str) -> None:
        told = Told(step.statement, DdlSession(database=step.outcome.database), step.outcome)
        origin = ChangeOrigin(at_us=self._start_us, server_id=0, file=behind.file, position=behind.pos, snapshot=marker)
        self._tracker.tell(told, self._batch, origin, behind)

    def _position(self, end: LogEnd) -> MySqlPosition:
        """Return where the stream goes on."""
        if self._recovers is not None:
            return self._recovers
        return MySqlPosition(
            file=end.position.file,
            pos=end.position.position,
            gtids=str(end.gtids) if self._facts.has_gtids else None,
            server_uuid=self._facts.uuid,
            server_id=self._facts.server_id,
            commit_us=self._start_us,
        )

    # Rows ----------------------------------------------------------------------------------------------------------------------------

    async def _rows(self, position: MySqlPosition) -> AsyncIterator[ChangeBatch]:
        """Yield the rows but for the last batch."""
        wanted = captured(self._settings, self._tables)
        tables = to_read(self._settings, await estimated(self._connections[0], wanted))
        self._reader = self._open_reader(await self._parts(tables, position))
        async for reading, messages in self._reader.rows():
            self._marking.take(reading, messages, self._batch)
            self.progress = self._marking.progress(reading, len(tables))
            if self._batch.size >= BATCH_BYTES:
                yield self._stamped(self._cut(), position)

    async def _parts(self, tables: list[FoundTable], position: MySqlPosition) -> list[Part]:
        """Say what is to be read by which queries, in order."""
        info = self._source_info(position)
        parts: list[Part] = []
        for at, table in enumerate(tables):
            definition = self._tracker.definitions.get(table.id.schema, table.id.table)
            if definition is None:
                raise RuntimeError(f"the definition of {table.id} was not read")
            columns = columns_to_read(self._plans, definition)
            decoder = TextRowDecoder(self._plans.selected(definition, columns), info)
            queries = await select_queries(self._connections[0], table, definition, columns, self._settings)
            reading = TableReading(table.id, decoder, len(queries), table.estimated_rows, opens=at == 0)
            parts += [Part(reading, query) for query in queries]
        return parts

    def _source_info(self, position: MySqlPosition) -> SourceInfo:
        info = SourceInfo()
        info.commit_us = self._start_us
        info.file = position.file.encode()
        info.pos = position.pos
        info.thread = -1
        return info

    def _open_reader(self, parts: list[Part]) -> Reader:
        read = PartReader(self._settings).read
        if len(self._connections) == 1:
            return SerialReader(self._connections[0], read, parts)
        self._idle = list(self._connections)
        return ParallelReader(self._lent, read, parts, len(self._connections))

    @asynccontextmanager
    async def _lent(self) -> AsyncIterator[Connection]:
        """Lend one of the connections that see the view."""
        yield self._idle.pop()

    # Batches -------------------------------------------------------------------------------------------------------------------------

    def _cut(self) -> ChangeBatch:
        batch, self._batch = self._batch, self._new_batch()
        return batch

    def _stamped(self, batch: ChangeBatch, position: MySqlPosition) -> ChangeBatch:
        """Return a batch that is not the last."""
        batch.boundary = False
        batch.position = position if self._recovers is not None else replace(position, snapshot=True)
        return batch

    def _new_batch(self) -> ChangeBatch:
        batch = ChangeBatch(self._settings.tombstones_on_delete)
        batch.stamp_ns = time.time_ns()
        return batch
