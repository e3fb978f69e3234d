"""Rows of a batch as single records with Connect's schemas: what transforms, and converters of single values, take.

What they hold is what the compiled converter writes: ConnectJsonConverter makes the same bytes of them. A Python object is made for each
value, so this is for connectors that have transforms or other converters, and for rows that cannot be converted.
"""

from __future__ import annotations

import decimal
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from weakref import WeakKeyDictionary

from cdc.converters.decimals import parts, unscaled_bytes
from cdc.converters.json_cells import value_of
from cdc.converters.missing import ABSENT_AFTER, ABSENT_BEFORE, VARIABLE_SCALE_DECIMAL, absent_value, unavailable_value
from cdc.converters.uncarried import fault_of, readable
from cdc.errors import ConversionError
from cdc.model.batch import ChangeBatch
from cdc.model.connect_record import Header, SourceRecord
from cdc.model.event import ABSENT, UNAVAILABLE, Unconvertible
from cdc.model.position import Offset
from cdc.model.schema import STRING, Field, Schema, array
from cdc.model.table import Column, Table

OLD_KEY: Final = "__debezium.oldkey"
NEW_KEY: Final = "__debezium.newkey"
_NO_PLACE: Final = ("sequence", "ts_")

Struct = dict[str, Any]
Cells = tuple[Any, ...]
ContextHeaders = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a row cannot be carried by its schemas: the error names table, column and value. `in_key` tells key from value."""

    error: ConversionError
    in_key: bool


@dataclass(frozen=True, slots=True)
class ChangeRecord:
    """A row as a record, and the name of its table.

    With a `fault`, a value that its schema cannot carry has another one, so that it stays readable: text as the server sent it, bytes
    where that is not UTF-8, null where the log lacks a column of the key.
    """

    record: SourceRecord
    table: str
    fault: Fault | None = None


class ChangeRecords:
    """Makes records of rows; one for each connector.

    `headers` go on every record, behind its own; `context` are the same as Connect has them. `unavailable` are the bytes that stand for a value which the log does not repeat.
    `partition` is the source's.
    """

    def __init__(self, headers: ContextHeaders, unavailable: bytes, partition: Mapping[str, str]) -> None:
        self.context = tuple(Header(name, STRING, value.decode()) for name, value in headers)
        self._unavailable = unavailable
        self._partition = partition
        self._plans: WeakKeyDictionary[Table, _Plan] = WeakKeyDictionary()

    def read(self, batch: ChangeBatch, index: int) -> ChangeRecord:
        """Return the record of a row; raises IndexError beyond the batch's end."""
        op, table, before, after, key, other_key, source = batch.row(index)
        plan = self._plans.get(table)
        if plan is None:
            plan = self._plans[table] = _Plan(table, self._unavailable)
        found = _Row(
            plan,
            op,
            None if key is None else plan.key(key),
            None if before is None else plan.row(before),
            None if after is None else plan.row(after),
            plan.source(source or ()),
            None if other_key is None else plan.key(other_key),
            _block(batch.transaction_block(index)),
            tuple(plan.marks(before, after)),
        )
        fault = next(_faults(found, batch.problems, index), None)
        record = self._record(found if fault is None else found.readable(), batch.stamp_ns)
        return ChangeRecord(record, str(table.id), fault)

    def _record(self, row: _Row, stamp_ns: int) -> SourceRecord:
        value, value_schema = (row.envelope(stamp_ns), row.envelope_schema) if row.op else (None, None)
        return SourceRecord(
            topic=row.plan.table.topic,
            key=row.key,
            key_schema=None if row.key is None else row.key_schema,
            value=value,
            value_schema=value_schema,
            timestamp_ms=stamp_ns // 1_000_000,
            headers=(*row.own_headers(), *self.context),
            source_partition=self._partition,
            source_offset=row.plan.place(row.source),
        )


class _Plan:
    """What all rows of a table version share."""

    def __init__(self, table: Table, unavailable: bytes) -> None:
        self.table = table
        self.key_columns = tuple(table.columns[at] for at in table.key)
        self.row_columns = table.row_columns
        self.key_schema = table.key_schema()
        self.envelope_schema = table.envelope_schema()
        self.row_schema = self.envelope_schema.fields[0].schema
        self._constants: Struct = dict(table.source_constants)
        self._variables = table.source_variables
        self._unavailable = [value_of(c.schema, unavailable_value(c.schema, unavailable)) for c in table.columns]
        self._absent = self._unavailable
        if not table.marks_absent:
            self._absent = [value_of(c.schema, absent_value(c.schema)) for c in table.columns]

    def row(self, cells: tuple[Any, ...]) -> Struct:
        """Return a row image by the names of the columns, with what stands for values that the log does not have."""
        return {column.name: self._value(column, at, cells[at]) for at, column in enumerate(self.row_columns)}

    def key(self, cells: tuple[Any, ...]) -> Struct:
        """Return a key; nothing stands for a value that it lacks."""
        return {column.name: _value(column.schema, cell) for column, cell in zip(self.key_columns, cells, strict=True)}

    def source(self, cells: tuple[Any, ...]) -> Struct:
        """Return the source block, in the order of its schema."""
        variable = {field.name: cell for field, cell in zip(self._variables, cells, strict=True)}
        found = {**self._constants, **variable}
        return {field.name: found[field.name] for field in self.table.source_schema.fields}

    def place(self, source: Struct) -> Offset:
        """Return what the source block says of the place in the log, beside its table and its time."""
        names = (field.name for field in self._variables if not field.name.startswith(_NO_PLACE))
        return {name: source[name] for name in names if source[name] not in {None, "false"}}

    def marks(self, before: Cells | None, after: Cells | None) -> Iterator[Header]:
        """Yield the headers that name the columns which the row images leave out."""
        if not self.table.marks_absent:
            return
        for name, cells in ((ABSENT_BEFORE, before), (ABSENT_AFTER, after)):
            absent = [c.name for c, cell in zip(self.row_columns, cells or (), strict=False) if cell is ABSENT]
            if absent:
                yield Header(name, array(STRING), absent)

    def _value(self, column: Column, at: int, cell: Any) -> Any:
        if cell is ABSENT:
            return self._absent[at]
        return self._unavailable[at] if cell is UNAVAILABLE else _value(column.schema, cell)


@dataclass(frozen=True, slots=True)
class _Row:
    """A row with its values; the schemas are those of its table unless others are given."""

    plan: _Plan
    op: str
    key: Struct | None
    before: Struct | None
    after: Struct | None
    source: Struct
    other_key: Struct | None
    transaction: Struct | None = None
    marks: tuple[Header, ...] = ()
    schemas: tuple[Schema | None, Schema] | None = None

    @property
    def key_schema(self) -> Schema | None:
        return self.plan.key_schema if self.schemas is None else self.schemas[0]

    @property
    def envelope_schema(self) -> Schema:
        return self.plan.envelope_schema if self.schemas is None else self.schemas[1]

    def envelope(self, stamp_ns: int) -> Struct:
        """Return Debezium's envelope; `stamp_ns` is when the change was read, in nanoseconds since the epoch."""
        return {
            "before": self.before,
            "after": self.after,
            "source": self.source,
            "transaction": self.transaction,
            "op": self.op,
            "ts_ms": stamp_ns // 1_000_000,
            "ts_us": stamp_ns // 1_000,
            "ts_ns": stamp_ns,
        }

    def own_headers(self) -> Iterator[Header]:
        """Yield the key on the far side of a key change, and what names absent columns."""
        if self.other_key is not None and self.schemas is None:
            yield Header(OLD_KEY if self.op == "c" else NEW_KEY, self.plan.key_schema, self.other_key)
        yield from self.marks

    def readable(self) -> _Row:
        """Return the row with schemas that carry all of its values. The key on the far side of a key change stays away."""
        plan, envelope = self.plan, self.plan.envelope_schema
        before_schema, before = readable(plan.row_schema, self.before)
        after_schema, after = readable(plan.row_schema, self.after)
        rows = (Field("before", before_schema), Field("after", after_schema))
        key_schema, key = (None, None) if plan.key_schema is None else readable(plan.key_schema, self.key)
        schemas = key_schema, replace(envelope, fields=(*rows, *envelope.fields[2:]))
        return replace(self, key=key, before=before, after=after, schemas=schemas)


def _value(schema: Schema, cell: Any) -> Any:
    """Return a cell's value by its schema: nested ones come flat."""
    if isinstance(cell, decimal.Decimal) and schema.name == VARIABLE_SCALE_DECIMAL:
        unscaled, scale = parts(cell)
        return {"scale": scale, "value": unscaled_bytes(unscaled)}
    if not isinstance(cell, list):
        return cell
    if schema.items is not None:
        return [_value(schema.items, each) for each in cell]
    if schema.keys is not None and schema.values is not None:
        keys, values = schema.keys, schema.values
        return {_value(keys, key): _value(values, each) for key, each in zip(cell[::2], cell[1::2], strict=True)}
    return {field.name: _value(field.schema, each) for field, each in zip(schema.fields, cell, strict=True)}


def _block(place: tuple[str, int, int] | None) -> Struct | None:
    """Return the transaction block of a row that is numbered in its source transaction."""
    return None if place is None else dict(zip(("id", "total_order", "data_collection_order"), place, strict=True))


def _faults(row: _Row, problems: Sequence[Unconvertible], index: int) -> Iterator[Fault]:
    """Yield what the schemas of a row cannot carry, the key first."""
    plan, columns = row.plan, row.plan.row_columns
    images = (
        (row.key, plan.key_columns, True),
        (row.other_key, plan.key_columns, True),
        (row.before, columns, False),
        (row.after, columns, False),
    )
    for image, described, in_key in images:
        if image is None:
            continue
        for column in described:
            error = fault_of(f"{plan.table.id}.{column.name}", column.schema, image[column.name], in_key=in_key)
            if error is not None:
                yield Fault(_explained(error, plan.table, column, problems, index), in_key)


def _explained(
    error: ConversionError, table: Table, column: Column, problems: Sequence[Unconvertible], index: int
) -> ConversionError:
    """Return what the decoder has said of the value, if it was the decoder that could not carry it; it has noted them in order."""
    noted = bisect_right(problems, index, key=lambda problem: problem.row)
    most = 2 * len(table.columns)  # by one change
    for problem in reversed(problems[max(noted - most, 0) : noted]):
        if (problem.table, problem.column) == (str(table.id), column.name) and problem.row >= 0:
            return ConversionError(f"{problem.table}.{problem.column}: {problem.reason}", problem.remedy)
    return error
