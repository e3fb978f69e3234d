"""A connection to MySQL or MariaDB for statements, and the way to one that reads the binlog."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Self

from cdc.errors import DecodeError, SourceUnavailable
from cdc.sources.mysql.binlog.fields import Fields
from cdc.sources.mysql.protocol.endpoint import Endpoint
from cdc.sources.mysql.protocol.handshake import Greeting, shake_hands
from cdc.sources.mysql.protocol.packets import PacketChannel
from cdc.sources.mysql.protocol.result import Result, ResultColumn, ends, read_column, read_row
from cdc.sources.mysql.protocol.server_errors import broken, server_error

COM_QUIT, COM_QUERY, COM_PING = b"\x01", b"\x03", b"\x0e"
#: How many rows one read hands over at most, and how many bytes.
READ_ROWS = 8192
READ_BYTES = 4_000_000
#: From how many packets in one read on the server is taken to be ahead of us.
BUSY = 64


class Connection:
    """One session, used by one task at a time. Statements are autocommitted unless one of them begins a transaction.

    A statement that was cancelled leaves its answer unread; the connection then takes no other and is to be closed.
    """

    def __init__(self, channel: PacketChannel, endpoint: Endpoint, greeting: Greeting) -> None:
        self.channel = channel
        self.endpoint = endpoint
        self.server = greeting.server
        self.version = greeting.version
        self.mariadb = greeting.mariadb
        self.thread = greeting.thread
        self._answering = False

    @classmethod
    async def open(cls, endpoint: Endpoint) -> Connection:
        """Connect and log in.

        Raises:
            SourceUnavailable: the server cannot be reached, or takes no connections now.
            SourceRefused: it refuses the user or the database, or the encryption that is asked for cannot be had.
        """
        try:
            async with asyncio.timeout(endpoint.connect_timeout):
                channel = await PacketChannel.open(endpoint.host, endpoint.port, str(endpoint), endpoint.keepalive)
                return await cls._logged_in(channel, endpoint)
        except TimeoutError as error:
            raise SourceUnavailable(
                f"{endpoint}: no connection within {endpoint.connect_timeout:g} seconds",
                "Check that the server can be reached from here (address, port, firewall).",
            ) from error
        except OSError as error:
            raise broken(str(endpoint), error) from error

    @classmethod
    async def _logged_in(cls, channel: PacketChannel, endpoint: Endpoint) -> Connection:
        try:
            greeting = await shake_hands(channel, endpoint)
        except BaseException:
            await channel.abort()
            raise
        channel.read_timeout = endpoint.read_timeout
        return cls(channel, endpoint, greeting)

    async def execute(self, sql: str) -> int:
        """Run a statement without a result; returns how many rows it changed. Raises what `query` raises."""
        answer = await self._ask(COM_QUERY + sql.encode())
        if answer[:1] != b"\0":
            raise DecodeError("the statement has a result", answer)
        self._answering = False
        return Fields(answer, "the server's answer", 1).packed()

    async def query(self, sql: str) -> Result:
        """Run a statement and return all rows of its result, none if it has no result.

        Raises:
            ServerRefused: the server answered with an error, whose number is `code`.
            ServerBusy: the same, and another attempt may succeed.
            SourceUnavailable: the connection broke.
        """
        async with self.rows(sql) as stream:
            rows = []
            while packets := await stream.read():
                rows += [read_row(packet, len(stream.columns)) for packet in packets]
            return Result(stream.columns, rows)

    async def texts(self, sql: str) -> list[tuple[str | None, ...]]:
        """Run a statement and return its rows as text; bytes that are not UTF-8 become surrogates. Raises what `query` raises."""
        rows = (await self.query(sql)).rows
        return [
            tuple(None if each is None else each.decode("utf-8", "surrogateescape") for each in row) for row in rows
        ]

    @asynccontextmanager
    async def rows(self, sql: str) -> AsyncIterator[RowStream]:
        """Run a statement and read the rows of its result as they come. Raises what `query` raises.

        A context that is left before the end ends the connection too: the server would send the rest first.
        """
        answer = await self._ask(COM_QUERY + sql.encode())
        stream = RowStream(self, [] if answer[:1] == b"\0" else await self._columns(answer))
        try:
            yield stream
        finally:
            self._answering = not stream.ended
            if self._answering:
                await self.channel.abort()

    async def _ask(self, command: bytes) -> bytes:
        """Send a command and return the first packet of the answer; raises our error for an error."""
        if self._answering:
            raise SourceUnavailable(f"{self.endpoint}: an earlier answer was not read to its end", "Connect anew.")
        self._answering = True
        self.channel.command(command)
        await self.channel.drain()
        answer = await self.channel.read()
        if answer[:1] == b"\xff":
            self._answering = False
            raise self.error(answer)
        return answer

    async def _columns(self, answer: bytes) -> list[ResultColumn]:
        if answer[:1] == b"\xfb":
            raise DecodeError("the server asks for a local file", answer)
        count = Fields(answer, "the head of a result").packed()
        columns = [read_column(await self.channel.read()) for _ in range(count)]
        if not ends(end := await self.channel.read()):
            raise DecodeError("the definitions of columns have no end", end)
        return columns

    async def ping(self) -> None:
        """Ask the server whether it is there; raises SourceUnavailable if not."""
        await self._ask(COM_PING)
        self._answering = False

    def error(self, packet: bytes) -> Exception:
        """Return our error for the server's."""
        return server_error(packet, str(self.endpoint))

    async def close(self) -> None:
        """Say goodbye and close; never raises."""
        if self._answering:
            await self.channel.abort()
        else:
            self.channel.command(COM_QUIT)
            await self.channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class RowStream:
    """The rows of one result as packets of the text protocol, for a decoder; `columns` is empty for a statement without result."""

    def __init__(self, connection: Connection, columns: Sequence[ResultColumn]) -> None:
        self.columns = columns
        self.ended = not columns
        self._connection = connection
        self._busy = False

    async def read(self) -> list[bytes]:
        """Return the rows that have arrived, in order; an empty list is the end.

        Raises:
            ServerRefused, ServerBusy: the server broke off.
            SourceUnavailable: the connection broke.
        """
        if self.ended:
            return []
        channel = self._connection.channel
        if self._busy:
            await channel.fill()
        packets = await channel.read_many(READ_ROWS, READ_BYTES)
        self._busy = len(packets) >= BUSY
        if ends(packets[-1]):
            self.ended = True
            last = packets.pop()
            if last[:1] == b"\xff":
                raise self._connection.error(last)
        return packets


def identifier(name: str) -> str:
    """Return a name as it stands in SQL."""
    return "`" + name.replace("`", "``") + "`"


def literal(text: str) -> str:
    """Return a text as it stands in SQL, whatever the SQL mode says of backslashes."""
    if "\\" in text or "\0" in text:
        return f"_utf8mb4 x'{text.encode().hex()}'"
    return "'" + text.replace("'", "''") + "'"
