"""JSON columns against a real MySQL: the binary form from its log beside the text of its SELECT."""

from __future__ import annotations

import json
from contextlib import closing
from random import Random

import pytest

from cdc.errors import DecodeError
from cdc.sources.columns.values import decode_text
from cdc.sources.mysql.values.json import JsonDecoder
from cdc.sources.mysql.values.json_diff import apply_diffs
from cdc.sources.mysql.values.json_text import JsonTextDecoder, selected

from .mysql_documents import Documents, Update

NUMBERS = ["0", "-1", "255", "65535", "-32769", "2147483648", "18446744073709551615", "-9223372036854775808"]
DOUBLES = [
    "1e15",
    "1e14",
    "1e-15",
    "1e-16",
    "-0e0",
    "1.5e300",
    "0.1e0",
    "5e-324",
    "2e-323",
    "1234567890123456.7e0",
    "1.7976931348623157e308",
]
OPAQUE = [
    "cast('2024-01-02' as date)",
    "cast('12:34:56.789' as time(3))",
    "cast('-12:34:56.5' as time(1))",
    "cast('-838:59:59' as time)",
    "cast('2024-01-02 03:04:05.678901' as datetime(6))",
    "timestamp'2024-01-02 03:04:05'",
    "cast(1.50 as decimal(10, 2))",
    "cast(-0.5 as decimal(5, 5))",
    "cast(-12345678901234567890123456789012345.123456789012345678901234567890 as decimal(65, 30))",
    "cast(repeat('abc', 50) as binary)",
    "cast('' as binary)",
    "b'101'",
    "cast(cast('2024' as year) as json)",
    "st_geomfromtext('POINT(1 2)')",
]
WORDS = [
    "",
    "a",
    "b c",
    "é",
    "😀",
    "x.y",
    'q"q',
    "\n\t\x01\x1f",
    "0",
    "12:34:56.789000",
    "2024-01-02 03:04:05.000000",
    "base64:type15:YWJj",
]
PLAIN = ["", "a", "bb", "é", "😀", "12:34", "z" * 300]


@pytest.fixture
def documents(mysql_database):
    with closing(Documents(mysql_database)) as found:
        yield found


def quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def expression(random: Random, leaves: list[str], words: list[str], depth: int = 4) -> str:
    """Return SQL of a random JSON value."""
    kind = random.random()
    if depth == 0 or kind < 0.4:
        leaf = random.choice(
            [*leaves, random.choice([*map(quoted, words)]), "null", "true = true", "cast('false' as json)"]
        )
        return f"cast('{float(leaf)!r}' as json)" if leaf in DOUBLES else leaf
    parts = [expression(random, leaves, words, depth - 1) for _ in range(random.choice((0, 1, 2, 5)))]
    if kind < 0.7:
        return f"json_array({', '.join(parts)})"
    return f"json_object({', '.join(f'{quoted(random.choice(words))}, {part}' for part in parts)})"


def written(documents: Documents, values: list[str]) -> list[tuple[bytes, bytes, str]]:
    """Insert values; return of each what the log has, what the snapshot's expression selects, and the bare text."""
    documents.execute("begin")
    for number, value in enumerate(values):
        documents.execute(f"insert into docs values ({number}, json_extract(json_array({value}), '$[0]'))")
    documents.execute("commit")
    rows = documents.execute(f"select {selected('j')}, j from docs order by id")
    return [(log, text.encode(), bare) for log, (text, bare) in zip(documents.inserted(), rows, strict=True)]


def test_log_and_select_give_the_same_text(documents):
    random = Random(5)
    values = [expression(random, [*NUMBERS, *DOUBLES, *OPAQUE], WORDS) for _ in range(400)] + OPAQUE
    for value, (log, text, _) in zip(values, written(documents, values), strict=True):
        assert decode_text(JsonDecoder(), log) == decode_text(JsonTextDecoder(), text), value


def test_text_without_opaque_values_is_the_servers_without_spaces(documents):
    random = Random(6)
    values = [expression(random, [*NUMBERS, *DOUBLES], PLAIN) for _ in range(300)]
    for value, (log, text, bare) in zip(values, written(documents, values), strict=True):
        assert text.decode() == bare
        assert decode_text(JsonDecoder(), log) == bare.replace(", ", ",").replace(": ", ":"), value


def test_large_documents_have_wider_offsets(documents):
    values = [
        "json_array(repeat('x', 70000), 1, 70000, -70000, 3000000000, true)",
        "json_object('k', repeat('é', 40000), 'l', 7)",
    ]
    for log, _, bare in written(documents, values):
        assert log[0] in {1, 3}
        assert decode_text(JsonDecoder(), log) == json.dumps(
            json.loads(bare), separators=(",", ":"), ensure_ascii=False
        )


def test_the_deepest_document_is_read(documents):
    ((log, text, bare),) = written(documents, [f"cast('{'[' * 99 + ']' * 99}' as json)"])
    assert decode_text(JsonDecoder(), log) == decode_text(JsonTextDecoder(), text) == bare


def test_truncated_documents_are_refused(documents):
    random = Random(7)
    for log, _, _ in written(documents, [expression(random, [*NUMBERS, *OPAQUE], WORDS, 3) for _ in range(40)]):
        whole = decode_text(JsonDecoder(), log)
        for size in range(1, len(log)):
            try:
                assert decode_text(JsonDecoder(), log + log, size) == whole  # what was cut off is a gap
            except DecodeError:
                continue


LEGS = ['."b c"', ".a", ".é", "[0]", "[1]", "[7]", r'."q\"q"']
START = r"""{"a": [1, {"a": 2, "b c": [3]}, [4]], "b c": {"a": {"a": 1.5}, "é": [1]}, "é": [0, [1, 2]], "q\"q": true, "pad": "%s"}"""


def change(random: Random) -> str:
    """Return SQL that changes a document in one of the ways that can be logged as diffs."""
    path = quoted("$" + "".join(random.choices(LEGS, k=random.choice((1, 1, 2, 3)))))
    if random.random() < 0.3:
        return f"json_remove(j, {path})"
    value = expression(random, [*NUMBERS, *OPAQUE], WORDS, 2)
    more = f"{quoted('$.' + random.choice('abc'))}, {random.choice(NUMBERS)}"
    return f"json_{random.choice(('set', 'replace'))}(j, {path}, {value}, {more})"


def test_all_diffs_of_partial_updates_are_applied(documents):
    random, rows = Random(8), range(40)
    for row in rows:
        documents.execute("insert into docs values (%s, %s)", row, START % ("x" * 400))
    found = dict(enumerate(decode_text(JsonDecoder(), log) for log in documents.inserted()))
    documents.execute("set binlog_row_value_options = PARTIAL_JSON")
    partial = 0
    for _ in range(8):
        for row in rows:
            documents.execute(f"update docs set j = {change(random)} where id = {row}")
        for update in documents.updated():
            assert found[update.row] == decode_text(JsonDecoder(), update.before)
            found[update.row] = new_text(update)
            partial += not update.whole
    assert partial > 100
    assert found == {
        row: decode_text(JsonTextDecoder(), text.encode())
        for row, text in documents.execute(f"select id, {selected('j')} from docs")
    }


def new_text(update: Update) -> str:
    if update.whole:
        return str(decode_text(JsonDecoder(), update.after))
    return apply_diffs(update.before, update.after).decode()
