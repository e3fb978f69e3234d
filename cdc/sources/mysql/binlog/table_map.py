"""TABLE_MAP: what the binlog says of a table before the rows of a statement.

Formats: the MySQL server's documentation of its source, `Table_map_event`, with all optional metadata. A TABLE_MAP comes with each
statement and is the same for most, so whoever reads it keeps what it made of it by its bytes (`rows.RowsDecoder`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from cdc.errors import DecodeError
from cdc.model.table import TableId
from cdc.sources.mysql.binlog.event_types import HEADER_SIZE
from cdc.sources.mysql.binlog.fields import Fields
from cdc.sources.mysql.binlog.image_types import CHARACTER, LABELLED, LENGTH_SIZES, LENGTHS, NUMERIC, ColumnType

#: Where the part begins that is the same for each TABLE_MAP of a table: behind the number that the server gives it, and the flags.
NAMES_AT: Final = HEADER_SIZE + 8


@dataclass(frozen=True, slots=True)
class ImageColumn:
    """A column as row images have it.

    `length` is what its type needs: the most bytes of texts, the bytes of ENUM and SET, the bytes of a BLOB's length, the bits of BIT, the
    precision of DECIMAL, the digits of fractional seconds; `scale` is that of DECIMAL. The rest is optional metadata, None (or empty)
    where the server does not send it: `labels` are as their charset has them, `geometry` is the WKB number of the shape, 0 for any.
    """

    type: ColumnType
    length: int = 0
    scale: int = 0
    nullable: bool = True
    name: str | None = None
    unsigned: bool | None = None
    collation: int | None = None
    labels: tuple[bytes, ...] = ()
    geometry: int | None = None
    dimensions: int | None = None
    visible: bool = True


@dataclass(frozen=True, slots=True)
class TableMap:
    """A table as the following rows are written.

    `primary_key` holds indices into `columns`, None where the metadata does not say it; a key on prefixes of columns is one too.
    """

    id: TableId
    columns: tuple[ImageColumn, ...]
    primary_key: tuple[int, ...] | None = None

    @property
    def names(self) -> tuple[str, ...] | None:
        """The names of the columns, None where the server does not send them (`binlog_row_metadata=MINIMAL`)."""
        found = tuple(column.name for column in self.columns if column.name is not None)
        return found if len(found) == len(self.columns) else None


def table_of(event: bytes) -> TableId:
    """Return whose TABLE_MAP an event is; it has its header and no checksum. Raises DecodeError."""
    return _names(Fields(event, "a TABLE_MAP", NAMES_AT))


def parse_table_map(event: bytes) -> TableMap:
    """Return what a TABLE_MAP says; the event has its header and no checksum.

    Raises:
        DecodeError: it is cut off, contradicts itself, or has a column type that is not known.
    """
    reader = Fields(event, "a TABLE_MAP", NAMES_AT)
    table = _names(reader)
    types = reader.packed_bytes()
    metadata = Fields(reader.packed_bytes(), f"the metadata of {table}")
    columns = [_checked(table, _column(table, code, metadata)) for code in types]
    nullable = reader.take((len(columns) + 7) // 8)
    columns = [replace(c, nullable=bool(nullable[i >> 3] >> (i & 7) & 1)) for i, c in enumerate(columns)]
    return _described(TableMap(table, tuple(columns)), reader)


def _names(reader: Fields) -> TableId:
    names = []
    for _ in range(2):
        names.append(reader.short_bytes().decode("utf-8", "replace"))
        reader.take(1)
    return TableId(*names)


def _column(table: TableId, code: int, metadata: Fields) -> ImageColumn:
    """Read the metadata of a column of a type."""
    try:
        type = ColumnType(code)  # noqa: A001 (the field's word)
    except ValueError:
        raise DecodeError(f"{table} has a column of the unknown type {code}") from None
    if type is ColumnType.STRING:
        return _string(table, metadata.number(1), metadata.number(1))
    if type is ColumnType.BIT:
        return ImageColumn(type, metadata.number(1) + 8 * metadata.number(1))
    if type in LABELLED:
        metadata.take(1)
    length = metadata.number(LENGTH_SIZES.get(type, 0))
    return ImageColumn(type, length, metadata.number(1) if type is ColumnType.NEWDECIMAL else 0)


def _checked(table: TableId, column: ImageColumn) -> ImageColumn:
    """Return the column; raise DecodeError for one of a length that its type cannot have."""
    least, most = LENGTHS.get(column.type, (0, column.length))
    if not least <= column.length <= most or column.scale > column.length:
        raise DecodeError(
            f"{table} has a column of type {column.type.name} whose length is {column.length}, and its scale {column.scale}"
        )
    return column


def _string(table: TableId, kind: int, length: int) -> ImageColumn:
    """Read what stands behind STRING: CHAR, ENUM or SET, and two bits of a length above 255 hidden in the type."""
    if kind & 0x30 != 0x30:
        length |= (kind & 0x30 ^ 0x30) << 4
        kind |= 0x30
    if kind not in (ColumnType.STRING, ColumnType.ENUM, ColumnType.SET):
        raise DecodeError(f"{table} has a column of type STRING that is of the unknown type {kind}")
    return ImageColumn(ColumnType(kind), length)


# Optional metadata -----------------------------------------------------------------------------------------------------------------

Columns = list[ImageColumn]


def _described(table: TableMap, reader: Fields) -> TableMap:
    """Add the optional metadata, which are fields of type, length and value; one of an unknown type says nothing that rows need."""
    columns = list(table.columns)
    key = None
    while reader.left:
        kind = reader.number(1)
        field = Fields(reader.packed_bytes(), f"the optional metadata of {table.id}")
        if kind in (_SIMPLE_KEY, _PREFIX_KEY):
            key = _key(field, len(columns), prefixes=kind == _PREFIX_KEY)
        elif kind in _FIELDS:
            _FIELDS[kind](columns, field)
    return replace(table, columns=tuple(columns), primary_key=key)


def _of(columns: Columns, types: frozenset[ColumnType]) -> Sequence[int]:
    return [at for at, column in enumerate(columns) if column.type in types]


def _bits(field: Fields, count: int) -> Sequence[bool]:
    """Return the first bits, the highest of a byte first."""
    packed = field.take((count + 7) // 8)
    return [bool(packed[at >> 3] >> (7 - (at & 7)) & 1) for at in range(count)]


def _signedness(columns: Columns, field: Fields) -> None:
    numeric = _of(columns, NUMERIC)
    for at, unsigned in zip(numeric, _bits(field, len(numeric)), strict=True):
        columns[at] = replace(columns[at], unsigned=unsigned)


def _visibility(columns: Columns, field: Fields) -> None:
    for at, visible in enumerate(_bits(field, len(columns))):
        columns[at] = replace(columns[at], visible=visible)


def _default_charset(types: frozenset[ColumnType]) -> Callable[[Columns, Fields], None]:
    """Return what reads the collation of most columns of some types, and behind it those of the others."""

    def read(columns: Columns, field: Fields) -> None:
        places, common = _of(columns, types), field.packed()
        others = {}
        while field.left:
            place = field.packed()
            others[place] = field.packed()
        for place, at in enumerate(places):
            columns[at] = replace(columns[at], collation=others.get(place, common))

    return read


def _collations(types: frozenset[ColumnType]) -> Callable[[Columns, Fields], None]:
    """Return what reads the collation of each column of some types."""

    def read(columns: Columns, field: Fields) -> None:
        for at in _of(columns, types):
            columns[at] = replace(columns[at], collation=field.packed())

    return read


def _geometry_types(columns: Columns, field: Fields) -> None:
    for at in _of(columns, frozenset({ColumnType.GEOMETRY})):
        columns[at] = replace(columns[at], geometry=field.packed())


def _dimensions(columns: Columns, field: Fields) -> None:
    for at in _of(columns, frozenset({ColumnType.VECTOR})):
        columns[at] = replace(columns[at], dimensions=field.packed())


def _labels(kind: ColumnType) -> Callable[[Columns, Fields], None]:
    """Return what reads the names of the values of ENUM or SET."""

    def read(columns: Columns, field: Fields) -> None:
        for at in _of(columns, frozenset({kind})):
            labels = tuple(field.packed_bytes() for _ in range(field.packed()))
            columns[at] = replace(columns[at], labels=labels)

    return read


def _column_names(columns: Columns, field: Fields) -> None:
    for at in range(len(columns)):
        columns[at] = replace(columns[at], name=field.packed_bytes().decode("utf-8", "replace"))


def _key(field: Fields, count: int, *, prefixes: bool) -> tuple[int, ...]:
    key = []
    while field.left:
        key.append(field.packed())
        if prefixes:
            field.packed()
    if any(at >= count for at in key):
        raise field.wrong(f"has a primary key of columns {key}, and the table has {count}")
    return tuple(key)


_SIMPLE_KEY: Final = 8
_PREFIX_KEY: Final = 9

_FIELDS: Final[Mapping[int, Callable[[Columns, Fields], None]]] = {
    1: _signedness,
    2: _default_charset(CHARACTER),
    3: _collations(CHARACTER),
    4: _column_names,
    5: _labels(ColumnType.SET),
    6: _labels(ColumnType.ENUM),
    7: _geometry_types,
    10: _default_charset(LABELLED),
    11: _collations(LABELLED),
    12: _visibility,
    13: _dimensions,
}
