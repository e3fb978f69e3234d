"""Packets out of bytes, and events out of packets."""

from __future__ import annotations

import struct
import zlib
from itertools import accumulate

import pytest

from cdc.errors import DecodeError
from cdc.sources.mysql.binlog.framing import EventFramer, PacketBuffer, crc32, split_events
from tests.unit.sources.mysql.wire import dumped, event, format_description, packets, rotate

BIG = 0xFFFFFF


def filled(data: bytes, sequence: int = 0, step: int = 1 << 30) -> PacketBuffer:
    """A buffer into which the data have come as from a socket, at most `step` bytes at a time."""
    buffer = PacketBuffer()
    buffer.sequence = sequence
    write(buffer, data, step)
    return buffer


def write(buffer: PacketBuffer, data: bytes, step: int = 1 << 30) -> None:
    at = 0
    while at < len(data):
        room = buffer.space()
        part = data[at : at + min(step, len(room))]
        room[: len(part)] = part
        buffer.filled(len(part))
        at += len(part)


def framed(data: bytes, **settings: object) -> EventFramer:
    return EventFramer(filled(data, sequence=1), **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [0, 1, 250, BIG - 1, BIG, BIG + 1, 2 * BIG, 2 * BIG + 5])
def test_a_packet_comes_back_whole_however_it_arrives(size):
    payload = bytes(range(256)) * (size // 256) + bytes(size % 256)
    data = packets(b"before", payload, b"after")
    assert filled(data, step=1_000_003).take_many(10, 1 << 30) == [b"before", payload, b"after"]
    buffer = filled(data)
    assert [buffer.take() for _ in range(4)] == [b"before", payload, b"after", None]
    assert len(buffer) == 0


@pytest.mark.parametrize("taken", [0, 1, 2])
@pytest.mark.parametrize("looked", [True, False])
def test_there_is_room_for_a_large_packet_that_has_begun(taken, looked):
    """Whether or not the buffer knew where it begins: packets before it may have been taken since, and what is held moved."""
    payload = bytes(3_000_000)
    data = packets(b"one", bytes(700_000), payload)
    begun = len(data) - len(payload) + 100
    buffer = filled(data[:begun])
    if looked:
        buffer.space()
    assert len([buffer.take() for _ in range(taken)]) == taken
    assert len(buffer.space()) >= len(payload) - 100
    write(buffer, data[begun:])
    assert buffer.take_many(10, 1 << 30) == [b"one", bytes(700_000), payload][taken:]


def test_nothing_is_taken_before_a_packet_is_whole():
    data = packets(b"abc", b"", b"defg")
    for end in range(len(data)):
        whole = [b"abc", b"", b"defg"][: sum(end >= size for size in (7, 11, 19))]
        assert filled(data[:end]).take_many(10, 100) == whole
        buffer = filled(data[:end])
        buffer.take_many(10, 100)
        write(buffer, data[end:], step=1)
        assert buffer.take_many(10, 100) == [b"abc", b"", b"defg"][len(whole) :]


def test_no_more_is_taken_than_asked_for():
    buffer = filled(packets(*(b"x" * 10 for _ in range(10))))
    assert len(buffer.take_many(3, 1000)) == 3
    assert len(buffer.take_many(10, 25)) == 3
    assert len(buffer.take_many(10, 1000)) == 4


def test_a_packet_out_of_order_is_told():
    with pytest.raises(DecodeError, match="number 2 where 1 follows"):
        filled(packets(b"a") + packets(b"b", sequence=2)).take_many(5, 100)
    buffer = filled(packets(b"a") + packets(b"b", sequence=2))
    buffer.numbered = False
    assert buffer.take_many(5, 100) == [b"a", b"b"]


def test_numbers_of_packets_wrap():
    payloads = [bytes((number & 0xFF,)) for number in range(600)]
    assert filled(packets(*payloads)).take_many(1000, 10_000) == payloads


def test_more_bytes_than_there_was_room_for_are_refused():
    buffer = PacketBuffer()
    with pytest.raises(ValueError, match="do not fit"):
        buffer.filled(len(buffer.space()) + 1)


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 15, 16, 17, 1000])
def test_the_checksum_is_that_of_zlib(size):
    data = bytes(index * 37 & 0xFF for index in range(size))
    assert crc32(data) == zlib.crc32(data)


def test_events_come_without_checksum_and_with_their_place():
    one, other = event(2, b"query", 200), event(16, bytes(8), 231)
    framer = framed(dumped(rotate("log.1"), format_description(), one, other))
    assert framer.take(100, 10_000) == ("", 0, [rotate("log.1")[:-4]])
    assert framer.take(100, 10_000) == ("log.1", 0, [format_description()[:-4], one[:-4], other[:-4]])
    assert (framer.file, framer.position) == ("log.1", 231)


def test_no_part_of_an_event_is_handed_on():
    each = [format_description(), event(2, b"query", 200), event(16, bytes(8), 231)]
    data = dumped(*each)
    ends = list(accumulate(len(part) + 5 for part in each))
    for end in range(len(data)):
        framer = framed(data[:end], file="log.1")
        assert len(framer.take(100, 10_000)[2]) == sum(end >= size for size in ends)


def test_an_event_over_16_mib_is_joined():
    large = event(30, bytes(40_000_000), 40_000_200)
    framer = framed(dumped(format_description(), large, event(16, bytes(8), 40_000_231)), file="log.1")
    events = framer.take(100, 1 << 30)[2]
    assert events[1] == large[:-4]
    assert len(events) == 3


@pytest.mark.parametrize("at", [0, 5, 18, 19, 23, -1])
def test_a_wrong_bit_is_found_by_the_checksum_and_told_with_the_place(at):
    wrong = bytearray(event(2, b"query", 200))
    wrong[at] ^= 4
    framer = framed(dumped(format_description(), bytes(wrong)), file="log.1")
    with pytest.raises(DecodeError, match=r"checksum of an event of log\.1 after position 126"):
        framer.take(100, 10_000)


@pytest.mark.parametrize("size", [0, 1, 18])
def test_an_event_shorter_than_its_header_is_told(size):
    with pytest.raises(DecodeError, match="header"):
        framed(dumped(bytes(size))).take(100, 1000)


@pytest.mark.parametrize("size", range(19, 24))
def test_an_event_that_ends_inside_its_checksum_is_told(size):
    head = struct.pack("<IBIIIH", 0, 2, 1, size, 0, 0) + bytes(5)
    with pytest.raises(DecodeError):
        framed(dumped(head[:size])).take(100, 1000)


def test_a_size_that_is_not_that_of_the_packet_is_told():
    with pytest.raises(DecodeError, match="says that it has 28"):
        framed(dumped(event(2, b"query")[:-1])).take(100, 1000)


def test_the_format_description_decides_on_checksums():
    plain = event(2, b"query", 200, checksum=False)
    framer = framed(
        dumped(format_description(kind=0), plain, format_description(300), event(16, bytes(8), 331)), file="f"
    )
    events = framer.take(100, 10_000)[2]
    assert events[1] == plain
    assert events[3] == event(16, bytes(8), 331)[:-4]


def test_the_checksum_of_a_file_in_use_is_of_the_event_without_that_mark():
    marked = format_description(flags=1)
    assert framed(dumped(marked), file="f").take(100, 1000)[2] == [marked[:-4]]


def test_an_unknown_kind_of_checksum_is_told():
    with pytest.raises(DecodeError, match="unknown kind 2"):
        framed(dumped(format_description(kind=2)), file="f").take(100, 1000)


def test_a_batch_ends_with_its_file():
    last = event(4, struct.pack("<Q", 4) + b"log.2", 300)
    data = dumped(
        format_description(), event(2, b"q", 250), last, rotate("log.2"), format_description(), event(2, b"r", 200)
    )
    framer = framed(data, file="log.1")
    assert [len(framer.take(100, 10_000)[2]), framer.file, framer.position] == [3, "log.2", 4]
    assert framer.take(100, 10_000) == ("log.2", 0, [rotate("log.2")[:-4]])
    assert framer.take(100, 10_000)[0] == "log.2"
    assert framer.position == 200


def test_positions_are_counted_beyond_32_bits():
    four = 1 << 32
    ends = [four - 100, four + 50, four + 150, 2 * four - 10, 2 * four + 20]
    framer = framed(dumped(*(event(2, b"q", end) for end in ends)), file="f", position=four - 200)
    batches = []
    while (batch := framer.take(100, 10_000))[2]:
        batches += [(batch[1] + struct.unpack_from("<I", each, 13)[0], framer.position) for each in batch[2]]
    assert [end for end, _ in batches] == ends
    assert framer.position == ends[-1]


def test_a_position_that_goes_back_is_told():
    framer = framed(dumped(event(2, b"q", 1000), event(2, b"q", 900)), file="f")
    with pytest.raises(DecodeError, match="ends at 900 of f, before 1000"):
        framer.take(100, 1000)


@pytest.mark.parametrize("position", [1 << 62, 1 << 63, (1 << 64) - 1])
def test_a_position_that_no_file_has_is_told(position):
    """Positions are counted with a sign by whoever takes the events."""
    heartbeat = b"\1\5log.2\2\x09\xfe" + struct.pack("<Q", position) + b"\0"
    for data in (dumped(rotate("log.2", position)), dumped(event(41, heartbeat))):
        with pytest.raises(DecodeError, match=f"stand at {position}"):
            framed(data).take(10, 1000)


def test_what_ends_before_the_wanted_place_is_left_out_in_the_first_file_only():
    four = 1 << 32
    place = four + 60
    one = [
        rotate("f"),
        format_description(),
        event(2, b"a", four - 10),
        event(2, b"b", place),
        event(2, b"c", place + 40),
    ]
    other = [rotate("g"), format_description(), event(2, b"d", 300)]
    framer = framed(dumped(*one, *other), file="f", pass_until=place)
    found = [each[19:] for _ in range(8) for each in framer.take(100, 10_000)[2] if each[4] == 2]
    assert found == [b"c", b"d"]


def test_heartbeats_are_counted_and_move_the_position():
    second = b"\x01\x03f.2" + b"\x02\x09\xfe" + struct.pack("<Q", 5 << 32) + b"\0"
    framer = framed(dumped(event(27, b"f.1", 500), event(41, second)), file="f.1")
    assert framer.take(100, 1000)[2] == []
    assert (framer.heartbeats, framer.file, framer.position) == (2, "f.2", 5 << 32)


@pytest.mark.parametrize("ending", [b"\xfe\0\0\0\0", b"\xff\xd4\x04#HY000gone", b""])
def test_what_is_no_event_ends_the_events(ending):
    framer = framed(dumped(event(2, b"q", 100)) + packets(ending, b"\0more", sequence=2), file="f")
    assert len(framer.take(100, 1000)[2]) == 1
    assert framer.answer == ending
    assert framer.take(100, 1000)[2] == []


def test_no_more_events_are_taken_than_asked_for():
    framer = framed(dumped(*(event(2, b"q", 100 + each) for each in range(10))), file="f")
    assert len(framer.take(3, 10_000)[2]) == 3
    assert len(framer.take(100, 60)[2]) == 3
    assert len(framer.take(100, 10_000)[2]) == 4


def test_events_behind_each_other_are_split():
    each = [event(2, b"abc", checksum=False), event(16, bytes(8), checksum=False)]
    whole = b"".join(each)
    for end in range(len(whole) + 1):
        events, used = split_events(whole[:end])
        assert events == each[: len(events)]
        assert used == sum(map(len, events))
        assert end - used < len(each[1]), "what is whole was taken"
    with pytest.raises(DecodeError, match="18 bytes"):
        split_events(struct.pack("<IBIIIH", 0, 2, 1, 18, 0, 0) + bytes(10))
