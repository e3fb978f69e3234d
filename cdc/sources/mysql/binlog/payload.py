"""The event TRANSACTION_PAYLOAD: the events of a whole transaction, compressed together.

Format: libs/mysql/binlog/event/control_events.h of the server, `Transaction_payload_event`. The events inside have no checksum.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import zstandard

from cdc.errors import DecodeError
from cdc.sources.mysql.binlog.event_types import HEADER_SIZE
from cdc.sources.mysql.binlog.fields import Fields
from cdc.sources.mysql.binlog.framing import split_events

#: How much is decompressed at a time.
STEP: Final = 256 * 1024
END, SIZE, KIND, FULL_SIZE = 0, 1, 2, 3
ZSTD, NONE = 0, 255


@dataclass(frozen=True, slots=True)
class Payload:
    """The events of one transaction as they came: how they are compressed, their size uncompressed, and the bytes."""

    kind: int
    full_size: int
    data: memoryview


def read_payload(event: bytes) -> Payload:
    """Read the fields of an event TRANSACTION_PAYLOAD; nothing is decompressed. Raises DecodeError."""
    fields = Fields(event, "the event TRANSACTION_PAYLOAD", HEADER_SIZE)
    found = {SIZE: -1, KIND: -1, FULL_SIZE: -1}
    while kind := fields.packed():
        value = Fields(fields.packed_bytes(), fields.what)
        if kind in found:
            found[kind] = value.packed()
    if found[SIZE] != fields.left or found[KIND] not in {ZSTD, NONE}:
        raise fields.wrong(f"has {fields.left} bytes where it says {found[SIZE]}, compressed in the way {found[KIND]}")
    size = found[FULL_SIZE] if found[FULL_SIZE] >= 0 else found[SIZE]
    return Payload(found[KIND], size, memoryview(event)[fields.at :])


def inner_events(event: bytes) -> Iterator[list[bytes]]:
    """Give the events of a transaction in order, a list at a time.

    Memory holds the event itself, one list (about a quarter of a megabyte, or one event if that is larger), and zstd's window.
    Raises DecodeError for bytes that do not follow the format, and for another size than it says; lists before that were right.
    """
    payload = read_payload(event)
    held, total = b"", 0
    for piece in _pieces(payload):
        total += len(piece)
        if total > payload.full_size:
            break
        held = held + piece if held else piece
        events, used = split_events(held)
        if events:
            yield events
            held = held[used:]
    if total != payload.full_size or held:
        raise DecodeError(
            f"a compressed transaction does not hold {payload.full_size} bytes of whole events as it says",
            event,
            HEADER_SIZE,
        )


def _pieces(payload: Payload) -> Iterator[bytes]:
    if payload.kind == NONE:
        for at in range(0, len(payload.data), STEP):
            yield bytes(payload.data[at : at + STEP])
        return
    try:
        with zstandard.ZstdDecompressor().stream_reader(payload.data, read_across_frames=True) as reader:
            while piece := reader.read(STEP):
                yield piece
    except zstandard.ZstdError as error:
        raise DecodeError(f"a compressed transaction cannot be read ({error})", bytes(payload.data)) from error
