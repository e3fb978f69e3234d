"""The file sink's configuration and tasks."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdc.errors import ConfigError
from cdc.sinks.file.connector import FileStreamSinkConnector
from cdc.sinks.file.task import FileStreamSinkTask
from cdc.testing.conformance.sink_connector import SinkConnectorConformance
from cdc.testing.conformance.sink_task import ONE, ZERO


class FileWorld:
    connector = FileStreamSinkConnector

    def __init__(self, folder: Path) -> None:
        self.properties = {"name": "lines", "topics": "letters", "file": str(folder / "out.txt"), "format": "json"}
        self.offsets = {ZERO: 4, ONE: 0}
        self.unusable = [{ZERO: -1}, {ZERO: 4, ONE: -5}]


class TestConformance(SinkConnectorConformance):
    @pytest.fixture
    def world(self, tmp_path):
        return FileWorld(tmp_path)


async def test_one_file_has_one_task():
    connector = FileStreamSinkConnector()
    properties = {"name": "lines", "file": "/tmp/out.txt", "topics": "a", "tasks.max": "4"}
    assert await connector.validate(properties) == ()
    await connector.start(properties)
    assert await connector.task_configs(4) == [properties]
    assert connector.task is FileStreamSinkTask
    await connector.stop()


@pytest.mark.parametrize(
    ("properties", "names"),
    [({"file": "a"}, []), ({}, ["file"]), ({"file": " "}, ["file"]), ({"file": "a", "format": "xml"}, ["format"])],
)
def test_values_are_checked(properties, names):
    _, problems = FileStreamSinkConnector.definition.examine(properties)
    assert [problem.name for problem in problems] == names


async def test_altering_offsets_of_a_file_that_was_never_written_makes_none(tmp_path):
    properties = {"name": "lines", "file": str(tmp_path / "out.txt")}
    assert await FileStreamSinkConnector().alter_offsets(properties, {ZERO: 4}) is True
    assert list(tmp_path.iterdir()) == []


async def test_a_negative_offset_is_refused(tmp_path):
    properties = {"name": "lines", "file": str(tmp_path / "out.txt")}
    with pytest.raises(ConfigError, match="the offset -1 of letters-0 is negative"):
        await FileStreamSinkConnector().alter_offsets(properties, {ZERO: -1})
