"""What a server says of itself and of its binlog, and whether changes can be read from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cdc.errors import SourceRefused
from cdc.sources.mysql.binlog.gtid import GtidSet
from cdc.sources.mysql.binlog.mariadb_gtid import MariaDbGtidSet
from cdc.sources.mysql.protocol.connection import Connection
from cdc.sources.mysql.protocol.server_errors import ServerRefused

#: Since these versions the statements have their present names.
_BINARY_LOG_STATUS: Final = (8, 2, 0)
_VARIABLES: Final = (
    "server_id",
    "server_uuid",
    "log_bin",
    "binlog_format",
    "binlog_row_image",
    "binlog_row_metadata",
    "gtid_mode",
    "gtid_executed",
    "gtid_purged",
    "gtid_binlog_pos",
    "lower_case_table_names",
    "character_set_server",
    "collation_server",
    "binlog_expire_logs_seconds",
    "explicit_defaults_for_timestamp",
    "binlog_encryption",
    "default_authentication_plugin",
    "binlog_row_value_options",
    "binlog_rows_query_log_events",
    "enforce_gtid_consistency",
)


@dataclass(frozen=True, slots=True)
class LogFile:
    """A file of the binlog and its size in bytes."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """A server: `uuid` is empty and the GTID sets are None where it has none; `files` are those of its binlog, the oldest first.

    `file` and `position` are where the next event will be written.
    """

    server: str
    version: tuple[int, int, int]
    mariadb: bool
    variables: Mapping[str, str]
    file: str = ""
    position: int = 0
    files: tuple[LogFile, ...] = ()
    executed: GtidSet | MariaDbGtidSet | None = None
    purged: GtidSet | None = None

    @property
    def uuid(self) -> str:
        """The server's UUID, empty on MariaDB."""
        return self.variables.get("server_uuid", "")

    @property
    def server_id(self) -> int:
        """The server's number."""
        return int(self.variables.get("server_id", "0"))

    @property
    def has_gtids(self) -> bool:
        """Whether all transactions have GTIDs."""
        return self.mariadb or self.variables.get("gtid_mode", "OFF").upper() == "ON"

    @property
    def full_metadata(self) -> bool:
        """Whether the binlog tells names and types of columns."""
        return self.variables.get("binlog_row_metadata", "").upper() == "FULL"

    @property
    def retention_seconds(self) -> int:
        """After how long the server may remove a file of the binlog; 0 is never."""
        text = self.variables.get("binlog_expire_logs_seconds", "0")
        return int(float(text)) if text else 0


async def read_facts(connection: Connection) -> ServerFacts:
    """Ask a server what it is.

    Raises:
        SourceUnavailable: the connection broke.
        SourceRefused: the user may not see where the binlog stands.
    """
    variables = await read_variables(connection)
    file, position = await read_place(connection) if variables.get("log_bin", "").upper() in ("ON", "1") else ("", 0)
    return ServerFacts(
        server=connection.server,
        version=connection.version,
        mariadb=connection.mariadb,
        variables=variables,
        file=file,
        position=position,
        files=await _files(connection) if file else (),
        executed=executed_of(variables, mariadb=connection.mariadb),
        purged=GtidSet.parse(variables["gtid_purged"]) if variables.get("gtid_purged") is not None else None,
    )


def executed_of(variables: Mapping[str, str], *, mariadb: bool) -> GtidSet | MariaDbGtidSet | None:
    """Return the transactions that a server has, by its variables; None for one without GTIDs."""
    if mariadb:
        return MariaDbGtidSet.parse(variables.get("gtid_binlog_pos", ""))
    if variables.get("gtid_mode", "OFF").upper() != "ON":
        return None
    return GtidSet.parse(variables.get("gtid_executed", ""))


async def read_executed(connection: Connection) -> GtidSet | MariaDbGtidSet | None:
    """Return the transactions that a server has now."""
    return executed_of(await read_variables(connection), mariadb=connection.mariadb)


async def read_variables(connection: Connection) -> Mapping[str, str]:
    """Return the settings that matter for reading the binlog, as text; a server lacks those of other versions."""
    names = ", ".join(f"'{name}'" for name in _VARIABLES)
    rows = await connection.texts(f"SHOW GLOBAL VARIABLES WHERE Variable_name IN ({names})")
    return {str(name): str(value or "") for name, value in rows}


async def read_place(connection: Connection) -> tuple[str, int]:
    """Return the file and the position at which the next event will be written."""
    modern = not connection.mariadb and connection.version >= _BINARY_LOG_STATUS
    rows = await _asked(connection, "SHOW BINARY LOG STATUS" if modern else "SHOW MASTER STATUS")
    if not rows:
        return "", 0
    return str(rows[0][0]), int(str(rows[0][1]))


async def _files(connection: Connection) -> tuple[LogFile, ...]:
    rows = await _asked(connection, "SHOW BINARY LOGS")
    return tuple(LogFile(str(row[0]), int(str(row[1]))) for row in rows)


async def _asked(connection: Connection, statement: str) -> Sequence[tuple[str | None, ...]]:
    try:
        return await connection.texts(statement)
    except ServerRefused as error:
        raise SourceRefused(
            f"{connection.endpoint}: the user {connection.endpoint.user} may not run {statement}: {error}",
            f"GRANT REPLICATION CLIENT, REPLICATION SLAVE ON *.* TO {connection.endpoint.user}",
        ) from error


def check_server(facts: ServerFacts) -> None:
    """Make sure that the server logs changes by row.

    Raises:
        SourceRefused: it logs none, or statements.
    """
    if not facts.file:
        raise SourceRefused(
            f"{facts.server} writes no binlog", "Start it with log_bin and a server_id, and take a new snapshot."
        )
    log_format = facts.variables.get("binlog_format", "ROW").upper()
    if log_format != "ROW":
        raise SourceRefused(
            f"binlog_format of {facts.server} is {log_format}: the binlog lacks the rows of some changes, or of all",
            "SET GLOBAL binlog_format = ROW, and let all sessions begin anew.",
        )
