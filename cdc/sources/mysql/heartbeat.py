"""What a heartbeat does in the database: a statement of the user's, which moves the stream on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from cdc.config.mysql_settings import MySqlSettings
from cdc.errors import CdcError
from cdc.sources.mysql.connection import Connection
from cdc.sources.mysql.login import open_connection

log = logging.getLogger(__name__)


class HeartbeatAction:
    """Runs the statement of a connector's heartbeats, over a connection of its own: a lock that it waits for holds up nothing else.

    A statement that fails is logged, once until it works again, and never ends the stream.
    """

    def __init__(self, settings: MySqlSettings) -> None:
        self._settings = settings
        self._connection: Connection | None = None
        self._failing = False

    @property
    def wanted(self) -> bool:
        """Whether there is anything to run."""
        beside = self._settings.beside
        return beside.heartbeat_interval > 0 and bool(beside.heartbeat_query)

    async def run(self, active: Callable[[], bool]) -> None:
        """Run the statement once an interval while `active` says so, until cancelled."""
        try:
            while True:
                await asyncio.sleep(self._settings.beside.heartbeat_interval)
                if active():
                    await self._beat()
        finally:
            await self._close()

    async def _beat(self) -> None:
        try:
            if self._connection is None:
                self._connection = await open_connection(self._settings)
            await self._connection.execute(self._settings.beside.heartbeat_query)
        except CdcError as error:
            if not self._failing:
                log.warning("the heartbeat's statement failed; the stream goes on. %s", error.sentence())
            self._failing = True
            await self._close()
        else:
            self._failing = False

    async def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()
