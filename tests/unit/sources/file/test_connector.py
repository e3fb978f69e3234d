"""The file source's configuration and what may be stored as its offsets: Connect's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cdc.config.property import REQUIRED
from cdc.errors import ConfigError
from cdc.sources.file.connector import FileStreamSourceConnector
from cdc.sources.file.task import FileStreamSourceTask
from cdc.testing.conformance.source_connector import SourceConnectorConformance

GOLDEN = Path(__file__).parents[3] / "golden" / "connect-rest.jsonl"
HERE = {"filename": "/tmp/in.txt"}


class FileWorld:
    connector = FileStreamSourceConnector

    def __init__(self, folder: Path) -> None:
        self.properties = {"name": "files", "file": str(folder / "in.txt"), "topic": "lines"}
        self.offsets = [(HERE, {"position": 4})]
        self.unusable = [[(HERE, {"position": -1})], [({"table": "orders"}, {"position": 4})]]


class TestConformance(SourceConnectorConformance):
    @pytest.fixture
    def world(self, tmp_path):
        return FileWorld(tmp_path)


def of_connect() -> dict[str, dict[str, object]]:
    """Return the definitions that a Kafka Connect worker answered, by name."""
    for line in GOLDEN.read_text().splitlines():
        exchange = json.loads(line)
        if exchange["path"] == "/connector-plugins/FileStreamSource/config":
            return {key["name"]: key for key in exchange["answer"]}
    raise AssertionError("not recorded")


@pytest.mark.parametrize("name", ["file", "topic", "batch.size"])
def test_the_properties_are_connects(name):
    ours, theirs = FileStreamSourceConnector.definition.find(name), of_connect()[name]
    assert ours is not None
    assert ours.type == theirs["type"]
    assert ours.importance == theirs["importance"]
    assert ours.required == theirs["required"]
    assert (None if ours.default is REQUIRED else ours.default) == theirs["default_value"]
    documentation = str(theirs["documentation"])
    assert ours.doc == documentation or name == "file", "standard input is not read here"


async def test_there_is_always_one_task():
    connector = FileStreamSourceConnector()
    properties = {"name": "files", "file": "/tmp/in.txt", "topic": "t"}
    await connector.start(properties)
    assert await connector.task_configs(8) == [properties]
    assert connector.task is FileStreamSourceTask
    await connector.stop()


@pytest.mark.parametrize(("properties", "problems"), [({"file": "a"}, []), ({}, ["file"]), ({"file": " "}, ["file"])])
async def test_a_file_is_needed(properties, problems):
    assert [problem.name for problem in await FileStreamSourceConnector().validate(properties)] == problems


@pytest.mark.parametrize(
    ("properties", "names"),
    [
        ({"topic": "t"}, []),
        ({}, ["topic"]),
        ({"topic": "a b"}, ["topic"]),
        ({"topic": "t", "batch.size": "0"}, ["batch.size"]),
        ({"topic": "t", "batch.size": "many"}, ["batch.size"]),
    ],
)
def test_values_are_checked(properties, names):
    _, problems = FileStreamSourceConnector.definition.examine(properties)
    assert [problem.name for problem in problems] == names


@pytest.mark.parametrize(
    "change",
    [
        (HERE, {"position": 0}),
        (HERE, {"position": 2**40}),
        (HERE, {"position": 4, "inode": 12, "fingerprint": "0011aabb"}),
        ({"filename": "/tmp/of-an-earlier-configuration"}, {"position": 1}),
        (HERE, None),
        ({"rubbish": "1"}, None),
    ],
)
async def test_offsets_that_are_taken(change):
    assert await FileStreamSourceConnector().alter_offsets({}, [change]) is True


@pytest.mark.parametrize(
    ("change", "fact"),
    [
        (({}, {"position": 1}), "is none of a file source"),
        (({"file": "/tmp/in.txt"}, {"position": 1}), "is none of a file source"),
        (({**HERE, "more": "1"}, {"position": 1}), "is none of a file source"),
        ((HERE, {}), "it has no position"),
        ((HERE, {"position": "1"}), "its position is not a whole number"),
        ((HERE, {"position": 1.5}), "its position is not a whole number"),
        ((HERE, {"position": -1}), "its position is negative"),
    ],
)
async def test_offsets_that_are_refused(change, fact):
    with pytest.raises(ConfigError, match=fact) as caught:
        await FileStreamSourceConnector().alter_offsets({}, [(HERE, {"position": 1}), change])
    assert caught.value.remedy
