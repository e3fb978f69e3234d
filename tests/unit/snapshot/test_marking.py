"""The markers of a snapshot's rows, whatever the order in which tables end."""

from __future__ import annotations

from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from cdc.model.batch import ChangeBatch
from cdc.model.table import TableId
from cdc.snapshot.marking import RowMarking
from cdc.snapshot.reading import Message, TableReading

#: What the markers are written into; a decoder of these tests needs none.
BATCH = ChangeBatch()


class Written:
    """Keeps (table, row, marker) instead of decoding."""

    def __init__(self, table: str, found: list[tuple[str, bytes, str]]) -> None:
        self._table = table
        self._found = found

    def feed(self, rows: Any, batch: ChangeBatch, marker: bytes) -> None:
        assert batch is BATCH
        self._found += [(self._table, row, marker.decode()) for row in rows]


def marked(
    reads: list[tuple[str, int]], parts: dict[str, int]
) -> tuple[list[tuple[str, bytes, str]], list[str], RowMarking]:
    """Return the rows of reads of some tables with their markers, the tables in the order in which they were complete, and the marking.

    A read is of so many rows; one of none ends a part.
    """
    found: list[tuple[str, bytes, str]] = []
    complete: list[str] = []
    readings = {name: TableReading(TableId("s", name), Written(name, found), count) for name, count in parts.items()}
    readings[next(iter(parts))].opens = True
    marking, number = RowMarking(complete.append), 0
    for name, count in reads:
        rows = [b"%d" % (number + at) for at in range(count)]
        number += count
        marking.take(readings[name], cast("list[Message]", rows), BATCH)
    marking.end(BATCH)
    return found, complete, marking


def markers(reads: list[tuple[str, int]], parts: dict[str, int]) -> list[tuple[str, str]]:
    return [(table, marker) for table, _, marker in marked(reads, parts)[0]]


def test_a_table_after_another():
    reads = [("a", 2), ("a", 1), ("a", 0), ("b", 0), ("c", 2), ("c", 0)]
    assert markers(reads, {"a": 1, "b": 1, "c": 1}) == [
        ("a", "first"),
        ("a", "true"),
        ("a", "last_in_data_collection"),
        ("c", "first_in_data_collection"),
        ("c", "last"),
    ]


def test_a_single_row_is_the_last():
    assert markers([("a", 1), ("a", 0)], {"a": 1}) == [("a", "last")]


def test_a_single_row_of_a_table_that_is_not_the_last_is_the_first():
    assert markers([("a", 1), ("a", 0), ("b", 1), ("b", 0)], {"a": 1, "b": 1}) == [("a", "first"), ("b", "last")]


def test_no_row_is_the_first_behind_an_empty_table():
    reads = [("a", 0), ("b", 1), ("b", 0), ("c", 2), ("c", 0)]
    assert markers(reads, {"a": 1, "b": 1, "c": 1}) == [
        ("b", "last_in_data_collection"),
        ("c", "first_in_data_collection"),
        ("c", "last"),
    ]


def test_no_rows_have_no_markers():
    found, complete, marking = marked([("a", 0)], {"a": 1})
    assert (found, complete) == ([], ["s.a"])
    reading = TableReading(TableId("s", "a"), Written("a", []), 0, estimated_rows=7)
    assert (marking.progress(reading, 3).tables_done, marking.progress(reading, 3).estimated_rows) == (1, 7)


@st.composite
def interleaved(draw: st.DrawFn) -> tuple[list[tuple[str, int]], dict[str, int]]:
    """Draw the reads of several tables in several parts each, in any order in which each part's end comes behind its rows."""
    parts = draw(st.dictionaries(st.sampled_from("abcd"), st.integers(1, 3), min_size=1))
    queues = [
        [(name, count) for count in draw(st.lists(st.integers(1, 3), max_size=3))] + [(name, 0)]
        for name, number in parts.items()
        for _ in range(number)
    ]
    reads = []
    while queues:
        queue = draw(st.sampled_from(queues))
        reads.append(queue.pop(0))
        queues = [each for each in queues if each]
    return reads, parts


@given(interleaved())
def test_parts_in_any_order_lose_no_row_and_mark_first_and_last(drawn):
    reads, parts = drawn
    found, complete, _ = marked(reads, parts)
    assert sorted(int(row) for _, row, _ in found) == list(range(sum(count for _, count in reads)))
    assert sorted(complete) == sorted(f"s.{name}" for name in parts)
    if found:
        assert found[-1][2] == "last"
        assert [marker for _, _, marker in found].count("last") == 1
    opening = next(iter(parts))
    firsts = [(table, row) for table, row, marker in found if marker == "first"]
    assert firsts == [(table, row) for table, row, marker in found if table == opening and marker != "last"][:1]
    for name in parts:
        own = [marker for table, _, marker in found if table == name]
        assert all(marker == "true" for marker in own[1:-1])
