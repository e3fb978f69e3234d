"""Where the binlog of a server ends."""

from __future__ import annotations

from typing import NamedTuple

from cdc.errors import SourceRefused
from cdc.sources.mysql.binlog import FilePosition
from cdc.sources.mysql.connection import Connection, literal
from cdc.sources.mysql.gtid import GtidSet
from cdc.sources.mysql.mariadb_gtid import MariaDbGtidSet

#: The first version of MySQL with this statement; 8.4 does not know the older one.
BINARY_LOG_STATUS_VERSION = (8, 2, 0)


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
    modern = not connection.mariadb and connection.version >= BINARY_LOG_STATUS_VERSION
    rows = await connection.texts("SHOW BINARY LOG STATUS" if modern else "SHOW MASTER STATUS")
    if not rows:
        raise SourceRefused(
            f"{connection.endpoint}: the binary log is off",
            "Start the server with its binary log on (log_bin), and server_id set.",
        )
    file, position, *others = (each or "" for each in rows[0])
    place = FilePosition(file, int(position))
    if connection.mariadb:
        return LogEnd(place, await _gtids_of_mariadb(connection, place))
    return LogEnd(place, GtidSet.parse(others[2]))


async def _gtids_of_mariadb(connection: Connection, place: FilePosition) -> MariaDbGtidSet:
    """Return the last transactions before the place, not those that came meanwhile."""
    ((text,),) = await connection.texts(f"SELECT BINLOG_GTID_POS({literal(place.file)}, {place.position})")
    return MariaDbGtidSet.parse(text or "")
