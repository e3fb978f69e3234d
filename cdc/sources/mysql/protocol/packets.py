"""Packets of the client/server protocol over asyncio.

Protocol: the MySQL source documentation, "MySQL Packets" and "Compression". One task owns a channel; a cancelled read loses nothing.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from typing import Final

import zstandard

from cdc.errors import DecodeError, SourceUnavailable
from cdc.sources.mysql.binlog.compression import inflate
from cdc.sources.mysql.binlog.framing import PacketBuffer
from cdc.sources.mysql.protocol.endpoint import Compression

#: The longest packet; a longer message goes on in the next one.
FULL: Final = 0xFFFFFF
#: With so many bytes held back the socket is not read any more: what bounds the memory when the consumer is slow.
HELD_BYTES: Final = 4 << 20
#: How long the socket fills while the server is ahead of us: fewer and larger reads cost both sides less.
FILL_SECONDS: Final = 0.0005
#: How long a server has to take our goodbye.
CLOSE_SECONDS: Final = 1.0
#: What zstandard says of a frame that does not tell the size of its content.
_UNSAID: Final = -1


class _Inflow(asyncio.BufferedProtocol):
    """Takes what arrives into a packet buffer; pauses the socket when that holds enough."""

    def __init__(self) -> None:
        self.packets = PacketBuffer()
        self.inflater: _Inflater | None = None
        self.ended: str | None = None
        self.error: DecodeError | None = None
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._paused = False
        self.closed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 -- asyncio's promise, for the types
        self._transport = transport

    def get_buffer(self, _: int) -> memoryview:
        return self.inflater.room if self.inflater else self.packets.space()

    def buffer_updated(self, nbytes: int) -> None:
        if self.inflater is None:
            self.packets.filled(nbytes)
        elif self.error is None:  # what comes behind an error is dropped, or it would be held without end
            try:
                self.inflater.arrived(nbytes, self.packets)
            except DecodeError as error:
                self.error = error
        if len(self.packets) >= HELD_BYTES:
            self.pause()
        self._wake()

    def pause(self) -> None:
        if not self._paused and self._transport is not None and self.ended is None:
            self._paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        if self._paused and self._transport is not None and self.ended is None:
            self._paused = False
            self._transport.resume_reading()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = str(exc) if exc else "the server closed the connection"
        self.closed.set()
        self._writable.set()
        self._wake()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    async def drained(self) -> None:
        await self._writable.wait()

    async def arrival(self) -> None:
        """Wait until more has arrived or the connection has ended."""
        if self.ended is not None:
            return
        self.resume()
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class _Inflater:
    """Undoes the compressed protocol: a header of 7 bytes, and packets or parts of them, compressed or not."""

    def __init__(self, kind: Compression) -> None:
        self._zstd = kind is Compression.ZSTD
        self._piece = bytearray(1 << 16)
        self._held = bytearray()
        self.room = memoryview(self._piece)

    def arrived(self, count: int, packets: PacketBuffer) -> None:
        self._held += self.room[:count]
        at = 0
        while len(self._held) - at >= 7:
            size = int.from_bytes(self._held[at : at + 3], "little")
            if len(self._held) - at - 7 < size:
                break
            packets.feed(self._content(bytes(self._held[at + 7 : at + 7 + size]), self._held[at + 4 : at + 7]))
            at += 7 + size
        del self._held[:at]

    def _content(self, data: bytes, length: bytearray) -> bytes:
        size = int.from_bytes(length, "little")
        if not size:
            return data
        if not self._zstd:
            return inflate(data, size)
        try:
            # The size in the frame is looked at first: as much memory would be taken, whatever the packet says.
            fits = zstandard.frame_content_size(data) in (size, _UNSAID)
            found = zstandard.ZstdDecompressor().decompress(data, max_output_size=size) if fits else b""
        except zstandard.ZstdError as error:
            raise DecodeError(f"a compressed packet cannot be read ({error})", data) from error
        if len(found) != size:
            raise DecodeError(f"a compressed packet does not hold {size} bytes as it says", data)
        return found


class PacketChannel:
    """Packets to and from one server. `where` names the server in errors; `read_timeout` is in seconds, 0 for none.

    All methods raise SourceUnavailable when the connection breaks, and DecodeError for bytes that do not follow the protocol.
    """

    def __init__(self, transport: asyncio.Transport, inflow: _Inflow, where: str) -> None:
        self._transport = transport
        self._inflow = inflow
        self._where = where
        self._deflates = False
        self._frame = 0
        self._sequence = 0
        self.read_timeout = 0.0
        self.encrypted = False

    @classmethod
    async def open(cls, host: str, port: int, where: str, keepalive: int) -> PacketChannel:
        """Connect; raises OSError. `keepalive` is in seconds, 0 for none."""
        loop = asyncio.get_running_loop()
        transport, inflow = await loop.create_connection(_Inflow, host, port)
        connected: socket.socket = transport.get_extra_info("socket")
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if keepalive:
            _keep_alive(connected, keepalive)
        return cls(transport, inflow, where)

    @property
    def buffer(self) -> PacketBuffer:
        """What has arrived and was not taken."""
        return self._inflow.packets

    async def start_tls(self, context: ssl.SSLContext, host: str) -> None:
        """Encrypt from here on; raises ssl.SSLError (also for a certificate that is not trusted) and OSError."""
        loop = asyncio.get_running_loop()
        encrypted = await loop.start_tls(self._transport, self._inflow, context, server_hostname=host)
        if encrypted is None:
            raise SourceUnavailable(f"{self._where}: the connection ended as encryption began", "Try again.")
        self._transport = encrypted
        self._inflow.connection_made(encrypted)
        self.encrypted = True

    def compress(self, kind: Compression) -> None:
        """Expect compressed packets from here on, and send packets in the form that goes with them."""
        self._inflow.inflater = _Inflater(kind)
        self.buffer.numbered = False
        self._deflates = True

    async def read(self) -> bytes:
        """Return the next packet."""
        while (packet := self.buffer.take()) is None:
            await self.wait()
        self._sequence = self.buffer.sequence
        return packet

    async def read_many(self, max_count: int, max_bytes: int) -> list[bytes]:
        """Return the packets that have arrived, at least one; at most so many, and so many bytes but for the last one."""
        while not (packets := self.buffer.take_many(max_count, max_bytes)):
            await self.wait()
        return packets

    async def wait(self) -> None:
        """Wait until more bytes have arrived."""
        inflow = self._inflow
        if inflow.error is not None:
            raise inflow.error
        try:
            async with asyncio.timeout(self.read_timeout or None):
                await inflow.arrival()
        except TimeoutError as error:
            raise SourceUnavailable(
                f"{self._where}: nothing arrived for {self.read_timeout:g} seconds",
                "Check that the server runs and can be reached.",
            ) from error
        if inflow.ended is not None:
            raise SourceUnavailable(
                f"{self._where}: {inflow.ended}", "Check that the server runs; its log says why it closed."
            )

    async def fill(self) -> None:
        """Let the socket fill for a moment; for a reader that finds much each time."""
        self._inflow.pause()
        await asyncio.sleep(FILL_SECONDS)
        self._inflow.resume()

    def command(self, payload: bytes) -> None:
        """Send the first packet of a new exchange."""
        self._sequence = self._frame = self.buffer.sequence = 0
        self.write(payload)

    def write(self, payload: bytes) -> None:
        """Send a packet that answers the one read last."""
        parts = [payload[at : at + FULL] for at in range(0, len(payload) + 1, FULL)]
        framed = bytearray()
        for part in parts:
            framed += struct.pack("<I", len(part) | self._sequence << 24) + part
            self._sequence = (self._sequence + 1) & 0xFF
        self.buffer.sequence = self._sequence
        self._transport.write(bytes(self._enclosed(framed)) if self._deflates else bytes(framed))

    async def drain(self) -> None:
        """Wait until what was written is on its way."""
        await self._inflow.drained()

    def _enclosed(self, framed: bytearray) -> bytearray:
        """Put packets into those of the compressed protocol; what a client sends is small and stays as it is."""
        result = bytearray()
        for at in range(0, len(framed), FULL):
            part = framed[at : at + FULL]
            result += struct.pack("<I", len(part) | self._frame << 24) + b"\0\0\0" + part
            self._frame = (self._frame + 1) & 0xFF
        return result

    async def close(self) -> None:
        """Close the connection; what was written is still sent if the server takes it within a second."""
        self._inflow.resume()
        self._transport.close()
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._inflow.closed.wait()
        except TimeoutError:
            await self.abort()

    async def abort(self) -> None:
        """Close the connection at once; what the server still sends is lost."""
        self._transport.abort()
        await self._inflow.closed.wait()


def _keep_alive(connected: socket.socket, idle: int) -> None:
    """Let a server that vanished without a word be noticed about a minute after it was idle so long."""
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", idle), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, name):
            connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
