"""What every `SchemaHistory` must do.

Subclass `SchemaHistoryConformance` as a test class and say how the storage is opened:

    class TestMyHistory(SchemaHistoryConformance):
        @pytest.fixture
        def storage(self, tmp_path):
            return lambda: opened(tmp_path)

`storage()` returns an async context manager that yields a history on the same storage each time, as a new process would open it. A history
that shares the transaction of the offset is yielded in an open one, which is committed at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from cdc.history.base import SchemaHistory
from cdc.history.records import HistoryRecord

Storage = Callable[[], AbstractAsyncContextManager[SchemaHistory]]


def _record(number: int, ddl: str = "CREATE TABLE t (id int)") -> HistoryRecord:
    return HistoryRecord(
        source={"server": "shop"},
        position={"file": "binlog.000001", "pos": number, "gtids": None, "ts_sec": 1},
        ts_ms=1_700_000_000_000 + number,
        database="shop",
        ddl=ddl,
        table_changes=({"type": "DROP", "id": '"shop"."t"'},),
        session={"ansi_quotes": True},
    )


class SchemaHistoryConformance:
    """The tests; see the module for how to use it."""

    async def test_a_new_history_is_empty(self, storage: Storage) -> None:
        async with storage() as history:
            assert isinstance(history, SchemaHistory)
            assert [record async for record in history.records()] == []

    async def test_what_was_recorded_is_there_after_opening_again_in_its_order(self, storage: Storage) -> None:
        async with storage() as history:
            await history.record([_record(1), _record(2)])
        async with storage() as history:
            await history.record([_record(3)])
        async with storage() as history:
            assert [record async for record in history.records()] == [_record(1), _record(2), _record(3)]

    async def test_a_statement_keeps_its_text(self, storage: Storage) -> None:
        statement = "CREATE TABLE `Grüße 東京 😀` (\r\n\t`a` text COMMENT 'it''s \\\\ \"x\"'\n)"
        async with storage() as history:
            await history.record([_record(1, statement)])
        async with storage() as history:
            assert [record.ddl async for record in history.records()] == [statement]

    async def test_a_statement_of_100_kilobytes_is_kept(self, storage: Storage) -> None:
        statement = "CREATE TABLE t (" + ", ".join(f"c{number} varchar(100)" for number in range(5000)) + ")"
        async with storage() as history:
            await history.record([_record(1, statement)])
        async with storage() as history:
            assert [record.ddl async for record in history.records()] == [statement]

    async def test_no_records_are_no_error(self, storage: Storage) -> None:
        async with storage() as history:
            await history.record([])
        async with storage() as history:
            assert [record async for record in history.records()] == []
