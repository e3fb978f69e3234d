"""The event QUERY: a statement as text, with the state of the session that it ran in.

Format: libs/mysql/binlog/event/statement_events.h of the server, `Query_event`; MariaDB's additions are in its sql/log_event.h.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cdc.sources.mysql.binlog.fields import Fields

#: Status variables of a fixed size, by code. Codes ascend; the first unknown one ends what can be read.
SIZES = {
    0: 4,  # flags
    1: 8,  # SQL mode
    3: 4,  # auto increment
    4: 6,  # collations of client, connection and server
    7: 2,  # names of months
    8: 2,  # collation of the database
    9: 8,  # tables of an update
    10: 4,  # size at the first source
    13: 3,  # microseconds
    16: 1,  # explicit defaults for timestamp
    17: 8,  # XID of a DDL statement
    18: 2,  # default collation of utf8mb4
    19: 1,  # primary keys required
    20: 1,  # default encryption
    128: 3,  # microseconds, MariaDB
    129: 8,  # XID, MariaDB
}
FLAGS, SQL_MODE, CATALOG, CHARSET, TIME_ZONE, CATALOG_OLD = 0, 1, 6, 4, 5, 2
DATABASE_CHARSET, INVOKER, DATABASES, DDL_XID, UTF8MB4 = 8, 11, 12, 17, 18
MICROSECONDS = (13, 128)
#: So many databases are too many to be listed.
UNLISTED = 254


@dataclass(frozen=True, slots=True)
class Query:
    """One statement. `text` is in the character set of collation `client`; numbers of collations are the server's, 0 if not told.

    `databases` are those that the statement touches, None if not told; `microseconds` is the fraction of the header's timestamp.
    """

    text: bytes
    database: str
    thread: int
    error: int
    flags: int = 0
    sql_mode: int = 0
    client: int = 0
    connection: int = 0
    server: int = 0
    database_collation: int = 0
    default_utf8mb4: int = 0
    time_zone: str = ""
    databases: tuple[str, ...] | None = None
    microseconds: int = 0
    ddl_xid: int | None = None


def read_query(fields: Fields, text: Callable[[bytes], bytes]) -> Query:
    """Read the event from behind its header; `text` makes the statement of the bytes at its end."""
    thread, _, database_size, error, status_size = (fields.number(size) for size in (4, 4, 1, 2, 2))
    status = _read_status(Fields(fields.take(status_size), "the status of an event QUERY"))
    database = fields.take(database_size + 1)[:-1].decode("utf-8", "replace")
    return Query(text(fields.rest()), database, thread, error, **status)  # type: ignore[arg-type]


def _read_status(fields: Fields) -> dict[str, object]:
    found: dict[str, object] = {}
    while fields.left:
        code = fields.number(1)
        if code in SIZES:
            found |= _fixed(code, fields.take(SIZES[code]))
        elif code in VARIABLE:
            found |= VARIABLE[code](fields)
        else:
            break
    return found


def _fixed(code: int, data: bytes) -> dict[str, object]:
    if code == CHARSET:
        return {
            name: int.from_bytes(data[at : at + 2], "little")
            for name, at in (("client", 0), ("connection", 2), ("server", 4))
        }
    name = NAMES.get(code)
    return {name: int.from_bytes(data, "little")} if name else {}


NAMES = {
    FLAGS: "flags",
    SQL_MODE: "sql_mode",
    DATABASE_CHARSET: "database_collation",
    UTF8MB4: "default_utf8mb4",
    DDL_XID: "ddl_xid",
    **dict.fromkeys(MICROSECONDS, "microseconds"),
}


def _skip_catalog(fields: Fields) -> dict[str, object]:
    fields.short_bytes()
    return {}


def _skip_old_catalog(fields: Fields) -> dict[str, object]:
    fields.short_bytes()
    fields.take(1)
    return {}


def _time_zone(fields: Fields) -> dict[str, object]:
    return {"time_zone": fields.short_bytes().decode("utf-8", "replace")}


def _skip_invoker(fields: Fields) -> dict[str, object]:
    fields.short_bytes()
    fields.short_bytes()
    return {}


def _databases(fields: Fields) -> dict[str, object]:
    count = fields.number(1)
    if count == UNLISTED:
        return {}
    return {"databases": tuple(fields.until_nul().decode("utf-8", "replace") for _ in range(count))}


VARIABLE: dict[int, Callable[[Fields], dict[str, object]]] = {
    CATALOG_OLD: _skip_old_catalog,
    CATALOG: _skip_catalog,
    TIME_ZONE: _time_zone,
    INVOKER: _skip_invoker,
    DATABASES: _databases,
}
