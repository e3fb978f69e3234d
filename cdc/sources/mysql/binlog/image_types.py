"""The numbers of MySQL's column types on the wire (`enum_field_types`, the server's field_types.h), and MariaDB's two."""

from __future__ import annotations

from enum import IntEnum


class ColumnType(IntEnum):
    """What TABLE_MAP calls a column; the types with 2 at the end have fractional seconds and are MySQL's since 5.6."""

    TINY = 1
    SHORT = 2
    LONG = 3
    FLOAT = 4
    DOUBLE = 5
    NULL = 6
    TIMESTAMP = 7
    LONGLONG = 8
    INT24 = 9
    DATE = 10
    TIME = 11
    DATETIME = 12
    YEAR = 13
    NEWDATE = 14
    VARCHAR = 15
    BIT = 16
    TIMESTAMP2 = 17
    DATETIME2 = 18
    TIME2 = 19
    BLOB_COMPRESSED = 140
    VARCHAR_COMPRESSED = 141
    VECTOR = 242
    JSON = 245
    NEWDECIMAL = 246
    ENUM = 247
    SET = 248
    TINY_BLOB = 249
    MEDIUM_BLOB = 250
    LONG_BLOB = 251
    BLOB = 252
    VAR_STRING = 253
    STRING = 254
    GEOMETRY = 255


#: Types whose TABLE_MAP may say whether they have a sign, in its SIGNEDNESS.
NUMERIC = frozenset(
    {
        ColumnType.TINY,
        ColumnType.SHORT,
        ColumnType.INT24,
        ColumnType.LONG,
        ColumnType.LONGLONG,
        ColumnType.NEWDECIMAL,
        ColumnType.FLOAT,
        ColumnType.DOUBLE,
        ColumnType.YEAR,
    }
)

#: Types whose TABLE_MAP may say their collation, 63 for bytes.
CHARACTER = frozenset(
    {
        ColumnType.STRING,
        ColumnType.VAR_STRING,
        ColumnType.VARCHAR,
        ColumnType.VARCHAR_COMPRESSED,
        ColumnType.BLOB,
        ColumnType.BLOB_COMPRESSED,
    }
)

#: Types whose values stand behind their length, which takes as many bytes as TABLE_MAP says.
BLOBS = frozenset(
    {
        ColumnType.BLOB,
        ColumnType.BLOB_COMPRESSED,
        ColumnType.TINY_BLOB,
        ColumnType.MEDIUM_BLOB,
        ColumnType.LONG_BLOB,
        ColumnType.JSON,
        ColumnType.GEOMETRY,
        ColumnType.VECTOR,
    }
)

#: What only MariaDB has: texts and bytes as they are stored.
COMPRESSED = frozenset({ColumnType.VARCHAR_COMPRESSED, ColumnType.BLOB_COMPRESSED})

LABELLED = frozenset({ColumnType.ENUM, ColumnType.SET})

#: By type: the least and the largest length that `ImageColumn` may have; of those that are not here it means nothing.
LENGTHS = {
    **dict.fromkeys(BLOBS, (1, 4)),
    ColumnType.ENUM: (1, 2),
    ColumnType.SET: (1, 8),
    ColumnType.BIT: (1, 64),
    ColumnType.NEWDECIMAL: (1, 65),
    **dict.fromkeys((ColumnType.TIMESTAMP2, ColumnType.DATETIME2, ColumnType.TIME2), (0, 6)),
}

#: By type: how many bytes of a TABLE_MAP's metadata say the length that `ImageColumn` has, where it is one number.
LENGTH_SIZES = {
    **dict.fromkeys(BLOBS | LABELLED, 1),
    **dict.fromkeys((ColumnType.VARCHAR, ColumnType.VARCHAR_COMPRESSED, ColumnType.VAR_STRING), 2),
    **dict.fromkeys((ColumnType.FLOAT, ColumnType.DOUBLE, ColumnType.NEWDECIMAL), 1),
    **dict.fromkeys((ColumnType.TIMESTAMP2, ColumnType.DATETIME2, ColumnType.TIME2), 1),
}
