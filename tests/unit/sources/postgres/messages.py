"""The messages of a walsender, written from the PostgreSQL manual: "Streaming Replication Protocol" and "Logical Replication Message Formats".

It shares nothing with the decoder. Every function returns the body of a pgoutput message; `xlog` and `keepalive` wrap it as CopyData.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
COMMITTED = datetime(2024, 2, 29, 12, 30, 15, 123456, tzinfo=UTC)

#: A value of a tuple: text, None for NULL, `UNCHANGED` for a TOASTed value that is not sent.
UNCHANGED = object()
Values = Sequence[object]


def stamp(moment: datetime) -> int:
    """Return microseconds since 2000-01-01."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def xlog(lsn: int, body: bytes, *, end: int | None = None) -> bytes:
    return struct.pack("!cQQQ", b"w", lsn, lsn if end is None else end, stamp(COMMITTED)) + body


def keepalive(end: int, *, reply: bool = False) -> bytes:
    return struct.pack("!cQQB", b"k", end, stamp(COMMITTED), reply)


def begin(commit_lsn: int, xid: int, moment: datetime = COMMITTED) -> bytes:
    return struct.pack("!cQQI", b"B", commit_lsn, stamp(moment), xid)


def commit(commit_lsn: int, end_lsn: int, moment: datetime = COMMITTED) -> bytes:
    return struct.pack("!cBQQQ", b"C", 0, commit_lsn, end_lsn, stamp(moment))


def stream_start(xid: int, *, first: bool = True) -> bytes:
    return struct.pack("!cIB", b"S", xid, first)


def stream_stop() -> bytes:
    return b"E"


def stream_commit(xid: int, commit_lsn: int, end_lsn: int, moment: datetime = COMMITTED) -> bytes:
    return struct.pack("!cIBQQQ", b"c", xid, 0, commit_lsn, end_lsn, stamp(moment))


def stream_abort(xid: int, subxid: int) -> bytes:
    return struct.pack("!cII", b"A", xid, subxid)


def in_block(subxid: int, body: bytes) -> bytes:
    """Return a message as it stands in a block: with the subtransaction's id behind its kind."""
    return body[:1] + struct.pack("!I", subxid) + body[1:]


def origin(commit_lsn: int, name: str) -> bytes:
    return struct.pack("!cQ", b"O", commit_lsn) + zero_ended(name)


def relation(
    oid: int, schema: str, table: str, columns: Sequence[tuple[str, int, int, bool]], identity: str = "d"
) -> bytes:
    """Return a Relation; columns are (name, type oid, type modifier, part of the key)."""
    head = struct.pack("!cI", b"R", oid) + zero_ended(schema) + zero_ended(table)
    body = b"".join(
        struct.pack("!B", key) + zero_ended(name) + struct.pack("!Ii", kind, modifier)
        for name, kind, modifier, key in columns
    )
    return head + identity.encode() + struct.pack("!h", len(columns)) + body


def type_name(oid: int, schema: str, name: str) -> bytes:
    return struct.pack("!cI", b"Y", oid) + zero_ended(schema) + zero_ended(name)


def logical_message(lsn: int, prefix: str, content: bytes, *, transactional: bool = True) -> bytes:
    return (
        struct.pack("!cBQ", b"M", transactional, lsn) + zero_ended(prefix) + struct.pack("!I", len(content)) + content
    )


def insert(oid: int, new: Values) -> bytes:
    return struct.pack("!cI", b"I", oid) + b"N" + tuple_data(new)


def update(oid: int, new: Values, *, key: Values | None = None, old: Values | None = None) -> bytes:
    """Return an Update; `key` is the old key (replica identity default or index), `old` the old row (full)."""
    return struct.pack("!cI", b"U", oid) + _before(key, old) + b"N" + tuple_data(new)


def delete(oid: int, *, key: Values | None = None, old: Values | None = None) -> bytes:
    return struct.pack("!cI", b"D", oid) + _before(key, old)


def truncate(*oids: int, cascade: bool = False, restart: bool = False) -> bytes:
    return struct.pack(f"!cIB{len(oids)}I", b"T", len(oids), cascade | restart << 1, *oids)


def _before(key: Values | None, old: Values | None) -> bytes:
    if key is not None:
        return b"K" + tuple_data(key)
    return b"" if old is None else b"O" + tuple_data(old)


def tuple_data(values: Values) -> bytes:
    return struct.pack("!h", len(values)) + b"".join(map(_column, values))


def _column(value: object) -> bytes:
    if value is None:
        return b"n"
    if value is UNCHANGED:
        return b"u"
    text = str(value).encode()
    return struct.pack("!cI", b"t", len(text)) + text


def zero_ended(text: str) -> bytes:
    return text.encode() + b"\0"
