import json
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cdc.errors import CdcError, HistoryUnreadable
from cdc.history.file import FileSchemaHistory
from cdc.history.records import HistoryRecord
from cdc.testing.conformance.history import SchemaHistoryConformance

GOLDEN = Path(__file__).parents[2] / "golden" / "mysql" / "schema_history_captured_only" / "expected.jsonl"


class TestFileSchemaHistory(SchemaHistoryConformance):
    @pytest.fixture
    def storage(self, tmp_path):
        @asynccontextmanager
        async def opened():
            yield FileSchemaHistory(tmp_path / "folder" / "history.jsonl")

        return opened


def record(number):
    return HistoryRecord(source={"server": "s"}, position={"pos": number}, ts_ms=1, database="d", ddl=f"DDL {number}")


async def read(path):
    return [found async for found in FileSchemaHistory(path).records()]


async def test_a_history_of_debezium_is_taken_up(tmp_path):
    lines = [json.loads(line) for line in GOLDEN.read_text().splitlines()]
    values = [{**line["value"], "ts_ms": 5} for line in lines if line["topic"].startswith("hist.")]
    path = tmp_path / "history.dat"
    path.write_text("".join(json.dumps(value) + "\n" for value in values))
    assert [json.loads(found.encode()) for found in await read(path)] == values


@pytest.mark.parametrize("cut", [1, 10, 40])
async def test_a_line_that_was_cut_off_is_passed_over_and_taken_away(tmp_path, cut):
    path = tmp_path / "history.jsonl"
    history = FileSchemaHistory(path)
    await history.record([record(1), record(2)])
    path.write_bytes(path.read_bytes()[:-cut])
    assert await read(path) == [record(1)]
    await history.record([record(3)])
    assert await read(path) == [record(1), record(3)]


async def test_a_line_that_is_no_record_is_an_error_with_its_place(tmp_path):
    path = tmp_path / "history.jsonl"
    await FileSchemaHistory(path).record([record(1)])
    for spoiled in (b"{\n", b"[]\n", b'{"source": 1}\n'):
        content = path.read_bytes()
        path.write_bytes(content + spoiled)
        with pytest.raises(HistoryUnreadable, match=r"line 2 of .*history\.jsonl"):
            await read(path)
        path.write_bytes(content)


async def test_a_folder_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CdcError, match="cannot be written"):
        await FileSchemaHistory(tmp_path / "file" / "history.jsonl").record([record(1)])
