"""Bytes that no server would send: an error of ours or an answer, never another error, a crash or a hang."""

from __future__ import annotations

import struct
import zlib
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from cdc.errors import CdcError, DecodeError
from cdc.sources.mysql.binlog.compression import expand_rows
from cdc.sources.mysql.binlog.events import parse_event
from cdc.sources.mysql.binlog.framing import EventFramer, PacketBuffer, crc32, split_events
from cdc.sources.mysql.binlog.payload import inner_events
from cdc.sources.mysql.protocol.handshake import read_greeting
from cdc.sources.mysql.protocol.result import read_column, read_row
from tests.unit.sources.mysql.test_events import EVENTS, payload
from tests.unit.sources.mysql.wire import dumped, event, packets

wholes = st.sampled_from([data for data, _ in EVENTS.values()] + [payload(bytes(100), kind=255), payload(bytes(100))])


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """An event with some bytes changed, cut or added behind its header's type."""
    data = bytearray(draw(wholes))
    for _ in range(draw(st.integers(0, 4))):
        data[draw(st.integers(5, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.integers(0, len(data)))]) + draw(st.binary(max_size=20))


@given(damaged() | st.binary(max_size=60))
def test_damaged_events_are_events_or_errors_of_ours(data):
    for read in (parse_event, expand_rows, lambda each: list(inner_events(each)), split_events):
        with suppress(CdcError):
            read(data)


@given(st.binary(max_size=200))
def test_damaged_packets_of_the_protocol_are_errors_of_ours(data):
    for read in (lambda each: read_greeting(each, "it"), read_column, lambda each: read_row(each, 3)):
        with suppress(CdcError):
            read(data)


@given(st.lists(st.binary(max_size=300), max_size=20), st.lists(st.integers(1, 100), min_size=1), st.integers(0, 400))
def test_packets_come_back_in_whatever_pieces_they_arrive(payloads, steps, cut):
    data = packets(*payloads)[: None if not cut else -cut]
    buffer, at, turn, found = PacketBuffer(), 0, 0, list[bytes]()
    while at < len(data):
        piece = data[at : at + steps[turn % len(steps)]]
        buffer.feed(piece)
        at, turn = at + len(piece), turn + 1
        found += buffer.take_many(3, 1000)
    while packet := buffer.take_many(3, 1000):
        found += packet
    assert found == payloads[: len(found)]
    assert cut or len(found) == len(payloads)


@given(st.binary(max_size=400), st.lists(damaged(), max_size=5), st.integers(0, 1 << 34))
def test_a_damaged_dump_is_events_or_an_error_of_ours(noise, events, position):
    for data in (noise, dumped(*events) + noise, dumped(*(summed(each) for each in events))):
        buffer = PacketBuffer()
        buffer.sequence = 1
        buffer.feed(data)
        framer = EventFramer(buffer, "f", position)
        with suppress(DecodeError):
            for _ in range(20):
                framer.take(10, 1000)


def summed(data: bytes) -> bytes:
    """The event with a checksum that is right, and the size that it has."""
    if len(data) < 19:
        return data
    body = data[:9] + struct.pack("<I", len(data) + 4) + data[13:]
    return body + struct.pack("<I", zlib.crc32(body))


@given(st.binary(max_size=2000))
def test_the_checksum_is_that_of_zlib(data):
    assert crc32(data) == zlib.crc32(data)


@given(st.lists(st.tuples(st.integers(20, 255), st.binary(max_size=50)), max_size=30), st.integers(1, 7))
def test_events_of_a_dump_come_back_in_batches_of_any_size(pairs, limit):
    kinds = [kind if kind not in {27, 41} else 30 for kind, _ in pairs]
    events = [event(kind, body, 100 * (at + 1)) for at, (kind, (_, body)) in enumerate(zip(kinds, pairs, strict=True))]
    buffer = PacketBuffer()
    buffer.sequence = 1
    buffer.feed(dumped(*events))
    framer, found = EventFramer(buffer, "f"), list[bytes]()
    while got := framer.take(limit, 10_000)[2]:
        assert len(got) <= limit
        found += got
    assert found == [each[:-4] for each in events]
