"""The suite of source tasks lets a good one pass, and each of its checks catches a broken one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from cdc.errors import ConfigError
from cdc.model.connect_record import SourceRecord
from cdc.testing.conformance import source_task
from cdc.testing.conformance.source_task import SourceTaskConformance
from tests.unit.testing.conformance.suites import catches, checks

PARTITION = {"list": "values"}
MOST = 3


class World:
    """A list of values, and one place of which good tasks know nothing."""

    def __init__(self, kind: type[Any]) -> None:
        self.kind = kind
        self.values: list[str] = []
        self.more = asyncio.Event()
        self.place = 0
        self.properties = {"topic": "values"}
        self.refused: Mapping[str, str] = {}

    def task(self) -> Any:
        return self.kind(self)

    async def add(self, *values: str) -> None:
        self.values += values
        self.more.set()

    def value(self, record: SourceRecord) -> str:
        return str(record.value)


class Task:
    """Reads the list; the offset is how many values are done."""

    def __init__(self, world):
        self.world = world
        self.done = 0

    async def start(self, context):
        if "topic" not in context.properties:
            raise ConfigError("topic is not set", "Set it.")
        self.done = (await context.offset(PARTITION) or {"done": 0})["done"]

    async def poll(self):
        while self.done == len(self.world.values):
            self.world.more.clear()
            await self.world.more.wait()
        return self.next()

    def next(self):
        begin = self.done
        self.done = min(begin + MOST, len(self.world.values))
        return [self.record(number) for number in range(begin, self.done)]

    def record(self, number, **changes):
        found = {"source_partition": PARTITION, "source_offset": {"done": number + 1}, **changes}
        return SourceRecord(topic="values", value=self.world.values[number], **found)

    async def commit(self): ...

    async def stop(self): ...


class TestAGoodTask(SourceTaskConformance):
    @pytest.fixture
    def world(self):
        return World(Task)


class Reversing(Task):
    def next(self):
        return super().next()[::-1]


class ReadingWhatWasThereAtTheStart(Task):
    async def start(self, context):
        await super().start(context)
        self.there = len(self.world.values)

    async def poll(self):
        await asyncio.sleep(0.001)
        return super().next() if self.done < self.there else ()


class WithoutOffsets(Task):
    def record(self, number, **changes):
        return super().record(number, source_offset={})


class WithOffsetsThatAreNoJson(Task):
    def record(self, number, **changes):
        return super().record(number, source_offset={"done": {number + 1}})


class WithANumberInThePartition(Task):
    def record(self, number, **changes):
        return super().record(number, source_partition={"list": 1})


class WithOneOffsetForAll(Task):
    def record(self, number, **changes):
        return super().record(number, source_offset={"done": self.done})


class BeginningWithTheLastRecord(Task):
    def record(self, number, **changes):
        return super().record(number, source_offset={"done": number})


class RememberingWhatWasNotCommitted(Task):
    async def start(self, context):
        self.done = self.world.place

    def next(self):
        found = super().next()
        self.world.place = self.done
        return found


class WaitingWithRecordsInHand(Task):
    async def poll(self):
        found = await super().poll()
        await asyncio.sleep(0)
        return found


class NotStoppingWhileItPolls(Task):
    polling = False

    async def poll(self):
        self.polling = True
        found = await super().poll()
        self.polling = False
        return found

    async def stop(self):
        assert not self.polling


class RaisingWithoutRecords(Task):
    async def poll(self):
        self.world.values[self.done]
        return self.next()


class CommittingRecordsAlone(Task):
    async def commit(self):
        assert self.done


class TakingAnyConfiguration(Task):
    async def start(self, context):
        self.done = 0


class NotStoppingUnlessStarted(Task):
    started = False

    async def start(self, context):
        await super().start(context)
        self.started = True

    async def stop(self):
        assert self.started


BROKEN = [
    (Reversing, "records_come_once_and_in_order"),
    (ReadingWhatWasThereAtTheStart, "what_is_added_while_it_runs_comes_also"),
    (WithoutOffsets, "every_record_says_where_it_goes_and_where_it_was"),
    (WithOffsetsThatAreNoJson, "every_record_says_where_it_goes_and_where_it_was"),
    (WithANumberInThePartition, "every_record_says_where_it_goes_and_where_it_was"),
    (WithOneOffsetForAll, "every_offset_can_be_resumed_from"),
    (BeginningWithTheLastRecord, "behind_the_last_offset_comes_only_what_is_new"),
    (RememberingWhatWasNotCommitted, "what_was_not_committed_comes_again"),
    (WaitingWithRecordsInHand, "a_cancelled_poll_loses_nothing"),
    (NotStoppingWhileItPolls, "it_can_be_stopped_after_a_cancelled_poll"),
    (RaisingWithoutRecords, "the_loop_goes_on_while_it_waits"),
    (CommittingRecordsAlone, "commit_may_come_without_records"),
    (TakingAnyConfiguration, "it_can_be_stopped_after_a_start_that_failed"),
    (NotStoppingUnlessStarted, "it_can_be_stopped_after_a_start_that_failed"),
    (NotStoppingUnlessStarted, "it_can_be_stopped_without_start"),
]


@pytest.mark.parametrize(("broken", "check"), BROKEN, ids=lambda each: getattr(each, "__name__", None))
async def test_a_broken_task_is_caught(broken, check, monkeypatch):
    monkeypatch.setattr(source_task, "PATIENCE_SECONDS", 0.1)
    assert await catches(SourceTaskConformance, check, world=World(broken))


def test_every_check_has_caught_one():
    assert sorted({check for _, check in BROKEN}) == checks(SourceTaskConformance)
