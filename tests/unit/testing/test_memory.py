"""The kit's source and broker in memory keep the contracts that they stand in for."""

from __future__ import annotations

import pytest

from cdc.errors import Fenced, KafkaUnavailable, SlotInUse
from cdc.model.records import RecordBatch
from cdc.testing.conformance.source import BATCH_ROWS, SourceConformance, Statement
from cdc.testing.memory import Change, MemoryBroker, MemoryLog, MemoryPosition, MemorySource
from tests.unit.pipeline.bench import TABLE, insert

PARTITION = {"server": "memory"}
VERBS = {"insert": "c", "update": "u", "delete": "d"}


class MemoryWorld:
    def __init__(self) -> None:
        self.log = MemoryLog()

    def source(self) -> MemorySource:
        return MemorySource(self.log, batch_rows=BATCH_ROWS)

    async def commit(self, *statements: Statement) -> None:
        changes = []
        for verb, number, name in statements:
            row = (number, name)
            before, after = (row, None) if verb == "delete" else (None, row)
            changes.append(Change(VERBS[verb], TABLE, before, after))
        self.log.commit(*changes)


class TestMemorySource(SourceConformance):
    @pytest.fixture
    def world(self):
        return MemoryWorld()

    async def test_a_log_has_one_reader(self):
        log = MemoryLog()
        first, second = MemorySource(log), MemorySource(log)
        await first.start(None)
        with pytest.raises(SlotInUse):
            await second.start(None)
        await first.stop()
        await second.start(None)

    async def test_without_snapshot_it_begins_with_what_is_not_acknowledged(self):
        log = MemoryLog()
        log.commit(insert(1))
        log.commit(insert(2))
        log.acknowledged = 1
        source = MemorySource(log, snapshot=False)
        await source.start(None)
        assert source.lag == 1
        batches = source.batches()
        first, second = await anext(batches), await anext(batches)
        assert (len(first), first.position) == (0, MemoryPosition(1))
        assert [second.row(0)[3], second.position] == [(2, None), MemoryPosition(2)]

    def test_positions_come_back_from_their_offsets(self):
        for position in (MemoryPosition(3), MemoryPosition(3, 2), MemoryPosition(0, snapshot=True)):
            assert MemoryPosition.from_offset(position.offset()) == position


def batch(*values: bytes) -> RecordBatch:
    records = RecordBatch()
    for value in values:
        records.add("t", b"k", value)
    return records


class TestMemoryBroker:
    async def test_records_and_offset_appear_together(self):
        broker = MemoryBroker()
        publisher = broker.publisher()
        await publisher.start()
        await publisher.begin()
        await publisher.send(batch(b"1"))
        await publisher.send(batch(b"2"))
        assert broker.records() == []
        assert broker.offset(PARTITION) is None
        await publisher.commit(PARTITION, {"lsn": 7})
        assert [record.value for record in broker.records("t")] == [b"1", b"2"]
        assert broker.records("other") == []
        assert broker.offset(PARTITION) == {"lsn": 7}

    async def test_what_was_not_committed_is_aborted(self):
        broker = MemoryBroker()
        publisher = broker.publisher()
        await publisher.start()
        await publisher.begin()
        await publisher.send(batch(b"1"))
        await publisher.close()
        assert broker.records() == []

    async def test_a_later_instance_fences_an_earlier_one(self):
        broker = MemoryBroker()
        first, second, other = broker.publisher(), broker.publisher(), broker.publisher("other")
        for publisher in (first, second, other):
            await publisher.start()
            await publisher.begin()
        with pytest.raises(Fenced):
            await first.send(batch(b"1"))
        with pytest.raises(Fenced):
            await first.commit(PARTITION, {})
        await second.commit(PARTITION, {"lsn": 1})
        await other.commit(PARTITION, {"lsn": 2})

    async def test_a_transaction_that_takes_too_long_is_aborted(self):
        time = 0.0
        broker = MemoryBroker(clock=lambda: time)
        publisher = broker.publisher(timeout=60)
        await publisher.start()
        await publisher.begin()
        time = 60.5
        with pytest.raises(KafkaUnavailable):
            await publisher.commit(PARTITION, {})

    async def test_calls_out_of_turn(self):
        publisher = MemoryBroker().publisher()
        with pytest.raises(RuntimeError):
            await publisher.begin()
        await publisher.start()
        with pytest.raises(RuntimeError):
            await publisher.send(batch(b"1"))
        with pytest.raises(RuntimeError):
            await publisher.commit(PARTITION, {})
        await publisher.begin()
        with pytest.raises(RuntimeError):
            await publisher.begin()
