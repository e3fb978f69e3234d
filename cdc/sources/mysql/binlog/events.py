"""The events of the binlog that hold no rows.

Formats: the MySQL source documentation, "Binlog Event", and libs/mysql/binlog/event/control_events.h and statement_events.h of the server; for MariaDB's
the manual of its replication protocol. An event is whole, with its header and without its checksum.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from cdc.errors import SourceError
from cdc.sources.mysql.binlog.compression import expand
from cdc.sources.mysql.binlog.event_types import HEADER_SIZE, IGNORABLE, EventHeader, EventType, XaId
from cdc.sources.mysql.binlog.fields import Fields
from cdc.sources.mysql.binlog.gtid_events import (
    GtidEvent,
    MariaDbGtidEvent,
    MariaDbGtidList,
    PreviousGtids,
    read_gtid,
    read_mariadb_gtid,
    read_mariadb_gtid_list,
    read_previous_gtids,
    read_tagged_gtid,
)
from cdc.sources.mysql.binlog.query_event import Query, read_query


class UnknownEvent(SourceError):
    """The log has an event that this version does not know and that must not be passed over."""


@dataclass(frozen=True, slots=True)
class FormatDescription:
    """The beginning of a file: which server wrote it, and how long the fixed part of each type of event is."""

    version: int
    server: str
    header_size: int
    post_header_sizes: bytes
    checksum: int


@dataclass(frozen=True, slots=True)
class Rotate:
    """The log goes on in another file, at `position`."""

    file: str
    position: int


@dataclass(frozen=True, slots=True)
class Xid:
    """A transaction has committed."""

    number: int


@dataclass(frozen=True, slots=True)
class XaPrepare:
    """A distributed transaction was prepared, or committed with `one_phase`; its rows are before."""

    one_phase: bool
    xa: XaId


@dataclass(frozen=True, slots=True)
class RowsQuery:
    """The statement that the rows which follow come from, as its client sent it."""

    text: bytes


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The server has nothing to send; it stands at `position` of `file`, which of version 1 are the lower 32 bits."""

    file: str
    position: int


@dataclass(frozen=True, slots=True)
class Incident:
    """Something happened that the log does not tell: changes may be missing."""

    number: int
    message: str


@dataclass(frozen=True, slots=True)
class Stop:
    """The server was shut down."""


@dataclass(frozen=True, slots=True)
class BinlogCheckpoint:
    """A crash needs no file before this one."""

    file: str


@dataclass(frozen=True, slots=True)
class StartEncryption:
    """What follows in the file is encrypted; the server decrypts what it sends."""

    scheme: int
    key_version: int
    nonce: bytes


ControlEvent: TypeAlias = (
    FormatDescription
    | Rotate
    | GtidEvent
    | PreviousGtids
    | Query
    | Xid
    | XaPrepare
    | RowsQuery
    | Heartbeat
    | Incident
    | Stop
    | MariaDbGtidEvent
    | MariaDbGtidList
    | BinlogCheckpoint
    | StartEncryption
)


def parse_event(event: bytes) -> ControlEvent | None:
    """Return what a control event says; None for one of another kind (rows, table map, payload) and for one that may be passed over.

    Raises:
        UnknownEvent: the type is unknown and its header does not say that it may be ignored.
        DecodeError: it ends too early or does not follow its format.
    """
    header = EventHeader.of(event)
    parser = PARSERS.get(header.type)
    if parser is not None:
        return parser(Fields(event, f"the event {EventType(header.type).name}", HEADER_SIZE), header)
    check_known(header)
    return None


def check_known(header: EventHeader) -> None:
    """Raise UnknownEvent for a type that must not be passed over."""
    if header.type not in KNOWN and not header.flags & IGNORABLE:
        raise UnknownEvent(
            f"the binlog has an event of type {header.type}, which cdc-stream does not know (end at {header.log_pos}, flags {header.flags:#x})",
            "Use a version of cdc-stream that supports this server.",
        )


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _format_description(fields: Fields, _: EventHeader) -> FormatDescription:
    version, server = fields.number(2), _text(fields.take(50).rstrip(b"\0"))
    fields.take(4)
    header_size, rest = fields.number(1), fields.rest()
    if not rest:
        raise fields.wrong("ends before the kind of its checksum")
    return FormatDescription(version, server, header_size, rest[:-1], rest[-1])


def _rotate(fields: Fields, _: EventHeader) -> Rotate:
    position = fields.number(8)
    return Rotate(_text(fields.rest()), position)


def _xid(fields: Fields, _: EventHeader) -> Xid:
    return Xid(fields.number(8))


def _xa_prepare(fields: Fields, _: EventHeader) -> XaPrepare:
    one_phase, format_id = bool(fields.number(1)), fields.number(4)
    global_size, branch_size = fields.number(4), fields.number(4)
    return XaPrepare(one_phase, XaId(format_id, fields.take(global_size), fields.take(branch_size)))


def _rows_query(fields: Fields, _: EventHeader) -> RowsQuery:
    fields.number(1)  # a length that is too small for most statements
    return RowsQuery(fields.rest())


def _annotate_rows(fields: Fields, _: EventHeader) -> RowsQuery:
    return RowsQuery(fields.rest())


def _heartbeat(fields: Fields, header: EventHeader) -> Heartbeat:
    return Heartbeat(_text(fields.rest()), header.log_pos)


def _heartbeat_v2(fields: Fields, header: EventHeader) -> Heartbeat:
    """Read fields of type, length and value, until the type 0."""
    file, position = "", header.log_pos
    while kind := fields.packed():
        value = Fields(fields.packed_bytes(), fields.what)
        if kind == 1:
            file = _text(value.data)
        elif kind == 2:
            position = value.packed()
    return Heartbeat(file, position)


def _incident(fields: Fields, _: EventHeader) -> Incident:
    return Incident(fields.number(2), _text(fields.short_bytes()) if fields.left else "")


def _stop(_: Fields, __: EventHeader) -> Stop:
    return Stop()


def _checkpoint(fields: Fields, _: EventHeader) -> BinlogCheckpoint:
    return BinlogCheckpoint(_text(fields.take(fields.number(4))))


def _start_encryption(fields: Fields, _: EventHeader) -> StartEncryption:
    return StartEncryption(fields.number(1), fields.number(4), fields.take(12))


def _query(fields: Fields, _: EventHeader) -> Query:
    return read_query(fields, lambda text: text)


def _query_compressed(fields: Fields, _: EventHeader) -> Query:
    return read_query(fields, expand)


PARSERS: dict[int, Callable[[Fields, EventHeader], ControlEvent]] = {
    EventType.QUERY: _query,
    EventType.STOP: _stop,
    EventType.ROTATE: _rotate,
    EventType.FORMAT_DESCRIPTION: _format_description,
    EventType.XID: _xid,
    EventType.INCIDENT: _incident,
    EventType.HEARTBEAT: _heartbeat,
    EventType.ROWS_QUERY: _rows_query,
    EventType.GTID: read_gtid,
    EventType.ANONYMOUS_GTID: read_gtid,
    EventType.PREVIOUS_GTIDS: read_previous_gtids,
    EventType.XA_PREPARE: _xa_prepare,
    EventType.HEARTBEAT_V2: _heartbeat_v2,
    EventType.GTID_TAGGED: read_tagged_gtid,
    EventType.ANNOTATE_ROWS: _annotate_rows,
    EventType.BINLOG_CHECKPOINT: _checkpoint,
    EventType.MARIADB_GTID: read_mariadb_gtid,
    EventType.MARIADB_GTID_LIST: read_mariadb_gtid_list,
    EventType.START_ENCRYPTION: _start_encryption,
    EventType.QUERY_COMPRESSED: _query_compressed,
}

KNOWN = frozenset(EventType) - {EventType.UNKNOWN}
