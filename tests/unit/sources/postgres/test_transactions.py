"""The library's iterator on a simulated server: acknowledgements in any order, idle times, and restarts at any moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from random import Random
from types import SimpleNamespace
from unittest import mock

import pytest

from cdc.model.position import Offset
from cdc.offsets.memory import MemoryOffsetStore
from cdc.sources import transactions as transactions_module
from cdc.sources.postgres.transactions import PostgresSource
from cdc.sources.transactions import SourceTransaction
from tests.unit.pipeline.virtual_time import now, run, virtual
from tests.unit.sources.postgres.walsender import SimulatedLog, SimulatedPostgres, SimulatedStream, virtual_clock

PARTITION = {"server": "p"}


class World:
    """A simulated server, and one source after another that reads it."""

    def __init__(self, seed: int = 1, batch_rows: int = 1000) -> None:
        self.random = Random(seed)
        self.server = SimulatedPostgres(Random(seed))
        self.offsets = MemoryOffsetStore()
        self.batch_rows = batch_rows

    @asynccontextmanager
    async def source(self) -> AsyncIterator[PostgresSource]:
        with virtual_clock(self.batch_rows), virtual_library_clock():
            source = PostgresSource("host=memory dbname=db user=cdc", slot="slot", offsets=self.offsets)
            source._log = SimulatedLog(self.server, self.connected, self.travel)
            async with source:
                yield source

    def connected(self) -> SimulatedStream:
        return SimulatedStream(self.server, self.travel, self.random, self.server.confirm)

    async def travel(self) -> None:
        await asyncio.sleep(0.001)

    async def stored(self) -> Offset | None:
        return await self.offsets.load(PARTITION)


@contextmanager
def virtual_library_clock() -> Iterator[None]:
    with mock.patch.object(transactions_module, "time", SimpleNamespace(monotonic=now)):
        yield


def ids(transaction: SourceTransaction) -> list[object]:
    return [(change.after or {})["id"] for change in transaction]


async def following(source: PostgresSource) -> SourceTransaction:
    """Return the next transaction that holds something."""
    async with asyncio.timeout(1000):
        async for transaction in source:
            if len(transaction):
                return transaction
    raise AssertionError("the stream ended")


class TestAcknowledging:
    @virtual
    async def test_the_position_is_stored_and_then_confirmed(self):
        world = World()
        world.server.commit([1])
        async with world.source() as source:
            await (await following(source)).ack()
            world.server.commit([2])
            transaction = await following(source)
            before = world.server.confirmed
            await transaction.ack()
            assert await world.stored() == transaction.position.offset()
            assert transaction.position.lsn == world.server.confirmed == world.server.lsn
            assert before is not None
            assert before < world.server.lsn

    @virtual
    async def test_an_older_one_changes_nothing(self):
        world = World()
        world.server.commit([1])
        async with world.source() as source:
            snapshot = await following(source)
            for number in (2, 3):
                world.server.commit([number])
            second, third = await following(source), await following(source)
            assert [snapshot.number, second.number, third.number] == [1, 2, 3]
            await third.ack()
            for transaction in (second, snapshot, third):
                await transaction.ack()
                assert await world.stored() == third.position.offset()

    @virtual
    async def test_what_is_not_acknowledged_is_not_stored(self):
        world = World()
        world.server.commit([1])
        async with world.source() as source:
            await following(source)
            reading = asyncio.create_task(following(source))
            for _ in range(10):
                await asyncio.sleep(10)
                world.server.work_elsewhere()
            assert await world.stored() is None
            reading.cancel()

    @virtual
    async def test_between_transactions_the_position_moves_on(self):
        world = World()
        world.server.commit([1])
        async with world.source() as source:
            await (await following(source)).ack()
            reading = asyncio.create_task(following(source))
            for _ in range(5):
                await asyncio.sleep(11)
                world.server.work_elsewhere()
            await asyncio.sleep(1)
            assert world.server.confirmed == world.server.lsn
            world.server.commit([2])
            assert ids(await reading) == [2]
            assert world.server.confirmed != world.server.lsn

    @virtual
    async def test_a_snapshot_of_nothing_is_stored_by_itself(self):
        world = World()
        async with world.source() as source:
            reading = asyncio.create_task(following(source))
            await asyncio.sleep(1)
            assert await world.stored() is not None
            reading.cancel()

    @virtual
    async def test_a_transaction_is_whole_however_it_was_cut(self):
        world = World(batch_rows=2)
        world.server.commit([1])
        async with world.source() as source:
            await following(source)
            world.server.commit(list(range(2, 30)))
            world.server.commit([30, 31, 32])
            assert ids(await following(source)) == list(range(2, 30))
            assert ids(await following(source)) == [30, 31, 32]


@pytest.mark.parametrize("seed", range(40))
def test_restarts_at_any_moment_lose_nothing_and_repeat_only_what_was_not_acknowledged(seed):
    run(asyncio.wait_for(restarted(seed), 100_000))


async def restarted(seed: int) -> None:
    world = World(seed, batch_rows=Random(seed).choice([1, 3, 1000]))
    identities = iter(range(1, 100_000))
    expected: list[int] = []
    acknowledged: list[object] = []

    def commit(size: int) -> None:
        changes = [next(identities) for _ in range(size)]
        expected.extend(changes)
        world.server.commit(changes)

    commit(3)
    while len(acknowledged) < len(expected):
        if len(expected) < 100:
            for _ in range(world.random.randint(0, 4)):
                commit(world.random.choice([1, 2, 9]))
        async with world.source() as source:
            delivered: list[object] = []
            for _ in range(world.random.randint(1, 6)):
                if len(acknowledged) + len(delivered) == len(expected):
                    break
                transaction = await following(source)
                delivered += ids(transaction)
                if not transaction.position.snapshot and world.random.random() < 0.5:
                    await transaction.ack()
                    acknowledged += delivered
                    delivered = []
            assert (
                sorted(map(int, map(str, acknowledged + delivered))) == expected[: len(acknowledged) + len(delivered)]
            )
    assert len(acknowledged) == len(expected)
