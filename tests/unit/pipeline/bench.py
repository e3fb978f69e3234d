"""A session at its bench: sources, publishers and converters whose every step is written down."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from cdc.config.settings import PipelineSettings
from cdc.model.batch import ChangeBatch
from cdc.model.position import Offset, Position
from cdc.model.records import RecordBatch
from cdc.model.schema import INT64, STRING, Field, struct
from cdc.model.table import Column, Table, TableId
from cdc.pipeline.encoding import BatchEncoder, DirectEncoder
from cdc.pipeline.session import Session
from cdc.pipeline.status import PipelineStatus
from cdc.testing.memory import (
    Change,
    KafkaTransaction,
    MemoryBroker,
    MemoryLog,
    MemoryPosition,
    MemoryPublisher,
    MemorySource,
    Record,
)
from tests.unit.pipeline.virtual_time import now

SOURCE = struct("source", (Field("name", STRING), Field("lsn", INT64.as_optional())))
TABLE = Table(
    TableId("s", "t"), "p.s.t", (Column("id", INT64), Column("text", STRING.as_optional())), (0,), SOURCE, {"name": "p"}
)
TIMEOUTS = (60.0, 900.0)
#: A script of what the source does: it may sleep, and yields batches.
Script = Callable[[], AsyncIterator[ChangeBatch]]


def insert(number: int) -> Change:
    return Change("c", TABLE, after=(number, None))


class PlainConverter:
    """Writes `[op, id]` as value and the id as key."""

    def convert(self, batch: ChangeBatch) -> RecordBatch:
        records = RecordBatch()
        for index in range(len(batch)):
            op, table, before, after, key, *_ = batch.row(index)
            (number, *_) = after or before or key or (None,)
            records.add(table.topic, json.dumps(key).encode(), json.dumps([op, number]).encode())
        return records


def numbers(records: list[Record] | tuple[Record, ...]) -> list[Any]:
    """Return the ids of the records, in order."""
    return [json.loads(record.value or b"[null, null]")[1] for record in records]


class NotedPublisher(MemoryPublisher):
    """Writes down what it is asked to do."""

    def __init__(self, broker: MemoryBroker, steps: list[str], *, snapshot: bool, timeout: float) -> None:
        super().__init__(broker, timeout=timeout)
        self.steps = steps
        self.name = "snapshot publisher" if snapshot else "publisher"

    async def start(self) -> None:
        self.steps.append(f"{self.name}: start")
        await super().start()

    async def begin(self) -> None:
        self.steps.append(f"{self.name}: begin")
        await super().begin()

    async def send(self, records: RecordBatch) -> None:
        self.steps.append(f"{self.name}: send {len(records)}")
        await super().send(records)

    async def commit(self, partition: Mapping[str, str], offset: Offset) -> None:
        await super().commit(partition, offset)
        self.steps.append(f"{self.name}: commit {offset}")

    async def close(self) -> None:
        self.steps.append(f"{self.name}: close")
        await super().close()


class NotedSource(MemorySource):
    """Writes down what it is asked to do; with a script, its batches are those of the script."""

    def __init__(self, log: MemoryLog, steps: list[str], script: Script | None = None, **options: Any) -> None:
        super().__init__(log, **options)
        self.steps = steps
        self._script = script
        self.acknowledged: list[Position] = []

    async def start(self, stored: Offset | None) -> None:
        self.steps.append(f"source: start at {stored}")
        await super().start(stored)

    def batches(self) -> AsyncIterator[ChangeBatch]:
        return super().batches() if self._script is None else self._script()

    def acknowledge(self, position: Position) -> None:
        self.steps.append(f"source: acknowledge {position.offset()}")
        self.acknowledged.append(position)
        super().acknowledge(position)

    async def stop(self) -> None:
        self.steps.append("source: stop")
        await super().stop()


class Bench:
    """One log and one broker, and the sessions between them."""

    def __init__(self, *, script: Script | None = None, **options: Any) -> None:
        self.steps: list[str] = []
        self.log = MemoryLog()
        self.broker = MemoryBroker(clock=now)
        self.status = PipelineStatus()
        self._script = script
        self._settings = PipelineSettings(**options.pop("settings", {}))
        self._heartbeat = options.pop("heartbeat", None)
        self._options = options
        self.encoder: BatchEncoder = DirectEncoder(PlainConverter())
        self.source = NotedSource(self.log, self.steps, script, **options)

    def session(self, status: PipelineStatus | None = None) -> Session[MemoryPublisher]:
        self.source = NotedSource(self.log, self.steps, self._script, **self._options)
        return Session(
            self.source,
            open_publisher=self.open_publisher,
            load_offset=self.load_offset,
            encoder=self.encoder,
            settings=self._settings,
            status=status or self.status,
            transaction_timeouts=TIMEOUTS,
            clock=now,
            heartbeat=self._heartbeat,
        )

    def open_publisher(self, snapshot: bool) -> MemoryPublisher:
        return NotedPublisher(self.broker, self.steps, snapshot=snapshot, timeout=TIMEOUTS[snapshot])

    async def load_offset(self, publisher: MemoryPublisher) -> Offset | None:
        self.steps.append("load offset")
        return self.broker.offset(self.source.partition)

    async def run(self, seconds: float) -> None:
        """Run a session for so long, and stop it."""
        try:
            async with asyncio.timeout(seconds):
                await self.session().run()
        except TimeoutError:
            pass

    async def session_with(self, action: Callable[..., object], *arguments: Any) -> None:
        """Run a session, and do something a second after it has started."""
        task = asyncio.create_task(self.run(2))
        await asyncio.sleep(1)
        action(*arguments)
        await task

    def store(self, position: MemoryPosition) -> None:
        """Store an offset, as an earlier run would have."""
        self.broker.transactions.append(KafkaTransaction((), self.source.partition, position.offset()))

    def committed(self) -> list[list[Any]]:
        """Return the ids in each committed Kafka transaction."""
        return [numbers(transaction.records) for transaction in self.broker.transactions]

    def offsets(self) -> list[Offset]:
        return [transaction.offset for transaction in self.broker.transactions]


def rows(*ids: int, position: MemoryPosition | None = None, boundary: bool = True, continues: int = 0) -> ChangeBatch:
    """Return a batch of inserts."""
    batch = ChangeBatch()
    for number in ids:
        batch.add("c", TABLE, None, (number, None), (number,))
    batch.position = position or MemoryPosition(max(ids, default=0))
    batch.boundary, batch.continues = boundary, continues
    return batch
