"""A change as Python code sees it, made on demand from a row of a batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cdc.model.batch import ChangeBatch
from cdc.model.schema import Schema
from cdc.model.table import Column, Table, TableId

Values = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ChangeEvent:
    """One change of one row.

    `op` is r (read by the snapshot), c, u, d or t (truncate). `before` and `after` map column names to wire values as their schemas
    say: int, float, str, bytes, bool, `decimal.Decimal`, list, dict (a map or struct) or None; `ABSENT` for a column that the log does not carry under the table's replica
    identity, `UNAVAILABLE` for an unchanged value that is stored out of line. A change of the key comes as a d and a c, as in Debezium.
    """

    op: str
    table: TableId
    key: Values | None
    before: Values | None
    after: Values | None
    source: Values


def read_event(batch: ChangeBatch, index: int) -> ChangeEvent:
    """Return the event of a row; raises IndexError beyond the batch's end."""
    op, table, before, after, key, _, source = batch.row(index)
    key_columns = [table.columns[column] for column in table.key]
    return ChangeEvent(
        op,
        table.id,
        _named(key_columns, key),
        _named(table.row_columns, before),
        _named(table.row_columns, after),
        {**table.source_constants, **_source(table, source or ())},
    )


def _named(columns: Iterable[Column], values: tuple[object, ...] | None) -> Values | None:
    if values is None:
        return None
    # Behind the columns of the row stand those of the key alone.
    return {column.name: shaped(column.schema, value) for column, value in zip(columns, values, strict=False)}


def shaped(schema: Schema, value: Any) -> object:
    """Return a value of a batch, where nested ones come flat, with the names that its schema gives to what it holds."""
    if not isinstance(value, list):
        return value
    if schema.items is not None:
        items = schema.items
        return [shaped(items, each) for each in value]
    if schema.keys is not None and schema.values is not None:
        values = schema.values
        return {key: shaped(values, each) for key, each in zip(value[::2], value[1::2], strict=True)}
    return {field.name: shaped(field.schema, each) for field, each in zip(schema.fields, value, strict=True)}


def _source(table: Table, values: tuple[object, ...]) -> Values:
    return {field.name: value for field, value in zip(table.source_variables, values, strict=True)}
