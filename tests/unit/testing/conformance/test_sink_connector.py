"""What the suite of sink connectors asks beyond that of sources; the checks that they share are proved there."""

from __future__ import annotations

from typing import Any

import pytest

from cdc.config.definition import Definition
from cdc.config.property import Property, Type
from cdc.errors import ConfigError
from cdc.model.connect_record import TopicPartition
from cdc.testing.conformance.connector import ConnectorConformance
from cdc.testing.conformance.sink_connector import SinkConnectorConformance
from tests.unit.testing.conformance.suites import catches, checks

ZERO = TopicPartition("orders", 0)


class Task:
    async def start(self, context): ...

    async def open(self, partitions): ...

    async def put(self, records): ...

    async def flush(self, offsets): ...

    async def pre_commit(self, offsets):
        return offsets

    async def close(self, partitions): ...

    async def stop(self): ...


class Nowhere:
    """A connector that throws records away."""

    version = "1.0"
    definition = Definition([Property("limit", Type.INT, "0", "How many at most.")])
    task: type | None = Task

    async def validate(self, properties):
        return ()

    async def start(self, properties):
        self.properties = properties

    async def task_configs(self, max_tasks):
        return [self.properties] * max_tasks

    async def alter_offsets(self, properties, offsets):
        if any(offset is not None and offset < 0 for offset in offsets.values()):
            raise ConfigError("an offset is negative", "Give 0 or more.")
        return True

    async def stop(self): ...


class World:
    def __init__(self, connector: Any) -> None:
        self.connector = connector
        self.properties = {"name": "away", "topics": "orders", "limit": "5"}
        self.offsets = {ZERO: 5}
        self.unusable = [{ZERO: -1}]


class TestAGoodConnector(SinkConnectorConformance):
    @pytest.fixture
    def world(self):
        return World(Nowhere)


class WithoutTask(Nowhere):
    task = None


class WithASourcesTask(Nowhere):
    class task:  # noqa: N801
        start = poll = commit = stop = lambda: None


class NotTakingRemovals(Nowhere):
    async def alter_offsets(self, properties, offsets):
        return min(offsets.values(), default=0) >= 0


@pytest.mark.parametrize(
    ("broken", "check"),
    [
        (WithoutTask, "its_task_is_made_without_arguments"),
        (WithASourcesTask, "its_task_is_made_without_arguments"),
        (NotTakingRemovals, "offsets_that_it_can_use_are_taken_before_it_is_started"),
    ],
)
async def test_a_broken_connector_is_caught(broken, check):
    assert await catches(SinkConnectorConformance, check, world=World(broken))


def test_the_checks_are_those_of_sources():
    assert checks(SinkConnectorConformance) == checks(ConnectorConformance)
