"""How the values of one table are read again: by which key, by which expressions, and whether the table is still what it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from cdc.config.mysql_settings import MySqlSettings
from cdc.config.post_processors import ReselectSettings
from cdc.model.schema import BYTES
from cdc.model.table import Column
from cdc.sources.columns import reselection
from cdc.sources.columns.gaps import Gaps
from cdc.sources.columns.layout import Kept
from cdc.sources.columns.reselection import columns_to_reread
from cdc.sources.columns.row import RowPlan
from cdc.sources.mysql.binlog.table_map import TableMap
from cdc.sources.mysql.ddl.definitions import ColumnDefinition, TableDefinition
from cdc.sources.mysql.protocol.connection import identifier
from cdc.sources.mysql.reselection.key_literals import ToLiteral, to_literal
from cdc.sources.mysql.schema.table_schema import TablePlans, check_definition
from cdc.sources.mysql.schema.types import select_expression
from cdc.sources.mysql.values.binary import BytesDecoder

#: Types whose text is decoded alike.
_ALIKE: Final = {
    **dict.fromkeys(("CHAR", "VARCHAR", "TINYTEXT", "TEXT", "MEDIUMTEXT", "LONGTEXT"), "text"),
    **dict.fromkeys(("BINARY", "VARBINARY", "TINYBLOB", "BLOB", "MEDIUMBLOB", "LONGBLOB"), "bytes"),
}
#: Types whose values depend on their size too, and the sizes that they have when none is declared.
_SIZES: Final = {"DECIMAL": (10, 0), "BIT": (1, 0), "TIME": (0, 0), "DATETIME": (0, 0), "TIMESTAMP": (0, 0)}

#: Tells the plans of a table apart, also those whose columns have the same names: keys are kept as the log has them.
_NUMBERS: Final = count(1)


@dataclass(frozen=True, slots=True)
class KeyColumn:
    """A column by which rows are found: what to compare in SQL, and what makes literals of its bytes in the log."""

    name: str
    expression: str
    literal: ToLiteral


@dataclass(frozen=True, slots=True)
class Selection(reselection.Selection):
    """How the values of a table are read again. `columns` are the names and expressions of those of `gaps`, `definition` is that of the rows."""

    definition: TableDefinition
    key: tuple[KeyColumn, ...]
    columns: Mapping[str, str] = field(default_factory=dict)

    def literals(self, key: Sequence[str | bytes | None]) -> tuple[str, ...] | None:
        """Return a key as literals; None if a part of it is null, or not in the log."""
        made = tuple(
            column.literal(part) for column, part in zip(self.key, key, strict=True) if isinstance(part, bytes)
        )
        return made if len(made) == len(key) else None

    def shown(self, key: Sequence[str | bytes | None]) -> str:
        """See `cdc.sources.columns.reselection.Selection.shown`."""
        return ", ".join(
            column.literal(part) if isinstance(part, bytes) else "none"
            for column, part in zip(self.key, key, strict=True)
        )

    def changed_columns(self, now: TableDefinition) -> list[str]:
        """Return the columns that are of another type now, or are gone."""
        names = [*(column.name for column in self.key), *self.columns]
        return [name for name in names if _form(self.definition.column(name)) != _form(now.column(name))]


def _form(column: ColumnDefinition | None) -> object:
    """Return what the values of a column depend on, as text and in schemas; None for no column."""
    if column is None:
        return None
    sizes = _SIZES.get(column.base_type)
    declared = (column.length or sizes[0], column.scale or sizes[1]) if sizes else ()
    return _ALIKE.get(column.base_type, column.base_type), column.unsigned, declared


def selection_of(
    plans: TablePlans, settings: MySqlSettings, wanted: ReselectSettings, definition: TableDefinition, images: TableMap
) -> tuple[RowPlan, Selection | None]:
    """Return how rows of the binlog are decoded, and how their values are read again; None if they are not.

    Raises what `TablePlans.streamed` raises.
    """
    check_definition(definition, images)
    key = _key(plans, wanted, definition, images)
    if not key or not settings.tables.matches(definition.id.schema, definition.id.table):
        return plans.streamed(definition, images), None
    kept = {column.name: _kept(column.name) for column in key}
    plan = plans.streamed(definition, images, kept)
    columns = columns_to_reread(wanted, plan, [column.name for column in key])
    if plan.table is None or not columns:
        return plan, None
    cells = {column.name: at for at, column in enumerate(plan.table.columns)}
    places = tuple(cells[kept[column.name].column.name] for column in key)
    gaps = Gaps(plan, columns, places, wanted.unavailable, wanted.nulls, plans.selected(definition))
    chosen = [definition.columns[at] for at in columns]
    expressions = {column.name: select_expression(column, identifier(column.name)) for column in chosen}
    return plan, Selection(gaps, definition, key, expressions)


def _key(
    plans: TablePlans, wanted: ReselectSettings, definition: TableDefinition, images: TableMap
) -> tuple[KeyColumn, ...]:
    """Return the columns by which rows are found; none where there is no key, or one of a type that rows are not found by."""
    names = plans.key(definition) if wanted.use_event_key else definition.record_key
    by_name = {column.name: (column, image) for column, image in zip(definition.columns, images.columns, strict=False)}
    found = []
    for name in names:
        column, image = by_name[name]
        literal = to_literal(column, image)
        if literal is None:
            plans.warn_of_key(definition.id, column)
            return ()
        found.append(KeyColumn(name, select_expression(column, identifier(name)), literal))
    return tuple(found)


def _kept(name: str) -> Kept:
    return Kept(Column(f"{name} in the log, {next(_NUMBERS)}", BYTES.as_optional(), key_only=True), BytesDecoder())
