"""The suite of sources of batches: each of its checks catches a broken one. Good ones: the kit's in memory, and PostgreSQL's."""

from __future__ import annotations

import itertools
from functools import partial
from typing import Any

import pytest

from cdc.errors import SourceLost
from cdc.testing.conformance import source
from cdc.testing.conformance.source import BATCH_ROWS, SourceConformance
from cdc.testing.memory import MemoryPosition, MemorySource
from tests.unit.testing.conformance.suites import catches, checks
from tests.unit.testing.test_memory import MemoryWorld


class World(MemoryWorld):
    def __init__(self, kind: type[MemorySource], **settings: Any) -> None:
        super().__init__()
        self.kind = kind
        self.settings: dict[str, Any] = {"batch_rows": BATCH_ROWS, **settings}

    def source(self) -> MemorySource:
        return self.kind(self.log, **self.settings)


class WithANumberInItsName(MemorySource):
    counter = itertools.count()

    @property
    def partition(self):
        return {"server": f"memory {next(self.counter)}"}


class SkippingEmptyBatches(MemorySource):
    async def batches(self):
        async for batch in super().batches():
            if len(batch):
                yield batch


class GoingOnBehindHalfASnapshot(MemorySource):
    async def start(self, stored):
        await super().start(stored and {name: value for name, value in stored.items() if name != "snapshot"})


class LosingPartsOfTransactions(MemorySource):
    async def batches(self):
        async for batch in super().batches():
            if batch.boundary:
                yield batch


class ReadingTheSnapshotTooEarly(MemorySource):
    async def start(self, stored):
        await super().start(stored)
        self.early = list(self.log.rows())

    def _read_rows(self, rows, end):
        return super()._read_rows(self.early, end)


class WithoutTransactions(MemorySource):
    def _cut(self, position):
        for batch in super()._cut(position):
            batch.transactions.clear()
            yield batch


class KnowingNoPlaceInATransaction(MemorySource):
    def _cut(self, position):
        for batch in super()._cut(position):
            if not batch.boundary:
                batch.position = MemoryPosition(position.transactions)
            yield batch


class AcknowledgingByItself(MemorySource):
    async def batches(self):
        async for batch in super().batches():
            self.acknowledge(batch.position)
            yield batch


class SkippingWhatIsGone(MemorySource):
    async def start(self, stored):
        try:
            await super().start(stored)
        except SourceLost:
            await super().start({"transactions": self.log.acknowledged, "changes": 0})


class PairPosition(MemoryPosition):
    def offset(self):
        return {**super().offset(), "pair": (1, 2)}


class WithOffsetsThatJsonChanges(MemorySource):
    async def batches(self):
        async for batch in super().batches():
            at = batch.position
            batch.position = PairPosition(at.transactions, at.changes, at.snapshot)
            yield batch


class NotStoppingUnlessStarted(MemorySource):
    async def stop(self):
        assert self.log.reader is self
        await super().stop()


class EndingItsLife(MemorySource):
    async def keep_alive(self): ...


BROKEN = [
    (partial(World, WithANumberInItsName), "the_partition_is_the_same_for_every_source"),
    (partial(World, MemorySource, snapshot=False), "without_offset_a_snapshot_comes_first"),
    (partial(World, SkippingEmptyBatches), "a_snapshot_of_nothing_has_a_position"),
    (partial(World, GoingOnBehindHalfASnapshot), "an_unfinished_snapshot_begins_again"),
    (partial(World, LosingPartsOfTransactions), "changes_come_in_the_order_of_the_commits"),
    (partial(World, ReadingTheSnapshotTooEarly), "what_commits_while_the_snapshot_is_read_comes_once"),
    (partial(World, WithoutTransactions), "transactions_say_which_rows_are_theirs"),
    (partial(World, MemorySource, batch_rows=1000), "a_large_transaction_is_cut"),
    (partial(World, KnowingNoPlaceInATransaction), "every_position_can_be_resumed_from"),
    (partial(World, AcknowledgingByItself), "what_is_not_acknowledged_comes_again"),
    (partial(World, SkippingWhatIsGone), "what_was_acknowledged_may_be_forgotten_but_never_in_silence"),
    (partial(World, WithOffsetsThatJsonChanges), "a_position_is_a_json_object"),
    (partial(World, NotStoppingUnlessStarted), "it_can_be_stopped_at_any_time"),
    (partial(World, EndingItsLife), "keeping_alive_ends_by_cancellation_only"),
]


@pytest.mark.parametrize(("world", "check"), BROKEN, ids=[check for _, check in BROKEN])
async def test_a_broken_source_is_caught(world, check, monkeypatch):
    monkeypatch.setattr(source, "PATIENCE_SECONDS", 0.2)
    assert await catches(SourceConformance, check, world=world())


def test_every_check_has_caught_one():
    assert sorted(check for _, check in BROKEN) == checks(SourceConformance)
