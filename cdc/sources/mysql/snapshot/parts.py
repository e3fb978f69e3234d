"""What a snapshot reads: the tables there are, and the SELECTs of one, a single one or one for each range of its primary key."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from cdc.config.mysql_settings import SYSTEM, MySqlSettings
from cdc.config.snapshot import SELECTS, TableOrder
from cdc.errors import SourceRefused, SourceUnavailable
from cdc.model.table import TableId
from cdc.snapshot.reading import Part, Rows
from cdc.sources.mysql.ddl.definitions import ColumnDefinition, TableDefinition
from cdc.sources.mysql.protocol.connection import Connection, identifier, literal
from cdc.sources.mysql.protocol.server_errors import ServerRefused
from cdc.sources.mysql.schema.table_schema import TablePlans
from cdc.sources.mysql.schema.types import select_expression

#: A range has at least this many rows by the server's estimate, so that a table is not cut where reading it takes no time.
RANGE_ROWS = 50_000

_INTEGERS: Final = frozenset({"TINYINT", "SMALLINT", "MEDIUMINT", "INT", "INTEGER", "BIGINT"})
#: Errors by which the server says that a table is not any more what it was when the view was opened: altered, emptied, or another of its name.
_CHANGED: Final = frozenset({1054, 1146, 1412})


@dataclass(frozen=True, slots=True)
class FoundTable:
    """A table of the server, and its estimate of how many rows it has."""

    id: TableId
    estimated_rows: int = 0


async def find_tables(connection: Connection) -> list[FoundTable]:
    """Return all tables that the user may see but the server's own, ordered by name; views are none. Their rows are not estimated."""
    system = ", ".join(map(literal, sorted(SYSTEM)))
    rows = await connection.texts(
        "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES"  # noqa: S608 (escaped)
        f" WHERE TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED') AND TABLE_SCHEMA NOT IN ({system})"
    )
    found = [FoundTable(TableId(str(schema), str(table))) for schema, table in rows]
    return sorted(found, key=lambda table: table.id)


async def estimated(connection: Connection, tables: Sequence[FoundTable]) -> list[FoundTable]:
    """Return the tables with the server's estimates of their rows, which take it long where there are many tables."""
    schemas = ", ".join(sorted({literal(table.id.schema) for table in tables}))
    rows = await connection.texts(
        "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_ROWS FROM information_schema.TABLES"  # noqa: S608 (escaped)
        f" WHERE TABLE_SCHEMA IN ({schemas or 'NULL'})"
    )
    counts = {(schema, table): int(count or 0) for schema, table, count in rows}
    return [replace(table, estimated_rows=counts.get((table.id.schema, table.id.table), 0)) for table in tables]


@contextmanager
def unchanged() -> Iterator[None]:
    """Let the snapshot begin anew where the server says that a table is not any more what it was in the view."""
    try:
        yield
    except ServerRefused as error:
        if error.code not in _CHANGED:
            raise
        raise SourceUnavailable(
            f"a table was changed while the snapshot was taken: {error}", "The snapshot begins anew by itself."
        ) from error


def remembered(settings: MySqlSettings, tables: Iterable[FoundTable]) -> list[FoundTable]:
    """Return the tables whose definitions go into the schema history."""
    rules = settings.history
    if rules.only_tables:
        return captured(settings, tables)
    if rules.only_databases:
        return [table for table in tables if settings.tables.schemas.matches(table.id.schema)]
    return list(tables)


def captured(settings: MySqlSettings, tables: Iterable[FoundTable]) -> list[FoundTable]:
    """Return the tables whose changes are wanted."""
    return [table for table in tables if settings.tables.matches(table.id.schema, table.id.table)]


def to_read(settings: MySqlSettings, tables: Iterable[FoundTable]) -> list[FoundTable]:
    """Return the captured tables whose rows are wanted, in the order in which they are read."""
    chosen = settings.snapshot
    found = [table for table in captured(settings, tables) if chosen.include.matches(str(table.id))]
    if chosen.order is TableOrder.DISABLED:
        return sorted(found, key=lambda table: (settings.tables.place(table.id.schema, table.id.table), table.id))
    return sorted(found, key=lambda table: table.estimated_rows, reverse=chosen.order is TableOrder.DESCENDING)


def columns_to_read(plans: TablePlans, definition: TableDefinition) -> list[ColumnDefinition]:
    """Return the columns that rows or keys have; of a table without any the first, as a SELECT needs one."""
    targets = plans.selected(definition).targets
    chosen = [column for column, target in zip(definition.columns, targets, strict=True) if target >= 0]
    return chosen or list(definition.columns[:1])


async def select_queries(
    connection: Connection,
    table: FoundTable,
    definition: TableDefinition,
    columns: Iterable[ColumnDefinition],
    settings: MySqlSettings,
) -> list[str]:
    """Return the SELECTs that give each row of a table once, in a view that stays the same."""
    wanted = ", ".join(select_expression(column, identifier(column.name)) for column in columns)
    own = settings.snapshot.selects.get(str(table.id))
    if own is not None:
        return [f"SELECT {wanted} FROM ({own.rstrip().rstrip(';')}\n) AS chosen"]  # noqa: S608 (the configuration's own)
    name = f"{identifier(table.id.schema)}.{identifier(table.id.table)}"
    ranges = await _ranges(connection, table, definition, settings)
    return [f"SELECT {wanted} FROM {name}{where}" for where in ranges]  # noqa: S608 (escaped)


async def _ranges(
    connection: Connection, table: FoundTable, definition: TableDefinition, settings: MySqlSettings
) -> list[str]:
    """Return conditions that share out the rows of a large table by its primary key; one empty condition where it is read at once.

    Only a key that begins with an integer is cut. The first and the last range are open.
    """
    most = settings.snapshot.threads * settings.snapshot.ranges_per_thread
    column = definition.column(definition.primary_key[0]) if definition.primary_key else None
    count = min(most, table.estimated_rows // RANGE_ROWS)
    if settings.snapshot.threads == 1 or count < 2 or column is None or column.base_type not in _INTEGERS:
        return [""]
    key, name = identifier(column.name), f"{identifier(table.id.schema)}.{identifier(table.id.table)}"
    with unchanged():
        ((low, high),) = await connection.texts(f"SELECT MIN({key}), MAX({key}) FROM {name}")  # noqa: S608 (escaped)
    return [""] if low is None or high is None else range_conditions(key, int(low), int(high), count)


def range_conditions(key: str, low: int, high: int, count: int) -> list[str]:
    """Return at most `count` conditions, of which each integer fulfils one; those from `low` to `high` are shared out evenly."""
    bounds = sorted({low + (high - low + 1) * number // count for number in range(1, count)} - {low})
    if not bounds:
        return [""]
    between = [f" WHERE {key} >= {left} AND {key} < {right}" for left, right in pairwise(bounds)]
    return [f" WHERE {key} < {bounds[0]}", *between, f" WHERE {key} >= {bounds[-1]}"]


class PartReader:
    """Reads the rows of a part on a connection."""

    def __init__(self, settings: MySqlSettings) -> None:
        self._selects = settings.snapshot.selects

    async def read(self, connection: Connection, part: Part) -> AsyncIterator[Rows]:
        """Yield the rows of a part, and an empty list behind them.

        Raises:
            SourceUnavailable: the connection broke, or the table was changed since the view was opened.
            SourceRefused: the server refuses the query.
        """
        table = part.reading.id
        with self._named(table), unchanged():
            async with connection.rows(part.query) as stream:
                while rows := await stream.read():
                    yield part.reading, [*rows]
        yield part.reading, []

    @contextmanager
    def _named(self, table: TableId) -> Iterator[None]:
        """Name a statement that came with the configuration when the server refuses it."""
        try:
            yield
        except (ServerRefused, SourceUnavailable) as error:
            refused = error if isinstance(error, ServerRefused) else error.__cause__
            if str(table) not in self._selects or not isinstance(refused, ServerRefused):
                raise
            raise SourceRefused(
                f"the statement of {SELECTS}.{table} cannot be read: {refused}",
                "Correct it; it must give all captured columns of the table, by their names.",
            ) from error
