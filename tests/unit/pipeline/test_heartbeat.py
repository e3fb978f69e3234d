"""Heartbeats: in time while streaming, always with a position, whether there is something to publish or not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from unittest import mock

import pytest

from cdc.model.batch import ChangeBatch
from cdc.pipeline.heartbeat import Heartbeat
from cdc.testing.memory import MemoryPosition, Record
from tests.unit.pipeline.bench import Bench, NotedSource, insert, rows
from tests.unit.pipeline.virtual_time import now, virtual

BEAT = {"serverName": "p"}


def heartbeat(interval: float = 5.0) -> Heartbeat:
    return Heartbeat("beats", "p", interval, now, lambda: round(now() * 1_000_000_000))


def beats(bench: Bench) -> list[float]:
    """Return when heartbeats were made, in seconds, of the transactions that have committed."""
    records: list[Record] = [record for transaction in bench.broker.transactions for record in transaction.records]
    return [json.loads(record.value or b"")["payload"]["ts_ms"] / 1000 for record in records if record.topic == "beats"]


@virtual
async def test_the_record_names_the_connector_and_the_time():
    batch = heartbeat().beat()
    ((row, record),) = [(aside.row, aside.record) for aside in batch.asides]
    assert (len(batch), row, record.topic, record.key, record.value) == (0, 0, "beats", BEAT, {"ts_ms": 0})


class TestSession:
    @virtual
    async def test_an_idle_stream_beats_once_an_interval_and_commits_its_position_with_it(self):
        bench = Bench(heartbeat=heartbeat())
        bench.store(MemoryPosition(0))
        await bench.run(21)
        assert beats(bench) == pytest.approx([0, 5, 10, 15, 20], abs=0.01)
        assert all(offset == {"transactions": 0, "changes": 0} for offset in bench.offsets())

    @virtual
    async def test_one_that_is_due_when_rows_are_committed_goes_along_with_them(self):
        async def long_transaction() -> AsyncIterator[ChangeBatch]:
            yield rows(position=MemoryPosition(0))
            await asyncio.sleep(1)
            yield rows(1, boundary=False, position=MemoryPosition(0, 1))
            await asyncio.sleep(8)
            yield rows(2, position=MemoryPosition(1))
            await asyncio.sleep(1000)

        bench = Bench(script=long_transaction, heartbeat=heartbeat())
        bench.store(MemoryPosition(0))
        await bench.run(10)
        assert beats(bench) == pytest.approx([0, 9], abs=0.01)
        assert sorted({record.topic for record in bench.broker.transactions[-1].records}) == ["beats", "p.s.t"]

    @virtual
    async def test_without_an_interval_nothing_beats(self):
        bench = Bench()
        bench.store(MemoryPosition(0))
        await bench.run(21)
        assert beats(bench) == []

    @virtual
    async def test_nothing_beats_while_a_snapshot_is_read(self):
        async def slow_snapshot() -> AsyncIterator[ChangeBatch]:
            await asyncio.sleep(20)
            yield rows(1, position=MemoryPosition(1, snapshot=True))
            await asyncio.sleep(20)
            yield rows(2, position=MemoryPosition(2))
            await asyncio.sleep(1000)

        bench = Bench(script=slow_snapshot, heartbeat=heartbeat())
        await bench.run(52)
        assert beats(bench)[0] >= 40

    @virtual
    async def test_records_beside_the_rows_are_published_though_there_is_no_row(self):
        async def aside_only() -> AsyncIterator[ChangeBatch]:
            batch = heartbeat().beat()
            batch.position = MemoryPosition(7)
            yield batch
            await asyncio.sleep(1000)

        bench = Bench(script=aside_only)
        bench.store(MemoryPosition(0))
        await bench.run(1)
        assert len(beats(bench)) == 1
        assert bench.offsets()[-1] == {"transactions": 7, "changes": 0}

    @virtual
    async def test_a_position_is_acknowledged_with_its_rows(self):
        bench = Bench(heartbeat=heartbeat(0.5))
        bench.store(MemoryPosition(0))
        await bench.session_with(bench.log.commit, insert(1), insert(2))
        assert bench.source.acknowledged[-1] == MemoryPosition(1)


@pytest.mark.parametrize(("lag", "commits"), [(1000, 2), (9 << 20, 11)])
@virtual
async def test_a_position_that_holds_much_log_back_is_committed_every_second_and_any_other_every_ten(lag, commits):
    async def keepalives() -> AsyncIterator[ChangeBatch]:
        for number in range(1000):
            yield rows(position=MemoryPosition(number))
            await asyncio.sleep(0.1)

    bench = Bench(script=keepalives)
    bench.store(MemoryPosition(0))
    with mock.patch.object(NotedSource, "lag", lag):
        await bench.run(10.95)
    assert len(bench.offsets()[1:]) == pytest.approx(commits, abs=1)
