"""What `column.propagate.source.type` tells of a column's type in the database: Debezium's parameters, by the rules of its JDBC driver.

Source: the PostgreSQL JDBC driver's documentation of `DatabaseMetaData.getColumns` (COLUMN_SIZE, DECIMAL_DIGITS).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cdc.sources.columns.resolved import UNKNOWN_LENGTH
from cdc.sources.postgres.schema.mapping import ARRAYS, typmod_scale

NUMERIC: Final = 1700
INTERVAL: Final = 1186

#: The sizes of types that have one whatever their modifier, by OID.
_SIZES: Final[Mapping[int, int]] = {16: 1, 18: 1, 20: 19, 21: 5, 23: 10, 26: 10, 700: 8, 701: 17, 1082: 13, 1186: 49}
#: The characters of a time without its fraction: time, timestamp, timestamp with and time with time zone.
_TIMES: Final[Mapping[int, int]] = {1083: 8, 1114: 22, 1184: 28, 1266: 14}
#: The types whose modifier is their length and four bytes of header: char(n), varchar(n).
_TEXTS: Final = frozenset({1042, 1043})
#: The types whose modifier is their length: bit, varbit.
_BITS: Final = frozenset({1560, 1562})
_SCALES: Final[Mapping[int, int]] = {700: 8, 701: 17}


def column_length(oid: int, typmod: int) -> int:
    """Return the length of a type with a modifier (-1 for none), 2147483647 for one without; that of an array is its elements'."""
    oid = ARRAYS.get(oid, oid)
    if oid in _TIMES:
        return _TIMES[oid] + _fraction_width(typmod)
    if oid == NUMERIC:
        return typmod - 4 >> 16 if typmod >= 0 else 0
    if typmod >= 0 and oid in _TEXTS:
        return typmod - 4
    if typmod >= 0 and oid in _BITS:
        return typmod
    return _SIZES.get(oid, UNKNOWN_LENGTH)


def _fraction_width(typmod: int) -> int:
    if typmod == 0:
        return 0
    return 7 if typmod < 0 else max(typmod, 2) + 1


def column_scale(oid: int, typmod: int) -> int:
    """Return the digits behind the point of a type with a modifier (-1 for none); 0 for a type that has none."""
    oid = ARRAYS.get(oid, oid)
    if oid == NUMERIC:
        return typmod_scale(typmod) or 0
    if oid in _TIMES or oid == INTERVAL:
        return 6 if typmod < 0 else typmod & 0xFFFF
    return _SCALES.get(oid, 0)
