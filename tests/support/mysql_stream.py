"""Streaming a real binlog in tests: from a position to a place in the log, with cuts wherever they are wanted."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any
from unittest.mock import patch

from cdc.config.filters import NameFilter, TableFilter
from cdc.config.mysql_settings import SYSTEM, MySqlSettings
from cdc.history.memory import MemorySchemaHistory
from cdc.model.batch import ChangeBatch
from cdc.model.position import Offset
from cdc.model.table import TableId
from cdc.sources.mysql.binlog.place import FilePosition
from cdc.sources.mysql.binlog.position import MySqlPosition
from cdc.sources.mysql.ddl.statements import DdlSession
from cdc.sources.mysql.history.recovery import history_record, recovered
from cdc.sources.mysql.history.tracking import SchemaTracker
from cdc.sources.mysql.protocol.connection import Connection
from cdc.sources.mysql.protocol.dump import BinlogStream
from cdc.sources.mysql.schema.table_schema import TablePlans
from cdc.sources.mysql.server.facts import read_facts
from cdc.sources.mysql.server.planning import plan
from cdc.sources.mysql.snapshot.catalog import server_definitions, snapshot_statements
from cdc.sources.mysql.stream import streaming
from cdc.sources.mysql.stream.streaming import LogOrigin, Streaming
from tests.support import binlog
from tests.support.mysql_database import MySqlDatabase

PARTITION = {"server": "t"}


@dataclass(frozen=True, slots=True)
class Seen:
    """A change: operation, table, images by column name, and its place in its transaction, if changes are numbered."""

    op: str
    table: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    numbers: tuple[str, int, int] | None = None

    @property
    def brief(self) -> tuple[str, str, Any]:
        """Operation, table and id."""
        image = self.after or self.before
        return self.op, self.table, image["id"] if image else None


@dataclass(slots=True)
class Cut:
    """Where a batch ended: the offset, as it is stored, and how many changes were before."""

    offset: Offset
    changes: int
    boundary: bool


@dataclass(slots=True)
class Found:
    """What a stream has yielded."""

    changes: list[Seen] = field(default_factory=list)
    cuts: list[Cut] = field(default_factory=list)
    asides: list[Any] = field(default_factory=list)
    batches: list[tuple[int, bool, list[str]]] = field(default_factory=list)


class StreamedLog:
    """The log of one database from the moment on at which this was made, and the schema history of it."""

    def __init__(self, database: MySqlDatabase, settings: MySqlSettings, begin: MySqlPosition) -> None:
        self.database = database
        self.settings = settings
        self.begin = begin
        self.history = MemorySchemaHistory()

    @classmethod
    async def of(cls, database: MySqlDatabase, *, by_place: bool = False, **settings: Any) -> StreamedLog:
        """Take the definitions as they are; with `by_place` GTIDs are not looked at."""
        names = NameFilter.parse(database.name, "", "database")
        usual = {
            "hostname": database.host,
            "port": database.port,
            "user": database.user,
            "server_id": next(binlog.IDS),
            "topic_prefix": "t",
            "skipped_operations": "",
            "tombstones_on_delete": False,
            "tables": TableFilter(names, NameFilter(), SYSTEM),
        }
        found = MySqlSettings(**{**usual, **settings})
        async with await Connection.open(binlog.endpoint(database)) as connection:
            facts = await read_facts(connection)
            gtids = None if by_place or facts.executed is None else str(facts.executed)
            begin = MySqlPosition(facts.file, facts.position, gtids, facts.uuid, facts.server_id)
            log = cls(database, found, begin)
            await log._record_catalogue(connection)
        return log

    async def _record_catalogue(self, connection: Connection) -> None:
        begin = replace(self.begin, snapshot=True).offset()
        tables = [TableId(self.database.name, row[0]) for row in await self.database.run("show tables")]
        async for step in snapshot_statements(connection, await server_definitions(connection), tables):
            session = DdlSession(database=self.database.name)
            record = history_record(step.statement, session, step.outcome, source=PARTITION, offset=begin, ts_ms=1)
            await self.history.record([record])

    async def read(
        self,
        offset: Offset | None = None,
        *,
        rows: int = 5000,
        size: int | None = None,
        first: bool = False,
        keep: bool = False,
    ) -> Found:
        """Read from an offset to the log's present end; with `first` only to the first batch with changes. With `keep` the history grows."""
        start = json.loads(json.dumps(self.begin.offset() if offset is None else offset))
        end = await self._end()
        found = Found()
        share = self.settings.queue_bytes // size if size else streaming.BATCH_SHARE
        with patch.object(streaming, "BATCH_ROWS", rows), patch.object(streaming, "BATCH_SHARE", share):
            async for batch, reached in self._batches(start, end):
                if keep:
                    await self.history.record(batch.history)
                _note(batch, found)
                if reached or (first and found.changes):
                    break
        return found

    async def _end(self) -> FilePosition:
        return binlog.log_end(self.database)

    async def _batches(self, offset: Offset, end: FilePosition) -> AsyncIterator[tuple[ChangeBatch, bool]]:
        """Yield batches, and whether each is the last one of what lies before `end`."""
        async with await Connection.open(binlog.endpoint(self.database)) as connection:
            facts = await read_facts(connection)
            begin = plan(self.settings, offset, facts, resumed=False)
            assert begin.position is not None
            known = await recovered(await server_definitions(connection), self.history.records(), PARTITION, offset)
        dump = binlog.settings(server_id=self.settings.server_id)
        async with await BinlogStream.open(binlog.endpoint(self.database), dump) as stream:
            await stream.start(begin.start or begin.position.start(mariadb=facts.mariadb))
            reader = Streaming(
                self.settings,
                stream,
                begin.position,
                plans=TablePlans(self.settings),
                tracker=SchemaTracker(self.settings, known, PARTITION, full_metadata=facts.full_metadata),
                origin=LogOrigin(facts.uuid, facts.server_id),
                partition=PARTITION,
                catch_up=begin.catch_up,
            )
            try:
                async for batch in reader.batches():
                    place = FilePosition(reader._decoder.place.file, reader._decoder.place.position)
                    yield batch, place >= end and not reader._decoder.in_transaction
            finally:
                reader.close()


def _note(batch: ChangeBatch, found: Found) -> None:
    for at in range(len(batch)):
        op, table, before, after, *_ = batch.row(at)
        names = [column.name for column in table.columns]
        old, new = (None if values is None else dict(zip(names, values, strict=True)) for values in (before, after))
        found.changes.append(Seen(op, table.id.table, old, new, batch.transaction_block(at)))
    found.asides += [aside.record for aside in batch.asides]
    found.batches.append((len(batch), batch.boundary, [each.id for each in batch.transactions]))
    found.cuts.append(Cut(batch.position.offset(), len(found.changes), batch.boundary))


def moved(cut: Cut, server_uuid: str) -> Offset:
    """Return the offset as another server's, whose events may be cut in another way."""
    return {**cut.offset, "server_uuid": server_uuid}
