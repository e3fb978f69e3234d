"""A TCP proxy before a real server, to cut, refuse, delay, stall and half-close its connections."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Self

from cdc.testing.servers.process import free_port

CHUNK = 65536


class Proxy:
    """Passes bytes between clients and one server, on a free loopback port, until it is told to misbehave.

    A Kafka broker must advertise the proxy's port (`KafkaServer(advertised_port=proxy.port)`), or clients go past it after
    their first connection. `delay` holds every
    chunk back by so many seconds; `accepted` counts the connections so far. All methods belong to the event loop that
    entered the proxy.
    """

    def __init__(self, host: str, port: int, *, listen: int | None = None) -> None:
        self.host = "127.0.0.1"
        self.port = listen or free_port()
        self.delay = 0.0
        self.accepted = 0
        self._target = (host, port)
        self._passing = asyncio.Event()
        self._passing.set()
        self._server: asyncio.Server | None = None
        self._clients: dict[asyncio.StreamWriter, socket.socket] = {}
        self._ended: set[asyncio.StreamWriter] = set()
        self._links: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self.accept()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.refuse()

    @property
    def connections(self) -> int:
        """How many clients are connected now."""
        return len(self._links)

    async def accept(self) -> None:
        """Listen, on the same port as before."""
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, self.host, self.port)

    async def refuse(self) -> None:
        """Cut every connection and stop listening: clients get "connection refused", as from a stopped server."""
        if self._server is not None:
            self._server.close()
            self._server = None
        await self.cut()

    async def cut(self) -> None:
        """Reset every open connection at both ends at once; new ones are welcome."""
        for connection in self._clients.values():
            _reset(connection)
        links = [task for task in self._links if task.cancel()]
        await asyncio.gather(*links, return_exceptions=True)

    def stall(self) -> None:
        """Keep the connections open and pass nothing, as a network that swallows packets."""
        self._passing.clear()

    def resume(self) -> None:
        """Pass bytes again, first those that were held back."""
        self._passing.set()

    def half_close(self) -> None:
        """End the server's direction of every connection: clients read an end of file and can still write."""
        for client in self._clients.keys() - self._ended:
            self._end(client)

    def _accept(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        self.accepted += 1
        self._clients[client] = client.get_extra_info("socket")
        task = asyncio.create_task(self._link(reader, client))
        self._links.add(task)
        task.add_done_callback(partial(self._leave, client))

    def _leave(self, client: asyncio.StreamWriter, task: asyncio.Task[None]) -> None:
        client.close()
        del self._clients[client]
        self._ended.discard(client)
        self._links.discard(task)

    async def _link(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        try:
            await self._serve(reader, client)
        except* (OSError, EOFError):  # one end broke the connection, so the other one sees it broken
            _reset(self._clients[client])

    async def _serve(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        await self._welcome(reader, client)
        answers, server = await asyncio.open_connection(*self._target)
        connection = server.get_extra_info("socket")
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pass(reader, server))
                both.create_task(self._pass(answers, client))
        except BaseException:
            _reset(connection)
            raise
        finally:
            server.close()
            self._ended.discard(server)

    async def _welcome(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        """Say what the proxy itself has to say to a new client, before any byte passes."""

    async def _pass(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while chunk := await source.read(CHUNK):
            await asyncio.sleep(self.delay)
            await self._passing.wait()
            if target not in self._ended:
                target.write(chunk)
                await target.drain()
        if target not in self._ended:
            self._end(target)

    def _end(self, target: asyncio.StreamWriter) -> None:
        """End this direction; a TLS connection has no directions and is closed."""
        self._ended.add(target)
        if target.can_write_eof():
            target.write_eof()
        else:
            target.close()


def _reset(connection: socket.socket) -> None:
    """Let the close that follows be a TCP reset, as of a peer that crashed; plain closing would look like a polite end."""
    with suppress(OSError):  # it is closed already
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
