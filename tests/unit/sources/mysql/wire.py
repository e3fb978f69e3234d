"""Packets and binlog events as a server writes them, by the protocol's manual."""

from __future__ import annotations

import struct
import zlib

FULL = 0xFFFFFF


def packets(*payloads: bytes, sequence: int = 0) -> bytes:
    """Each payload with its header; those from 16 MiB on in parts."""
    result = bytearray()
    for payload in payloads:
        for at in range(0, len(payload) + 1, FULL):
            part = payload[at : at + FULL]
            result += struct.pack("<I", len(part) | (sequence & 0xFF) << 24) + part
            sequence += 1
    return bytes(result)


def event(
    kind: int, body: bytes = b"", log_pos: int = 0, flags: int = 0, *, checksum: bool = True, server_id: int = 1
) -> bytes:
    """An event as it is in the log."""
    size = 19 + len(body) + 4 * checksum
    head = struct.pack("<IBIIIH", 1_700_000_000, kind, server_id, size, log_pos & 0xFFFFFFFF, flags)
    return head + body + (struct.pack("<I", zlib.crc32(head + body)) if checksum else b"")


def rotate(file: str, position: int = 4, *, checksum: bool = True) -> bytes:
    """The event that a server makes up at the beginning of each file."""
    return event(4, struct.pack("<Q", position) + file.encode(), flags=0x20, checksum=checksum)


def format_description(log_pos: int = 126, *, kind: int = 1, flags: int = 0) -> bytes:
    """The first event of a file; `kind` is that of the checksums that follow, and its own is always there."""
    body = struct.pack("<H50sIB", 4, b"9.7.0", 0, 19) + bytes(40) + bytes((kind,))
    whole = event(15, body, log_pos)
    return whole[:17] + struct.pack("<H", flags) + whole[19:] if flags else whole


def dumped(*events: bytes, sequence: int = 1) -> bytes:
    """Events as a dump sends them."""
    return packets(*(b"\0" + each for each in events), sequence=sequence)
