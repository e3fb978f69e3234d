"""What every `SinkTask` must do.

Subclass `SinkTaskConformance` as a test class and say what the destination is:

    class TestMyTask(SinkTaskConformance):
        @pytest.fixture
        def world(self, tmp_path):
            return MyWorld(tmp_path)

`world` is a `SinkTaskWorld`: a destination that can be looked into, and tasks that write to it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from cdc.errors import CdcError
from cdc.model.connect_record import SinkRecord, TopicPartition
from cdc.model.schema import STRING
from cdc.sinks.base import Offsets, Properties, SinkTask

ZERO, ONE = TopicPartition("letters", 0), TopicPartition("letters", 1)
NUMBER = 8


class SinkTaskWorld(Protocol):
    """A destination, empty at first."""

    @property
    def properties(self) -> Properties:
        """The configuration of a task that writes to it."""

    @property
    def refused(self) -> Properties:
        """A configuration with which `start` raises CdcError."""

    def task(self) -> SinkTask:
        """Return a new task, not started, as a new process would make it."""

    def crash(self, task: SinkTask) -> None:
        """Let go of what the system takes from a killed process, such as locks; nothing else."""

    async def values(self) -> Sequence[str]:
        """Return the values of the records that are there, those of one partition in their order."""


def record(where: TopicPartition, offset: int) -> SinkRecord:
    """Return the record at a place; its key and its value name that place."""
    name = f"{where.topic}-{where.partition}@{offset} Grüße 東京 😀"
    return SinkRecord(
        topic=where.topic,
        kafka_partition=where.partition,
        kafka_offset=offset,
        key=name,
        key_schema=STRING,
        value=name,
        value_schema=STRING,
        timestamp_ms=1_700_000_000_000 + offset,
        original_topic=where.topic,
        original_partition=where.partition,
        original_offset=offset,
    )


def values(where: TopicPartition, *offsets: int) -> list[str]:
    """Return the values of the records at these places."""
    return [str(record(where, offset).value) for offset in offsets]


@dataclass
class Reading:
    """A `SinkTaskContext`, and the consumer behind it: what a runtime keeps for one task, and Kafka for its group."""

    properties: Properties
    committed: dict[TopicPartition, int] = field(default_factory=dict)
    position: dict[TopicPartition, int] = field(default_factory=dict)
    reported: list[SinkRecord] = field(default_factory=list)

    def assignment(self) -> Collection[TopicPartition]:
        """See `SinkTaskContext.assignment`."""
        return tuple(self.position)

    def seek(self, offsets: Offsets) -> None:
        """See `SinkTaskContext.seek`."""
        assert set(offsets) <= set(self.position), "only partitions that are assigned can be sought"
        self.position |= offsets

    def pause(self, partitions: Collection[TopicPartition]) -> None:
        """See `SinkTaskContext.pause`."""

    def resume(self, partitions: Collection[TopicPartition]) -> None:
        """See `SinkTaskContext.resume`."""

    async def report(self, record: SinkRecord, error: Exception) -> None:
        """See `SinkTaskContext.report`."""
        self.reported.append(record)

    def take(self, where: TopicPartition, number: int) -> list[SinkRecord]:
        """Return the next records of a partition, and go on behind them."""
        begin = self.position[where]
        self.position[where] = begin + number
        return [record(where, offset) for offset in range(begin, begin + number)]

    def rest(self, where: TopicPartition) -> list[SinkRecord]:
        """Return all the records that a partition still has, of NUMBER."""
        return self.take(where, max(0, NUMBER - self.position[where]))


async def begun(world: SinkTaskWorld, reading: Reading, *partitions: TopicPartition) -> SinkTask:
    """Return a task that was started, and has partitions open at their committed offsets or where it wants to be."""
    task = world.task()
    await task.start(reading)
    await assigned(task, reading, *partitions)
    return task


async def assigned(task: SinkTask, reading: Reading, *partitions: TopicPartition) -> None:
    """Open partitions."""
    for where in partitions:
        reading.position[where] = reading.committed.get(where, 0)
    await task.open(partitions)


async def committed(task: SinkTask, reading: Reading) -> Mapping[TopicPartition, int]:
    """Commit what the task allows, and return it."""
    allowed = await task.pre_commit(dict(reading.position))
    for where, offset in allowed.items():
        assert offset <= reading.position[where], "it was never given what it says is durable"
    reading.committed |= allowed
    return allowed


class SinkTaskConformance:
    """The tests; see the module for how to use it."""

    async def finished(self, world: SinkTaskWorld, reading: Reading, *partitions: TopicPartition) -> None:
        """Deliver what is missing with a new task, commit and stop it."""
        task = await begun(world, reading, *partitions)
        for where in partitions:
            await task.put(reading.rest(where))
        await committed(task, reading)
        await task.stop()

    async def check(self, world: SinkTaskWorld, *partitions: TopicPartition) -> None:
        """Each record is there once, those of a partition in order."""
        there = await world.values()
        for where in partitions:
            wanted = values(where, *range(NUMBER))
            assert [value for value in there if value.startswith(f"{where.topic}-{where.partition}@")] == wanted
        assert len(there) == NUMBER * len(partitions)

    async def test_committed_records_are_there_in_order(self, world: SinkTaskWorld) -> None:
        await self.finished(world, Reading(world.properties), ZERO, ONE)
        await self.check(world, ZERO, ONE)

    async def test_put_may_come_with_nothing(self, world: SinkTaskWorld) -> None:
        reading = Reading(world.properties)
        task = await begun(world, reading)
        await task.put([])
        await assigned(task, reading, ZERO)
        await task.put([])
        await task.put(reading.rest(ZERO))
        await task.put([])
        await committed(task, reading)
        await task.stop()
        await self.check(world, ZERO)

    async def test_a_commit_may_come_with_nothing_new(self, world: SinkTaskWorld) -> None:
        reading = Reading(world.properties)
        task = await begun(world, reading, ZERO)
        await committed(task, reading)
        await task.put(reading.rest(ZERO))
        await committed(task, reading)
        assert await committed(task, reading) == {ZERO: NUMBER}
        await task.flush(dict(reading.position))
        await task.stop()
        await self.check(world, ZERO)

    async def test_what_pre_commit_returned_survives_a_crash(self, world: SinkTaskWorld) -> None:
        reading = Reading(world.properties)
        task = await begun(world, reading, ZERO)
        await task.put(reading.take(ZERO, NUMBER))
        allowed = await committed(task, reading)
        world.crash(task)
        task = await begun(world, reading, ZERO)
        assert list(await world.values()) == values(ZERO, *range(allowed[ZERO]))
        await task.stop()

    async def test_after_a_crash_at_any_step_each_record_is_there_once(self, world: SinkTaskWorld) -> None:
        """Every two steps the process is killed: behind a put, behind a pre_commit, behind the commit of its offsets."""
        reading = Reading(world.properties)
        for step in range(3 * 2):
            task = await begun(world, reading, ZERO, ONE)
            await task.put([*reading.take(ZERO, 1), *reading.take(ONE, 1)])
            if step % 3 == 1:
                await task.pre_commit(dict(reading.position))
            if step % 3 == 2:
                await committed(task, reading)
                await task.put([*reading.take(ONE, 1)])
            world.crash(task)
        await self.finished(world, reading, ZERO, ONE)
        await self.check(world, ZERO, ONE)

    async def test_after_a_stop_without_commit_each_record_is_there_once(self, world: SinkTaskWorld) -> None:
        reading = Reading(world.properties)
        for _ in range(3):
            task = await begun(world, reading, ZERO)
            await task.put(reading.take(ZERO, 3))
            await task.stop()
        await self.finished(world, reading, ZERO)
        await self.check(world, ZERO)

    async def test_records_that_come_again_are_there_once(self, world: SinkTaskWorld) -> None:
        reading = Reading(world.properties)
        task = await begun(world, reading, ZERO)
        for _ in range(2):
            reading.position[ZERO] = 0
            await task.put(reading.take(ZERO, 5))
        await task.put(reading.rest(ZERO))
        await committed(task, reading)
        await task.stop()
        await self.check(world, ZERO)

    async def test_partitions_come_and_go(self, world: SinkTaskWorld) -> None:
        reading = Reading(world.properties)
        task = await begun(world, reading, ZERO, ONE)
        await task.put([*reading.take(ZERO, 3), *reading.take(ONE, 3)])
        await committed(task, reading)
        await task.close([ONE])
        del reading.position[ONE]
        await task.put(reading.rest(ZERO))
        await committed(task, reading)
        await assigned(task, reading, ONE)
        await task.put(reading.rest(ONE))
        await committed(task, reading)
        await task.close([ZERO, ONE])
        await task.stop()
        await self.check(world, ZERO, ONE)

    async def test_another_task_goes_on_with_partitions_that_were_closed(self, world: SinkTaskWorld) -> None:
        reading = Reading(world.properties)
        task = await begun(world, reading, ZERO, ONE)
        await task.put([*reading.take(ZERO, 3), *reading.take(ONE, 2)])
        await committed(task, reading)
        await task.close([ZERO, ONE])
        await task.stop()
        await self.finished(world, reading, ZERO, ONE)
        await self.check(world, ZERO, ONE)

    async def test_it_can_be_stopped_after_a_start_that_failed(self, world: SinkTaskWorld) -> None:
        task = world.task()
        failed = False
        try:
            await task.start(Reading(world.refused))
        except CdcError as error:
            failed = bool(error.sentence())
        finally:
            await task.stop()
        assert failed, "start took a configuration that cannot be used"

    async def test_it_can_be_stopped_without_start(self, world: SinkTaskWorld) -> None:
        await world.task().stop()
