"""What a snapshot reads: the COPY commands of a table, one for all of it or one for each range of its pages."""

from __future__ import annotations

from itertools import pairwise

from psycopg import sql

from cdc.config.settings import PostgresSettings
from cdc.sources.columns.row import RowPlan
from cdc.sources.postgres.protocol.connection import Connection, refusals
from cdc.sources.postgres.server.publication import PublishedTable

#: A range has at least this many pages (8 MB), so that a table is not cut where reading it takes no time.
RANGE_PAGES = 1024

PAGES = """
select case when not exists (select from pg_inherits where inhparent = %s::oid)
       then pg_relation_size(%s::oid) / current_setting('block_size')::int end
"""


def selected(plan: RowPlan) -> RowPlan:
    """Return the plan of the captured columns alone."""
    wire = zip(plan.decoders, plan.targets, plan.names, strict=True)
    chosen = [(decoder, target, name) for decoder, target, name in wire if target >= 0]
    return RowPlan(
        plan.table,
        [decoder for decoder, _, _ in chosen],
        tuple(target for _, target, _ in chosen),
        plan.on_error,
        tuple(name for _, _, name in chosen),
        constants=plan.constants,
    )


async def copy_queries(
    connection: Connection, table: PublishedTable, plan: RowPlan, settings: PostgresSettings
) -> list[str]:
    """Return the COPY commands that give each row of a table once, in a view that stays the same."""
    own = settings.snapshot.selects.get(str(table.id))
    if own is not None:
        chosen = sql.SQL(f"({own.rstrip().rstrip(';')}\n) as chosen")
        return [_copy(connection, table, plan, chosen, "")]
    # A table that others inherit from shows their rows too, as it does to every SELECT, and as in Debezium.
    rows = sql.Identifier(table.schema, table.name)
    ranges = await _ranges(connection, table, settings)
    return [_copy(connection, table, plan, rows, _where(table.filter, each)) for each in ranges]


def _copy(connection: Connection, table: PublishedTable, plan: RowPlan, rows: sql.Composable, where: str) -> str:
    if plan.table is None:
        raise RuntimeError(f"{table.id} is not captured")
    columns = sql.SQL(", ").join(sql.Identifier(name) for name in plan.names)
    query = sql.SQL("copy (select {} from {}{}) to stdout").format(columns, rows, sql.SQL(where))
    return query.as_string(connection)


def _where(*conditions: str | None) -> str:
    present = " and ".join(f"({condition})" for condition in conditions if condition)
    return f" where {present}" if present else ""


async def _ranges(connection: Connection, table: PublishedTable, settings: PostgresSettings) -> list[str]:
    """Return conditions that share the pages of a large table out; one empty condition where it is read at once.

    The last range is open, so it does not matter that the table grows. Its rows must not move meanwhile: the view holds a lock.
    A table that others inherit from is read at once, as its size says nothing of theirs.
    """
    most = settings.snapshot.threads * settings.snapshot.ranges_per_thread
    if settings.snapshot.threads == 1 or most < 2 or table.kind != "r":
        return [""]
    pages = await _pages(connection, table, settings)
    count = max(1, min(most, pages // RANGE_PAGES))
    bounds = [pages * number // count for number in range(1, count)]
    if not bounds:
        return [""]
    between = [f"ctid >= '({low},0)' and ctid < '({high},0)'" for low, high in pairwise(bounds)]
    return [f"ctid < '({bounds[0]},0)'", *between, f"ctid >= '({bounds[-1]},0)'"]


async def _pages(connection: Connection, table: PublishedTable, settings: PostgresSettings) -> int:
    """Return how many pages a table has; 0 for one that others inherit from."""
    with refusals(settings):
        cursor = await connection.execute(PAGES, (table.oid, table.oid))
        row = await cursor.fetchone()
    return int(row[0]) if row and row[0] is not None else 0
