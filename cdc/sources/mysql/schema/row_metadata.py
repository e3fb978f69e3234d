"""What a TABLE_MAP says of a table's definition: all of it, or whether one that is known from elsewhere fits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from cdc.errors import DecodeError
from cdc.sources.mysql.binlog.image_types import CHARACTER, ColumnType
from cdc.sources.mysql.binlog.table_map import ImageColumn, TableMap
from cdc.sources.mysql.ddl.declared_types import BLOBS, CHARACTER_BYTES, TEXTS
from cdc.sources.mysql.ddl.definitions import ColumnDefinition, KeyDefinition, TableDefinition
from cdc.sources.mysql.values.charsets import charset_of, decode_text

_DIGITS: Final = frozenset({ColumnType.TIME2, ColumnType.DATETIME2, ColumnType.TIMESTAMP2})
#: The least number of bytes that an index of some engine takes (MyISAM with its smallest key).
_SHORTEST_LIMIT: Final = 255
_BINARY: Final = 63  # the collation of bytes
_SHAPES: Final = (
    "GEOMETRY",
    "POINT",
    "LINESTRING",
    "POLYGON",
    "MULTIPOINT",
    "MULTILINESTRING",
    "MULTIPOLYGON",
    "GEOMCOLLECTION",
)

#: What a column of a base type may be in row images: MariaDB's JSON is a text, and what is compressed there has types of its own.
IMAGE_TYPES: Final[Mapping[str, frozenset[ColumnType]]] = {
    "TINYINT": frozenset({ColumnType.TINY}),
    "SMALLINT": frozenset({ColumnType.SHORT}),
    "MEDIUMINT": frozenset({ColumnType.INT24}),
    "INT": frozenset({ColumnType.LONG}),
    "BIGINT": frozenset({ColumnType.LONGLONG}),
    "FLOAT": frozenset({ColumnType.FLOAT}),
    "DOUBLE": frozenset({ColumnType.DOUBLE}),
    "DECIMAL": frozenset({ColumnType.NEWDECIMAL}),
    "BIT": frozenset({ColumnType.BIT}),
    "YEAR": frozenset({ColumnType.YEAR}),
    "DATE": frozenset({ColumnType.DATE, ColumnType.NEWDATE}),
    "TIME": frozenset({ColumnType.TIME, ColumnType.TIME2}),
    "DATETIME": frozenset({ColumnType.DATETIME, ColumnType.DATETIME2}),
    "TIMESTAMP": frozenset({ColumnType.TIMESTAMP, ColumnType.TIMESTAMP2}),
    **dict.fromkeys(("CHAR", "BINARY", "UUID", "INET4", "INET6"), frozenset({ColumnType.STRING})),
    **dict.fromkeys(
        ("VARCHAR", "VARBINARY"), frozenset({ColumnType.VARCHAR, ColumnType.VAR_STRING, ColumnType.VARCHAR_COMPRESSED})
    ),
    **dict.fromkeys((*TEXTS, *BLOBS), frozenset({ColumnType.BLOB, ColumnType.BLOB_COMPRESSED})),
    "ENUM": frozenset({ColumnType.ENUM}),
    "SET": frozenset({ColumnType.SET}),
    "JSON": frozenset({ColumnType.JSON}),
    "VECTOR": frozenset({ColumnType.VECTOR}),
    **dict.fromkeys((*_SHAPES, "GEOMETRYCOLLECTION"), frozenset({ColumnType.GEOMETRY})),
}
_TYPES: Final = {
    image: base for base, images in IMAGE_TYPES.items() if base not in (*TEXTS, *BLOBS) for image in images
}
#: What MariaDB calls the columns that it hides behind a unique key on long values.
_HASH: Final = re.compile(r"DB_ROW_HASH_\d+")
#: The columns of a sequence, which MariaDB logs as if it were a table of one row.
_SEQUENCE: Final = (
    *(
        (ColumnType.LONGLONG, name)
        for name in ("next_not_cached_value", "minimum_value", "maximum_value", "start_value")
    ),
    *((ColumnType.LONGLONG, name) for name in ("increment", "cache_size")),
    (ColumnType.TINY, "cycle_option"),
    (ColumnType.LONGLONG, "cycle_count"),
)


def check(column: ColumnDefinition, image: ImageColumn) -> None:
    """Raise DecodeError if rows have another column than the definition says."""
    fact = mismatch(column, image)
    if fact:
        raise DecodeError(f"the column {column.name} is defined as {column.type}, and {fact}")


def mismatch(column: ColumnDefinition, image: ImageColumn) -> str | None:
    """Return what row images say against a definition, None if nothing."""
    if image.type not in IMAGE_TYPES.get(column.base_type, frozenset({image.type})):
        return f"its values in the binlog are {image.type.name}"
    if image.name is not None and image.name.lower() != column.name.lower():
        return f"it is {image.name} in the binlog"
    if image.unsigned not in (None, column.unsigned) and image.type is not ColumnType.YEAR:
        return f"its values in the binlog have {'no' if image.unsigned else 'a'} sign"
    if image.labels and len(image.labels) != len(column.values):
        return f"it has {len(image.labels)} values in the binlog"
    return _other_digits(column, image)


def _other_digits(column: ColumnDefinition, image: ImageColumn) -> str | None:
    if image.type in _DIGITS and image.length != (column.length or 0):
        return f"it has {image.length} digits of fractional seconds in the binlog"
    if image.type is ColumnType.NEWDECIMAL and (image.length, image.scale) != (column.length or 10, column.scale or 0):
        return f"it is DECIMAL({image.length},{image.scale}) in the binlog"
    return None


def is_sequence(found: TableMap) -> bool:
    """Tell whether rows are those of a sequence of MariaDB; without names, what has its columns is taken for one."""
    if len(found.columns) != len(_SEQUENCE) or any(column.nullable for column in found.columns):
        return False
    return all(
        image.type is kind and image.name in (None, name)
        for image, (kind, name) in zip(found.columns, _SEQUENCE, strict=True)
    )


def hidden_hashes(table: TableDefinition, found: TableMap) -> int:
    """Return how many columns at the end of rows are hidden ones of MariaDB: hashes by which unique keys on long values are kept.

    Without names in the log they are numbers of 8 bytes behind the table's own columns, and no more than it has such keys.
    """
    count = max(len(found.columns) - len(table.columns), 0)
    extra = found.columns[len(table.columns) :]
    if found.names is not None:
        return count if all(_HASH.fullmatch(image.name or "") for image in extra) else 0
    keys = sum(key.unique and key.whole and _is_long(table, key) for key in table.keys)
    return count if count <= keys and all(image.type is ColumnType.LONGLONG for image in extra) else 0


def _is_long(table: TableDefinition, key: KeyDefinition) -> bool:
    """Tell whether values of a key may be longer than an index of any engine takes."""
    columns = [column for name in key.columns if name and (column := table.column(name)) is not None]
    if any(column.type in (*TEXTS, *BLOBS) for column in columns):
        return True
    texts = [column for column in columns if column.base_type in ("CHAR", "VARCHAR", "BINARY", "VARBINARY")]
    return sum((each.length or 0) * CHARACTER_BYTES.get(each.charset or "", 1) for each in texts) > _SHORTEST_LIMIT


def disagreement(table: TableDefinition, found: TableMap) -> str | None:
    """Return what a TABLE_MAP says against the definition of its table, None if nothing."""
    if len(table.columns) + hidden_hashes(table, found) != len(found.columns):
        return f"{table.id} is defined with {len(table.columns)} columns, and has {len(found.columns)} in the binlog"
    for column, image in zip(table.columns, found.columns, strict=False):
        fact = mismatch(column, image)
        if fact:
            return f"{table.id}.{column.name} is defined as {column.type}, and {fact}"
    return None


def definition_of(found: TableMap) -> TableDefinition | None:
    """Return the definition that a TABLE_MAP with all metadata (`binlog_row_metadata=FULL`) stands for, None for one without the names.

    It lacks what only DDL says: defaults, display widths, the m and d of FLOAT(m,d), comments, keys other than the primary one.
    """
    names = found.names
    if names is None:
        return None
    columns = [
        _column(name, image) for name, image in zip(names, found.columns, strict=True) if not _HASH.fullmatch(name)
    ]
    columns = _with_period(columns)
    past = {column.name for column in columns if column.row_end}
    key = tuple(names[at] for at in found.primary_key or () if names[at] not in past)
    return TableDefinition(id=found.id, columns=tuple(columns), primary_key=key, complete=False)


def _with_period(columns: list[ColumnDefinition]) -> list[ColumnDefinition]:
    """Mark the columns that MariaDB's system versioning hides, which are known by their names and their place."""
    names = [(column.name, column.type, column.length, column.optional) for column in columns[-2:]]
    if names != [(name, "TIMESTAMP", 6, False) for name in ("row_start", "row_end")]:
        return columns
    start, end = (replace(column, generated=True, invisible=True) for column in columns[-2:])
    return [*columns[:-2], start, replace(end, row_end=True)]


def _column(name: str, image: ImageColumn) -> ColumnDefinition:
    column = ColumnDefinition(
        name=name, type=_TYPES.get(image.type, image.type.name), optional=image.nullable, invisible=not image.visible
    )
    match image.type:
        case ColumnType.ENUM | ColumnType.SET:
            collation = image.collation or _BINARY
            values = tuple(decode_text(collation, label) for label in image.labels)
            return replace(column, values=values, charset=charset_of(collation))
        case _ if image.type in CHARACTER:
            return _text(column, image)
        case ColumnType.GEOMETRY:
            return replace(
                column, type=_SHAPES[image.geometry or 0] if (image.geometry or 0) < len(_SHAPES) else "GEOMETRY"
            )
        case ColumnType.NEWDECIMAL:
            column = replace(column, length=image.length, scale=image.scale)
        case ColumnType.BIT | ColumnType.TIME2 | ColumnType.DATETIME2 | ColumnType.TIMESTAMP2:
            return replace(column, length=image.length or None)
        case ColumnType.VECTOR:
            return replace(column, length=image.dimensions)
    has_no_sign = image.unsigned and image.type is not ColumnType.YEAR
    return replace(column, type=f"{column.type} UNSIGNED") if has_no_sign else column


def _text(column: ColumnDefinition, image: ImageColumn) -> ColumnDefinition:
    """Tell text from bytes, by the collation."""
    is_text = image.collation is not None and image.collation != _BINARY
    charset = charset_of(image.collation) if is_text and image.collation is not None else None
    if image.type in (ColumnType.BLOB, ColumnType.BLOB_COMPRESSED):
        return replace(column, type=(TEXTS if is_text else BLOBS)[image.length - 1], charset=charset)
    base = "CHAR" if image.type is ColumnType.STRING else "VARCHAR"
    if not is_text:
        return replace(column, type="BINARY" if base == "CHAR" else "VARBINARY", length=image.length)
    return replace(column, type=base, charset=charset, length=image.length // CHARACTER_BYTES.get(charset or "", 1))
