"""The types of binlog events, and the header that each begins with.

Source: `Log_event_type` in libs/mysql/binlog/event/binlog_event.h of MySQL 9 and in sql/log_event.h of MariaDB.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Final, NamedTuple

from cdc.errors import DecodeError

HEADER_SIZE: Final = 19
HEADER: Final = struct.Struct("<IBIIIH")

#: The event was made for the dump and is not in the log at `log_pos`.
ARTIFICIAL: Final = 0x20
#: A reader that does not know the event may pass over it.
IGNORABLE: Final = 0x80


class EventType(IntEnum):
    """What an event says; numbers from 160 on are MariaDB's."""

    UNKNOWN = 0
    START_V3 = 1
    QUERY = 2
    STOP = 3
    ROTATE = 4
    INTVAR = 5
    SLAVE = 7
    APPEND_BLOCK = 9
    DELETE_FILE = 11
    RAND = 13
    USER_VAR = 14
    FORMAT_DESCRIPTION = 15
    XID = 16
    BEGIN_LOAD_QUERY = 17
    EXECUTE_LOAD_QUERY = 18
    TABLE_MAP = 19
    WRITE_ROWS_V1 = 23
    UPDATE_ROWS_V1 = 24
    DELETE_ROWS_V1 = 25
    INCIDENT = 26
    HEARTBEAT = 27
    IGNORABLE = 28
    ROWS_QUERY = 29
    WRITE_ROWS = 30
    UPDATE_ROWS = 31
    DELETE_ROWS = 32
    GTID = 33
    ANONYMOUS_GTID = 34
    PREVIOUS_GTIDS = 35
    TRANSACTION_CONTEXT = 36
    VIEW_CHANGE = 37
    XA_PREPARE = 38
    PARTIAL_UPDATE_ROWS = 39
    TRANSACTION_PAYLOAD = 40
    HEARTBEAT_V2 = 41
    GTID_TAGGED = 42
    ANNOTATE_ROWS = 160
    BINLOG_CHECKPOINT = 161
    MARIADB_GTID = 162
    MARIADB_GTID_LIST = 163
    START_ENCRYPTION = 164
    QUERY_COMPRESSED = 165
    WRITE_ROWS_COMPRESSED_V1 = 166
    UPDATE_ROWS_COMPRESSED_V1 = 167
    DELETE_ROWS_COMPRESSED_V1 = 168
    WRITE_ROWS_COMPRESSED = 169
    UPDATE_ROWS_COMPRESSED = 170
    DELETE_ROWS_COMPRESSED = 171


class EventHeader(NamedTuple):
    """The first 19 bytes: seconds since 1970, type, the server that wrote it, size with checksum, end in the file modulo 2³², flags."""

    timestamp: int
    type: int
    server_id: int
    size: int
    log_pos: int
    flags: int

    @classmethod
    def of(cls, event: bytes) -> EventHeader:
        """Read the header of an event; raises DecodeError if it is too short."""
        if len(event) < HEADER_SIZE:
            raise DecodeError("a binlog event is shorter than its header", event, len(event))
        return cls(*HEADER.unpack_from(event))


class XaId(NamedTuple):
    """The name of a distributed transaction (XA)."""

    format_id: int
    global_id: bytes
    branch: bytes
