"""What a heartbeat does in a database, over a connection of its own: the same for every database."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from cdc.errors import CdcError

log = logging.getLogger(__name__)


class Closable(Protocol):
    """A connection, as far as it is known here."""

    async def close(self) -> None:
        """End the connection."""


ConnectionT = TypeVar("ConnectionT", bound=Closable)


class DatabaseHeartbeat(ABC, Generic[ConnectionT]):
    """Runs the statements of a connector's heartbeats: a lock that one of them waits for holds up nothing else.

    A statement that fails is logged, once until it works again, and never ends the stream. `interval` is in seconds.
    """

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._connection: ConnectionT | None = None
        self._failing = False

    @property
    @abstractmethod
    def wanted(self) -> bool:
        """Whether there is anything to run."""

    @abstractmethod
    async def open(self) -> ConnectionT:
        """Return a new connection; raises CdcError."""

    @abstractmethod
    async def execute(self, connection: ConnectionT) -> None:
        """Run the statements once; raises CdcError."""

    async def run(self, active: Callable[[], bool]) -> None:
        """Run the statements once an interval while `active` says so, until cancelled."""
        try:
            while True:
                await asyncio.sleep(self._interval)
                if active():
                    await self._beat()
        finally:
            await self._close()

    async def _beat(self) -> None:
        try:
            if self._connection is None:
                self._connection = await self.open()
            await self.execute(self._connection)
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
