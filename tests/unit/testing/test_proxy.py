"""The proxy of the tests does to a connection what it says, and nothing else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from tests.support.proxy import Proxy


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionResetError):
        while data := await reader.read(1024):
            writer.write(data)
    writer.close()


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server, Proxy(*server.sockets[0].getsockname()) as proxy:
        yield proxy


@pytest.fixture
async def client(proxy) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(proxy.host, proxy.port)
    yield reader, writer
    writer.transport.abort()


async def answer(client: tuple[asyncio.StreamReader, asyncio.StreamWriter], data: bytes, within: float = 5) -> bytes:
    reader, writer = client
    writer.write(data)
    async with asyncio.timeout(within):
        return await reader.read(1024)


async def test_passes_bytes_both_ways(proxy, client):
    assert await answer(client, b"hello") == b"hello"
    assert (proxy.accepted, proxy.connections) == (1, 1)


async def test_cut_breaks_the_connection_and_welcomes_the_next(proxy, client):
    assert await answer(client, b"hello") == b"hello"
    await proxy.cut()
    with pytest.raises(ConnectionResetError):
        await answer(client, b"hello")
    assert proxy.connections == 0
    second = await asyncio.open_connection(proxy.host, proxy.port)
    assert await answer(second, b"again") == b"again"
    second[1].transport.abort()


async def test_refuse_is_a_stopped_server_and_accept_starts_it_on_the_same_port(proxy):
    port = proxy.port
    await proxy.refuse()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(proxy.host, port)
    await proxy.accept()
    client = await asyncio.open_connection(proxy.host, port)
    assert await answer(client, b"back") == b"back"
    client[1].transport.abort()


async def test_stall_holds_bytes_back_until_resume(proxy, client):
    proxy.stall()
    with pytest.raises(TimeoutError):
        await answer(client, b"held", within=0.2)
    proxy.resume()
    async with asyncio.timeout(5):
        assert await client[0].read(1024) == b"held"


async def test_delay_holds_each_chunk_back(proxy, client):
    proxy.delay = 0.1
    begun = time.monotonic()
    assert await answer(client, b"late") == b"late"
    assert time.monotonic() - begun >= 0.2


async def test_half_close_ends_what_the_client_reads_only(proxy, client):
    assert await answer(client, b"hello") == b"hello"
    proxy.half_close()
    assert await answer(client, b"more") == b""
    assert proxy.connections == 1
