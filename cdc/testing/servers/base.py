"""What a running server is, and what can be done with one.

A server keeps its port and its data from one start to the next, so a test can stop or kill it and start it again under its
clients. The methods block; `async with` runs them in a thread, and a coroutine calls them through `asyncio.to_thread`.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

from cdc.errors import CdcError

LOOPBACK = "127.0.0.1"


class ServerError(CdcError):
    """A server could not be fetched, started or reached; the end of its log is in the message."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A running server: where it listens, who may enter, and which process it is.

    `url` is what a client takes as it is: a libpq URL for PostgreSQL, a bootstrap server for Kafka. `pid` is 0 for a server
    in a container, `data` and `log` are empty for it, and `container` is its id.
    """

    name: str
    host: str = LOOPBACK
    port: int
    user: str = ""
    url: str
    pid: int = 0
    data: str = ""
    log: str = ""
    container: str = ""

    def line(self) -> str:
        """Return the address as one line of JSON."""
        return json.dumps(dataclasses.asdict(self))


class Server(ABC):
    """A server that can be started, stopped, killed and started again, on one port and one set of data.

    Every method is idempotent: starting a running server or stopping a stopped one does nothing. One thread at a time.
    """

    name: str

    @property
    @abstractmethod
    def address(self) -> Address:
        """The running server; raises `ServerError` when it does not run."""

    @abstractmethod
    def start(self) -> Address:
        """Start and wait until clients are served; raises `ServerError` with the end of the log when that fails."""

    @abstractmethod
    def stop(self) -> None:
        """Stop in good order and keep the data."""

    @abstractmethod
    def kill(self) -> None:
        """End at once, as a crash or `kill -9` would, and keep the data."""

    @abstractmethod
    def discard(self) -> None:
        """Stop in the quickest way and delete the data."""

    @abstractmethod
    def release(self) -> Address:
        """Let the running server outlive this process; return what to stop it by."""

    def restart(self) -> Address:
        """Stop in good order and start again."""
        self.stop()
        return self.start()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.discard()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()

    async def __aenter__(self) -> Self:
        entering = asyncio.ensure_future(asyncio.to_thread(self.__enter__))
        try:
            return await asyncio.shield(entering)
        except asyncio.CancelledError:  # the thread cannot be cancelled: what it started must be taken down again
            await asyncio.gather(entering, return_exceptions=True)
            await asyncio.to_thread(self.discard)
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.discard)
