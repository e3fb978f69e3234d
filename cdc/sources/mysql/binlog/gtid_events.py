"""The events of the binlog by which transactions begin, and those that sum up the transactions of the files before.

Formats: libs/mysql/binlog/event/control_events.h of the server; for MariaDB's the manual of its replication protocol.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from cdc.sources.mysql.binlog.event_types import EventHeader, EventType, XaId
from cdc.sources.mysql.binlog.fields import Fields
from cdc.sources.mysql.binlog.gtid import TAG, Gtid, GtidSet
from cdc.sources.mysql.binlog.mariadb_gtid import MariaDbGtid

#: Flags of MariaDB's GTID event.
STANDALONE, GROUP_COMMIT, DDL, PREPARED, COMPLETED = 1, 2, 32, 64, 128
XA = PREPARED | COMPLETED
#: Its further flags: ALTER TABLE of two phases (`binlog_alter_two_phase`), whose statement stands at its start and again at its end.
MULTI_ENGINE, START_ALTER, COMMIT_ALTER, ROLLBACK_ALTER = 1, 2, 4, 8
#: It is filled up with zero bytes to this size.
MARIADB_GTID_SIZE = 19


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
class MariaDbGtidEvent:
    """A transaction of MariaDB begins; with `standalone` it is one event and has no end of its own. `xa` names one that is prepared or completed."""

    gtid: MariaDbGtid
    flags: int
    commit_id: int = 0
    xa: XaId | None = None
    more_flags: int = 0

    @property
    def changes_nothing(self) -> bool:
        """Whether the statement that follows has no effect: that of an ALTER TABLE which only begins, or which has failed."""
        return bool(self.more_flags & (START_ALTER | ROLLBACK_ALTER))

    @property
    def standalone(self) -> bool:
        """Whether a single event follows, as for DDL."""
        return bool(self.flags & STANDALONE)

    @property
    def ddl(self) -> bool:
        """Whether the transaction changes definitions."""
        return bool(self.flags & DDL)


@dataclass(frozen=True, slots=True)
class MariaDbGtidList:
    """The last transactions of the files before, by domain and server; the last of a domain is its latest."""

    gtids: tuple[MariaDbGtid, ...]


def read_gtid(fields: Fields, header: EventHeader) -> GtidEvent:
    """Read GTID or ANONYMOUS_GTID; raises DecodeError."""
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


def read_tagged_gtid(fields: Fields, _: EventHeader) -> GtidEvent:
    """Read GTID_TAGGED, a message of mysql::serialization (libs/mysql/serialization/readme.md), whose fields `Gtid_event::define_fields` names; raises DecodeError."""
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
    if tag and not TAG.fullmatch(tag):
        raise fields.wrong(f"has '{tag}' for a tag")
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


def read_previous_gtids(fields: Fields, _: EventHeader) -> PreviousGtids:
    """Read PREVIOUS_GTIDS; raises DecodeError."""
    return PreviousGtids(GtidSet.decode(fields.rest()))


def read_mariadb_gtid(fields: Fields, header: EventHeader) -> MariaDbGtidEvent:
    """Read MariaDB's GTID; raises DecodeError."""
    if fields.left < MARIADB_GTID_SIZE:
        raise fields.wrong("is too short")
    number, domain, flags = fields.number(8), fields.number(4), fields.number(1)
    commit_id = fields.number(8) if flags & GROUP_COMMIT else 0
    xa = _mariadb_xa(fields) if flags & XA else None
    more_flags = fields.number(1) if fields.left else 0
    return MariaDbGtidEvent(MariaDbGtid(domain, header.server_id, number), flags, commit_id, xa, more_flags)


def _mariadb_xa(fields: Fields) -> XaId:
    format_id, global_size, branch_size = fields.number(4), fields.number(1), fields.number(1)
    return XaId(format_id, fields.take(global_size), fields.take(branch_size))


def read_mariadb_gtid_list(fields: Fields, _: EventHeader) -> MariaDbGtidList:
    """Read MariaDB's GTID_LIST; raises DecodeError."""
    count = fields.number(4) & 0xFFFFFFF
    if count * 16 > fields.left:
        raise fields.wrong(f"says that it has {count} transactions")
    return MariaDbGtidList(
        tuple(MariaDbGtid(fields.number(4), fields.number(4), fields.number(8)) for _ in range(count))
    )
