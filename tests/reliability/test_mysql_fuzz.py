"""Millions of damaged events and rows through the decoders of MySQL's binlog; see `test_fuzz` for how many, and for AddressSanitizer."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from itertools import count
from random import Random

import pytest

from cdc.config.settings import TimeMode
from cdc.model.batch import ChangeBatch
from cdc.sources.mysql.binlog.compression import expand_rows
from cdc.sources.mysql.binlog.events import parse_event
from cdc.sources.mysql.binlog.framing import split_events
from cdc.sources.mysql.binlog.payload import inner_events
from cdc.sources.mysql.binlog.table_map import parse_table_map
from cdc.sources.mysql.schema.handling import ValueHandling
from cdc.sources.mysql.schema.source_info import SourceInfo
from cdc.sources.mysql.snapshot.text_rows import TextRowDecoder
from cdc.sources.mysql.stream.rows import BoundTable, RowsDecoder
from tests.property.test_mysql_values import DECODERS
from tests.support import binlog, mysql_rows
from tests.support.fuzzing import INPUTS, LENGTHS, SEED, counted, damaged, fuzz, has_value
from tests.support.mysql_database import MySqlDatabase
from tests.support.mysql_json import encoded, large
from tests.support.mysql_kinds import KINDS
from tests.support.mysql_rows import NO_LIMIT
from tests.support.mysql_wide_table import COLUMNS, HANDLINGS, POINT, ROWS, TEXT_ROWS, VECTOR, WIDE, bound, text_plan
from tests.unit.sources.mysql import row_events as r
from tests.unit.sources.mysql import wire
from tests.unit.sources.mysql.test_binlog_decoder import TRANSACTION, placed
from tests.unit.sources.mysql.test_events import EVENTS, payload
from tests.unit.sources.mysql.test_rows import MAP, ONE, TWO

pytestmark = [pytest.mark.reliability, pytest.mark.timeout(0)]

HEADER = 19  # bytes of an event that the framer has seen before any decoder does
SINGLE = [*(data for data, _ in EVENTS.values()), wire.format_description()[:-4]]
PAYLOADS = [payload(b"".join(placed(*TRANSACTION)), kind=kind) for kind in (0, 255)]
COMPRESSED_ROWS = [
    r.event(kind, head + b"\x03" + b"\7" * images + b"\x81" + bytes((len(rows),)) + zlib.compress(rows))
    for kind, head, images, rows in (
        (166, MAP[19:25] + b"\1\0", 1, ONE + TWO),
        (167, MAP[19:25] + b"\1\0", 2, ONE + TWO),
        (169, MAP[19:25] + b"\1\0\2\0", 1, ONE + TWO),
        (170, MAP[19:25] + b"\1\0\4\0zz", 2, ONE + TWO),
        (171, MAP[19:25] + b"\1\0\2\0", 1, ONE),
    )
]
#: Those that carry all values of the wide table.
WHOLE_HANDLINGS = [
    each for each in HANDLINGS if each.time not in (TimeMode.CONNECT, TimeMode.NANOSECONDS, TimeMode.ISOSTRING)
]
POLICIES = {"fail": WHOLE_HANDLINGS, "warn": HANDLINGS, "keep": HANDLINGS}


def test_single_events(capsys):
    fuzz("MySQL events", SINGLE, parse_event, capsys)


def test_table_maps(capsys):
    def decode(data: bytes) -> None:
        parse_table_map(data)
        bound(data)

    # A thousand times as much is done for one as for a row.
    fuzz("TABLE_MAP", [WIDE, MAP], decode, capsys, inputs=INPUTS // 8)


def test_payloads(capsys):
    fuzz("TRANSACTION_PAYLOAD", PAYLOADS, lambda data: [*inner_events(data)], capsys)


def test_compressed_rows(capsys):
    fuzz("MariaDB's compressed rows", COMPRESSED_ROWS, expand_rows, capsys)


def test_events_behind_each_other(capsys):
    fuzz("events behind each other", [b"".join(placed(*TRANSACTION))], split_events, capsys)


def seen(batch: ChangeBatch) -> None:
    for at in range(len(batch)):
        batch.row(at)


def rows_of(table_map: bytes, tables: Sequence[BoundTable]) -> Callable[[bytes], None]:
    """Return what decodes a row event by one table after the other, some rows of which it passes over."""
    turn = count()

    def decode(data: bytes) -> None:
        at = next(turn)
        decoder, batch = RowsDecoder(), ChangeBatch()
        decoder.take_map(table_map)
        decoder.bind(tables[at % len(tables)])
        try:
            if decoder.begin(data) is not None and (at % 4 or decoder.skip((1, NO_LIMIT)[at % 8 == 0])):
                while not decoder.feed(batch, SourceInfo(), len(batch) + 1, NO_LIMIT):
                    pass
        finally:
            seen(batch)

    return decode


def text_rows_of(decoders: Sequence[TextRowDecoder]) -> Callable[[bytes], None]:
    turn = count()

    def decode(data: bytes) -> None:
        batch = ChangeBatch()
        try:
            decoders[next(turn) % len(decoders)].feed([data], batch, b"true")
        finally:
            seen(batch)

    return decode


@pytest.mark.parametrize("on_error", POLICIES)
def test_rows(on_error, capsys):
    tables = [table for handling in POLICIES[on_error] if (table := bound(WIDE, handling, on_error))]
    assert len(tables) == len(POLICIES[on_error])
    fuzz(f"rows of all types ({on_error})", ROWS, rows_of(WIDE, tables), capsys)


@pytest.mark.parametrize("on_error", POLICIES)
def test_rows_of_snapshots(on_error, capsys):
    decoders = [TextRowDecoder(text_plan(handling, on_error), SourceInfo()) for handling in POLICIES[on_error]]
    fuzz(f"rows of snapshots ({on_error})", TEXT_ROWS, text_rows_of(decoders), capsys)


IMAGES = {column.name: column.images for column in COLUMNS}
TEXTS = {column.name: column.texts for column in COLUMNS}
#: What values of a type of `DECODERS` look like: as row images have them, without the length in front, and as text.
VALUES: dict[str, tuple[Sequence[bytes], Sequence[bytes]]] = {
    "INT UNSIGNED": (IMAGES["long"], TEXTS["long"]),
    "BIGINT": (IMAGES["longlong"], [b"-9223372036854775808", b"9223372036854775807"]),
    "BIGINT UNSIGNED": (IMAGES["longlong"], TEXTS["longlong"]),
    "FLOAT": (IMAGES["float"], [b"1.5", b"-3.40282e38", b"1e-45"]),
    "DOUBLE": (IMAGES["double"], [*TEXTS["double"], b"5e-324"]),
    "DECIMAL": ([b"\x80\0\0\1\2", b"\x7f\xff\xff\xff\xfe"], [b"1234567890", b"-1"]),
    "BIT": ([b"\0", b"\1"], [b"\0", b"\1"]),
    "YEAR": (IMAGES["year"], TEXTS["year"]),
    "DATE": (IMAGES["date"], [*TEXTS["date"], b"0069-12-31"]),
    "TIME": ([b"\x80\x10\x20", b"\x7f\xff\xff"], TEXTS["time"]),
    "DATETIME": ([b"\x99\xb2\x3c\x10\x20", b"\x80\0\0\0\0"], TEXTS["datetime"]),
    "TIMESTAMP": (IMAGES["timestamp"], TEXTS["timestamp"]),
    "VARCHAR": ([b"abc\xe4", b""], TEXTS["varchar"]),
    "ENUM": (IMAGES["enum"], [b"a", b"b"]),
    "SET": (IMAGES["set"], [b"a,b", b""]),
    "BINARY": ([b"\xff\xfe", b""], [b"\xff\0"]),
    "BLOB": ([b"\1\2\3", b"\0" * 300], TEXTS["blob"]),
    "JSON": ([encoded({"a": [1, 2]}), large([{"b": None}])], TEXTS["json"]),
    "POINT": ([POINT], [POINT]),
    "GEOMETRY": ([POINT], [POINT]),
    "VECTOR": ([VECTOR], [VECTOR]),
}


@pytest.mark.parametrize("is_image", [True, False], ids=["images", "text"])
def test_values(is_image, capsys):
    """Gives values to the decoders of their type in all modes, some to those of another."""
    assert {kind for kind, _ in DECODERS} == set(VALUES)
    random, kinds = Random(f"{SEED} {is_image}"), [*VALUES]

    def one() -> bool:
        kind = random.choice(kinds)
        whole = random.choice(VALUES[kind][not is_image])
        decoder = random.choice(DECODERS[kind if random.random() < 0.95 else random.choice(kinds), is_image])
        return has_value(decoder, damaged(random, whole, LENGTHS) if random.random() < 0.95 else whole)

    counted(f"values as {'images' if is_image else 'text'}", one, capsys, 2 * INPUTS)


def filled(database: MySqlDatabase) -> None:
    """Make a table of all kinds of columns, and write rows."""
    chance, kinds = Random(SEED), [*KINDS.values()]
    columns = ", ".join(f"c{at} {kind.name} null" for at, kind in enumerate(kinds))
    database.execute(f"create table t (id int primary key, {columns}) character set utf8mb4")
    marks = ", ".join(["%s"] * (1 + len(kinds)))
    for number in range(8):
        values = [None if chance.random() < 0.2 else kind.value(chance) for kind in kinds]
        database.execute(f"insert into t values ({marks})", number, *values)


@pytest.mark.parametrize("server", ["mysql_database", "mariadb_database"])
async def test_rows_of_a_server(server, request, monkeypatch, capsys):
    monkeypatch.delenv("LD_PRELOAD", raising=False)  # AddressSanitizer is for us, not for the server
    database: MySqlDatabase = request.getfixturevalue(server)
    begin = binlog.log_end(database)
    filled(database)
    snapshot = [row for row in await mysql_rows.selected_packets(database, "t") if len(row) < 4000]
    database.execute("update t set id = id + 100, c0 = 1")
    database.execute("delete from t")
    events = await mysql_rows.row_events(database, begin)
    bind = mysql_rows.bound(mysql_rows.definition(database, "t"), ValueHandling(), "warn")
    assert len(mysql_rows.decode(events, bind)) >= 24
    table_map = next(event for event in events if event[4] == 19)
    table = bind(parse_table_map(table_map))
    assert table is not None
    # Most kinds of events take the number of a table for granted.
    rows = [event[:19] + table_map[19:25] + event[25:] for event in events if event[4] != 19 and len(event) < 4000]
    assert rows
    assert snapshot
    fuzz(f"rows of {server}", rows, rows_of(table_map, [table]), capsys, HEADER)
    fuzz(f"TABLE_MAP of {server}", [table_map], parse_table_map, capsys, HEADER, INPUTS // 8)
    plan = mysql_rows.text_plan(mysql_rows.definition(database, "t"), ValueHandling(), "warn")
    decoder = TextRowDecoder(plan, SourceInfo())
    fuzz(f"snapshot of {server}", snapshot, text_rows_of([decoder]), capsys)
