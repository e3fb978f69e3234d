"""The COPY decoder against the format's rules in plain Python, and against the driver's own."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st
from psycopg._copy_base import format_row_text
from psycopg.adapt import Transformer

from cdc.errors import DecodeError
from cdc.model.batch import ChangeBatch
from cdc.sources.postgres.snapshot.copy import CopyDecoder
from cdc.sources.postgres.wal.source_info import SourceInfo
from tests.unit.sources.postgres.copy_text import read_row, write_row
from tests.unit.sources.postgres.stream import changes, plan, table

letters = st.characters(exclude_characters="\0", exclude_categories=["Cs"]) | st.sampled_from("\\\t\n\r\b\f\v.Nx01")
values = st.none() | st.text(letters, max_size=30)


def decode(*lines: bytes, width: int) -> list[object]:
    batch = ChangeBatch()
    names = [f"c{number}" for number in range(width)]
    CopyDecoder(plan(table(*names, key=())), SourceInfo(), 1).feed(list(lines), batch, b"true")
    return [after for _, _, after in changes(batch)]


@given(st.integers(1, 5).flatmap(lambda width: st.lists(st.tuples(*[values] * width), min_size=1, max_size=5)))
def test_rows_written_by_the_rules_come_back(rows):
    lines = [write_row(row) for row in rows]
    assert decode(*lines, width=len(rows[0])) == rows
    assert [tuple(read_row(line)) for line in lines] == rows, "the oracle itself"


@given(st.lists(values, min_size=1, max_size=5))
def test_rows_written_by_psycopg_come_back(row):
    line = bytearray()
    format_row_text(row, Transformer(), line)
    assert decode(bytes(line), width=len(row)) == [tuple(row)]


# The server ends a line only behind the last value, and never writes a lone backslash.
raw_lines = st.text(st.sampled_from("ab\\\tNn"), max_size=20)


@given(raw_lines, st.integers(1, 4))
def test_any_line_is_read_by_the_rules_or_refused(text, width):
    line = (text + "\n").encode()
    fields = text.split("\t")
    sound = len(fields) == width and all(_ends_whole(field) for field in fields)
    try:
        found = decode(line, width=width)
    except DecodeError:
        assert not sound
    else:
        assert sound
        assert found == [tuple(read_row(line))]


def _ends_whole(field: str) -> bool:
    """Tell whether no backslash stands alone at the end."""
    return (len(field) - len(field.rstrip("\\"))) % 2 == 0


@given(st.binary(max_size=60), st.integers(0, 4))
def test_any_bytes_are_decoded_or_refused(line, width):
    with suppress(DecodeError):
        decode(line, width=width)
