"""Reading values again that the log left out, from PostgreSQL (`cdc.sources.columns.reselection`).

Each batch takes one SELECT for each table whose rows lack something. The row is found by its key, compared in the server as its type
compares. A transaction is sent before other sessions see it, so what is read before that is thrown away and read again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from psycopg import AsyncRawCursor, sql

from cdc.config.settings import PostgresSettings
from cdc.model.table import TableId
from cdc.sources.columns import reselection
from cdc.sources.columns.gaps import Gaps
from cdc.sources.columns.reselection import Wanted, Written, columns_to_reread, until_visible
from cdc.sources.columns.row import RowPlan
from cdc.sources.postgres.protocol.connection import Connection, refusals
from cdc.sources.postgres.wal.source_info import SOURCE_VARIABLES

TYPES: Final = """
select c.relkind::text, a.attname::text, format_type(a.atttypid, a.atttypmod)
from pg_class c join pg_attribute a on a.attrelid = c.oid where c.oid = %s and a.attname = any (%s)
"""


@dataclass(frozen=True, slots=True)
class Selection(reselection.Selection):
    """How the values of a table are read again. `query` takes an array of texts for each part of the key, then one of booleans for each column."""

    query: str


async def selection_of(
    connection: Connection, settings: PostgresSettings, oid: int, plan: RowPlan, key: Sequence[tuple[str, int]]
) -> Selection | None:
    """Return how values of a relation are read again, found by a key: names, and where the row has their text; None if they are not."""
    wanted = settings.reselect
    if wanted is None or plan.table is None:
        return None
    names = [name for name, _ in key]
    columns = columns_to_reread(wanted, plan, names)
    if not columns:
        return None
    with refusals(settings):
        cursor = await connection.execute(TYPES.encode(), (oid, names))
        found = await cursor.fetchall()
    types = {name: kind for _, name, kind in found}
    if types.keys() != set(names):
        return None  # the key is no longer that of the table
    only = sql.SQL("only " if found[0][0] == "r" else "")
    query = _query(plan.table.id, only, [(name, types[name]) for name in names], [plan.names[at] for at in columns])
    gaps = Gaps(plan, columns, tuple(place for _, place in key), wanted.unavailable, wanted.nulls)
    return Selection(gaps, query.as_string(connection))


def _query(table: TableId, only: sql.SQL, key: Sequence[tuple[str, str]], columns: Sequence[str]) -> sql.Composed:
    """Return the SELECT. Values that are not lacking stay in the server; with the first row comes what the SELECT sees of transactions."""
    parts = [sql.Identifier(f"k{at}") for at in range(len(key))]
    flags = [sql.Identifier(f"w{at}") for at in range(len(columns))]
    kinds = ["text"] * len(key) + ["bool"] * len(columns)
    arrays = sql.SQL(", ").join(sql.SQL(f"${at}::{kind}[]") for at, kind in enumerate(kinds, 1))
    # A name of a type is the server's own text.
    same = sql.SQL(" and ").join(
        sql.SQL("t.{} = wanted.{}::{}").format(sql.Identifier(name), part, sql.SQL(kind))
        for part, (name, kind) in zip(parts, key, strict=True)
    )
    values = sql.SQL(", ").join(
        sql.SQL("case when wanted.{} then t.{} end").format(flag, sql.Identifier(name))
        for flag, name in zip(flags, columns, strict=True)
    )
    return sql.SQL(
        "select wanted.number, t.ctid is not null, case when wanted.number = 1 then pg_current_snapshot()::text end, {values}"
        " from unnest({arrays}) with ordinality as wanted({names}, number) left join {only}{table} as t on {same}"
    ).format(
        values=values,
        arrays=arrays,
        names=sql.SQL(", ").join([*parts, *flags]),
        only=only,
        table=sql.Identifier(table.schema, table.table),
        same=same,
    )


class SelectionReader:
    """Reads on the source's own connection, one caller at a time."""

    places = (SOURCE_VARIABLES.index("txId"),)

    def __init__(self, connection: Connection, settings: PostgresSettings) -> None:
        self._connection = connection
        self._settings = settings

    async def read(
        self, selection: Selection, wanted: Sequence[Wanted], written: Written
    ) -> Sequence[list[bytes | None] | None]:
        """See `Reader.read`."""
        arrays = [list(each) for each in zip(*((*key, *lacks) for key, lacks in wanted), strict=True)]
        transactions = {number for (number,) in written if isinstance(number, int)}

        async def attempt() -> list[list[bytes | None] | None] | None:
            snapshot, found = await self._select(selection.query, arrays)
            return found if all(_sees(snapshot, number) for number in transactions) else None

        return await until_visible(attempt, "It may wait for a synchronous standby")

    async def _select(self, query: str, arrays: list[list[object]]) -> tuple[str, list[list[bytes | None] | None]]:
        """Return what the SELECT sees of transactions, and the values, in the order of what was asked for."""
        found: list[list[bytes | None] | None] = [None] * len(arrays[0])
        snapshot = ""
        with refusals(self._settings):
            async with AsyncRawCursor(self._connection) as cursor:
                # A prepared one would be refused once the table has changed.
                await cursor.execute(query.encode(), arrays, prepare=False)
                result = cursor.pgresult
        if result is None:
            raise RuntimeError("the SELECT has no result")
        for at in range(result.ntuples):
            number, present, seen, *values = (result.get_value(at, column) for column in range(result.nfields))
            snapshot = seen.decode() if seen is not None else snapshot
            if present == b"t" and number is not None:
                found[int(number) - 1] = values
        return snapshot, found


def _sees(snapshot: str, number: int) -> bool:
    """Whether a snapshot (`xmin:xmax:xip,…`) shows a transaction, by its number of 32 bits, which has committed.

    Source: the PostgreSQL manual, "Transaction ID and Snapshot Information Functions".
    """
    _, high, running = snapshot.split(":")
    if (number - int(high)) & 0xFFFFFFFF < 0x80000000:  # at or behind the first that had not ended; numbers go round
        return False
    return number not in {int(each) & 0xFFFFFFFF for each in running.split(",") if each}
