"""The events of the binlog that hold no rows.

Formats: the MySQL source documentation, "Binlog Event", and libs/mysql/binlog/event/control_events.h and statement_events.h of the server; for MariaDB's
the manual of its replication protocol. An event is whole, with its header and without its checksum.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from cdc.errors import SourceError
from cdc.sources.mysql.compression import expand
from cdc.sources.mysql.event_types import HEADER_SIZE, IGNORABLE, EventHeader, EventType
from cdc.sources.mysql.fields import Fields
from cdc.sources.mysql.gtid import Gtid, GtidSet
from cdc.sources.mysql.mariadb_gtid import MariaDbGtid
from cdc.sources.mysql.query_event import Query, read_query


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
class GtidEvent:
    """A transaction begins. `gtid` is None for an anonymous one; times are microseconds since 1970, 0 if the server does not tell."""

    gtid: Gtid | None
    flags: int
    last_committed: int
    sequence_number: int
    immediate_commit_us: int = 0
    original_commit_us: int = 0
    transaction_length: int = 0
    immediate_server_version: int = 0
    original_server_version: int = 0


@dataclass(frozen=True, slots=True)
class PreviousGtids:
    """All transactions of the files before."""

    gtids: GtidSet


@dataclass(frozen=True, slots=True)
class Xid:
    """A transaction has committed."""

    number: int


@dataclass(frozen=True, slots=True)
class XaPrepare:
    """A distributed transaction was prepared, or committed with `one_phase`; its rows are before."""

    one_phase: bool
    format_id: int
    global_id: bytes
    branch: bytes


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
class MariaDbGtidEvent:
    """A transaction of MariaDB begins; with `standalone` it is one event and has no end of its own."""

    gtid: MariaDbGtid
    flags: int
    commit_id: int = 0

    @property
    def standalone(self) -> bool:
        """Whether a single event follows, as for DDL."""
        return bool(self.flags & 1)

    @property
    def ddl(self) -> bool:
        """Whether the transaction changes definitions."""
        return bool(self.flags & 32)


@dataclass(frozen=True, slots=True)
class MariaDbGtidList:
    """The last transactions of the files before, by domain and server; the last of a domain is its latest."""

    gtids: tuple[MariaDbGtid, ...]


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


def _gtid(fields: Fields, header: EventHeader) -> GtidEvent:
    flags, uuid, number = fields.number(1), str(UUID(bytes=fields.take(16))), fields.number(8)
    gtid = Gtid(uuid, "", number) if header.type == EventType.GTID else None
    if not fields.left or fields.number(1) != 2:  # servers before 5.7 end here
        return GtidEvent(gtid, flags, 0, 0)
    commits = fields.number(8), fields.number(8)
    immediate, original = _pair(fields, 7)
    length = fields.packed() if fields.left else 0
    version, original_version = _pair(fields, 4)
    return GtidEvent(gtid, flags, *commits, immediate, original, length, version, original_version)


def _pair(fields: Fields, size: int) -> tuple[int, int]:
    """Return the immediate and the original value; the highest bit of the first tells that the second follows it."""
    if not fields.left:
        return 0, 0
    value, top = fields.number(size), 1 << (8 * size - 1)
    return (value - top, fields.number(size)) if value & top else (value, value)


def _tagged_gtid(fields: Fields, _: EventHeader) -> GtidEvent:
    """Read a message of mysql::serialization (libs/mysql/serialization/readme.md), whose fields `Gtid_event::define_fields` names."""
    begin = fields.at
    if fields.varlen() != 1:
        raise fields.wrong("is serialised in an unknown version")
    size, last = fields.varlen(), fields.varlen()
    if begin + size != len(fields.data):
        raise fields.wrong(f"says that it has {size} bytes")
    found = dict[int, int | str]()
    while fields.left:
        field = fields.varlen()
        if field not in TAGGED_FIELDS:
            if field <= last:
                raise fields.wrong(f"has the unknown field {field}, which may not be passed over")
            break
        found[field] = TAGGED_FIELDS[field](fields)
    return _of_tagged(found, fields)


def _of_tagged(found: dict[int, int | str], fields: Fields) -> GtidEvent:
    uuid, tag = found.get(1), found.get(3)
    numbers = {field: value for field, value in found.items() if isinstance(value, int)}
    if not isinstance(uuid, str) or not isinstance(tag, str) or 2 not in numbers:
        raise fields.wrong("has no GTID")
    immediate, version = numbers.get(6, 0), numbers.get(9, 0)
    return GtidEvent(
        gtid=Gtid(uuid, tag, numbers[2]),
        flags=numbers.get(0, 0),
        last_committed=numbers.get(4, 0),
        sequence_number=numbers.get(5, 0),
        immediate_commit_us=immediate,
        original_commit_us=numbers.get(7, immediate),
        transaction_length=numbers.get(8, 0),
        immediate_server_version=version,
        original_server_version=numbers.get(10, version),
    )


def _serialised_uuid(fields: Fields) -> str:
    octets = [fields.varlen() for _ in range(16)]
    if max(octets) > 255:
        raise fields.wrong("has a UUID that is none")
    return str(UUID(bytes=bytes(octets)))


def _serialised_text(fields: Fields) -> str:
    return fields.take(fields.varlen()).decode("ascii", "replace")


TAGGED_FIELDS: dict[int, Callable[[Fields], int | str]] = {
    0: Fields.varlen,  # flags
    1: _serialised_uuid,
    2: Fields.varlen_signed,  # number
    3: _serialised_text,  # tag
    4: Fields.varlen_signed,  # last committed
    5: Fields.varlen_signed,  # sequence number
    6: Fields.varlen,  # immediate commit time
    7: Fields.varlen,  # original commit time
    8: Fields.varlen,  # transaction length
    9: Fields.varlen,  # immediate server version
    10: Fields.varlen,  # original server version
    11: Fields.varlen,  # ticket of the commit group
}


def _previous_gtids(fields: Fields, _: EventHeader) -> PreviousGtids:
    return PreviousGtids(GtidSet.decode(fields.rest()))


def _xid(fields: Fields, _: EventHeader) -> Xid:
    return Xid(fields.number(8))


def _xa_prepare(fields: Fields, _: EventHeader) -> XaPrepare:
    one_phase, format_id = bool(fields.number(1)), fields.number(4)
    global_size, branch_size = fields.number(4), fields.number(4)
    return XaPrepare(one_phase, format_id, fields.take(global_size), fields.take(branch_size))


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
    while fields.left and (kind := fields.packed()):
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


def _mariadb_gtid(fields: Fields, header: EventHeader) -> MariaDbGtidEvent:
    number, domain, flags = fields.number(8), fields.number(4), fields.number(1)
    commit_id = fields.number(8) if flags & 2 else 0
    return MariaDbGtidEvent(MariaDbGtid(domain, header.server_id, number), flags, commit_id)


def _mariadb_gtid_list(fields: Fields, _: EventHeader) -> MariaDbGtidList:
    count = fields.number(4) & 0xFFFFFFF
    if count * 16 > fields.left:
        raise fields.wrong(f"says that it has {count} transactions")
    return MariaDbGtidList(
        tuple(MariaDbGtid(fields.number(4), fields.number(4), fields.number(8)) for _ in range(count))
    )


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
    EventType.GTID: _gtid,
    EventType.ANONYMOUS_GTID: _gtid,
    EventType.PREVIOUS_GTIDS: _previous_gtids,
    EventType.XA_PREPARE: _xa_prepare,
    EventType.HEARTBEAT_V2: _heartbeat_v2,
    EventType.GTID_TAGGED: _tagged_gtid,
    EventType.ANNOTATE_ROWS: _annotate_rows,
    EventType.BINLOG_CHECKPOINT: _checkpoint,
    EventType.MARIADB_GTID: _mariadb_gtid,
    EventType.MARIADB_GTID_LIST: _mariadb_gtid_list,
    EventType.START_ENCRYPTION: _start_encryption,
    EventType.QUERY_COMPRESSED: _query_compressed,
}

KNOWN = frozenset(EventType) - {EventType.UNKNOWN}
