"""Tables as the stream sees them: the definition under which a row was written, and the schemas that follow from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cdc.model.schema import INT64, STRING, Default, Field, Schema, struct


@dataclass(frozen=True, slots=True, order=True)
class TableId:
    """A table's name: schema (MySQL: database) and table."""

    schema: str
    table: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.table}"


@dataclass(frozen=True, slots=True)
class Column:
    """A captured column, with the schema of its values.

    `name` is the field's in the records. A column that is `key_only` stands in the record key and not in the row: it is excluded, or the
    row has it in another form.
    """

    name: str
    schema: Schema
    key_only: bool = False


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Table:
    """One version of a captured table; compared by identity, so encoders can keep a plan for each.

    `columns` are the captured ones in table order, those that are `key_only` behind the others, and a row's cells follow that order.
    `key` holds indices into `columns`, in the order of the key; it is empty for a table without key. `record_name` begins the names of the
    schemas; without one the topic does. `source_schema` describes the source block; `source_constants` holds those of
    its fields that are the same for every row of the table, and the remaining fields, in order, are the row's source cells.
    `marks_absent` says that the columns which a row image leaves out are named in headers, and stand in the row as unavailable.
    """

    id: TableId
    topic: str
    columns: tuple[Column, ...]
    key: tuple[int, ...]
    source_schema: Schema
    source_constants: Mapping[str, Default] = field(default_factory=dict)
    record_name: str = ""
    marks_absent: bool = False

    @property
    def row_columns(self) -> tuple[Column, ...]:
        """The columns that rows show; their cells are the first ones."""
        return tuple(column for column in self.columns if not column.key_only)

    @property
    def source_variables(self) -> tuple[Field, ...]:
        """The fields of the source block that differ from row to row, in order."""
        return tuple(f for f in self.source_schema.fields if f.name not in self.source_constants)

    def key_schema(self) -> Schema | None:
        """Return the schema of the record key, or None for a table without key."""
        if not self.key:
            return None
        columns = (self.columns[i] for i in self.key)
        return struct(f"{self._name}.Key", (Field(c.name, c.schema) for c in columns))

    def value_schema(self) -> Schema:
        """Return the schema of one row, as it stands under `before` and `after`."""
        fields = (Field(c.name, c.schema) for c in self.row_columns)
        return struct(f"{self._name}.Value", fields, optional=True)

    def envelope_schema(self) -> Schema:
        """Return the schema of the change event (Debezium's envelope, version 2)."""
        row = self.value_schema()
        fields = (
            Field("before", row),
            Field("after", row),
            Field("source", self.source_schema),
            Field("transaction", TRANSACTION_BLOCK),
            Field("op", STRING),
            Field("ts_ms", INT64.as_optional()),
            Field("ts_us", INT64.as_optional()),
            Field("ts_ns", INT64.as_optional()),
        )
        return struct(f"{self._name}.Envelope", fields, version=2)

    @property
    def _name(self) -> str:
        return self.record_name or self.topic


TRANSACTION_BLOCK = struct(
    "event.block",
    (Field("id", STRING), Field("total_order", INT64), Field("data_collection_order", INT64)),
    optional=True,
    version=1,
)
