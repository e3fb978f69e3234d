"""Where the binlog of a server ends."""

from __future__ import annotations

from typing import NamedTuple

from cdc.errors import SourceRefused, SourceUnavailable
from cdc.sources.mysql.binlog.gtid import GtidSet
from cdc.sources.mysql.binlog.mariadb_gtid import MariaDbGtidSet
from cdc.sources.mysql.binlog.place import FilePosition
from cdc.sources.mysql.protocol.connection import Connection, literal

#: The first version of MySQL with this statement; 8.4 does not know the older one.
BINARY_LOG_STATUS_VERSION = (8, 2, 0)

#: How often MariaDB is asked before it has to search its log, which takes long.
ATTEMPTS = 20


class LogEnd(NamedTuple):
    """The end of the log, and the transactions before it: of MySQL all that the server has executed, empty without GTIDs."""

    position: FilePosition
    gtids: GtidSet | MariaDbGtidSet


async def find_log_end(connection: Connection) -> LogEnd:
    """Ask the server where its log ends; both values are of one moment.

    Raises:
        SourceRefused: the log is off, or the user may not ask (REPLICATION CLIENT; MariaDB: BINLOG MONITOR).
        SourceUnavailable: the connection broke.
    """
    if connection.mariadb:
        return await _end_of_mariadb(connection)
    modern = connection.version >= BINARY_LOG_STATUS_VERSION
    place, gtids = await _status(connection, "SHOW BINARY LOG STATUS" if modern else "SHOW MASTER STATUS")
    return LogEnd(place, GtidSet.parse(gtids))


async def _status(connection: Connection, statement: str) -> tuple[FilePosition, str]:
    """Return the end of the log and the text of the executed transactions, which MariaDB does not tell here."""
    rows = await connection.texts(statement)
    if not rows:
        raise SourceRefused(
            f"{connection.endpoint}: the binary log is off",
            "Start the server with its binary log on (log_bin), and server_id set.",
        )
    file, position, *others = (each or "" for each in rows[0])
    return FilePosition(file, int(position)), others[2] if len(others) > 2 else ""


async def _end_of_mariadb(connection: Connection) -> LogEnd:
    """Return the place together with transactions that were the same before and after it was asked for.

    The server counts a transaction before it is in the log, and keeps the lock of the log in between.
    """
    for _ in range(ATTEMPTS):
        before = await _gtids(connection, "@@gtid_binlog_pos")
        place, _ = await _status(connection, "SHOW MASTER STATUS")
        if before is not None and before == await _gtids(connection, "@@gtid_binlog_pos"):
            return LogEnd(place, MariaDbGtidSet.parse(before))
    found = await _gtids(connection, f"BINLOG_GTID_POS({literal(place.file)}, {place.position})")
    if found is None:  # it gives up at events over max_allowed_packet
        raise SourceUnavailable(
            f"{connection.endpoint}: the server writes too much to tell its place and GTIDs of one moment", "Try again."
        )
    return LogEnd(place, MariaDbGtidSet.parse(found))


async def _gtids(connection: Connection, expression: str) -> str | None:
    ((text,),) = await connection.texts(f"SELECT {expression}")
    return text
