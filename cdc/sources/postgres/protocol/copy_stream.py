"""The flow of CopyData messages on a PostgreSQL connection, without blocking the loop."""

from __future__ import annotations

import asyncio
from typing import TypeAlias

import psycopg
from psycopg import generators, pq

from cdc.config.settings import PostgresSettings
from cdc.sources.postgres.protocol.connection import Connection, explain

#: How many messages one read hands over at most.
READ_LIMIT = 2000
#: And how many bytes, but for the last message: what bounds the memory when rows are wide.
READ_BYTES = 4_000_000
#: From how many messages in one read on the server is taken to be ahead of us.
BUSY = 64
#: libpq takes 16 kB from the socket at a time. While the server is ahead, letting the socket fill before reading on
#: costs a third of the reading otherwise, and half of the walsender's work.
FILL_SECONDS = 0.0005

#: Up to this size a message is copied: three objects that the garbage collector follows become one that it does not, which
#: is half of the reading of small rows.
COPIED_BYTES = 4096

Message: TypeAlias = bytes | memoryview


class CopyStream:
    """The messages of one COPY, in order; read by one task."""

    def __init__(self, connection: Connection, settings: PostgresSettings) -> None:
        self._connection = connection
        self._settings = settings
        self._pgconn = connection.pgconn
        self._busy = False
        self._ended = False
        self._room = READ_BYTES

    async def begin(self, command: str, status: pq.ExecStatus) -> None:
        """Send the command that starts the flow; raises our error when the server does not answer with `status`."""
        try:
            self._pgconn.send_query(command.encode())
            results = await self._connection.wait(generators.execute(self._pgconn))
            if results[-1].status != status:
                raise psycopg.errors.error_from_result(results[-1])
        except psycopg.Error as error:
            raise explain(error, self._settings) from error

    async def read(self) -> list[Message]:
        """Return the messages that have arrived, waiting for the first; an empty list is the end of the flow.

        Raises:
            SourceUnavailable: the connection broke.
        """
        messages: list[Message] = []
        self._room = READ_BYTES
        if self._busy:
            await asyncio.sleep(FILL_SECONDS)
        try:
            self._take(messages)
            while not messages and not self._ended:
                await self._readable()
                self._take(messages)
        except psycopg.Error as error:
            raise explain(error, self._settings) from error
        self._busy = len(messages) >= BUSY
        return messages

    def _take(self, messages: list[Message]) -> None:
        """Move what libpq and the socket hold into `messages`, until both run dry or the limit is reached."""
        if not self._ended:
            self._drain(messages)
        while len(messages) < READ_LIMIT and self._room > 0 and not self._ended:
            self._pgconn.consume_input()
            if not self._drain(messages):
                return

    def _drain(self, messages: list[Message]) -> bool:
        """Move what libpq holds; tell whether there was anything."""
        before = len(messages)
        get = self._pgconn.get_copy_data
        while len(messages) < READ_LIMIT and self._room > 0:
            size, data = get(1)
            if size <= 0:
                self._ended = size < 0
                break
            self._room -= size
            messages.append(data if size > COPIED_BYTES else bytes(data))
        if self._ended:
            self._finish()
        return len(messages) > before

    def _finish(self) -> None:
        """Take the result that follows the last message; a server that broke off says why there."""
        result = self._pgconn.get_result()
        if result is not None and result.status in {pq.ExecStatus.FATAL_ERROR, pq.ExecStatus.BAD_RESPONSE}:
            raise psycopg.errors.error_from_result(result)
        while self._pgconn.get_result() is not None:
            continue

    async def _readable(self) -> None:
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = loop.create_future()
        socket = self._pgconn.socket
        loop.add_reader(socket, _resolve, ready)
        try:
            await ready
        finally:
            loop.remove_reader(socket)

    def write(self, data: bytes) -> None:
        """Send a CopyData message without waiting."""
        try:
            self._pgconn.put_copy_data(data)
            self._pgconn.flush()
        except psycopg.Error as error:
            raise explain(error, self._settings) from error


def _resolve(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
