"""What a source task needs around it, in memory."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from cdc.connect.conversion import Conversion
from cdc.connect.encoding import RecordEncoder
from cdc.connect.herder import TaskId
from cdc.connect.source_task import SourceTaskSession
from cdc.connect.tolerance import ErrorSettings, Tolerance
from cdc.connect.transformation import TransformationChain
from cdc.errors import ConversionError
from cdc.model.connect_record import SourceRecord
from cdc.pipeline.status import PipelineStatus


def record(value: object, position: int, **more: Any) -> SourceRecord:
    """Return a record of the file a.txt that ends at the position."""
    fields = {"topic": "t", "source_partition": {"filename": "a.txt"}, "source_offset": {"position": position}}
    return SourceRecord(**{**fields, "value": value, **more})


class Texts:
    """A converter whose bytes are the value's text; it refuses what is no text."""

    def from_connect_data(self, topic, schema, value):
        if value is not None and not isinstance(value, str):
            raise ConversionError(f"{value!r} is no text", "Send texts.")
        return None if value is None else value.encode()

    def from_connect_header(self, topic, key, schema, value):
        return self.from_connect_data(topic, schema, value)


class Transform:
    """A transform that is a function."""

    def __init__(self, function) -> None:
        self.function = function

    def apply(self, record):
        return self.function(record)


def encoder(transform=None, **errors: Any) -> RecordEncoder:
    """Return an encoder of texts, at 7 ms, whose time is the loop's."""
    texts: Any = Texts()
    chain = TransformationChain([(Transform(transform), None, False)] if transform else ())  # type: ignore[list-item]
    settings = ErrorSettings(**errors)
    task = TaskId("files", 0)
    tolerance = Tolerance(settings, task, clock=lambda: 0.0, sleep=asyncio.sleep)
    return RecordEncoder(task, Conversion(texts, texts, texts, chain), tolerance, settings, lambda: 7)


class Publisher:
    """Notes what is committed, as (values, offsets), and in which order the calls came."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.committed: list[tuple[list[bytes | None], list[Any]]] = []
        self.open: list[bytes | None] = []
        self.failure: Exception | None = None

    async def start(self):
        self.calls.append("start")

    async def begin(self):
        self.calls.append("begin")
        self.open = []

    async def send(self, records):
        self.open += [records[at][2] for at in range(len(records))]

    async def commit(self, partition, offset, *others):
        if self.failure is not None:
            raise self.failure
        self.committed.append((self.open, [(partition, offset), *others]))
        self.calls.append("commit")

    async def close(self):
        self.calls.append("close")


class Task:
    """Returns what it is given, one poll after another, and then waits."""

    def __init__(self, calls: list[str], *polls: list[SourceRecord]) -> None:
        self.calls = calls
        self.polls = deque(polls)
        self.context: Any = None

    async def start(self, context):
        self.calls.append("task.start")
        self.context = context

    async def poll(self):
        if not self.polls:
            await asyncio.Event().wait()
        return self.polls.popleft()

    async def commit(self):
        self.calls.append("task.commit")

    async def stop(self):
        self.calls.append("task.stop")


class SourceBench:
    """A session of a task over a publisher, with what was stored before."""

    def __init__(self, *polls: list[SourceRecord], stored: Any = (), transform=None) -> None:
        self.publisher = Publisher()
        self.task = Task(self.publisher.calls, *polls)
        self.status = PipelineStatus()
        self.stored = stored
        self.transform = transform

    async def run(self, seconds: float = 10) -> None:
        """Run for a while of virtual time, or until it fails."""
        session = SourceTaskSession(
            task=self.task,
            properties={"name": "files"},
            publisher=self.publisher,
            load_offsets=self._load,
            encoder=encoder(self.transform),
            status=self.status,
            clock=asyncio.get_running_loop().time,
        )
        running = asyncio.ensure_future(session.run())
        done, _ = await asyncio.wait({running}, timeout=seconds)
        if done:
            running.result()
        running.cancel()
        await asyncio.wait({running})

    async def _load(self):
        self.publisher.calls.append("load")
        return self.stored
