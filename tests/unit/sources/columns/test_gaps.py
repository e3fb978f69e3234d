"""What is lacking in rows, and how it is filled."""

from __future__ import annotations

import pytest

from cdc.model.batch import ChangeBatch
from cdc.model.event import ABSENT, UNAVAILABLE
from cdc.model.schema import INT64, STRING
from cdc.model.table import Column, Table, TableId
from cdc.sources.columns.gaps import Gaps, find_gaps
from cdc.sources.columns.row import RowPlan
from cdc.sources.columns.values import EnumDecoder, IntDecoder, TextDecoder
from cdc.sources.postgres.server.catalog import SOURCE_SCHEMA

COLUMNS = (
    Column("id", INT64),
    Column("a", STRING.as_optional()),
    Column("b", STRING),
    Column("k", STRING, key_only=True),
)
TABLE = Table(TableId("s", "t"), "t", COLUMNS, (0,), SOURCE_SCHEMA)
OTHER = Table(TableId("s", "u"), "u", COLUMNS, (0,), SOURCE_SCHEMA)
SOURCE = (1, "false", None, 1, 1, 77, 5, None, None, *[None] * 7)


def gaps(*, unavailable=True, nulls=True, decoder=None):
    plan = RowPlan(TABLE, [IntDecoder(), decoder or TextDecoder(), TextDecoder()], (0, 1, 2), renewable=True)
    return Gaps(plan, (1, 2), (3,), unavailable, nulls)


def batch_of(*changes):
    batch = ChangeBatch()
    for op, table, before, after in changes:
        batch.add(op, table, before, after, SOURCE)
    return batch


def test_inserted_and_updated_rows_of_tables_with_gaps_are_found():
    batch = batch_of(
        ("c", TABLE, None, (1, None, "b", "1")),
        ("u", TABLE, None, (2, UNAVAILABLE, "b", "2")),
        ("u", TABLE, None, (3, "a", "b", "3")),
        ("r", TABLE, None, (4, None, "b", "4")),
        ("d", TABLE, (5, None, UNAVAILABLE, "5"), None),
        ("c", OTHER, None, (6, None, "b", "6")),
    )
    assert find_gaps(batch, [gaps(), None], (5,)) == ({0: [0, 1]}, {(77,)})
    assert find_gaps(batch, [gaps(nulls=False), None], (5, 4)) == ({0: [1]}, {(77, 1)})
    assert find_gaps(batch, [gaps(unavailable=False), gaps()]) == ({0: [0], 1: [6]}, set())
    with pytest.raises(ValueError, match="1 entries for 2 tables"):
        find_gaps(batch, [gaps()])


def test_what_is_wanted_of_a_row_is_its_key_and_what_it_lacks():
    batch = batch_of(("u", TABLE, None, (1, UNAVAILABLE, "b", "01")), ("u", TABLE, None, (1, "a", UNAVAILABLE, ABSENT)))
    assert gaps().wanted(batch, 0) == (["01"], [True, False])
    assert gaps().wanted(batch, 1) == ([None], [False, True])
    with pytest.raises(IndexError):
        gaps().wanted(batch, 2)


def test_only_what_is_lacking_is_filled():
    batch = batch_of(("u", TABLE, None, (1, UNAVAILABLE, "old", "1")))
    gaps().fill(batch, 0, [b"new", b"newer"])
    assert batch.row(0)[3] == (1, "new", "old", "1")


def test_null_is_filled_in_where_there_may_be_one():
    batch = batch_of(("u", TABLE, None, (1, UNAVAILABLE, UNAVAILABLE, "1")))
    gaps().fill(batch, 0, [None, None])
    assert batch.row(0)[3] == (1, None, UNAVAILABLE, "1")


def test_an_enum_that_has_grown_since_the_row_was_written():
    batch = batch_of(("u", TABLE, None, (1, UNAVAILABLE, "b", "1")))
    gaps(decoder=EnumDecoder(["red"])).fill(batch, 0, [b"blue", None])
    assert batch.row(0)[3] == (1, "blue", "b", "1")


def test_as_many_values_as_columns():
    batch = batch_of(("u", TABLE, None, (1, UNAVAILABLE, "b", "1")))
    with pytest.raises(ValueError, match="1 values for 2 columns"):
        gaps().fill(batch, 0, [b"a"])


@pytest.mark.parametrize(("columns", "key"), [((3,), (3,)), ((-1,), (3,)), ((1,), (4,)), ((1,), (-1,))])
def test_columns_that_are_not_there_are_refused(columns, key):
    with pytest.raises(ValueError, match="not"):
        Gaps(gaps().plan, columns, key, True, True)
