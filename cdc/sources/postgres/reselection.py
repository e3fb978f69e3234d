"""Reading values again that the log left out, before their events are published (`post.processors`).

Each batch takes one SELECT for each table whose rows lack something. The row is found by its key, compared in the server as its type
compares. What is read is the row's present state: it may be newer than the event, and then an event with that state follows. It is
never older: a transaction is sent before other sessions see it, so what is read before that is thrown away and read again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from psycopg import AsyncRawCursor, sql

from cdc.config.post_processors import ReselectSettings
from cdc.config.settings import PostgresSettings
from cdc.errors import SourceRefused
from cdc.model.batch import ChangeBatch
from cdc.model.table import Table, TableId
from cdc.sources.columns.gaps import Gaps, find_gaps
from cdc.sources.columns.row import RowPlan
from cdc.sources.postgres.connection import Connection, refusals
from cdc.sources.postgres.source_info import SOURCE_VARIABLES

log = logging.getLogger(__name__)

TYPES: Final = """
select c.relkind::text, a.attname::text, format_type(a.atttypid, a.atttypmod)
from pg_class c join pg_attribute a on a.attrelid = c.oid where c.oid = %s and a.attname = any (%s)
"""
#: Rows of a batch at most, so that what is read for them at once is bounded; fewer after values that were large.
MOST_ROWS: Final = 500
FIRST_ROWS: Final = 50
#: Pauses while a transaction cannot be seen yet, in seconds, and when that is told.
FIRST_PAUSE: Final = 0.002
LONGEST_PAUSE: Final = 0.5
TOLD_AFTER: Final = 10.0
_TRANSACTION: Final = SOURCE_VARIABLES.index("txId")


@dataclass(frozen=True, slots=True)
class Selection:
    """How the values of a table are read again. `query` takes an array of texts for each part of the key, then one of booleans for each column."""

    gaps: Gaps
    query: str


async def selection_of(
    connection: Connection, settings: PostgresSettings, oid: int, plan: RowPlan, key: Sequence[tuple[str, int]]
) -> Selection | None:
    """Return how values of a relation are read again, found by a key: names, and where the row has their text; None if they are not."""
    wanted = settings.reselect
    if wanted is None or plan.table is None or not key:
        return None
    table = plan.table.id
    columns = [
        at
        for at, name in enumerate(plan.names)
        if plan.targets[at] >= 0 and wanted.columns.matches(f"{table}:{name}") and name not in dict(key)
    ]
    if not columns:
        return None
    names = [name for name, _ in key]
    with refusals(settings):
        cursor = await connection.execute(TYPES.encode(), (oid, names))
        found = await cursor.fetchall()
    types = {name: kind for _, name, kind in found}
    if types.keys() != set(names):
        return None  # the key is no longer that of the table
    only = sql.SQL("only " if found[0][0] == "r" else "")
    query = _query(table, only, [(name, types[name]) for name in names], [plan.names[at] for at in columns])
    gaps = Gaps(plan, tuple(columns), tuple(place for _, place in key), wanted.unavailable, wanted.nulls)
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


class Reselection:
    """Fills the batches of one source; one caller at a time. `rows` is how many rows the next batch may have."""

    def __init__(
        self, connection: Connection, settings: PostgresSettings, wanted: ReselectSettings, most_bytes: int
    ) -> None:
        self._connection = connection
        self._settings = settings
        self._fail = wanted.fail
        self._most_bytes = most_bytes
        self._selections: dict[tuple[TableId, tuple[str, ...]], Selection] = {}
        self._refused: set[TableId] = set()
        self.rows = FIRST_ROWS

    def use(self, selection: Selection) -> None:
        """Take how values of a table are read again, whose rows are decoded in this way from now on."""
        table = selection.gaps.plan.table
        if table is not None:
            self._selections[_version(table)] = selection

    async def fill(self, batch: ChangeBatch) -> None:
        """Fill in what the rows of a batch lack.

        Raises:
            SourceUnavailable: the server cannot be reached.
            SourceRefused: under `fail`, it refuses the SELECT, or a row is gone.
        """
        before = batch.size
        selections = [self._selections.get(_version(table)) for table in batch.tables]
        gaps = [found.gaps if found is not None else None for found in selections]
        lacking, transactions = find_gaps(batch, gaps, _TRANSACTION)
        for at, rows in lacking.items():
            selection = selections[at]
            if selection is not None:
                await self._fill(batch, selection, rows, transactions)
        self._bound(batch.size - before)

    def _bound(self, size: int) -> None:
        """Choose how many rows the next batch has by what the last one took."""
        if size > self._most_bytes:
            self.rows = max(1, self.rows // 4)
        elif size < self._most_bytes // 4:
            self.rows = min(MOST_ROWS, self.rows * 2)

    async def _fill(self, batch: ChangeBatch, selection: Selection, rows: list[int], transactions: set[int]) -> None:
        table = batch.row(rows[0])[1].id
        wanted = [selection.gaps.wanted(batch, row) for row in rows]
        arrays = [list(each) for each in zip(*((*key, *lacks) for key, lacks in wanted), strict=True)]
        try:
            found = await self._when_visible(selection.query, arrays, transactions)
        except SourceRefused as error:
            self._give_up(table, error)
            return
        self._refused.discard(table)
        gone = [row for row, values in zip(rows, found, strict=True) if values is None]
        if gone:
            self._tell_gone(table, wanted[rows.index(gone[0])][0], len(gone))
        for row, values in zip(rows, found, strict=True):
            if values is not None:
                selection.gaps.fill(batch, row, values)

    async def _when_visible(
        self, query: str, arrays: list[list[object]], transactions: set[int]
    ) -> list[list[bytes | None] | None]:
        """Return the values for each row, None for one that is gone, as they are once the transactions can be seen."""
        waited, pause = 0.0, FIRST_PAUSE
        while True:
            snapshot, found = await self._select(query, arrays)
            if all(_sees(snapshot, number) for number in transactions):
                return found
            await asyncio.sleep(pause)
            if waited < TOLD_AFTER <= waited + pause:
                log.warning(
                    "columns cannot be read again as yet: the server does not show transactions that it has sent already."
                    " It may wait for a synchronous standby"
                )
            waited, pause = waited + pause, min(2 * pause, LONGEST_PAUSE)

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

    def _give_up(self, table: TableId, error: SourceRefused) -> None:
        if self._fail:
            raise SourceRefused(f"values of {table} cannot be read again: {error}", error.remedy) from error
        if table not in self._refused:
            self._refused.add(table)
            log.warning("values of %s cannot be read again, and are published as the log has them: %s", table, error)

    def _tell_gone(self, table: TableId, key: Sequence[object], count: int) -> None:
        what = f"the row of {table} with the key ({', '.join(map(str, key))})"
        if self._fail:
            raise SourceRefused(
                f"{what} is gone, so its values cannot be read again",
                "Set reselect.error.handling.mode=warn to publish such events as they are.",
            )
        more = f" and {count - 1} more are" if count > 1 else " is"
        log.warning("%s%s gone, and published as the log has it", what, more)


def _version(table: Table) -> tuple[TableId, tuple[str, ...]]:
    # A table is another object once a null was seen in it; its cells are the same.
    return table.id, tuple(column.name for column in table.columns)


def _sees(snapshot: str, number: int) -> bool:
    """Whether a snapshot (`xmin:xmax:xip,…`) shows a transaction, by its number of 32 bits, which has committed.

    Source: the PostgreSQL manual, "Transaction ID and Snapshot Information Functions".
    """
    _, high, running = snapshot.split(":")
    if (number - int(high)) & 0xFFFFFFFF < 0x80000000:  # at or behind the first that had not ended; numbers go round
        return False
    return number not in {int(each) & 0xFFFFFFFF for each in running.split(",") if each}
