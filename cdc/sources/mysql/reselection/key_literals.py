"""Values of row images as literals of SQL, by which a row is found again: each equals the column's value in the server's own comparison.

Formats: the server's `Rows_event`; of times its my_time.cc ("packed" forms, big-endian).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import partial
from typing import Final, TypeAlias

from cdc.sources.columns.numeric import NumericTextDecoder
from cdc.sources.columns.values import ValueDecoder, decode_text
from cdc.sources.mysql.binlog.image_types import COMPRESSED, ColumnType
from cdc.sources.mysql.binlog.table_map import ImageColumn
from cdc.sources.mysql.ddl.definitions import ColumnDefinition
from cdc.sources.mysql.protocol.connection import literal
from cdc.sources.mysql.schema.handling import ValueHandling
from cdc.sources.mysql.schema.types import resolve
from cdc.sources.mysql.values.charsets import charset_of
from cdc.sources.mysql.values.numeric import ImageDecimalDecoder

#: From the bytes of a value in a row image to a literal.
ToLiteral: TypeAlias = Callable[[bytes], str]

_TEXTS: Final = frozenset({"CHAR", "VARCHAR", "TINYTEXT", "TEXT", "MEDIUMTEXT", "LONGTEXT"})
_BYTES: Final = frozenset({"VARBINARY", "TINYBLOB", "BLOB", "MEDIUMBLOB", "LONGBLOB"})
_INTEGERS: Final = frozenset({"TINYINT", "SMALLINT", "MEDIUMINT", "INT", "BIGINT"})
#: Types whose published value is the text that the server compares with.
_NAMED: Final = frozenset({"ENUM", "SET", "UUID", "INET4", "INET6"})


def to_literal(column: ColumnDefinition, image: ImageColumn) -> ToLiteral | None:
    """Return what makes literals of a column's values; None for a type that rows are not found by, and for times of before MySQL 5.6.

    Raises:
        ConversionError: the column has a character set that is not known.
    """
    base = column.base_type
    if image.type in COMPRESSED:
        return None
    if base in _TEXTS:
        charset = column.charset or "" if image.collation is None else charset_of(image.collation)
        return lambda raw: f"_{charset} x'{raw.hex()}'"
    if base in _BYTES:
        return _bytes
    if base == "BINARY":
        length = column.length or 1
        return lambda raw: _bytes(raw.ljust(length, b"\0"))
    if base in _NAMED:
        resolved = resolve(column, ValueHandling(), image)
        return None if resolved is None else partial(_text, resolved.decoder)
    return _number(column, image) or _time(image)


def _bytes(raw: bytes) -> str:
    return f"x'{raw.hex()}'"


def _text(decoder: ValueDecoder, raw: bytes) -> str:
    return literal(str(decode_text(decoder, raw)))


def _number(column: ColumnDefinition, image: ImageColumn) -> ToLiteral | None:
    base = column.base_type
    if base in _INTEGERS:
        signed = not column.unsigned
        return lambda raw: str(int.from_bytes(raw, "little", signed=signed))
    match base:
        case "DECIMAL":
            decoder = ImageDecimalDecoder(image.length, image.scale, NumericTextDecoder())
            return lambda raw: str(decode_text(decoder, raw))
        case "FLOAT" | "DOUBLE":
            return lambda raw: repr(struct.unpack("<f" if len(raw) == 4 else "<d", raw)[0])
        case "BIT":
            return lambda raw: str(int.from_bytes(raw, "big"))
        case "YEAR":
            return lambda raw: str(1900 + raw[0] if raw[0] else 0)
    return None


def _time(image: ImageColumn) -> ToLiteral | None:
    match image.type:
        case ColumnType.DATE | ColumnType.NEWDATE:
            return _date
        case ColumnType.DATETIME2:
            return partial(_datetime, image.length)
        case ColumnType.TIMESTAMP2:
            return partial(_timestamp, image.length)
        case ColumnType.TIME2:
            return partial(_span, image.length)
    return None


def _date(raw: bytes) -> str:
    value = int.from_bytes(raw, "little")
    return f"'{value >> 9:04}-{value >> 5 & 15:02}-{value & 31:02}'"


def _datetime(digits: int, raw: bytes) -> str:
    packed = int.from_bytes(raw[:5], "big") - (1 << 39)
    day, clock = packed >> 17, packed & 0x1FFFF
    year, month = divmod(day >> 5, 13)
    return f"'{year:04}-{month:02}-{day & 31:02} {_clock(clock)}{_fraction(digits, int.from_bytes(raw[5:], 'big'))}'"


def _timestamp(digits: int, raw: bytes) -> str:
    """Return a moment in UTC, which is the session's time zone; the server computes it, as its calendar may end before Python's."""
    seconds, fraction = int.from_bytes(raw[:4], "big"), int.from_bytes(raw[4:], "big")
    if not seconds and not fraction:
        return "'0000-00-00 00:00:00'"
    text = _fraction(digits, fraction)
    return f"FROM_UNIXTIME({seconds}{text})"


def _span(digits: int, raw: bytes) -> str:
    size = 8 * (len(raw) - 3)
    packed = int.from_bytes(raw, "big") - (1 << 23 + size)
    sign, packed = "-" if packed < 0 else "", abs(packed)
    return f"'{sign}{_clock(packed >> size)}{_fraction(digits, packed & (1 << size) - 1)}'"


def _clock(packed: int) -> str:
    return f"{packed >> 12:02}:{packed >> 6 & 63:02}:{packed & 63:02}"


def _fraction(digits: int, value: int) -> str:
    """Return the digits of fractional seconds, which are stored two in a byte."""
    stored = (digits + 1) // 2 * 2
    return f".{value:0{stored}}"[: digits + 1] if digits else ""
