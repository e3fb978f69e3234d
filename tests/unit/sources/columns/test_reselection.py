"""What all databases share of reading values again: rows of a batch, rows that are gone, refusals, and the wait for transactions."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from cdc.config.post_processors import ReselectSettings
from cdc.errors import SourceRefused
from cdc.model.batch import ChangeBatch
from cdc.model.event import ABSENT, UNAVAILABLE
from cdc.model.schema import INT64, STRING
from cdc.model.table import Column, Table, TableId
from cdc.sources.columns import reselection
from cdc.sources.columns.gaps import Gaps
from cdc.sources.columns.reselection import (
    FIRST_ROWS,
    MOST_ROWS,
    Reselection,
    Selection,
    Values,
    Wanted,
    Written,
    columns_to_reread,
    until_visible,
)
from cdc.sources.columns.row import RowPlan
from cdc.sources.columns.values import IntDecoder, TextDecoder
from cdc.sources.postgres.server.catalog import SOURCE_SCHEMA

COLUMNS = (Column("id", INT64), Column("a", STRING.as_optional()), Column("k", STRING.as_optional(), key_only=True))
SOURCE = (1, "false", None, 1, 1, 77, 5, None, None, *[None] * 7)


class Rows:
    """A reader of rows that are known by their key; an error stands for a server that refuses."""

    places = (5,)

    def __init__(self, rows: dict[str, bytes | None], error: SourceRefused | None = None) -> None:
        self.rows = rows
        self.error = error
        self.written: list[Written] = []

    async def read(self, selection: Selection, wanted: Sequence[Wanted], written: Written) -> Sequence[Values | None]:
        self.written.append(written)
        if self.error is not None:
            raise self.error
        return [[self.rows[str(key)]] if key in self.rows else None for (key, *_), _ in wanted]


def plan() -> RowPlan:
    return RowPlan(
        Table(TableId("s", "t"), "t", COLUMNS, (0,), SOURCE_SCHEMA),
        [IntDecoder(), TextDecoder()],
        (0, 1),
        "warn",
        ("id", "a"),
    )


def using(reader: Rows, *, fail: bool = False, most_bytes: int = 1000) -> tuple[Reselection[Selection], RowPlan]:
    found = Reselection[Selection](reader, ReselectSettings(fail=fail), most_bytes)
    known = plan()
    found.use(Selection(Gaps(known, (1,), (2,), True, False)))
    return found, known


def batch_of(of: RowPlan, *keys: str, lacking: object = UNAVAILABLE) -> ChangeBatch:
    batch = ChangeBatch()
    assert of.table is not None
    for at, key in enumerate(keys):
        batch.add("u", of.table, None, (at, lacking, key), SOURCE)
    return batch


def values(batch: ChangeBatch) -> list[object]:
    return [(batch.row(at)[3] or ())[1] for at in range(len(batch))]


@pytest.mark.parametrize("lacking", [UNAVAILABLE, ABSENT])
async def test_what_is_lacking_is_filled_in(lacking):
    reader = Rows({"x": b"one", "y": None})
    filling, known = using(reader)
    batch = batch_of(known, "x", "y", lacking=lacking)
    await filling.fill(batch)
    assert values(batch) == ["one", None]
    assert reader.written == [{(77,)}]


async def test_of_rows_that_are_gone_the_first_is_named(caplog):
    filling, known = using(Rows({"x": b"one"}))
    batch = batch_of(known, "x", "y", "z")
    await filling.fill(batch)
    assert values(batch) == ["one", UNAVAILABLE, UNAVAILABLE]
    assert caplog.messages == ["the row of s.t with the key (y) and 1 more are gone, and published as the log has it"]


async def test_a_row_whose_key_the_log_does_not_have_is_not_called_gone(caplog):
    filling, known = using(Rows({}))
    assert known.table is not None
    batch = ChangeBatch()
    batch.add("u", known.table, None, (1, UNAVAILABLE, ABSENT), SOURCE)
    await filling.fill(batch)
    assert caplog.messages == ["the row of s.t with the key (none) is not to be found, and published as the log has it"]


async def test_a_row_that_is_gone_is_an_error_where_that_is_wanted():
    filling, known = using(Rows({}), fail=True)
    with pytest.raises(SourceRefused, match=r"\(x\) is gone") as raised:
        await filling.fill(batch_of(known, "x"))
    assert "warn" in raised.value.remedy


async def test_a_refusal_is_told_once_until_the_table_can_be_read(caplog):
    reader = Rows({"x": b"one"}, SourceRefused("no right", "GRANT SELECT"))
    filling, known = using(reader)
    for _ in range(2):
        await filling.fill(batch_of(known, "x"))
    assert len(caplog.messages) == 1
    assert "values of s.t cannot be read again, and are published as the log has them: no right" in caplog.text
    error, reader.error = reader.error, None
    await filling.fill(batch_of(known, "x"))
    reader.error = error
    await filling.fill(batch_of(known, "x"))
    assert len(caplog.messages) == 2


async def test_a_refusal_is_an_error_where_that_is_wanted():
    filling, known = using(Rows({}, SourceRefused("no right", "GRANT SELECT")), fail=True)
    with pytest.raises(SourceRefused, match=r"values of s.t cannot be read again: no right") as raised:
        await filling.fill(batch_of(known, "x"))
    assert raised.value.remedy == "GRANT SELECT"


async def test_the_next_batch_has_more_rows_after_small_values_and_fewer_after_large_ones():
    reader = Rows({"x": b"a"})
    filling, known = using(reader)
    for _ in range(10):
        await filling.fill(batch_of(known, "x"))
    assert filling.rows == MOST_ROWS
    reader.rows["x"] = b"a" * 2000
    for _ in range(10):
        await filling.fill(batch_of(known, "x"))
    assert filling.rows == 1


async def test_what_was_retired_still_fills_the_next_batch_and_none_after_it():
    filling, known = using(Rows({"x": b"one"}))
    filling.retire()
    first, second = batch_of(known, "x"), batch_of(known, "x")
    await filling.fill(first)
    await filling.fill(second)
    assert (values(first), values(second)) == (["one"], [UNAVAILABLE])
    assert filling.rows == 4 * FIRST_ROWS


def test_columns_of_the_key_are_not_read_again():
    wanted = ReselectSettings()
    assert columns_to_reread(wanted, plan(), ["id"]) == (1,)
    assert columns_to_reread(wanted, plan(), ["a"]) == (0,)
    assert columns_to_reread(wanted, plan(), []) == ()


async def test_what_cannot_be_seen_for_long_is_told_once(caplog, monkeypatch):
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async def attempt() -> str | None:
        return "seen" if sum(slept) > 30 else None

    monkeypatch.setattr(asyncio, "sleep", sleep)
    assert await until_visible(attempt, "It may wait") == "seen"
    assert (slept[0], max(slept)) == (reselection.FIRST_PAUSE, reselection.LONGEST_PAUSE)
    assert caplog.messages == [
        "columns cannot be read again as yet: the server does not show transactions that it has sent already. It may wait"
    ]
