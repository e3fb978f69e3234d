"""The suite of sink tasks lets a good one pass, and each of its checks catches a broken one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from cdc.errors import ConfigError
from cdc.model.connect_record import SinkRecord, TopicPartition
from cdc.testing.conformance.sink_task import SinkTaskConformance
from tests.unit.testing.conformance.suites import catches, checks


class World:
    """A disk that keeps what was written, with the offsets behind it."""

    def __init__(self, kind: type[Any]) -> None:
        self.kind = kind
        self.written: list[str] = []
        self.offsets: dict[TopicPartition, int] = {}
        self.locked = False
        self.properties = {"disk": "memory"}
        self.refused: Mapping[str, str] = {}

    def task(self) -> Any:
        return self.kind(self)

    def crash(self, task: Any) -> None:
        self.locked = False

    async def values(self) -> Sequence[str]:
        return self.written


def where(record: SinkRecord) -> TopicPartition:
    return TopicPartition(record.original_topic, record.original_partition)


class Task:
    """Writes at a commit, records and offsets in one step."""

    def __init__(self, world):
        self.world = world
        self.pending: list[SinkRecord] = []
        self.next: dict[TopicPartition, int] = {}

    async def start(self, context):
        if "disk" not in context.properties:
            raise ConfigError("disk is not set", "Set it.")
        self.context = context

    async def open(self, partitions):
        self.next |= {each: self.world.offsets.get(each, 0) for each in partitions}
        self.context.seek({each: self.next[each] for each in partitions if self.next[each]})

    async def put(self, records):
        for record in records:
            if record.original_offset >= self.next[where(record)]:
                self.pending.append(record)
                self.next[where(record)] = record.original_offset + 1

    async def flush(self, offsets):
        self.world.written += [str(record.value) for record in self.pending]
        self.world.offsets |= self.next
        self.pending = []

    async def pre_commit(self, offsets):
        await self.flush(offsets)
        return offsets

    async def close(self, partitions): ...

    async def stop(self): ...


class TestAGoodTask(SinkTaskConformance):
    @pytest.fixture
    def world(self):
        return World(Task)


class Reversing(Task):
    async def flush(self, offsets):
        self.pending.reverse()
        await super().flush(offsets)


class Losing(Task):
    async def put(self, records):
        await super().put(records[:-1])


class NeedingRecords(Task):
    async def put(self, records):
        self.first = records[0]
        await super().put(records)


class CommittingOnlyWhatIsNew(Task):
    async def pre_commit(self, offsets):
        new = bool(self.pending)
        await self.flush(offsets)
        return offsets if new else {}


class CommittingBeforeItWrites(Task):
    async def pre_commit(self, offsets):
        return offsets

    async def stop(self):
        await self.flush({})


class CommittingMoreThanItWasGiven(Task):
    async def pre_commit(self, offsets):
        await self.flush(offsets)
        return {each: offset + 1 for each, offset in offsets.items()}


class RelyingOnTheGroupsOffsets(Task):
    async def open(self, partitions):
        self.next |= dict.fromkeys(partitions, 0)


class WritingAtItsEndWithoutOffsets(Task):
    async def stop(self):
        self.world.written += [str(record.value) for record in self.pending]


class TakingRecordsTwice(Task):
    async def put(self, records):
        self.next = dict.fromkeys(self.next, 0)
        await super().put(records)


class OpeningOnce(Task):
    opened = False

    async def open(self, partitions):
        assert not self.opened
        self.opened = True
        await super().open(partitions)


class KeepingTheDisk(Task):
    async def start(self, context):
        assert not self.world.locked
        self.world.locked = True
        await super().start(context)


class TakingAnyConfiguration(Task):
    async def start(self, context):
        self.context = context


class NotStoppingUnlessStarted(Task):
    async def stop(self):
        del self.context


BROKEN = [
    (Reversing, "committed_records_are_there_in_order"),
    (Losing, "committed_records_are_there_in_order"),
    (NeedingRecords, "put_may_come_with_nothing"),
    (CommittingOnlyWhatIsNew, "a_commit_may_come_with_nothing_new"),
    (CommittingBeforeItWrites, "what_pre_commit_returned_survives_a_crash"),
    (CommittingMoreThanItWasGiven, "what_pre_commit_returned_survives_a_crash"),
    (RelyingOnTheGroupsOffsets, "after_a_crash_at_any_step_each_record_is_there_once"),
    (WritingAtItsEndWithoutOffsets, "after_a_stop_without_commit_each_record_is_there_once"),
    (TakingRecordsTwice, "records_that_come_again_are_there_once"),
    (OpeningOnce, "partitions_come_and_go"),
    (KeepingTheDisk, "another_task_goes_on_with_partitions_that_were_closed"),
    (TakingAnyConfiguration, "it_can_be_stopped_after_a_start_that_failed"),
    (NotStoppingUnlessStarted, "it_can_be_stopped_after_a_start_that_failed"),
    (NotStoppingUnlessStarted, "it_can_be_stopped_without_start"),
]


@pytest.mark.parametrize(("broken", "check"), BROKEN, ids=lambda each: getattr(each, "__name__", None))
async def test_a_broken_task_is_caught(broken, check):
    assert await catches(SinkTaskConformance, check, world=World(broken))


def test_every_check_has_caught_one():
    assert sorted({check for _, check in BROKEN}) == checks(SinkTaskConformance)
