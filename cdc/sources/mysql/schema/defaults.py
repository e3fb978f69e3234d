"""From a column's default to the default of its schema.

A literal is carried as a value of the column. What is known only when a row is written (CURRENT_TIMESTAMP) stands as the epoch, as in Debezium,
but not in a TIMESTAMP that takes NULL; any other expression gives no default, and neither does a generated column.
"""

from __future__ import annotations

import decimal
from typing import Final

from cdc.errors import ConversionError, DecodeError
from cdc.model.schema import ConnectType, Decimal, Default, Schema
from cdc.sources.columns.values import ValueDecoder, decode_text
from cdc.sources.mysql.ddl.definitions import ColumnDefinition, DefaultKind

_INT64_MAX: Final = 2**63 - 1
_EPOCH: Final = "1970-01-01 00:00:00"
#: How a TIMESTAMP has the epoch as its default, whatever digits of fractional seconds its values have.
_ZONED_EPOCH: Final = "1970-01-01T00:00:00Z"


def column_default(column: ColumnDefinition, schema: Schema, decoder: ValueDecoder) -> Default:
    """Return the default of a column of a schema, None if there is none; `decoder` decodes the text of its values."""
    text = None if column.generated else _text(column)
    if text is None or schema.type in (ConnectType.STRUCT, ConnectType.ARRAY):
        return None
    try:
        return _wire(column, decode_text(decoder, text))
    except (DecodeError, ConversionError):
        return None


def _text(column: ColumnDefinition) -> bytes | None:
    """Return the default as the server would send it as a value."""
    default = column.default
    if default is None:
        return None
    if default.kind is DefaultKind.NOW:
        return None if column.optional and column.base_type == "TIMESTAMP" else _EPOCH.encode()
    if default.kind is not DefaultKind.LITERAL:
        return None
    match column.base_type:
        case "BIT":
            return _bits(default.text, column.length or 1)
        case "BINARY":
            # Debezium takes the text of SHOW CREATE TABLE as it stands there.
            return default.text.replace("\0", "\\0").encode("utf-8", "surrogateescape")
        case _:
            return default.text.encode("utf-8", "surrogateescape")


def _bits(text: str, length: int) -> bytes | None:
    try:
        return int(text, 2).to_bytes((length + 7) // 8, "big")
    except (ValueError, OverflowError):
        return None


def _wire(column: ColumnDefinition, value: object) -> Default:
    if isinstance(value, decimal.Decimal):
        exponent = value.as_tuple().exponent
        assert isinstance(exponent, int)  # noqa: S101 - a decimal cell holds finite numbers only
        return Decimal(int(value.scaleb(-exponent, decimal.Context(prec=200))), -exponent)
    if column.base_type == "TIMESTAMP" and isinstance(value, str) and value.startswith(_ZONED_EPOCH[:-1]):
        return _ZONED_EPOCH
    if column.unsigned and isinstance(value, int) and value < 0:
        return _INT64_MAX  # Debezium's default does not wrap around as its values do
    if value is None or isinstance(value, bool | int | float | str | bytes):
        return value
    return None
