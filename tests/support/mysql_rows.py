"""Rows of a real MySQL through the decoders: as its binlog has them, and as a SELECT returns them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from cdc.model.batch import ChangeBatch
from cdc.model.schema import INT32, INT64, STRING, Field, struct
from cdc.model.table import Column, Table, TableId
from cdc.sources.columns.row import RowPlan
from cdc.sources.mysql.binlog.event_types import EventType
from cdc.sources.mysql.binlog.place import FilePosition
from cdc.sources.mysql.binlog.table_map import ImageColumn, TableMap, parse_table_map, table_of
from cdc.sources.mysql.ddl.definitions import Definitions, TableDefinition
from cdc.sources.mysql.ddl.statements import DdlSession, apply_ddl
from cdc.sources.mysql.protocol.connection import Connection
from cdc.sources.mysql.schema.handling import ValueHandling
from cdc.sources.mysql.schema.row_metadata import disagreement
from cdc.sources.mysql.schema.source_info import SOURCE_VARIABLES, SourceInfo
from cdc.sources.mysql.schema.types import SESSION_SETTINGS, resolve, select_expression
from cdc.sources.mysql.snapshot.text_rows import TextRowDecoder
from cdc.sources.mysql.stream.rows import BoundTable, RowsDecoder
from tests.support import binlog
from tests.support.mysql_database import MySqlDatabase

ROW_EVENTS = frozenset(
    {
        EventType.TABLE_MAP,
        EventType.WRITE_ROWS_V1,
        EventType.UPDATE_ROWS_V1,
        EventType.DELETE_ROWS_V1,
        EventType.WRITE_ROWS,
        EventType.UPDATE_ROWS,
        EventType.DELETE_ROWS,
        EventType.PARTIAL_UPDATE_ROWS,
    }
)
TEXTS = {"snapshot", "gtid", "file", "query"}
SOURCE = struct(
    "source",
    [
        Field(name, STRING.as_optional() if name in TEXTS else INT32 if name == "row" else INT64.as_optional())
        for name in SOURCE_VARIABLES
    ],
)
NO_LIMIT = 1 << 40
#: From the events of a log to how their tables are decoded.
Bind = Callable[[TableMap], BoundTable | None]


@dataclass(frozen=True, slots=True)
class Change:
    """A change as Python code sees it, by column name."""

    op: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


def definition(database: MySqlDatabase, table: str) -> TableDefinition:
    """Return a table's definition by its SHOW CREATE TABLE."""
    mariadb = "MariaDB" in database.execute("select version()")[0][0]
    ((_, statement),) = database.execute(f"SHOW CREATE TABLE `{table}`")
    known = Definitions(mariadb=mariadb)
    found = apply_ddl(known, statement, DdlSession(database=database.name)).definitions.get(database.name, table)
    assert found is not None
    return found


def plan_of(
    table: TableDefinition, handling: ValueHandling, images: Sequence[ImageColumn | None], on_error: str = "fail"
) -> RowPlan:
    """Return the plan of all columns of a table, of row images or (None for each) of text."""
    resolved = [resolve(column, handling, image) for column, image in zip(table.columns, images, strict=True)]
    columns = [Column(c.name, r.schema) for c, r in zip(table.columns, resolved, strict=True) if r]
    names = [column.name for column in columns]
    targets = tuple(names.index(c.name) if r else -1 for c, r in zip(table.columns, resolved, strict=True))
    key = tuple(names.index(name) for name in table.record_key)
    shown = Table(TableId(table.id.schema, table.id.table), "topic", tuple(columns), key, SOURCE)
    return RowPlan(shown, [r.decoder if r else None for r in resolved], targets, on_error)


def text_plan(table: TableDefinition, handling: ValueHandling, on_error: str = "fail") -> RowPlan:
    """Return the plan of all columns of a table as a SELECT returns them."""
    return plan_of(table, handling, [None] * len(table.columns), on_error)


def bound(table: TableDefinition, handling: ValueHandling, on_error: str = "fail") -> Bind:
    """Return what binds one table, and passes over the others."""

    def bind(found: TableMap) -> BoundTable | None:
        if found.id != table.id:
            return None
        assert disagreement(table, found) is None
        return BoundTable(found, plan_of(table, handling, found.columns, on_error))

    return bind


def decode(events: Iterable[bytes], bind: Bind, batch: ChangeBatch | None = None) -> ChangeBatch:
    """Return the rows of TABLE_MAP and row events."""
    batch = ChangeBatch(tombstones=False) if batch is None else batch
    decoder, info = RowsDecoder(), SourceInfo()
    for event in events:
        if event[4] == EventType.TABLE_MAP:
            if not decoder.take_map(event):
                decoder.bind(bind(parse_table_map(event)))
        elif decoder.begin(event) is not None:
            assert decoder.feed(batch, info, NO_LIMIT, NO_LIMIT)
    return batch


def changes(batch: ChangeBatch) -> list[Change]:
    """Return what happened, in order."""
    found = []
    for at in range(len(batch)):
        op, table, before, after, *_ = batch.row(at)
        names = [column.name for column in table.columns]
        pair = [None if values is None else dict(zip(names, values, strict=True)) for values in (before, after)]
        found.append(Change(op, *pair))
    return found


async def streamed(
    database: MySqlDatabase,
    table: str,
    begin: FilePosition,
    handling: ValueHandling | None = None,
    on_error: str = "fail",
) -> list[Change]:
    """Return the changes of a table since a place in the binlog, by its present definition."""
    bind = bound(definition(database, table), handling or ValueHandling(), on_error)
    return changes(decode(await row_events(database, begin), bind))


async def row_events(database: MySqlDatabase, begin: FilePosition) -> list[bytes]:
    """Return TABLE_MAP and row events of the database's tables from a place on to the end of the log."""
    own: set[bytes] = set()
    found = []
    for _, _, kind, event in await binlog.read_log(database, begin, binlog.log_end(database)):
        if kind is EventType.TABLE_MAP:
            own.discard(event[19:25])
            if table_of(event).schema == database.name:
                own.add(event[19:25])
        if kind in ROW_EVENTS and event[19:25] in own:
            found.append(event)
    return found


async def selected(
    database: MySqlDatabase, table: str, handling: ValueHandling | None = None, on_error: str = "fail"
) -> list[dict[str, Any]]:
    """Return the rows of a table as a snapshot reads them, in the order of the first column."""
    plan = text_plan(definition(database, table), handling or ValueHandling(), on_error)
    batch = ChangeBatch()
    TextRowDecoder(plan, SourceInfo()).feed(await selected_packets(database, table), batch, b"true")
    return [change.after or {} for change in changes(batch)]


async def selected_packets(database: MySqlDatabase, table: str) -> list[bytes]:
    """Return the same rows as the server sends them."""
    found = definition(database, table)
    expressions = ", ".join(select_expression(column, f"`{column.name}`") for column in found.columns)
    async with await Connection.open(binlog.endpoint(database)) as connection:
        for name, value in SESSION_SETTINGS.items():
            await connection.execute(f"SET SESSION {name} = '{value}'")
        select = f"SELECT {expressions} FROM `{database.name}`.`{table}` ORDER BY 1"
        packets: list[bytes] = []
        async with connection.rows(select) as rows:
            while arrived := await rows.read():
                packets += arrived
    return packets
