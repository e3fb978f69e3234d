"""The compressed protocol from bytes: what its packets hold, and those that say what is not so."""

from __future__ import annotations

import tracemalloc
import zlib

import pytest
import zstandard

from cdc.errors import DecodeError
from cdc.sources.mysql.binlog.framing import PacketBuffer
from cdc.sources.mysql.protocol.endpoint import Compression
from cdc.sources.mysql.protocol.packets import _Inflater, _Inflow
from tests.unit.sources.mysql.wire import packets

CONTENT = packets(b"one", bytes(300))


def enclosed(data: bytes, size: int) -> bytes:
    """A packet of the compressed protocol; `size` is that of its content, 0 if that is as it is."""
    return len(data).to_bytes(3, "little") + b"\0" + size.to_bytes(3, "little") + data


def inflated(data: bytes, kind: Compression, step: int = 1 << 16) -> list[bytes]:
    inflater, buffer = _Inflater(kind), PacketBuffer()
    for at in range(0, len(data), step):
        piece = data[at : at + step]
        inflater.room[: len(piece)] = piece
        inflater.arrived(len(piece), buffer)
    return buffer.take_many(100, 1 << 30)


def squeezed(kind: Compression, *, tells_size: bool = True) -> bytes:
    if kind is Compression.ZLIB:
        return zlib.compress(CONTENT)
    return zstandard.ZstdCompressor(write_content_size=tells_size).compress(CONTENT)


@pytest.mark.parametrize("kind", [Compression.ZLIB, Compression.ZSTD])
@pytest.mark.parametrize("step", [1, 5, 1 << 16])
def test_packets_come_back_compressed_or_not(kind, step):
    data = enclosed(squeezed(kind), len(CONTENT)) + enclosed(packets(b"x", sequence=2), 0)
    assert inflated(data, kind, step) == [b"one", bytes(300), b"x"]


def test_a_frame_need_not_tell_its_size():
    data = enclosed(squeezed(Compression.ZSTD, tells_size=False), len(CONTENT))
    assert inflated(data, Compression.ZSTD) == [b"one", bytes(300)]


@pytest.mark.parametrize("kind", [Compression.ZLIB, Compression.ZSTD])
@pytest.mark.parametrize("more", [-1, 1, 1000])
@pytest.mark.parametrize("tells_size", [True, False])
def test_another_size_than_the_packet_says_is_told(kind, more, tells_size):
    with pytest.raises(DecodeError, match="compressed"):
        inflated(enclosed(squeezed(kind, tells_size=tells_size), len(CONTENT) + more), kind)


@pytest.mark.parametrize("kind", [Compression.ZLIB, Compression.ZSTD])
def test_a_stream_that_is_cut_off_is_told(kind):
    whole = squeezed(kind)
    for size in range(len(whole)):
        with pytest.raises(DecodeError, match="compressed"):
            inflated(enclosed(whole[:size], len(CONTENT)), kind)


@pytest.mark.parametrize("size", [1 << 33, 1 << 50, 1 << 62])
def test_a_frame_that_says_it_is_huge_takes_no_memory(size):
    frame = zstandard.FRAME_HEADER + b"\xc0\0" + size.to_bytes(8, "little") + b"\1\0\0"
    with pytest.raises(DecodeError, match="does not hold 10 bytes"):
        inflated(enclosed(frame, 10), Compression.ZSTD)


def test_what_comes_behind_an_error_is_not_held():
    inflow = _Inflow()
    inflow.inflater = _Inflater(Compression.ZLIB)
    tracemalloc.start()
    for _ in range(200):
        room = inflow.get_buffer(-1)
        room[:] = enclosed(b"no stream", 10).ljust(len(room), b"x")
        inflow.buffer_updated(len(room))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert isinstance(inflow.error, DecodeError)
    assert peak < 2_000_000
