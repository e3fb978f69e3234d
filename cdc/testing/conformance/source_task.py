"""What every `SourceTask` must do.

Subclass `SourceTaskConformance` as a test class and say what the source is:

    class TestMyTask(SourceTaskConformance):
        @pytest.fixture
        def world(self, tmp_path):
            return MyWorld(tmp_path)

`world` is a `SourceTaskWorld`: a source to which values can be added, and tasks that read it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from cdc.errors import CdcError
from cdc.model.connect_record import SourceRecord
from cdc.model.position import Offset
from cdc.sources.connector import Properties, SourceTask

PATIENCE_SECONDS = 20.0
VALUES = tuple(f"value {number} Grüße 東京 😀" for number in range(7))


class SourceTaskWorld(Protocol):
    """A source, empty at first, that delivers the values added to it in their order, and each once."""

    @property
    def properties(self) -> Properties:
        """The configuration of a task of this source; `poll` returns at most 3 records by it, where there is such a limit."""

    @property
    def refused(self) -> Properties:
        """A configuration with which `start` raises CdcError."""

    def task(self) -> SourceTask:
        """Return a new task, not started, as a new process would make it."""

    async def add(self, *values: str) -> None:
        """Add values at the end, and make them visible."""

    def value(self, record: SourceRecord) -> str:
        """Return which of the values a record stands for."""


@dataclass
class CommittedOffsets:
    """A `SourceTaskContext` with the offsets of records that are in Kafka, kept as JSON."""

    properties: Properties
    stored: dict[str, str] = field(default_factory=dict)

    async def offset(self, partition: Mapping[str, str]) -> Offset | None:
        """See `SourceTaskContext.offset`."""
        found = self.stored.get(_name(partition))
        return None if found is None else dict(json.loads(found))

    def commit(self, records: Sequence[SourceRecord]) -> None:
        """Keep the newest offset of each partition."""
        for record in records:
            self.stored[_name(record.source_partition)] = json.dumps(dict(record.source_offset))


def _name(partition: Mapping[str, str]) -> str:
    return json.dumps(dict(partition), sort_keys=True)


async def read(task: SourceTask, number: int) -> list[SourceRecord]:
    """Poll a started task until it has returned so many records."""
    records: list[SourceRecord] = []
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(records) < number:
                records += await task.poll()
    except TimeoutError as error:
        raise AssertionError(f"only {len(records)} of {number} records came within {PATIENCE_SECONDS} s") from error
    return records


async def cancelled(work: asyncio.Task[Sequence[SourceRecord]]) -> Sequence[SourceRecord]:
    """Cancel a call of `poll`, and return what it returned if it was faster."""
    work.cancel()
    try:
        return await work
    except asyncio.CancelledError:
        return ()


class SourceTaskConformance:
    """The tests; see the module for how to use it."""

    async def read_from(self, world: SourceTaskWorld, context: CommittedOffsets, number: int) -> list[SourceRecord]:
        """Start a new task, read so many records, commit them, and stop it."""
        task = world.task()
        try:
            await task.start(context)
            records = await read(task, number)
            context.commit(records)
            await task.commit()
            return records
        finally:
            await task.stop()

    async def test_records_come_once_and_in_order(self, world: SourceTaskWorld) -> None:
        await world.add(*VALUES)
        records = await self.read_from(world, CommittedOffsets(world.properties), len(VALUES))
        assert [world.value(record) for record in records] == list(VALUES)

    async def test_what_is_added_while_it_runs_comes_also(self, world: SourceTaskWorld) -> None:
        task = world.task()
        try:
            await task.start(CommittedOffsets(world.properties))
            for value in VALUES:
                await world.add(value)
                assert [world.value(record) for record in await read(task, 1)] == [value]
        finally:
            await task.stop()

    async def test_every_record_says_where_it_goes_and_where_it_was(self, world: SourceTaskWorld) -> None:
        await world.add(*VALUES)
        for record in await self.read_from(world, CommittedOffsets(world.properties), len(VALUES)):
            assert record.topic
            assert all(isinstance(text, str) for item in record.source_partition.items() for text in item)
            offset = dict(record.source_offset)
            assert offset
            assert json.loads(json.dumps(offset)) == offset

    async def test_every_offset_can_be_resumed_from(self, world: SourceTaskWorld) -> None:
        await world.add(*VALUES)
        records = await self.read_from(world, CommittedOffsets(world.properties), len(VALUES))
        for done in range(len(records)):
            context = CommittedOffsets(world.properties)
            context.commit(records[:done])
            rest = await self.read_from(world, context, len(VALUES) - done)
            assert [world.value(record) for record in rest] == list(VALUES[done:])

    async def test_behind_the_last_offset_comes_only_what_is_new(self, world: SourceTaskWorld) -> None:
        await world.add(*VALUES[:4])
        context = CommittedOffsets(world.properties)
        await self.read_from(world, context, 4)
        await world.add(*VALUES[4:])
        rest = await self.read_from(world, context, len(VALUES) - 4)
        assert [world.value(record) for record in rest] == list(VALUES[4:])

    async def test_what_was_not_committed_comes_again(self, world: SourceTaskWorld) -> None:
        await world.add(*VALUES)
        for _ in range(2):
            records = await self.read_from(world, CommittedOffsets(world.properties), len(VALUES))
            assert [world.value(record) for record in records] == list(VALUES)

    async def test_a_cancelled_poll_loses_nothing(self, world: SourceTaskWorld) -> None:
        task = world.task()
        records: list[SourceRecord] = []
        try:
            await task.start(CommittedOffsets(world.properties))
            for steps, value in enumerate(VALUES):
                polling = asyncio.ensure_future(task.poll())
                await world.add(value)
                for _ in range(steps):
                    await asyncio.sleep(0)
                records += await cancelled(polling)
            records += await read(task, len(VALUES) - len(records))
        finally:
            await task.stop()
        assert [world.value(record) for record in records] == list(VALUES)

    async def test_it_can_be_stopped_after_a_cancelled_poll(self, world: SourceTaskWorld) -> None:
        context = CommittedOffsets(world.properties)
        for number, value in enumerate(VALUES):
            task = world.task()
            await task.start(context)
            polling = asyncio.ensure_future(task.poll())
            # Cancelled as it waits, or as it finds something.
            steps = (asyncio.sleep(0), world.add(value)) if number % 2 else (world.add(value), asyncio.sleep(0))
            for step in steps:
                await step
            context.commit(await cancelled(polling))
            await task.stop()
        done = await self.read_from(world, CommittedOffsets(world.properties), len(VALUES))
        assert [world.value(record) for record in done] == list(VALUES)

    async def test_the_loop_goes_on_while_it_waits(self, world: SourceTaskWorld) -> None:
        task = world.task()
        try:
            await task.start(CommittedOffsets(world.properties))
            polling = asyncio.ensure_future(read(task, 1))
            for _ in range(100):
                await asyncio.sleep(0)
            assert not polling.done()
            await world.add(VALUES[0])
            assert [world.value(record) for record in await polling] == [VALUES[0]]
        finally:
            await task.stop()

    async def test_commit_may_come_without_records(self, world: SourceTaskWorld) -> None:
        task = world.task()
        try:
            await task.start(CommittedOffsets(world.properties))
            await task.commit()
            await world.add(VALUES[0])
            assert len(await read(task, 1)) == 1
            await task.commit()
            await task.commit()
        finally:
            await task.stop()

    async def test_it_can_be_stopped_after_a_start_that_failed(self, world: SourceTaskWorld) -> None:
        task = world.task()
        failed = False
        try:
            await task.start(CommittedOffsets(world.refused))
        except CdcError as error:
            failed = bool(error.sentence())
        finally:
            await task.stop()
        assert failed, "start took a configuration that cannot be used"

    async def test_it_can_be_stopped_without_start(self, world: SourceTaskWorld) -> None:
        await world.task().stop()
