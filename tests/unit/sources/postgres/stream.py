"""A stream of pgoutput messages for small tables, and the decoder at work on it, without a server."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cdc.model.batch import ChangeBatch
from cdc.model.schema import INT64, STRING, Schema
from cdc.model.table import Column, Table, TableId
from cdc.sources.columns.row import RowPlan
from cdc.sources.columns.values import IntDecoder, TextDecoder, ValueDecoder
from cdc.sources.postgres.server.catalog import SOURCE_SCHEMA
from cdc.sources.postgres.stream.pgoutput import PgOutputDecoder
from cdc.sources.postgres.wal.relation import Relation
from cdc.sources.postgres.wal.source_info import SOURCE_VARIABLES

INT8, TEXT = 20, 25
NO_LIMIT = 1 << 40
CONSTANTS = {
    field.name: "x" if field.schema.type is STRING.type else 0
    for field in SOURCE_SCHEMA.fields
    if field.name not in SOURCE_VARIABLES
}
DECODERS: Mapping[int, tuple[Callable[[], ValueDecoder], Schema]] = {
    INT8: (IntDecoder, INT64.as_optional()),
    TEXT: (TextDecoder, STRING.as_optional()),
}

Row = tuple[Any, ...]


def table(*columns: str, key: Sequence[int] = (0,), name: str = "t") -> Table:
    """Return table s.t with the named columns: `id` is a number, all others are texts."""
    described = tuple(Column(c, INT64 if c == "id" else STRING.as_optional()) for c in columns)
    return Table(TableId("s", name), f"p.s.{name}", described, tuple(key), SOURCE_SCHEMA, CONSTANTS)


def plan(of: Table, *, on_error: str = "warn", targets: Sequence[int] | None = None) -> RowPlan:
    """Return the plan for rows whose columns stand on the wire in table order (or as `targets` says)."""
    places = tuple(range(len(of.columns))) if targets is None else tuple(targets)
    decoders: list[ValueDecoder | None] = [
        None if place < 0 else IntDecoder() if of.columns[place].schema is INT64 else TextDecoder() for place in places
    ]
    return RowPlan(of, decoders, places, on_error)


def plan_of(relation: Relation) -> RowPlan:
    """Return the plan of a relation whose columns are bigint or text; a table named `hidden…` is not captured."""
    if relation.table.startswith("hidden"):
        return RowPlan(None, [None] * len(relation.columns), (-1,) * len(relation.columns))
    columns = tuple(Column(c.name, DECODERS[c.type_oid][1]) for c in relation.columns)
    key = tuple(place for place, column in enumerate(relation.columns) if column.key and relation.identity != "f")
    found = Table(
        TableId(relation.schema, relation.table), f"p.s.{relation.table}", columns, key, SOURCE_SCHEMA, CONSTANTS
    )
    return RowPlan(found, [DECODERS[c.type_oid][0]() for c in relation.columns], tuple(range(len(columns))))


def feed(
    decoder: PgOutputDecoder,
    messages: Sequence[bytes | memoryview],
    *,
    plan: Callable[[Relation], RowPlan] = plan_of,
    max_rows: int = NO_LIMIT,
    max_size: int = NO_LIMIT,
    tombstones: bool = True,
) -> list[ChangeBatch]:
    """Decode all messages and return the batches, cut where the decoder stopped; the last one is there even if it is empty."""
    batches = [ChangeBatch(tombstones)]
    given, taken = list(messages), 0
    while taken < len(given):
        taken = decoder.feed(given, taken, batches[-1], max_rows, max_size)
        if decoder.unresolved is not None:
            decoder.bind(decoder.unresolved.oid, plan(decoder.unresolved))
        elif taken < len(given):
            decoder.cut()
            batches.append(ChangeBatch(tombstones))
    return batches


def changes(batch: ChangeBatch) -> list[tuple[str, Row | None, Row | None]]:
    """Return (op, before, after) of every row."""
    return [(op, before, after) for op, _, before, after, *_ in map(batch.row, range(len(batch)))]


def sources(batch: ChangeBatch) -> list[dict[str, Any]]:
    """Return the variable part of the source block of every row; empty for a tombstone."""
    rows = (batch.row(index)[6] for index in range(len(batch)))
    return [dict(zip(SOURCE_VARIABLES, source, strict=True)) if source else {} for source in rows]
