"""A table with a column of every type that logs may have: its TABLE_MAP with all metadata, rows of it, and the text that a SELECT returns."""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

from cdc.config.mysql_settings import UnsignedMode
from cdc.config.settings import BinaryMode, DecimalMode, TimeMode
from cdc.sources.columns.row import RowPlan
from cdc.sources.mysql.binlog.table_map import parse_table_map
from cdc.sources.mysql.schema.handling import ValueHandling
from cdc.sources.mysql.schema.row_metadata import definition_of
from cdc.sources.mysql.stream.rows import BoundTable
from tests.support.mysql_json import encoded
from tests.support.mysql_rows import plan_of
from tests.unit.sources.mysql import row_events as r


class WideColumn(NamedTuple):
    """A column as its TABLE_MAP has it, two values as row images have them, and two as text."""

    name: str
    type: int
    metadata: bytes
    images: tuple[bytes, bytes]
    texts: tuple[bytes, bytes]


def _behind(size: int, value: bytes) -> bytes:
    """Return a value behind its length of so many bytes."""
    return len(value).to_bytes(size, "little") + value


def _packed(text: bytes) -> bytes:
    """Return a text as MariaDB compresses it."""
    return b"\x81" + bytes((len(text),)) + zlib.compress(text)


DATE = (2024 << 9 | 2 << 5 | 29).to_bytes(3, "little")
POINT = bytes(4) + b"\1\1\0\0\0" + struct.pack("<dd", 1.5, -2)
VECTOR = struct.pack("<fff", 1, 2, 3)
COLUMNS = [
    WideColumn("tiny", 1, b"", (b"\x80", b"\1"), (b"-128", b"1")),
    WideColumn("short", 2, b"", (b"\xff\x7f", b"\0\0"), (b"32767", b"0")),
    WideColumn("int24", 9, b"", (b"\xff\xff\x7f", b"\0\0\x80"), (b"8388607", b"-8388608")),
    WideColumn("long", 3, b"", (b"\1\2\3\4", b"\xff" * 4), (b"67305985", b"-1")),
    WideColumn("longlong", 8, b"", (b"\xff" * 8, bytes(8)), (b"18446744073709551615", b"0")),
    WideColumn("float", 4, b"\4", (struct.pack("<f", 1.5), bytes(4)), (b"1.5", b"0")),
    WideColumn("double", 5, b"\x08", (struct.pack("<d", -2.5), bytes(8)), (b"-2.5", b"1.7976931348623157e308")),
    WideColumn(
        "decimal",
        246,
        b"\x14\x06",
        (b"\x80\0\0\1\2\3\4\5\6\7", b"\x7f" + b"\xff" * 9),
        (b"12345678901234.567890", b"-0.000001"),
    ),
    WideColumn("year", 13, b"", (b"\x7c", b"\0"), (b"2024", b"0000")),
    WideColumn("bit", 16, b"\4\1", (b"\x0f\xff", b"\0\1"), (b"\x0f\xff", b"\0\1")),
    WideColumn("date", 10, b"", (DATE, bytes(3)), (b"2024-02-29", b"0000-00-00")),
    WideColumn(
        "time",
        19,
        b"\6",
        (b"\x80\x10\x20\0\0\1", b"\x7f\xff\xff\xff\xff\xff"),
        (b"-838:59:59.000000", b"12:34:56.789012"),
    ),
    WideColumn(
        "datetime",
        18,
        b"\3",
        (b"\x99\xb2\x3c\x10\x20\x03\xe8", b"\x80" + bytes(6)),
        (b"2024-02-29 12:34:56.789", b"9999-12-31 23:59:59.999"),
    ),
    WideColumn("timestamp", 17, b"\0", (b"\x65\0\0\0", bytes(4)), (b"2024-02-29 12:34:56", b"0000-00-00 00:00:00")),
    WideColumn("old time", 11, b"", (b"\x40\xe2\1", b"\xff\xff\xff"), (b"12:34:56", b"-00:00:01")),
    WideColumn(
        "old datetime",
        12,
        b"",
        ((20240229123456).to_bytes(8, "little"), bytes(8)),
        (b"2024-02-29 12:34:56", b"1000-01-01 00:00:00"),
    ),
    WideColumn("old timestamp", 7, b"", (b"\0\0\0\x65", bytes(4)), (b"2024-02-29 12:34:56", b"1970-01-01 00:00:01")),
    WideColumn("varchar", 15, b"\xf4\1", (_behind(2, b"abc"), _behind(2, "äö".encode())), (b"abc", "äö".encode())),
    WideColumn("bytes", 15, b"\x0a\0", (b"\2\xff\xfe", b"\0"), (b"\xff\xfe", b"")),
    WideColumn("char", 254, b"\xfe\x28", (b"\5abcde", b"\0"), (b"abcde", b"")),
    WideColumn("sjis", 15, b"\x28\0", (b"\4\x83\x65\x8f\xb0", b"\1a"), ("テ小".encode(), b"a")),
    WideColumn("utf16", 254, b"\xfe\x28", (b"\4\xd8\x3d\xde\x00", b"\2\0a"), ("😀".encode(), b"a")),
    WideColumn("enum", 254, b"\xf7\1", (b"\1", b"\2"), (b"a", "ü".encode())),
    WideColumn("set", 254, b"\xf8\1", (b"\3", b"\0"), (b"x,y", b"")),
    WideColumn("text", 252, b"\2", (_behind(2, b"xyz"), _behind(2, b"")), (b"x" * 300, b"")),
    WideColumn("blob", 252, b"\3", (_behind(3, b"\1\2\3"), _behind(3, b"")), (b"\0" * 300, b"\xff")),
    WideColumn(
        "json",
        245,
        b"\4",
        (_behind(4, encoded({"a": [1, 2]})), _behind(4, b"")),
        (b'{"a": [1, 2.5, "base64:type15:YWJj"]}', b'"12:34:56.500000"\n"$"'),
    ),
    WideColumn("point", 255, b"\4", (_behind(4, POINT), _behind(4, POINT)), (POINT, POINT)),
    WideColumn("geometry", 255, b"\4", (_behind(4, POINT), _behind(4, POINT)), (POINT, POINT)),
    WideColumn("vector", 242, b"\4", (_behind(4, VECTOR), _behind(4, b"")), (VECTOR, b"")),
    WideColumn("packed", 141, b"\x64\0", (b"\4\0abc", b"\0"), (b"abc", b"")),
    WideColumn("packed text", 140, b"\2", (_behind(2, _packed(b"text" * 20)), _behind(2, b"")), (b"text" * 20, b"")),
]
WIDTH = len(COLUMNS)
METADATA = b"".join(
    [
        r.field(1, b"\x08\0"),  # of the numbers the one of 64 bits has no sign
        r.field(3, bytes([45, 63, 8, 13, 54, 33, 63, 45, 45])),
        r.field(4, b"".join(bytes([len(column.name)]) + column.name.encode() for column in COLUMNS)),
        r.field(5, b"\2\1x\1y"),
        r.field(6, b"\2\1a\2\xc3\xbc"),
        r.field(7, b"\1\0"),
        r.field(8, b"\3"),
        r.field(10, b"\x2d"),
        r.field(12, b"\xff" * 4),
        r.field(13, b"\3"),
    ]
)
WIDE = r.table_map([(column.type, column.metadata) for column in COLUMNS], optional=METADATA)
FIRST = r.row(*(column.images[0] for column in COLUMNS))
SECOND = r.row(*(column.images[1] for column in COLUMNS))
NULLS = r.row(*(None if at != 3 else b"\7\0\0\0" for at in range(WIDTH)))
SOME = [at % 3 == 0 for at in range(WIDTH)]
SHORT = r.row(*(column.images[0] for column, there in zip(COLUMNS, SOME, strict=True) if there))
DIFFS = b"\0\x03$.a\2\4\1"
PATCHED = r.row(*(_behind(4, DIFFS) if column.name == "json" else column.images[0] for column in COLUMNS))
ROWS = [
    *(r.rows(kind, WIDTH, FIRST, SECOND, NULLS) for kind in (23, 25, 30, 32)),
    *(r.rows(kind, WIDTH, FIRST, SECOND, NULLS, FIRST) for kind in (24, 31)),
    r.rows(30, WIDTH, SHORT, SHORT, present=[SOME], extra=b"\0\1\2"),
    r.rows(31, WIDTH, FIRST, SHORT, present=[[True] * WIDTH, SOME]),
    r.rows(30, WIDTH, b"", present=[[False] * WIDTH]),
    r.rows(39, WIDTH, FIRST, b"\1\1" + PATCHED, FIRST, b"\0" + SECOND),
]
#: Rows of the text protocol.
TEXT_ROWS = [
    *(b"".join(r.packed(len(column.texts[at])) + column.texts[at] for column in COLUMNS) for at in (0, 1)),
    b"".join(b"\xfb" if at != 3 else b"\x017" for at in range(WIDTH)),
]
HANDLINGS = [
    ValueHandling(time=time, decimal=decimal, binary=binary, unsigned=unsigned)
    for time, decimal, binary, unsigned in zip(
        TimeMode, [*DecimalMode] * 3, [*BinaryMode] * 2, [*UnsignedMode] * 4, strict=False
    )
]


def bound(event: bytes, handling: ValueHandling = HANDLINGS[0], on_error: str = "fail") -> BoundTable | None:
    """Bind rows as the stream does that knows only what their TABLE_MAP says; None for one without names."""
    found = parse_table_map(event)
    definition = definition_of(found)
    if definition is None or len(definition.columns) != len(found.columns):
        return None
    return BoundTable(found, plan_of(definition, handling, found.columns, on_error))


def text_plan(handling: ValueHandling = HANDLINGS[0], on_error: str = "fail") -> RowPlan:
    """Return the plan of the table's rows as text."""
    definition = definition_of(parse_table_map(WIDE))
    assert definition is not None
    return plan_of(definition, handling, [None] * WIDTH, on_error)
