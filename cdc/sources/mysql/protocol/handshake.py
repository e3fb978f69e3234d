"""The first exchange on a connection: what the server is, what both can, and who we are.

Protocol: the MySQL source documentation, "Connection Phase Packets" (handshake v10, SSLRequest, HandshakeResponse41, AuthSwitchRequest).
"""

from __future__ import annotations

import os
import re
import ssl
import struct
from dataclasses import dataclass
from enum import IntFlag

from cdc.config.mysql_settings import TlsMode
from cdc.errors import DecodeError, SourceRefused, SourceUnavailable
from cdc.sources.mysql.binlog.fields import Fields
from cdc.sources.mysql.protocol.authentication import NATIVE, Proof
from cdc.sources.mysql.protocol.endpoint import Compression, Endpoint
from cdc.sources.mysql.protocol.packets import PacketChannel
from cdc.sources.mysql.protocol.server_errors import server_error
from cdc.sources.mysql.protocol.tls import context

#: utf8mb4_general_ci, which both servers know.
COLLATION = 45
MAX_PACKET = 1 << 30
ZSTD_LEVEL = 3
#: What MariaDB puts before its version, for the sake of old replicas.
MARIADB_PREFIX = "5.5.5-"


class Can(IntFlag):
    """Capabilities of client and server."""

    LONG_PASSWORD = 1 << 0
    LONG_FLAG = 1 << 2
    CONNECT_WITH_DB = 1 << 3
    COMPRESS = 1 << 5
    PROTOCOL_41 = 1 << 9
    SSL = 1 << 11
    TRANSACTIONS = 1 << 13
    SECURE_CONNECTION = 1 << 15
    PLUGIN_AUTH = 1 << 19
    CONNECT_ATTRS = 1 << 20
    PLUGIN_AUTH_LENENC = 1 << 21
    ZSTD = 1 << 26


WANTED = (
    Can.LONG_PASSWORD
    | Can.LONG_FLAG
    | Can.PROTOCOL_41
    | Can.TRANSACTIONS
    | Can.SECURE_CONNECTION
    | Can.PLUGIN_AUTH
    | Can.CONNECT_ATTRS
    | Can.PLUGIN_AUTH_LENENC
)
COMPRESSIONS = {Compression.NONE: Can(0), Compression.ZLIB: Can.COMPRESS, Compression.ZSTD: Can.ZSTD}


@dataclass(frozen=True, slots=True)
class Greeting:
    """What the server says first: its version as text and numbers, whether it is MariaDB, our connection's number, capabilities, and how to log in."""

    server: str
    version: tuple[int, int, int]
    mariadb: bool
    thread: int
    can: Can
    method: str
    nonce: bytes


async def shake_hands(channel: PacketChannel, endpoint: Endpoint) -> Greeting:
    """Log in and return the server's greeting.

    Raises:
        SourceRefused: a wrong user or password, no common method, encryption that one side does not have, or a certificate that is not trusted.
        SourceUnavailable: the connection broke, or the server takes no connections now.
    """
    greeting = read_greeting(await channel.read(), str(endpoint))
    can = _agreed(greeting, endpoint)
    if can & Can.SSL:
        channel.write(struct.pack("<IIB23x", can, MAX_PACKET, COLLATION))
        await _encrypt(channel, endpoint)
    proof = _proof(greeting.method, greeting.nonce, channel, endpoint)
    channel.write(_response(can, proof, endpoint))
    await _authenticate(channel, proof, endpoint)
    if endpoint.compression:
        channel.compress(endpoint.compression)
    return greeting


def read_greeting(packet: bytes, where: str) -> Greeting:
    """Read the server's first packet; raises DecodeError, and our error if the server takes no connection."""
    if packet[:1] == b"\xff":
        raise server_error(packet, where)
    fields = Fields(packet, "the server's greeting")
    if (protocol := fields.number(1)) != 10:
        raise fields.wrong(f"is of protocol {protocol}")
    server, thread, nonce = fields.until_nul().decode("utf-8", "replace"), fields.number(4), fields.take(8)
    fields.take(1)
    can = fields.number(2)
    fields.take(3)  # character set, state
    can |= fields.number(2) << 16
    size = fields.number(1)
    fields.take(10)
    nonce += fields.take(max(13, size - 8))[:-1]
    method = fields.rest().partition(b"\0")[0].decode("ascii", "replace") if can & Can.PLUGIN_AUTH else NATIVE
    mariadb = "mariadb" in server.lower()
    version = server.removeprefix(MARIADB_PREFIX) if mariadb else server
    return Greeting(version, _numbers(version), mariadb, thread, Can(can), method, nonce)


def _numbers(version: str) -> tuple[int, int, int]:
    match = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", version)
    return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else (0, 0, 0)


def _agreed(greeting: Greeting, endpoint: Endpoint) -> Can:
    """Return what is used on the connection; raises SourceRefused if the server lacks what is asked for."""
    can = WANTED | (Can.CONNECT_WITH_DB if endpoint.database else Can(0)) | COMPRESSIONS[endpoint.compression]
    mode = endpoint.tls.mode
    if mode is not TlsMode.DISABLED and (greeting.can & Can.SSL or mode is not TlsMode.PREFERRED):
        can |= Can.SSL
    if can & Can.SSL and not greeting.can & Can.SSL:
        raise SourceRefused(
            f"{endpoint}: the server has no TLS, and database.ssl.mode is {mode}",
            "Give the server a certificate, or set database.ssl.mode to preferred or disabled.",
        )
    missing = COMPRESSIONS[endpoint.compression] & ~greeting.can
    if missing:
        raise SourceRefused(
            f"{endpoint}: the server does not compress with {endpoint.compression}",
            "Leave compression out, or choose another one.",
        )
    return can & (greeting.can | Can.CONNECT_ATTRS)


async def _encrypt(channel: PacketChannel, endpoint: Endpoint) -> None:
    try:
        await channel.start_tls(context(endpoint.tls), endpoint.host)
    except (ssl.SSLError, ssl.CertificateError) as error:
        raise SourceRefused(
            f"{endpoint}: TLS failed ({error})",
            "Check database.ssl.mode and the other database.ssl… properties against the server's certificate.",
        ) from error
    except OSError as error:
        raise SourceUnavailable(
            f"{endpoint}: the connection broke as encryption began ({error})", "Try again."
        ) from error


def _proof(method: str, nonce: bytes, channel: PacketChannel, endpoint: Endpoint) -> Proof:
    return Proof(method, nonce, endpoint.password.reveal().encode(), channel.encrypted)


def _response(can: Can, proof: Proof, endpoint: Endpoint) -> bytes:
    answer = _first_answer(proof)
    parts = [struct.pack("<IIB23x", can, MAX_PACKET, COLLATION), endpoint.user.encode() + b"\0"]
    parts.append(bytes((len(answer),)) + answer)
    if can & Can.CONNECT_WITH_DB:
        parts.append(endpoint.database.encode() + b"\0")
    parts.append(proof.method.encode() + b"\0")
    if can & Can.CONNECT_ATTRS:
        parts.append(_attributes(endpoint))
    if can & Can.ZSTD:
        parts.append(bytes((ZSTD_LEVEL,)))
    return b"".join(parts)


def _first_answer(proof: Proof) -> bytes:
    """Return the answer to the server's default method; one that is unknown may still be switched from."""
    try:
        return proof.answer()
    except SourceRefused:
        return b""


def _attributes(endpoint: Endpoint) -> bytes:
    pairs = {"program_name": endpoint.program, "_client_name": "cdc-stream", "_pid": str(os.getpid())}
    body = b"".join(packed(text.encode()) for pair in pairs.items() for text in pair)
    return packed(body)


def packed(data: bytes) -> bytes:
    """Return bytes behind their length-encoded length; at most 64 kB."""
    return (bytes((len(data),)) if len(data) < 0xFB else struct.pack("<BH", 0xFC, len(data))) + data


async def _authenticate(channel: PacketChannel, proof: Proof, endpoint: Endpoint) -> None:
    """Answer until the server is content."""
    while (packet := await channel.read())[:1] != b"\0":
        kind = packet[:1]
        if kind == b"\xff":
            raise server_error(packet, str(endpoint))
        if kind == b"\xfe":
            proof = _switched(packet, channel, endpoint)
            channel.write(proof.answer())
        elif kind == b"\1":
            await proof.proceed(channel, packet[1:])
        else:
            raise DecodeError("the server goes on with the login in an unknown way", packet)


def _switched(packet: bytes, channel: PacketChannel, endpoint: Endpoint) -> Proof:
    """Return the proof by the method that the server wants instead."""
    fields = Fields(packet, "the request for another authentication method", 1)
    method = fields.until_nul().decode("ascii", "replace")
    return _proof(method, fields.rest().removesuffix(b"\0"), channel, endpoint)
