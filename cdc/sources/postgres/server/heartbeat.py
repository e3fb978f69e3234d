"""What a heartbeat does in the database: a statement of the user's, and a message in the log that moves the stream on."""

from __future__ import annotations

from cdc.config.settings import PostgresSettings
from cdc.sources.heartbeat import DatabaseHeartbeat
from cdc.sources.postgres.protocol.connection import Connection, connect, refusals

#: Outside of a transaction: it is in the log at once, and a slot sees it wherever the database's tables stand.
MESSAGE = "select pg_logical_emit_message(false, %s, '')"


class HeartbeatAction(DatabaseHeartbeat[Connection]):
    """Runs `heartbeat.action.query`, and writes the message that moves the slot of an idle database."""

    def __init__(self, settings: PostgresSettings) -> None:
        super().__init__(settings.beside.heartbeat_interval)
        self._settings = settings

    @property
    def wanted(self) -> bool:
        """See `DatabaseHeartbeat.wanted`."""
        beside = self._settings.beside
        return beside.heartbeat_interval > 0 and bool(beside.heartbeat_query or beside.heartbeat_message)

    async def open(self) -> Connection:
        """See `DatabaseHeartbeat.open`."""
        return await connect(self._settings)

    async def execute(self, connection: Connection) -> None:
        """See `DatabaseHeartbeat.execute`."""
        beside = self._settings.beside
        with refusals(self._settings):
            if beside.heartbeat_query:
                await connection.execute(beside.heartbeat_query.encode())
            if beside.heartbeat_message:
                await connection.execute(MESSAGE.encode(), (beside.heartbeat_message,))
