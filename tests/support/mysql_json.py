"""An encoder of MySQL's binary JSON, written from the comment in the server's `sql-common/json_binary.h`."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Opaque:
    """A value of a column type that JSON does not have."""

    field_type: int
    data: bytes


def encoded(value: Any) -> bytes:
    """Return a document."""
    try:
        kind, data = _encoded(value, large=False)
    except (OverflowError, struct.error):
        kind, data = _encoded(value, large=True)
    return bytes([kind]) + data


def large(value: Any) -> bytes:
    """Return a document whose containers all have offsets of four bytes."""
    kind, data = _encoded(value, large=True)
    return bytes([kind]) + data


def _encoded(value: Any, *, large: bool) -> tuple[int, bytes]:
    if isinstance(value, dict):
        pairs = sorted((key.encode(), item) for key, item in value.items())
        return _container([key for key, _ in pairs], [item for _, item in pairs], large)
    if isinstance(value, list):
        return _container(None, value, large)
    if isinstance(value, Opaque):
        return 0x0F, bytes([value.field_type]) + counted(value.data)
    if isinstance(value, str):
        return 0x0C, counted(value.encode())
    if isinstance(value, float):
        return 0x0B, struct.pack("<d", value)
    if value is None or isinstance(value, bool):
        return 0x04, bytes([0 if value is None else 1 if value else 2])
    return _integer(value)


def _integer(value: int) -> tuple[int, bytes]:
    for kind, form in ((5, "<h"), (6, "<H"), (7, "<i"), (8, "<I"), (9, "<q"), (10, "<Q")):
        try:
            return kind, struct.pack(form, value)
        except struct.error:
            continue
    raise ValueError(value)


def counted(data: bytes) -> bytes:
    """Return bytes with their length before them, seven bits to a byte."""
    size, head = len(data), []
    while size > 0x7F:
        head.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes([*head, size]) + data


def _container(keys: list[bytes] | None, values: list[Any], large: bool) -> tuple[int, bytes]:
    offset = struct.Struct("<I" if large else "<H")
    at = 2 * offset.size + len(values) * (1 + offset.size) + len(keys or ()) * (2 + offset.size)
    entries, body = b"", b"".join(keys or ())
    for key in keys or ():
        entries += offset.pack(at) + struct.pack("<H", len(key))
        at += len(key)
    for value in values:
        kind, data = _encoded(value, large=large)
        if 4 <= kind <= 6 or (large and kind in {7, 8}):
            entries += bytes([kind]) + data.ljust(offset.size, b"\0")
        else:
            entries += bytes([kind]) + offset.pack(at)
            body += data
            at += len(data)
    kind = (2 if keys is None else 0) + large
    return kind, offset.pack(len(values)) + offset.pack(at) + entries + body
