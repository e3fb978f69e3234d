"""Connections whose other end is only bytes: all that the server sends has arrived, and it has closed."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from cdc.config.mysql_settings import TlsMode
from cdc.config.secret import Secret
from cdc.sources.mysql.protocol.authentication import CACHING_SHA2, CLEAR, ED25519, NATIVE, SHA256
from cdc.sources.mysql.protocol.endpoint import Endpoint, Tls
from cdc.sources.mysql.protocol.handshake import Can
from cdc.sources.mysql.protocol.packets import PacketChannel, _Inflow
from tests.unit.sources.mysql import row_events as r
from tests.unit.sources.mysql.wire import packets

T = TypeVar("T")
NONCE = bytes(range(1, 21))
ENDPOINT = Endpoint("host", user="user", password=Secret("secret"), tls=Tls(TlsMode.DISABLED))
OK = b"\0\0\0\2\0\0\0"
END = b"\xfe\0\0\2\0"


class Said(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.data = bytearray()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.data += data

    def abort(self) -> None: ...
    def close(self) -> None: ...
    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...


def channel_of(sent: Sequence[bytes], said: Said | None = None, *, encrypted: bool = False) -> PacketChannel:
    """Return a channel on which the server has sent these packets, whose numbers do not count; `said` keeps what goes to the server."""
    transport, inflow = said or Said(), _Inflow()
    inflow.connection_made(transport)
    inflow.packets.numbered = False
    inflow.packets.feed(packets(*sent))
    inflow.connection_lost(None)
    channel = PacketChannel(transport, inflow, "it")
    channel.encrypted = encrypted
    return channel


def finished(work: Coroutine[Any, Any, T]) -> T:
    """Return what comes of work that has nothing to wait for."""
    try:
        work.send(None)
    except StopIteration as end:
        found: T = end.value
        return found
    finally:
        work.close()
    raise AssertionError("it waits")


def greeting(method: str, can: int = 0xFFFFFFFF & ~Can.SSL, version: str = "9.7.0") -> bytes:
    """The first packet of a server (Protocol::HandshakeV10)."""
    head = b"\x0a" + version.encode() + b"\0" + struct.pack("<I", 7) + NONCE[:8] + b"\0"
    middle = struct.pack("<HBHHB10x", can & 0xFFFF, 45, 2, can >> 16, len(NONCE) + 1)
    return head + middle + NONCE[8:] + b"\0" + method.encode() + b"\0"


def switch(method: str) -> bytes:
    """The request for another method (Protocol::AuthSwitchRequest)."""
    return b"\xfe" + method.encode() + b"\0" + NONCE + b"\0"


def key(size: int = 2048) -> bytes:
    """What a server sends that is asked for its key."""
    public = rsa.generate_private_key(65537, size).public_key()
    return b"\1" + public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def logins() -> list[list[bytes]]:
    """What servers say until they are content; the last one's method takes long."""
    mine = key()
    return [
        [greeting(NATIVE), OK],
        [greeting(NATIVE, Can.PROTOCOL_41, "5.5.5-10.11.6-MariaDB"), OK],
        [greeting(CACHING_SHA2), b"\1\3", OK],
        [greeting(CACHING_SHA2), b"\1\4", mine, OK],
        [greeting(NATIVE), switch(SHA256), mine, OK],
        [greeting(CACHING_SHA2), switch(NATIVE), switch(CACHING_SHA2), b"\1\4", mine, OK],
        [greeting(NATIVE), switch(CLEAR), OK],
        [greeting(NATIVE), switch(ED25519), OK],
    ]


def column(name: bytes, collation: int = 45, kind: int = 253) -> bytes:
    """The definition of a column (Protocol::ColumnDefinition41)."""
    texts = b"".join(r.packed(len(text)) + text for text in (b"def", b"db", b"t", b"t", name, name))
    return texts + b"\x0c" + struct.pack("<HIBHB2x", collation, 400, kind, 0, 0)


def answers() -> list[list[bytes]]:
    """Answers to statements: with rows, without, with none of a result, and with an error."""
    rows = [b"\3one\xfb", b"\0\xfc\x2c\1" + b"x" * 300]
    return [
        [b"\2", column(b"a"), column("ü".encode(), 63), END, *rows, END],
        [b"\1", column(b"a"), END, END],
        [OK],
        [b"\2", column(b"a"), column(b"b"), END, rows[0], b"\xff" + struct.pack("<H", 1317) + b"#70100stopped"],
    ]
