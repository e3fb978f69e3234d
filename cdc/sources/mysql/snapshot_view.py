"""The consistent view of a snapshot: connections that see the same moment, and the place of that moment in the binlog."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cdc.config.mysql_settings import MySqlSettings
from cdc.sources.mysql.binlog import FilePosition
from cdc.sources.mysql.connection import Connection, literal
from cdc.sources.mysql.endpoint import Endpoint
from cdc.sources.mysql.log_end import LogEnd
from cdc.sources.mysql.login import reopen
from cdc.sources.mysql.mariadb_gtid import MariaDbGtidSet
from cdc.sources.mysql.types import SESSION_SETTINGS

#: As long as the server allows, in seconds: a reader that waits for Kafka, or for its turn, is not to be cut off.
_PATIENCE: Final = 31_536_000
_WAITING: Final = {"net_write_timeout": _PATIENCE, "wait_timeout": _PATIENCE}
#: Limits that cut off long statements, or sessions that are idle inside a transaction.
_OF_MYSQL: Final = {"max_execution_time": 0}
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


async def place_of_view(connection: Connection) -> LogEnd | None:
    """Return the place of the view that a connection has just opened, where the server tells it (MariaDB), else None."""
    rows = await connection.texts("SHOW STATUS LIKE 'binlog_snapshot_%'")
    found = {str(name).lower(): value or "" for name, value in rows}
    file, position = found.get("binlog_snapshot_file", ""), found.get("binlog_snapshot_position", "")
    if not connection.mariadb or not file or not position.isdigit():
        return None
    asked = f"SELECT BINLOG_GTID_POS({literal(file)}, {position})"
    ((gtids,),) = await connection.texts(asked)
    if gtids is None:
        return None
    return LogEnd(FilePosition(file, int(position)), MariaDbGtidSet.parse(gtids))


async def close_all(connections: Sequence[Connection]) -> None:
    """Close connections; never raises."""
    for connection in connections:
        await connection.close()
