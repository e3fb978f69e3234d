"""Millions of damaged inputs through every compiled decoder: a right answer or an error of ours, never anything else.

`CDC_FUZZ_INPUTS` sets how many inputs each decoder gets (1,000,000 unless told), `CDC_FUZZ_SEED` where the random numbers begin.

With AddressSanitizer, which sees every byte that is read beyond an input, in a copy of the tree:

    CDC_SANITIZE=1 python setup.py -q build_ext --inplace --force
    PYTHONMALLOC=malloc ASAN_OPTIONS=detect_leaks=0:max_allocation_size_mb=1024 \\
        LD_PRELOAD=$(gcc -print-file-name=libasan.so) CDC_FUZZ_INPUTS=200000 \\
        python -m pytest -m reliability tests/reliability/test_fuzz.py tests/reliability/test_mysql*_fuzz.py -s
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import pytest

from cdc.model.batch import ChangeBatch
from cdc.sources.columns.numeric import DecimalDecoder, NumericTextDecoder, VariableDecimalDecoder
from cdc.sources.columns.row import RowPlan
from cdc.sources.columns.values import FloatDecoder, IntDecoder, TextDecoder, ValueDecoder
from cdc.sources.mysql.values.charsets import text_decoder
from cdc.sources.mysql.values.json import JsonDecoder
from cdc.sources.mysql.values.json_diff import apply_diffs
from cdc.sources.mysql.values.json_text import JsonTextDecoder
from cdc.sources.postgres.snapshot.copy import CopyDecoder
from cdc.sources.postgres.stream.pgoutput import PgOutputDecoder
from cdc.sources.postgres.values.arrays import ArrayDecoder
from cdc.sources.postgres.values.binary import (
    Base64Decoder,
    BitDecoder,
    BitsDecoder,
    BoolDecoder,
    BytesDecoder,
    HexDecoder,
)
from cdc.sources.postgres.values.interval import IsoIntervalDecoder, MicrosIntervalDecoder
from cdc.sources.postgres.values.money import MoneyDecoder
from cdc.sources.postgres.values.temporal import (
    DateDecoder,
    IsoDateDecoder,
    IsoTimeDecoder,
    IsoTimestampDecoder,
    MicrosDecoder,
    MillisDecoder,
    NanosDecoder,
    TimeDecoder,
    ZonedTimeDecoder,
)
from cdc.sources.postgres.wal.relation import Relation
from cdc.sources.postgres.wal.source_info import SourceInfo
from tests.support.fuzzing import INPUTS, SEED, counted, damaged, exact, has_value, survives
from tests.support.mysql_json import Opaque, encoded, large
from tests.unit.sources.postgres import messages as m
from tests.unit.sources.postgres.stream import INT8, TEXT, feed, plan, plan_of, table

pytestmark = [pytest.mark.reliability, pytest.mark.timeout(0)]

NUMBERS = [
    b"0",
    b"-1",
    b"1234567890123456789012345678901234567890.5",
    b"0.000001",
    b"NaN",
    b"-Infinity",
    b"1e-45",
    b"12.50",
]
DATES = [b"2024-02-29", b"0001-01-01", b"4713-01-01 BC", b"infinity", b"-infinity", b"294276-12-31"]
CLOCKS = [b"04:05:06.789012", b"24:00:00", b"00:00:00", b"23:59:59.999999+15:59:59", b"04:05:06-08", b"12:00:00+00"]
STAMPS = [date + b" " + clock + era for date in DATES[:3] for clock in CLOCKS for era in (b"", b" BC")] + DATES[3:5]
INTERVALS = [
    b"1 year 2 mons -3 days +04:05:06.7",
    b"-178000000 years",
    b"00:00:00",
    b"infinity",
    b"1 mon",
    b"-00:00:00.000001",
]
BINARY = [b"\\x", b"\\xDEADbeef", b"\\x00ff", b"1", b"0101010101", b"", b"\\xf"]
ARRAYS = [
    b"{}",
    b"{1,2,NULL}",
    b'{"a b","\\\\\\"",NULL,"NULL"}',
    b"[2:4]={1,2,3}",
    b"{{1,2},{3,4}}",
    b'{"{}"}',
    b"{t,f}",
]
MONEY = [b"$1,234.56", b"-$0.01", b"$92,233,720,368,547,758.07"]
TEXTS = [b"", b"plain", "Grüße 東京 😀".encode(), b"\xff\xfe"]
DOCUMENT = {
    "a": [1, -40_000, 2.5, None, True, "x" * 200],
    "é": {"d": Opaque(246, b"\x04\x02\x81\x32")},
    "t": Opaque(11, ((12 << 12 | 34 << 6 | 56) << 24 | 500_000).to_bytes(8, "little")),
}
DOCUMENTS = [
    encoded(DOCUMENT),
    large(DOCUMENT),
    encoded([[], {}, 1 << 63]),
    encoded("é"),
    b"\x02\x01\x00\x07\x00\x02\x00\x00",
    b"",
]
JSON_TEXTS = [
    b'{"a": [1, -2.5e-7, null, true, "x\\u0001\\n"], "t": "12:34:56.500000", "b": "base64:type15:YWJj"}',
    b'["12:34:56.500000", "base64:type15:YWJj"]\n["$[0]"]',
    b'"2024-01-02 03:04:05.000000"\n"$"',
]
DIFFS = [
    b"\x00\x06$.a[1]\x02\x04\x01" + b'\x01\x07$."b c"\x05' + encoded("xyz") + b"\x02\x06$.\xc3\xa9.d",
    b"\x02\x03$.a" + b"\x00\x01$\xfc\x08\x00" + encoded([1]),
]
ALL = [*NUMBERS, *STAMPS, *CLOCKS, *INTERVALS, *BINARY, *ARRAYS, *MONEY, *TEXTS]

VALUE_DECODERS: list[tuple[str, ValueDecoder, Sequence[bytes]]] = [
    ("bool", BoolDecoder(), [b"t", b"f"]),
    ("int", IntDecoder(), [b"-9223372036854775808", b"9223372036854775807", b"0"]),
    ("float", FloatDecoder(), NUMBERS),
    ("text", TextDecoder(), TEXTS),
    ("decimal 2", DecimalDecoder(2), NUMBERS),
    ("decimal -3", DecimalDecoder(-3), NUMBERS),
    ("decimal 40", DecimalDecoder(40), NUMBERS),
    ("variable decimal", VariableDecimalDecoder(), NUMBERS),
    ("numeric as text", NumericTextDecoder(), NUMBERS),
    ("money", MoneyDecoder(DecimalDecoder(2)), MONEY),
    ("bytes", BytesDecoder(), BINARY),
    ("hex", HexDecoder(), BINARY),
    ("base64", Base64Decoder(), BINARY),
    ("base64 for URLs", Base64Decoder(url_safe=True), BINARY),
    ("bit", BitDecoder(), BINARY),
    ("bits", BitsDecoder(), BINARY),
    ("date", DateDecoder(), DATES),
    ("date as text", IsoDateDecoder(), DATES),
    ("time in ms", TimeDecoder(3, 1000), CLOCKS),
    ("time in us", TimeDecoder(6), CLOCKS),
    ("time in ns", TimeDecoder(9), CLOCKS),
    ("time as text", IsoTimeDecoder(1), CLOCKS),
    ("time with zone", ZonedTimeDecoder(), CLOCKS),
    ("timestamp in ms", MillisDecoder(), STAMPS),
    ("timestamp in us", MicrosDecoder(), STAMPS),
    ("timestamp in ns", NanosDecoder(), STAMPS),
    ("timestamp as text", IsoTimestampDecoder(3), STAMPS),
    ("timestamp with zone", IsoTimestampDecoder(0, zoned=True), STAMPS),
    ("interval in us", MicrosIntervalDecoder(), INTERVALS),
    ("interval as text", IsoIntervalDecoder(), INTERVALS),
    ("MySQL JSON", JsonDecoder(), DOCUMENTS),
    ("MySQL JSON text", JsonTextDecoder(), JSON_TEXTS),
    *(
        (charset, text_decoder(charset), ["AbcdefghijklÄ".encode("utf-16"), b"\x83\x65\x8f\xb0\xa1\xd6\xd0", *TEXTS])
        for charset in ("utf8mb4", "latin1", "sjis", "ujis", "gb18030", "utf16", "utf16le", "utf32")
    ),
    ("array of int", ArrayDecoder(IntDecoder()), ARRAYS),
    ("array of text", ArrayDecoder(TextDecoder(), nullable=False), ARRAYS),
    ("array of timestamps", ArrayDecoder(MicrosDecoder()), [b'{"2024-02-29 12:00:00"}', *ARRAYS]),
]


@pytest.mark.parametrize(("name", "decoder", "corpus"), VALUE_DECODERS, ids=[name for name, *_ in VALUE_DECODERS])
def test_value_decoders(name, decoder, corpus, capsys):
    random = Random(f"{SEED} {name}")
    counted(name, lambda: has_value(decoder, damaged(random, random.choice(corpus), ALL)), capsys)


def test_json_diffs(capsys):
    random = Random(SEED)
    assert apply_diffs(DOCUMENTS[0], DIFFS[0]) == apply_diffs(DOCUMENTS[1], DIFFS[0])
    assert apply_diffs(DOCUMENTS[0], DIFFS[1]) == b"[1]"

    def one() -> bool:
        given = [random.choice(DOCUMENTS[:3]), damaged(random, random.choice(DIFFS), ALL)]
        return survives(lambda: apply_diffs(*given), given)

    counted("MySQL JSON diffs", one, capsys)


COPY_PLANS: list[RowPlan] = [
    plan(table("a", "b", "c", key=())),
    plan(table("id", "b")),
    plan(table(key=())),
    plan(table("b", "id", key=()), targets=(1, -1, 0)),
    RowPlan(table("a", "b", key=()), [DecimalDecoder(2), ArrayDecoder(TextDecoder())], (0, 1)),
]
COPY_LINES = [
    b"x\ty\tz\n",
    b"7\t\\N\n",
    b"\n",
    b"8\tleft out\tb\\\\\\t\\n\n",
    b'1.50\t{"a",NULL}\n',
    b"\\N\t\\N\t\\N\n",
]


def test_copy(capsys):
    random = Random(SEED)

    def one() -> bool:
        lines = [exact(damaged(random, random.choice(COPY_LINES), ALL)) for _ in range(2)]
        return survives(lambda: _copied(random.choice(COPY_PLANS), lines), lines)

    counted("COPY", one, capsys)


def _copied(chosen: RowPlan, lines: list[memoryview]) -> None:
    batch = ChangeBatch()
    try:
        CopyDecoder(chosen, SourceInfo(), 1).feed(lines, batch, b"true")
    finally:
        for index in range(len(batch)):
            batch.row(index)


COLUMNS = [("id", INT8, -1, True), ("a", TEXT, -1, False), ("b", TEXT, -1, False)]
STREAM = [
    m.xlog(100, m.begin(200, 7)),
    m.xlog(100, m.origin(42, "far")),
    m.xlog(100, m.type_name(9, "s", "mood")),
    m.xlog(100, m.relation(1, "s", "one", COLUMNS)),
    m.xlog(100, m.relation(2, "s", "two", COLUMNS, "f")),
    m.xlog(100, m.relation(3, "s", "hidden", COLUMNS)),
    m.xlog(101, m.insert(1, (1, "a", None))),
    m.xlog(102, m.update(1, (2, "a", m.UNCHANGED), key=(1, None, None))),
    m.xlog(103, m.update(2, (2, "a", m.UNCHANGED), old=(1, None, "b" * 30))),
    m.xlog(104, m.delete(2, old=(1, None, "b"))),
    m.xlog(105, m.insert(3, (1, "a", None))),
    m.xlog(106, m.truncate(1, 2, 3)),
    m.keepalive(150, reply=True),
    m.xlog(210, m.commit(200, 210)),
    m.xlog(300, m.logical_message(300, "p", b"x" * 20, transactional=False)),
    m.keepalive(400),
]


def _plan(relation: Relation) -> RowPlan:
    if all(column.type_oid in {INT8, TEXT} for column in relation.columns):
        return plan_of(relation)
    return RowPlan(None, [None] * len(relation.columns), (-1,) * len(relation.columns))


def _streamed(messages: list[memoryview], random: Random) -> None:
    decoder = PgOutputDecoder(
        random.choice((0, 205)), random.choice((None, (200, 2))), skipped=random.choice(("", "t"))
    )
    max_rows, max_size = random.choice((1, 3, 1 << 30)), random.choice((40, 1 << 30))
    for batch in feed(decoder, messages, plan=_plan, max_rows=max_rows, max_size=max_size):
        for index in range(len(batch)):
            batch.row(index)


def _spoiled(random: Random) -> list[memoryview]:
    """Damage one message in most streams, so that much is decoded before and behind it."""
    messages = list(STREAM)
    for _ in range(random.choice((1, 1, 2))):
        place, how = random.randrange(len(messages)), random.random()
        if how < 0.8:
            messages[place] = damaged(random, messages[place], ALL)
        elif how < 0.9:
            messages.insert(random.randrange(len(messages)), messages.pop(place))
        else:
            messages.insert(place, messages[random.randrange(len(messages))])
    return [exact(message) for message in messages]


def test_pgoutput(capsys):
    random = Random(SEED)

    def one() -> bool:
        messages = _spoiled(random)
        return survives(lambda: _streamed(messages, random), messages)

    counted(f"pgoutput, streams of {len(STREAM)} messages", one, capsys, INPUTS // 4)
