"""TABLE_MAP and row events as bytes, written from the server's documentation of its source."""

from __future__ import annotations

from collections.abc import Sequence


def event(kind: int, body: bytes) -> bytes:
    """Return an event with a header, and without checksum."""
    return bytes(4) + bytes([kind]) + bytes(14) + body


def packed(number: int) -> bytes:
    """Return a length-encoded integer."""
    if number < 251:
        return bytes([number])
    return b"\xfc" + number.to_bytes(2, "little")


def bits(flags: Sequence[bool]) -> bytes:
    """Return bits, the lowest of a byte first."""
    number = sum(1 << at for at, flag in enumerate(flags) if flag)
    return number.to_bytes((len(flags) + 7) // 8, "little")


def field(kind: int, value: bytes) -> bytes:
    """Return a piece of optional metadata."""
    return bytes([kind]) + packed(len(value)) + value


def table_map(
    types: Sequence[tuple[int, bytes]], *, number: int = 7, nullable: Sequence[bool] = (), optional: bytes = b""
) -> bytes:
    """Return the TABLE_MAP of the table `d.t`; a column is its type and its metadata."""
    metadata = b"".join(data for _, data in types)
    nulls = bits(nullable or [True] * len(types))
    names = b"\x01d\0\x01t\0"
    kinds = bytes(kind for kind, _ in types)
    body = number.to_bytes(6, "little") + b"\1\0" + names + packed(len(kinds)) + kinds
    return event(19, body + packed(len(metadata)) + metadata + nulls + optional)


def row(*values: bytes | None) -> bytes:
    """Return the image of a row: None is NULL."""
    return bits([value is None for value in values]) + b"".join(value for value in values if value is not None)


def rows(
    kind: int, width: int, *images: bytes, number: int = 7, present: Sequence[Sequence[bool]] = (), extra: bytes = b""
) -> bytes:
    """Return a row event of `width` columns; `present` are those of each image, all if it is empty."""
    version_2 = kind >= 30
    columns = b"".join(bits(each) for each in present) or bits([True] * width) * (2 if kind in (24, 31, 39) else 1)
    body = number.to_bytes(6, "little") + b"\1\0"
    if version_2:
        body += (2 + len(extra)).to_bytes(2, "little") + extra
    return event(kind, body + packed(width) + columns + b"".join(images))
