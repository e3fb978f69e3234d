"""What a heartbeat does in the database: a statement of the user's, which moves the stream on."""

from __future__ import annotations

from cdc.config.mysql_settings import MySqlSettings
from cdc.sources.heartbeat import DatabaseHeartbeat
from cdc.sources.mysql.protocol.connection import Connection
from cdc.sources.mysql.server.login import open_connection


class HeartbeatAction(DatabaseHeartbeat[Connection]):
    """Runs `heartbeat.action.query`."""

    def __init__(self, settings: MySqlSettings) -> None:
        super().__init__(settings.beside.heartbeat_interval)
        self._settings = settings

    @property
    def wanted(self) -> bool:
        """See `DatabaseHeartbeat.wanted`."""
        beside = self._settings.beside
        return beside.heartbeat_interval > 0 and bool(beside.heartbeat_query)

    async def open(self) -> Connection:
        """See `DatabaseHeartbeat.open`."""
        return await open_connection(self._settings)

    async def execute(self, connection: Connection) -> None:
        """See `DatabaseHeartbeat.execute`."""
        await connection.execute(self._settings.beside.heartbeat_query)
