import asyncio

import pytest

from cdc.kafka.compression import CODECS
from cdc.kafka.deliveries import Deliveries
from cdc.kafka.record_batch import RecordAccumulator
from cdc.model.records import RecordBatch


def batch_of(size):
    records = RecordBatch()
    records.add("t", None, bytes(size))
    into = RecordAccumulator(CODECS["none"], max_request_size=1 << 20)
    into.use_topic("t", 1, 1 << 20)
    into.append(records)
    return into.flush()[0]


@pytest.fixture
def deliveries():
    return Deliveries(1000)


def added(deliveries, size=500):
    future = asyncio.get_running_loop().create_future()
    deliveries.add(future, batch_of(size))
    return future


async def waits(coroutine):
    task = asyncio.ensure_future(coroutine)
    await asyncio.sleep(0.01)
    assert not task.done()
    return task


async def test_room_waits_for_acknowledgements(deliveries):
    first, second = added(deliveries, 300), added(deliveries, 300)
    await deliveries.room(100)
    waiting = await waits(deliveries.room(500))
    first.set_result(None)
    await waiting
    waiting = await waits(deliveries.room(5000))
    second.set_result(None)
    await waiting


async def test_all_is_settled_when_the_last_is_acknowledged(deliveries):
    await deliveries.settled()
    first, second = added(deliveries), added(deliveries)
    waiting = await waits(deliveries.settled())
    second.set_result(None)
    await asyncio.sleep(0)
    assert not waiting.done()
    first.set_result(None)
    await waiting
    assert deliveries.failed is None


async def test_the_first_failure_is_kept_and_ends_all_waiting(deliveries):
    first, second, _third = added(deliveries, 900), added(deliveries, 901), added(deliveries)
    room, settled = await waits(deliveries.room(500)), None
    second.set_exception(RuntimeError("second"))
    await room
    settled = asyncio.ensure_future(deliveries.settled())
    await settled
    first.set_exception(RuntimeError("first"))
    await asyncio.sleep(0)
    assert deliveries.failed is not None
    error, batch = deliveries.failed
    assert str(error) == "second"
    assert batch.size() > 901
