"""Results of statements in the text protocol.

Protocol: the MySQL source documentation, "Text Resultset".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from cdc.sources.mysql.binlog.fields import Fields

Row: TypeAlias = tuple[bytes | None, ...]


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """A column of a result: name, the table and database that it comes from, collation (63 is binary), type and flags as in the protocol."""

    name: str
    table: str
    database: str
    collation: int
    length: int
    type: int
    flags: int
    decimals: int


@dataclass(frozen=True, slots=True)
class Result:
    """All rows of a statement; values are the server's text in utf8mb4, or raw bytes where the collation is binary."""

    columns: Sequence[ResultColumn]
    rows: Sequence[Row]


def read_column(packet: bytes) -> ResultColumn:
    """Read the definition of a column; raises DecodeError."""
    fields = Fields(packet, "the definition of a column")
    _, database, _, table, name, _ = (fields.packed_bytes().decode("utf-8", "replace") for _ in range(6))
    fields.packed()
    collation, length, kind, flags, decimals = (fields.number(size) for size in (2, 4, 1, 2, 1))
    return ResultColumn(name, table, database, collation, length, kind, flags, decimals)


def read_row(packet: bytes, width: int) -> Row:
    """Read a row of `width` columns; raises DecodeError."""
    fields = Fields(packet, "a row")
    row = tuple(_value(fields) for _ in range(width))
    if fields.left:
        raise fields.wrong(f"has more than {width} columns")
    return row


def _value(fields: Fields) -> bytes | None:
    if fields.data[fields.at : fields.at + 1] == b"\xfb":
        fields.take(1)
        return None
    return fields.packed_bytes()


def ends(packet: bytes) -> bool:
    """Tell whether a packet ends the rows: an EOF packet, or an error."""
    return packet[:1] == b"\xff" or (packet[:1] == b"\xfe" and len(packet) < 9)
