"""What a heartbeat does in the database: a statement of the user's, and a message in the log that moves the stream on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from cdc.config.settings import PostgresSettings
from cdc.errors import CdcError
from cdc.sources.postgres.connection import Connection, connect, refusals

log = logging.getLogger(__name__)

#: Outside of a transaction: it is in the log at once, and a slot sees it wherever the database's tables stand.
MESSAGE = "select pg_logical_emit_message(false, %s, '')"


class HeartbeatAction:
    """Runs the statements of a connector's heartbeats, over a connection of its own: a lock that one waits for holds up nothing else.

    A statement that fails is logged, once until it works again, and never ends the stream.
    """

    def __init__(self, settings: PostgresSettings) -> None:
        self._settings = settings
        self._connection: Connection | None = None
        self._failing = False

    @property
    def wanted(self) -> bool:
        """Whether there is anything to run."""
        beside = self._settings.beside
        return beside.heartbeat_interval > 0 and bool(beside.heartbeat_query or beside.heartbeat_message)

    async def run(self, active: Callable[[], bool]) -> None:
        """Run the statements once an interval while `active` says so, until cancelled."""
        try:
            while True:
                await asyncio.sleep(self._settings.beside.heartbeat_interval)
                if active():
                    await self._beat()
        finally:
            await self._close()

    async def _beat(self) -> None:
        try:
            await self._execute()
        except CdcError as error:
            if not self._failing:
                log.warning("the heartbeat's statement failed; the stream goes on. %s", error.sentence())
            self._failing = True
            await self._close()
        else:
            self._failing = False

    async def _execute(self) -> None:
        beside = self._settings.beside
        if self._connection is None:
            self._connection = await connect(self._settings)
        with refusals(self._settings):
            if beside.heartbeat_query:
                await self._connection.execute(beside.heartbeat_query.encode())
            if beside.heartbeat_message:
                await self._connection.execute(MESSAGE.encode(), (beside.heartbeat_message,))

    async def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()
