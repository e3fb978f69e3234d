"""The stream of the demo: the connector, the writer before it and the reader behind it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing

from cdc.cli.demo.figures import Figures
from cdc.cli.demo.stage import Stage
from cdc.config.connector import ConnectorConfig
from cdc.kafka.consumer import ConsumedRecord, read_topics
from cdc.pipeline.assembly import build_pipeline
from cdc.pipeline.status import State
from cdc.sources.base import Source
from cdc.testing.shop.events import read_event
from cdc.testing.shop.ledger import Ledger
from cdc.testing.shop.writer import ShopWriter

log = logging.getLogger(__name__)

POLL_SECONDS = 0.02
DRAIN_SECONDS = 30.0


class Stream:
    """Runs the parts of one demo on one event loop, and keeps the account; the steps are called in their order, once.

    `rows` is the number of rows that the snapshot is to read.

    `start` begins the snapshot. The writer begins as soon as the view of the snapshot is open, so that changes come in while it is
    read and none of them can be in it.
    """

    def __init__(self, stage: Stage, ledger: Ledger, rate: float) -> None:
        self.figures = Figures()
        self.ledger = ledger
        self.rows = ledger.committed
        self.config = ConnectorConfig.from_raw(stage.premises.connector(stage.kafka.url))
        self._topics = stage.premises.topics
        self._sources: list[Source] = []
        self._pipeline = build_pipeline(self.config, on_source=self._sources.append)
        self._writer = ShopWriter(stage.premises.url, stage.stock, ledger, rate)
        self._offsets: dict[tuple[str, int], int] = {}
        self._rows_read = 0
        self._tasks: list[asyncio.Task[None]] = []
        self.status = self._pipeline.status

    @property
    def lag(self) -> int | None:
        """How far the reader of the log is behind, in bytes; None where unknown."""
        return self._sources[-1].lag if self._sources else None

    @property
    def rows_read(self) -> int:
        """How many rows the snapshot has read so far; all of them only when they are committed in Kafka."""
        if self.streaming:
            return self.rows
        progress = self._sources[-1].progress if self._sources else None
        self._rows_read = progress.total_rows if progress else self._rows_read
        return self._rows_read

    @property
    def streaming(self) -> bool:
        """Whether the snapshot is complete."""
        return self.status.state not in {State.STARTING, State.SNAPSHOT}

    def start(self, group: asyncio.TaskGroup) -> None:
        """Start the connector, the reader and the writer as tasks of the group; an error of one ends all."""
        self._tasks = [group.create_task(work) for work in (self._pipeline.run(), self._follow(), self._write())]

    async def wait_for_streaming(self) -> None:
        """Wait until the snapshot is complete."""
        await _until(lambda: self.streaming)

    async def finish(self) -> None:
        """Stop the writer, let what it committed flow through, stop the connector, and read the topics to their ends."""
        self._writer.stop()
        connector, reader, writer = self._tasks
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                await asyncio.wait({writer})
                await _until(self._drained)
        except TimeoutError:
            log.warning("the stream did not reach the last commit within %d s", DRAIN_SECONDS)
        for task in (writer, connector, reader):
            task.cancel()
        await asyncio.wait(self._tasks)
        await self._read_rest()

    def _drained(self) -> bool:
        """Tell whether all that the shop has committed is read."""
        return not self.ledger.compare().missing

    async def _write(self) -> None:
        await _until(lambda: self.rows_read > 0)
        await self._writer.run()

    async def _follow(self) -> None:
        async with aclosing(read_topics(self.config.kafka, self._topics, follow=True)) as records:
            async for record in records:
                self._take(record)

    async def _read_rest(self) -> None:
        """Read to the end that the topics have now; what the reader has taken already is passed over."""
        async with aclosing(read_topics(self.config.kafka, self._topics, patience=DRAIN_SECONDS)) as records:
            async for record in records:
                if record.offset > self._offsets.get((record.topic, record.partition), -1):
                    self._take(record)

    def _take(self, record: ConsumedRecord) -> None:
        self._offsets[record.topic, record.partition] = record.offset
        if record.value is None:  # the tombstone behind a delete
            return
        event = read_event(record.topic, record.value)
        self.ledger.deliver(event.change)
        self.figures.add(event)


async def _until(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds; what it looks at tells nobody when it changes."""
    while True:
        if condition():
            return
        await asyncio.sleep(POLL_SECONDS)
