"""The consistent view of a snapshot: connections that see the same moment, and the place of that moment in the binlog."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cdc.config.mysql_settings import MySqlSettings
from cdc.sources.mysql.binlog.mariadb_gtid import MariaDbGtidSet
from cdc.sources.mysql.binlog.place import FilePosition
from cdc.sources.mysql.protocol.connection import Connection, literal
from cdc.sources.mysql.protocol.endpoint import Endpoint
from cdc.sources.mysql.schema.types import SESSION_SETTINGS
from cdc.sources.mysql.server.log_end import ATTEMPTS, LogEnd, find_log_end
from cdc.sources.mysql.server.login import reopen

#: As long as the server allows, in seconds: a reader that waits for Kafka, or for its turn, is not to be cut off.
PATIENCE: Final = 31_536_000
_WAITING: Final = {"net_write_timeout": PATIENCE, "wait_timeout": PATIENCE}
#: Limits that cut off long statements, or sessions that are idle inside a transaction; and the age of estimates.
_OF_MYSQL: Final = {"max_execution_time": 0, "information_schema_stats_expiry": 0}
_OF_MARIADB: Final = {
    "max_statement_time": 0,
    "idle_transaction_timeout": 0,
    "idle_readonly_transaction_timeout": 0,
}


async def open_reading(settings: MySqlSettings, endpoint: Endpoint, count: int) -> list[Connection]:
    """Open connections to read tables by; raises what `reopen` raises."""
    found: list[Connection] = []
    try:
        for _ in range(count):
            found.append(await reopen(settings, endpoint))
            await _prepare(found[-1])
    except BaseException:
        await close_all(found)
        raise
    return found


async def _prepare(connection: Connection) -> None:
    limits = _OF_MARIADB if connection.mariadb else _OF_MYSQL
    numbers = [f"{name} = {value}" for name, value in {**_WAITING, **limits}.items()]
    texts = [f"{name} = {literal(value)}" for name, value in SESSION_SETTINGS.items()]
    await connection.execute(f"SET SESSION {', '.join(numbers + texts)}")
    await connection.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")


async def open_view(connections: Sequence[Connection]) -> None:
    """Let all connections see the rows as they are now; they see the same only if nobody commits meanwhile."""
    for connection in connections:
        await connection.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT")


async def open_without_lock(connection: Connection) -> LogEnd:
    """Let a connection see the rows as they are now, and return the place of that moment in the log.

    Only MariaDB tells the place of a view. Elsewhere it is one before it, so that what is committed in between is read and streamed.
    """
    for _ in range(ATTEMPTS):
        before = await find_log_end(connection)
        await open_view([connection])
        place = await place_of_view(connection)
        if place is None or place == before.position:
            return before
    return await _end_at(connection, place) or before


async def place_of_view(connection: Connection) -> FilePosition | None:
    """Return the place of the view that a connection has just opened, None where the server does not tell it."""
    if not connection.mariadb:
        return None
    rows = await connection.texts("SHOW STATUS LIKE 'binlog_snapshot_%'")
    found = {str(name).lower(): value or "" for name, value in rows}
    file, position = found.get("binlog_snapshot_file", ""), found.get("binlog_snapshot_position", "")
    return FilePosition(file, int(position)) if file and position.isdigit() else None


async def _end_at(connection: Connection, place: FilePosition | None) -> LogEnd | None:
    """Return a place of MariaDB's log with the transactions before it; None where it cannot tell, as behind events over max_allowed_packet."""
    if place is None:
        return None
    ((text,),) = await connection.texts(f"SELECT BINLOG_GTID_POS({literal(place.file)}, {place.position})")
    return None if text is None else LogEnd(place, MariaDbGtidSet.parse(text))


async def close_all(connections: Sequence[Connection]) -> None:
    """Close connections; never raises."""
    for connection in connections:
        await connection.close()
