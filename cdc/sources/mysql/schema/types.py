"""From a column's definition to its schema and the decoder of its values."""

from __future__ import annotations

from typing import Final

from cdc.sources.columns.resolved import ResolvedColumn
from cdc.sources.mysql.binlog.table_map import ImageColumn
from cdc.sources.mysql.ddl.definitions import ColumnDefinition
from cdc.sources.mysql.schema.defaults import column_default
from cdc.sources.mysql.schema.handling import ValueHandling
from cdc.sources.mysql.schema.mapping import MAPPERS
from cdc.sources.mysql.schema.row_metadata import check
from cdc.sources.mysql.values.json_text import selected

#: What the text of values depends on; to be set on every connection that values are selected on.
SESSION_SETTINGS: Final = {
    "time_zone": "+00:00",
    "character_set_results": "utf8mb4",
    "sql_mode": "",
}


def resolve(
    column: ColumnDefinition, handling: ValueHandling, image: ImageColumn | None = None
) -> ResolvedColumn | None:
    """Return schema and decoder of a column, or None for a type that is not mapped, whose column is left out.

    The decoder is that of row images whose TABLE_MAP has the column as `image`; without it that of text, which is selected under
    `SESSION_SETTINGS` by `select_expression`. The schema is the same for both.

    Raises:
        DecodeError: the definition does not fit the image.
        ConversionError: the column has a character set that is not known.
    """
    mapper = MAPPERS.get(column.base_type)
    if mapper is None:
        return None
    if image is not None:
        check(column, image)
    schema, decoder = mapper(column, handling, image)
    text = decoder if image is None else mapper(column, handling, None)[1]
    default = column_default(column, schema, text)
    return ResolvedColumn(schema.as_optional(schema.optional or column.optional).with_default(default), decoder)


def select_expression(column: ColumnDefinition, quoted: str) -> str:
    """Return what to select for a column, named as `quoted` in SQL: the server's text of it, or where that loses something, another one.

    FLOAT is printed with six digits, and FLOAT(m,d) and DOUBLE(m,d) are rounded. A spatial value and a vector are bytes as they are.
    """
    if column.base_type == "FLOAT" or (column.base_type == "DOUBLE" and column.scale is not None):
        return f"CAST({quoted} AS DOUBLE)"
    return selected(quoted) if column.base_type == "JSON" else quoted
