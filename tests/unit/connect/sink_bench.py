"""What a sink task needs around it, in memory."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, ClassVar

from cdc.config.definition import Definition
from cdc.connect.dead_letters import DeadLetterQueue
from cdc.connect.herder import TaskId
from cdc.connect.sink_task import SinkRecordReader, WorkerSinkTask
from cdc.connect.tolerance import ErrorSettings, Tolerance
from cdc.connect.transformation import TransformationChain
from cdc.errors import ConversionError
from cdc.kafka.consumer import ConsumedRecord
from cdc.model.connect_record import SchemaAndValue, TopicPartition

A, B = TopicPartition("t", 0), TopicPartition("t", 1)
TASK = TaskId("shop", 0)
TOLERANT = ErrorSettings(tolerate=True, dead_letter_topic="dead", dead_letter_headers=True)


class Time:
    def __init__(self):
        self.now = 0.0

    def clock(self):
        return self.now

    async def sleep(self, seconds):
        self.now += seconds
        await asyncio.sleep(0)


class MemoryConsumer:
    """A member of a group, in memory: rebalances are what the test asks for, and waiting for records moves the clock."""

    def __init__(self, time, log):
        self.time = time
        self.log = log
        self.log_at = dict.fromkeys(log, 0)
        self.assigned = set()
        self.paused = set()
        self.commits = []
        self.commit_errors: deque[Exception] = deque()
        self.rebalances: deque[tuple[str, Any]] = deque()
        self.polls = 0
        self.most = 100
        self.stopped = False

    async def start(self, topics, listener):
        self.topics = topics
        self.listener = listener

    def give(self, *partitions, at=0):
        self.rebalances.append(("assigned", dict.fromkeys(partitions, at)))

    def take(self, *partitions):
        self.rebalances.append(("revoked", set(partitions)))

    async def poll(self, seconds):
        self.polls += 1
        await asyncio.sleep(0)
        if self.rebalances:
            while self.rebalances:
                await self._rebalance(*self.rebalances.popleft())
            return []
        found = [record for each in sorted(self.assigned - self.paused) for record in self._next(each)]
        if not found:
            self.time.now += seconds
        return found

    async def _rebalance(self, kind, partitions):
        if kind == "assigned":
            self.assigned |= set(partitions)
            self.log_at.update(partitions)
            await self.listener.assigned(partitions)
        else:
            await self.listener.revoked(partitions)
            self.assigned -= partitions
            self.paused -= partitions

    def _next(self, partition):
        found = [record for record in self.log[partition] if record.offset >= self.log_at[partition]][: self.most]
        if found:
            self.log_at[partition] = found[-1].offset + 1
        return found

    def wakeup(self):
        pass

    def seek(self, offsets):
        assert set(offsets) <= self.assigned
        self.log_at.update(offsets)

    def pause(self, partitions):
        self.paused |= set(partitions)

    def resume(self, partitions):
        self.paused -= set(partitions)

    async def commit(self, offsets):
        if self.commit_errors:
            raise self.commit_errors.popleft()
        self.commits.append(dict(offsets))

    async def stop(self):
        self.stopped = True


class Text:
    """Converts UTF-8; the word poison is none of it."""

    definition: ClassVar[Definition] = Definition(())

    def configure(self, properties, *, is_key=False):
        pass

    def to_connect_data(self, topic, data):
        if data == b"poison":
            raise ConversionError("it is poison")
        return SchemaAndValue(None, None if data is None else data.decode())

    def from_connect_data(self, topic, schema, value):
        return None if value is None else value.encode()

    def to_connect_header(self, topic, key, data):
        return self.to_connect_data(topic, data)

    def from_connect_header(self, topic, key, schema, value):
        return self.from_connect_data(topic, schema, value)


class LeaveOut:
    """Leaves out the value skip, and moves the others to another topic."""

    definition: ClassVar[Definition] = Definition(())

    def configure(self, properties):
        pass

    def apply(self, record):
        return None if record.value == "skip" else replace(record, topic="routed")

    def close(self):
        pass


class Sink:
    """A task that notes its calls; `on_put` and the like are what it does besides."""

    def __init__(self):
        self.calls = []
        self.values = []
        self.on_start = self.on_open = self.on_put = self.on_pre_commit = self.on_close = None

    async def _note(self, call, hook, *arguments):
        self.calls.append(call)
        return await hook(*arguments) if hook is not None else None

    async def start(self, context):
        self.context = context
        await self._note("start", self.on_start)

    async def open(self, partitions):
        await self._note("open", self.on_open, partitions)

    async def put(self, records):
        if records:
            await self._note("put", self.on_put, records)
            self.values += [record.value for record in records]

    async def flush(self, offsets):
        raise AssertionError("pre_commit is this task's own")

    async def pre_commit(self, offsets):
        found = await self._note("pre_commit", self.on_pre_commit, dict(offsets))
        return offsets if found is None else found

    async def close(self, partitions):
        await self._note("close", self.on_close, partitions)

    async def stop(self):
        await self._note("stop", None)


class Letters:
    def __init__(self):
        self.written = []

    async def write(self, record):
        self.written.append(record)


def record(offset, value, partition=0, headers=()):
    return ConsumedRecord("t", partition, offset, 1000 + offset, b"k", value, headers)


def records(*values, partition=0, first=0):
    return [record(offset, value, partition) for offset, value in enumerate(values, first)]


class Stage:
    """A sink task with everything around it in memory."""

    def __init__(self, errors=None, steps=(), **options):
        self.time = Time()
        self.sink = Sink()
        self.letters = Letters()
        self.topics: list[str] = []
        self.consumer = MemoryConsumer(self.time, {A: [], B: []})
        errors = errors or ErrorSettings()
        tolerance = Tolerance(errors, TASK, clock=self.time.clock, sleep=self.time.sleep)
        queue = DeadLetterQueue(errors, TASK, self.letters)
        reader = SinkRecordReader(Text(), Text(), Text(), TransformationChain(steps), tolerance, queue)
        self.worker = WorkerSinkTask(
            TASK,
            self.sink,
            {"name": "shop"},
            self.consumer,
            reader,
            topics=["t"],
            clock=self.time.clock,
            on_topic=self.topics.append,
            **options,
        )

    @property
    def log(self):
        return self.consumer.log

    async def until(self, condition):
        for _ in range(10_000):
            if condition():
                return
            await asyncio.sleep(0)
        raise AssertionError(f"it never came to that; calls: {self.sink.calls}")

    @asynccontextmanager
    async def running(self, *partitions, at=0):
        if partitions:
            self.consumer.give(*partitions, at=at)
        run = asyncio.create_task(self.worker.run())
        try:
            yield run
        finally:
            run.cancel()
            await asyncio.wait({run})

    async def failure(self, *partitions):
        """Run until it fails, and return the error."""
        async with self.running(*partitions) as run:
            await asyncio.wait({run}, timeout=10)
            return run.exception()
