"""Control events, built by the manual's description of their bytes."""

from __future__ import annotations

import struct
import tracemalloc
import zlib
from uuid import UUID

import pytest
import zstandard

from cdc.errors import DecodeError
from cdc.sources.mysql.binlog.compression import expand, expand_rows, inflate
from cdc.sources.mysql.binlog.event_types import XaId
from cdc.sources.mysql.binlog.events import (
    BinlogCheckpoint,
    Heartbeat,
    Incident,
    Rotate,
    RowsQuery,
    StartEncryption,
    Stop,
    UnknownEvent,
    XaPrepare,
    Xid,
    parse_event,
)
from cdc.sources.mysql.binlog.fields import Fields
from cdc.sources.mysql.binlog.gtid import Gtid, GtidSet
from cdc.sources.mysql.binlog.gtid_events import GtidEvent, MariaDbGtidEvent, MariaDbGtidList, PreviousGtids
from cdc.sources.mysql.binlog.mariadb_gtid import MariaDbGtid
from cdc.sources.mysql.binlog.payload import inner_events, read_payload
from cdc.sources.mysql.binlog.query_event import Query
from tests.unit.sources.mysql import wire

UUID_TEXT = "3e11fa47-71ca-11e1-9e33-c80aa9429562"
UUID_BYTES = UUID(UUID_TEXT).bytes


def event(kind: int, body: bytes, **fields: int) -> bytes:
    return wire.event(kind, body, checksum=False, **fields)


def varlen(value: int) -> bytes:
    """The integer format of mysql::serialization, by its readme: low one bits count the bytes that follow."""
    size = next((size for size in range(1, 9) if value < 1 << 7 * size), 9)
    if size == 9:
        return b"\xff" + struct.pack("<Q", value)
    return (value << size | (1 << size - 1) - 1).to_bytes(size, "little")


def signed(value: int) -> bytes:
    return varlen(value << 1 if value >= 0 else ~value << 1 | 1)


def tagged(fields: dict[int, bytes], last: int = 11) -> bytes:
    body = b"".join(varlen(field) + data for field, data in fields.items())
    size = 1
    while size != (total := 1 + len(varlen(size)) + 1 + len(body)):
        size = total
    return event(42, varlen(1) + varlen(size) + varlen(last) + body)


TAGGED = {
    0: varlen(1),
    1: b"".join(varlen(octet) for octet in UUID_BYTES),
    2: signed(7),
    3: varlen(3) + b"tag",
    4: signed(-1),
    5: signed(12),
    6: varlen(1_700_000_000_000_000),
    7: varlen(1_600_000_000_000_000),
    8: varlen(300),
    9: varlen(90704),
    10: varlen(80300),
    11: varlen(1 << 63),
}
STATUS = (
    b"\x00" + struct.pack("<I", 5) + b"\x01" + struct.pack("<Q", 1 << 40) + b"\x06\x03std"
    b"\x03" + struct.pack("<HH", 1, 1) + b"\x04" + struct.pack("<HHH", 33, 45, 8) + b"\x05\x03UTC" + b"\x07\x00\x00"
    b"\x08"
    + struct.pack("<H", 63)
    + b"\x09"
    + bytes(8)
    + b"\x0b\x01u\x01h"
    + b"\x0c\x02one\0two\0"
    + b"\x0d\x40\xe2\x01"
    b"\x11" + struct.pack("<Q", 9) + b"\x12\xff\x00" + b"\xf0unknown"
)
QUERY = struct.pack("<IIBHH", 11, 2, 2, 1062, len(STATUS)) + STATUS + b"db\0" + b"select 1"
PACKED_SQL = b"\x81" + bytes((8,)) + zlib.compress(b"select 1")

EVENTS = {
    "rotate": (event(4, struct.pack("<Q", 5 << 32) + b"log.2"), Rotate("log.2", 5 << 32)),
    "stop": (event(3, b""), Stop()),
    "xid": (event(16, struct.pack("<Q", 99)), Xid(99)),
    "xa_prepare": (event(38, struct.pack("<BIII", 1, 7, 2, 1) + b"abc"), XaPrepare(True, XaId(7, b"ab", b"c"))),
    "rows_query": (event(29, b"\x08select 1"), RowsQuery(b"select 1")),
    "annotate_rows": (event(160, b"select 1"), RowsQuery(b"select 1")),
    "heartbeat": (event(27, b"log.2", log_pos=400), Heartbeat("log.2", 400)),
    "heartbeat_v2": (
        event(41, b"\x01\x05log.2\x63\x02zz\x02\x09\xfe" + struct.pack("<Q", 5 << 32) + b"\0"),
        Heartbeat("log.2", 5 << 32),
    ),
    "incident": (event(26, b"\x01\x00\x04lost"), Incident(1, "lost")),
    "gtid": (
        event(33, b"\1" + UUID_BYTES + struct.pack("<QBQQ", 7, 2, 3, 4)
              + (1_700_000_000_000_000 | 1 << 55).to_bytes(7, "little") + (1_600_000_000_000_000).to_bytes(7, "little")
              + b"\xfc\x2c\x01" + struct.pack("<II", 90704 | 1 << 31, 80300)),
        GtidEvent(Gtid(UUID_TEXT, "", 7), 1, 3, 4, 1_700_000_000_000_000, 1_600_000_000_000_000, 300, 90704, 80300),
    ),
    "gtid of 5.6": (event(33, b"\1" + UUID_BYTES + struct.pack("<Q", 7)), GtidEvent(Gtid(UUID_TEXT, "", 7), 1, 0, 0)),
    "anonymous": (event(34, b"\0" + bytes(24) + b"\2" + struct.pack("<QQ", 1, 2)), GtidEvent(None, 0, 1, 2)),
    "tagged": (
        tagged(TAGGED),
        GtidEvent(
            Gtid(UUID_TEXT, "tag", 7), 1, -1, 12, 1_700_000_000_000_000, 1_600_000_000_000_000, 300, 90704, 80300
        ),
    ),
    "previous_gtids": (event(35, GtidSet.parse(f"{UUID_TEXT}:1-3:x:5").encode()),
                       PreviousGtids(GtidSet.parse(f"{UUID_TEXT}:1-3:x:5"))),
    "mariadb_gtid": (
        event(162, struct.pack("<QIBQ", 7, 3, 2 | 32, 55)), MariaDbGtidEvent(MariaDbGtid(3, 1, 7), 34, 55)
    ),
    "mariadb_gtid of xa": (
        event(162, struct.pack("<QIBIBB", 7, 3, 64, 1, 2, 1) + b"abc"),
        MariaDbGtidEvent(MariaDbGtid(3, 1, 7), 64, 0, XaId(1, b"ab", b"c")),
    ),
    "mariadb_gtid_list": (
        event(163, struct.pack("<I", 2 | 1 << 28) + struct.pack("<IIQ", 0, 1, 2) + struct.pack("<IIQ", 3, 4, 5)),
        MariaDbGtidList((MariaDbGtid(0, 1, 2), MariaDbGtid(3, 4, 5))),
    ),
    "checkpoint": (event(161, struct.pack("<I", 5) + b"log.1"), BinlogCheckpoint("log.1")),
    "encryption": (event(164, b"\1" + struct.pack("<I", 3) + bytes(12)), StartEncryption(1, 3, bytes(12))),
    "query": (
        event(2, QUERY),
        Query(b"select 1", "db", 11, 1062, 5, 1 << 40, 33, 45, 8, 63, 255, "UTC", ("one", "two"), 123456, 9),
    ),
    "query_compressed": (
        event(165, struct.pack("<IIBHH", 1, 0, 2, 0, 0) + b"db\0" + PACKED_SQL), Query(b"select 1", "db", 1, 0)
    ),
}  # fmt: skip
#: Their last field is all that is left, or what older servers do not write.
OPEN_ENDED = {"rotate", "rows_query", "annotate_rows", "heartbeat", "gtid", "anonymous", "query"}


@pytest.mark.parametrize("name", EVENTS)
def test_an_event_says_what_its_bytes_say(name):
    data, expected = EVENTS[name]
    assert parse_event(data) == expected


@pytest.mark.parametrize("name", EVENTS)
def test_an_event_that_ends_too_early_is_told(name):
    data, expected = EVENTS[name]
    for size in range(len(data)):
        try:
            said = parse_event(data[:size])
        except DecodeError:
            continue
        assert said != expected
        assert name in OPEN_ENDED or (name == "incident" and size == 21), size


def test_a_tagged_transaction_may_lack_what_is_the_same_and_have_more_that_may_be_ignored():
    few = {field: TAGGED[field] for field in (0, 1, 2, 3, 6, 9)}
    said = parse_event(tagged({**few, 12: b"what a later server writes"}, last=3))
    assert isinstance(said, GtidEvent)
    assert (said.original_commit_us, said.original_server_version) == (said.immediate_commit_us, 90704)
    with pytest.raises(DecodeError, match="unknown field 12"):
        parse_event(tagged({**few, 12: b"more"}, last=12))
    with pytest.raises(DecodeError, match="no GTID"):
        parse_event(tagged({0: TAGGED[0]}, last=0))


@pytest.mark.parametrize("tag", [b"Tag", b"9", b"a b", b"a" * 33, b"\xff"])
def test_a_tag_that_is_none_is_told(tag):
    with pytest.raises(DecodeError, match="for a tag"):
        parse_event(tagged({**TAGGED, 3: varlen(len(tag)) + tag}))


@pytest.mark.parametrize("value", [0, 1, 127, 128, 65535, 1 << 20, (1 << 56) - 1, 1 << 56, (1 << 64) - 1])
def test_integers_of_variable_length_come_back(value):
    assert Fields(varlen(value), "it").varlen() == value
    for end in range(len(varlen(value))):
        with pytest.raises(DecodeError):
            Fields(varlen(value)[:end], "it").varlen()


def test_the_manuals_examples_of_integers_are_read():
    assert Fields(bytes([0b11111011, 0b11111111, 0b00000111]), "it").varlen() == 65535
    assert Fields(bytes([0b11110011, 0b11111111, 0b00001111]), "it").varlen_signed() == 65535
    assert Fields(bytes([0b11111011, 0b11111111, 0b00001111]), "it").varlen_signed() == -65536


def test_an_unknown_event_may_be_passed_over_only_if_it_says_so():
    assert parse_event(event(99, b"later", flags=0x80)) is None
    with pytest.raises(UnknownEvent, match="type 99") as caught:
        parse_event(event(99, b"later"))
    assert "version of cdc-stream" in caught.value.remedy


def test_row_events_are_left_to_others():
    assert [parse_event(event(kind, b"rows")) for kind in (19, 23, 30, 31, 32, 39, 40, 166, 171)] == [None] * 9


INNER = [event(2, QUERY), event(19, bytes(40)), event(30, b"r" * 700_000), event(16, bytes(8))]


def payload(content: bytes, *, kind: int = 0, size: int | None = None) -> bytes:
    data = content if kind else zstandard.compress(content)
    size = len(content) if size is None else size
    fields = [(2, kind), (3, size), (77, 5), (1, len(data))]
    head = b"".join(bytes((field,)) + b"\x09\xfe" + struct.pack("<Q", value) for field, value in fields)
    return event(40, head + b"\0" + data)


@pytest.mark.parametrize("kind", [0, 255])
def test_a_payload_holds_its_events_compressed_or_not(kind):
    whole = payload(b"".join(INNER), kind=kind)
    assert [each for events in inner_events(whole) for each in events] == INNER
    assert read_payload(whole).full_size == sum(map(len, INNER))


@pytest.mark.parametrize("size", [0, 10, 10_000_000])
def test_a_payload_of_another_size_than_it_says_is_told(size):
    with pytest.raises(DecodeError, match="does not hold"):
        list(inner_events(payload(b"".join(INNER), size=size)))


def test_a_payload_that_ends_inside_an_event_is_told():
    with pytest.raises(DecodeError, match="does not hold"):
        list(inner_events(payload(b"".join(INNER)[:-1])))


def test_a_payload_compressed_in_an_unknown_way_is_told():
    with pytest.raises(DecodeError, match="way 3"):
        list(inner_events(payload(b"", kind=3)))


def test_a_large_payload_is_never_whole_in_memory():
    whole = payload(b"".join(event(30, b"r" * 8000) for _ in range(12_000)))
    tracemalloc.start()
    count = sum(len(events) for events in inner_events(whole))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 12_000
    assert peak < 10_000_000 < 96_000_000


def test_compressed_data_never_become_more_than_they_say():
    bomb = zlib.compress(bytes(10_000_000))
    for size in (0, 10, 20_000_000):
        with pytest.raises(DecodeError, match=f"do not hold {size} bytes"):
            inflate(bomb, size)
    with pytest.raises(DecodeError, match="unknown way"):
        expand(b"\x91" + bytes((8,)) + zlib.compress(b"select 1"))
    with pytest.raises(DecodeError):
        expand(b"")


@pytest.mark.parametrize(
    ("kind", "plain", "extra"), [(166, 23, b""), (167, 24, b""), (169, 30, b"\2\0"), (170, 31, b"\4\0zz")]
)
def test_compressed_rows_become_plain_ones(kind, plain, extra):
    bitmaps = b"\xff\x01" * (2 if plain in {24, 31} else 1)
    head = bytes(8) + extra + b"\x09" + bitmaps
    assert expand_rows(event(kind, head + PACKED_SQL, log_pos=77)) == event(plain, head + b"select 1", log_pos=77)
