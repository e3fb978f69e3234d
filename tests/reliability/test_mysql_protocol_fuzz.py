"""Millions of damaged packets through what reads MySQL's protocol; see `test_fuzz` for how many, and for AddressSanitizer."""

from __future__ import annotations

import struct
import zlib
from itertools import count
from random import Random

import pytest

from cdc.errors import CdcError
from cdc.model.batch import ChangeBatch
from cdc.sources.mysql.binlog.framing import EventFramer, PacketBuffer
from cdc.sources.mysql.binlog.gtid import GtidSet
from cdc.sources.mysql.binlog.mariadb_gtid import MariaDbGtidSet
from cdc.sources.mysql.protocol.dump_errors import dump_error
from cdc.sources.mysql.protocol.endpoint import Compression
from cdc.sources.mysql.protocol.packets import _Inflater
from cdc.sources.mysql.stream.binlog_decoder import BinlogDecoder
from tests.support.fuzzing import INPUTS, SEED, Damage, counted, exact, fuzz, survives
from tests.support.mysql_rows import NO_LIMIT
from tests.unit.sources.mysql import wire
from tests.unit.sources.mysql.test_binlog_decoder import SID, TRANSACTION, placed
from tests.unit.sources.mysql.test_compressed_packets import CONTENT, enclosed, squeezed
from tests.unit.sources.mysql.test_framing import write

pytestmark = [pytest.mark.reliability, pytest.mark.timeout(0)]

#: What a packet buffer has room for at first.
ROOM = 1 << 21
FILLER = memoryview(bytes(ROOM))


def summed(event: bytes) -> bytes:
    """The event with the size that it has, and a checksum that is right."""
    body = event[:9] + struct.pack("<I", len(event) + 4) + event[13:]
    return body + struct.pack("<I", zlib.crc32(body))


SUMMED = [wire.rotate("log.2")[:-4], wire.format_description()[:-4], *placed(*TRANSACTION, begin=126)]
ERROR = b"\xff" + struct.pack("<H", 1236) + b"#HY000Could not find first log file name in binary log index file"
DUMPS = [
    wire.dumped(*map(summed, SUMMED)),
    wire.dumped(wire.rotate("log.2"), wire.event(27, b"log.2", 300), wire.event(16, bytes(8), 327)),
    wire.dumped(wire.rotate("log.2"), wire.format_description(kind=0), wire.event(16, bytes(8), 134, checksum=False)),
    wire.dumped(wire.event(41, b"\1\5log.2\2\1\x09\0")) + wire.packets(b"\xfe\0\0\2\0", sequence=2),
]


def arrived(data: bytes, random: Random) -> PacketBuffer:
    """Return a buffer in which these bytes have arrived, mostly in pieces."""
    if random.random() < 0.03 and len(data) < ROOM // 2:
        return ending(data)
    buffer = PacketBuffer()
    write(buffer, data, max(50, len(data) // random.choice((1, 3, 20))))
    return buffer


def ending(data: bytes) -> PacketBuffer:
    """Return a buffer whose memory ends where these bytes end."""
    buffer, before = PacketBuffer(), ROOM - len(data) - 4
    buffer.feed(struct.pack("<I", before))
    buffer.feed(FILLER[:before])
    buffer.feed(exact(data))
    buffer.take()
    buffer.sequence = 0
    return buffer


def framed(data: bytes, random: Random) -> None:
    """Cut a dump into events, and hand them on as the stream does."""
    buffer = arrived(data, random)
    buffer.sequence = 1
    framer = EventFramer(buffer, random.choice(("", "log.1")), 4, pass_until=random.choice((0, 0, 200, 5 << 32)))
    decoder, held = BinlogDecoder("log.1", 4), -1
    while held != len(buffer):
        held = len(buffer)
        file, base, events = framer.take(random.choice((1, 1000)), random.choice((1, 1000)))
        taken = decoder.feed(file, base, events, 0, ChangeBatch(), NO_LIMIT, NO_LIMIT)
        while decoder.unresolved is not None:
            decoder.bind(None)
            taken = decoder.feed(file, base, events, taken, ChangeBatch(), NO_LIMIT, NO_LIMIT)
    if framer.answer is not None and framer.answer[:1] == b"\xff":
        raise dump_error(framer.answer, "it", f"{framer.file}:{framer.position}")


def test_dumps(capsys):
    random = Random(SEED)
    fuzz("dumps", DUMPS, lambda data: framed(data, random), capsys)


def test_dumps_with_right_checksums(capsys):
    damage = Damage([*SUMMED, wire.event(27, b"log.2", 300)[:-4], wire.event(41, b"\1\5log.2\2\1\x09\0")[:-4]], "sums")

    def one() -> bool:
        events, random = list(SUMMED), damage.random
        place = random.randrange(len(events))
        events[place] = damage.of(events[place]) if random.random() < 0.8 else damage.any()
        data = wire.dumped(*(summed(event.ljust(13, b"\0")) for event in events))
        return survives(lambda: framed(data, random), [data])

    counted("dumps with right checksums", one, capsys)


def test_errors_of_dumps(capsys):
    damage = Damage([ERROR], "errors")

    def one() -> bool:
        data = damage.next()
        with pytest.raises(CdcError):
            raise dump_error(data, "it", "its beginning")
        return True

    counted("errors of dumps", one, capsys)


@pytest.mark.parametrize("more", [0, 10, wire.FULL])
def test_packets_in_parts(more, capsys):
    """Damages the headers of the parts, of 16 MiB each, and what is around them."""
    content = bytes(wire.FULL + more - 1 - 19 - 4)
    data = wire.dumped(wire.event(29, content, 1 << 28), wire.event(16, bytes(8), (1 << 28) + 31))
    heads = range(0, len(data), wire.FULL + 4)
    random = Random(f"{SEED} {more}")

    def one() -> bool:
        found = bytearray(data)
        for _ in range(random.choice((1, 2))):
            at = min(random.choice(heads) + random.randrange(30), len(found) - 1)
            found[at] = random.choice((0, 1, 254, 255, found[at] ^ 1))
        whole = bytes(found) if random.random() < 0.5 else bytes(found[: random.choice(heads) + random.randrange(30)])
        return survives(lambda: framed(whole, random), [whole[at : at + 30] for at in heads])

    assert survives(lambda: framed(data, random), [])
    counted(f"packets of {len(data):,} bytes", one, capsys, max(10, INPUTS // 5_000))


def test_packets(capsys):
    random = Random(SEED)

    def decode(data: bytes) -> None:
        buffer = arrived(data, random)
        buffer.numbered = random.random() < 0.5
        while buffer.take_many(2, 100) or buffer.take():
            pass

    fuzz("packets", [wire.packets(b"", b"one", bytes(300), sequence=0)], decode, capsys)


@pytest.mark.parametrize("kind", [Compression.ZLIB, Compression.ZSTD])
def test_compressed_packets(kind, capsys):
    random, plain = Random(SEED), enclosed(wire.packets(b"x", sequence=2), 0)
    wholes = [enclosed(squeezed(kind, tells_size=tells), len(CONTENT)) + plain for tells in (True, False)]

    def decode(data: bytes) -> None:
        inflater, buffer = _Inflater(kind), PacketBuffer()
        buffer.numbered = False
        step = random.choice((7, 100, 1 << 16))
        for at in range(0, len(data), step):
            piece = data[at : at + step]
            inflater.room[: len(piece)] = piece
            inflater.arrived(len(piece), buffer)
        buffer.take_many(100, 1 << 30)

    fuzz(f"packets compressed by {kind}", wholes, decode, capsys)


UUIDS = [str(SID), "3e11fa47-71ca-11e1-9e33-c80aa9429562"]
SETS = [f"{UUIDS[0]}:1-5:11:tag:1-3,{UUIDS[1]}:7-9223372036854775806", f"{{{UUIDS[1]}}} : 4 - 7 ,\n", ""]
POSITIONS = [b"0-1-100,1-1-20", b" 4294967295-2-18446744073709551615 ", b""]


def test_gtid_sets_as_text(capsys):
    def decode(data: bytes) -> None:
        found = GtidSet.parse(data.decode("utf-8", "surrogateescape"))
        assert GtidSet.parse(str(found)) == found == GtidSet.decode(found.encode())

    fuzz("GTID sets as text", [each.encode() for each in SETS], decode, capsys)


def test_gtid_sets_as_bytes(capsys):
    turn = count()

    def decode(data: bytes) -> None:
        found = GtidSet.decode(exact(data) if next(turn) % 2 else data)
        assert GtidSet.parse(str(found)) == found == GtidSet.decode(found.encode())

    tagless = GtidSet.parse(SETS[0].replace(":tag:1-3", ""))
    fuzz("GTID sets as bytes", [tagless.encode(), *(GtidSet.parse(each).encode() for each in SETS)], decode, capsys)


def test_gtid_positions_of_mariadb(capsys):
    def decode(data: bytes) -> None:
        found = MariaDbGtidSet.parse(data.decode("utf-8", "surrogateescape"))
        assert MariaDbGtidSet.parse(str(found)) == found

    fuzz("MariaDB's GTID positions", POSITIONS, decode, capsys)
