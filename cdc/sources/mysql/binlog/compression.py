"""Events of MariaDB that are compressed one by one (`log_bin_compress`).

Format: `binlog_buf_uncompress` and `row_log_event_uncompress` in MariaDB's sql/log_event.cc.
"""

from __future__ import annotations

import zlib
from typing import Final

from cdc.errors import DecodeError
from cdc.sources.mysql.binlog.event_types import HEADER, HEADER_SIZE, EventHeader, EventType
from cdc.sources.mysql.binlog.fields import Fields

#: Compressed type → the type with the same rows uncompressed.
UNCOMPRESSED: Final = {
    EventType.WRITE_ROWS_COMPRESSED_V1: EventType.WRITE_ROWS_V1,
    EventType.UPDATE_ROWS_COMPRESSED_V1: EventType.UPDATE_ROWS_V1,
    EventType.DELETE_ROWS_COMPRESSED_V1: EventType.DELETE_ROWS_V1,
    EventType.WRITE_ROWS_COMPRESSED: EventType.WRITE_ROWS,
    EventType.UPDATE_ROWS_COMPRESSED: EventType.UPDATE_ROWS,
    EventType.DELETE_ROWS_COMPRESSED: EventType.DELETE_ROWS,
}
UPDATES: Final = (EventType.UPDATE_ROWS_V1, EventType.UPDATE_ROWS)


def expand(data: bytes) -> bytes:
    """Return what `data` holds compressed: a byte of kind and size of length, the length with the highest byte first, and a zlib stream."""
    fields = Fields(data, "compressed data")
    kind = fields.number(1)
    if kind & 0xF8 != 0x80:
        raise DecodeError(f"data are compressed in the unknown way {kind:#x}", data)
    size = int.from_bytes(fields.take(kind & 7), "big")
    return inflate(fields.rest(), size)


def inflate(data: bytes, size: int) -> bytes:
    """Return the `size` bytes that a zlib stream holds; never makes more. Raises DecodeError for another size and for no stream."""
    try:
        stream = zlib.decompressobj()
        found = stream.decompress(data, size + 1)
    except zlib.error as error:
        raise DecodeError(f"compressed data cannot be read ({error})", data) from error
    if len(found) != size or not stream.eof:
        raise DecodeError(f"compressed data do not hold {size} bytes as they say", data)
    return found


def expand_rows(event: bytes) -> bytes:
    """Return a row event of an uncompressed type for one of a compressed type; others come back as they are."""
    header = EventHeader.of(event)
    kind = UNCOMPRESSED.get(header.type)  # type: ignore[call-overload]
    if kind is None:
        return event
    fields = Fields(event, f"the event {EventType(header.type).name}", HEADER_SIZE)
    fields.take(8)  # table and flags
    if kind >= EventType.WRITE_ROWS:
        fields.take(max(0, fields.number(2) - 2))  # extra data, whose length counts itself
    fields.take((fields.packed() + 7) // 8 * (2 if kind in UPDATES else 1))
    rows = expand(event[fields.at :])
    size = fields.at + len(rows)
    head = HEADER.pack(header.timestamp, kind, header.server_id, size, header.log_pos, header.flags)
    return b"".join((head, event[HEADER_SIZE : fields.at], rows))
