"""Batches on their way to the broker."""

from __future__ import annotations

import asyncio
from asyncio import Future
from functools import partial
from typing import Any

from cdc.kafka.record_batch import PartitionBatch


class Deliveries:
    """The batches that were handed over and are not acknowledged yet, bounded in bytes.

    `failed` holds the first one that was not delivered, with the reason; waiting ends early then. One task waits at a time.
    """

    def __init__(self, limit: int) -> None:
        self.failed: tuple[BaseException, PartitionBatch] | None = None
        self._limit = limit
        self._bytes = 0
        self._pending: set[Future[Any]] = set()
        self._changed = asyncio.Event()

    def add(self, future: Future[Any], batch: PartitionBatch) -> None:
        """Keep a batch until its future is done."""
        size = batch.size()
        self._bytes += size
        self._pending.add(future)
        future.add_done_callback(partial(self._done, batch, size))

    async def room(self, size: int) -> None:
        """Wait until a batch of this size, in bytes, may be added; one larger than the bound waits until it is alone."""
        while self._pending and self._bytes + size > self._limit and self.failed is None:
            await self._change()

    async def settled(self) -> None:
        """Wait until every batch is acknowledged, or one has failed."""
        while self._pending and self.failed is None:
            await self._change()

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    def _done(self, batch: PartitionBatch, size: int, future: Future[Any]) -> None:
        self._bytes -= size
        self._pending.discard(future)
        error = None if future.cancelled() else future.exception()
        if error is not None and self.failed is None:
            self.failed = (error, batch)
        self._changed.set()
