"""Sink tasks on a real broker: what is put, what is committed, and what becomes of the rest."""

import asyncio
import time
from contextlib import asynccontextmanager

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from cdc.connect.dead_letters import DeadLetterQueue
from cdc.connect.herder import TaskId
from cdc.connect.sink_task import SinkRecordReader, WorkerSinkTask
from cdc.connect.tolerance import ErrorSettings, RecordFailed, Tolerance
from cdc.connect.transformation import TransformationChain
from cdc.errors import KafkaRefused
from cdc.kafka.dead_letters import DeadLetter, KafkaDeadLetterWriter
from cdc.kafka.group import GroupConsumer, GroupSettings
from cdc.testing.servers import KafkaServer
from tests.support.kafka_reader import read_committed
from tests.support.publishing import SHOP, kafka_settings, publishing, records
from tests.unit.connect.sink_bench import Text


class Sink:
    """A task that keeps what it is given in a list; only what was flushed is `durable`, which tasks share."""

    def __init__(self, durable):
        self.durable = durable
        self.buffer = []
        self.opened = set()

    async def start(self, context):
        pass

    async def open(self, partitions):
        self.opened |= set(partitions)

    async def put(self, found):
        self.buffer += [(each.original_partition, each.key, each.value) for each in found]

    async def flush(self, offsets):
        pass

    async def pre_commit(self, offsets):
        self.durable += self.buffer
        self.buffer = []
        return offsets

    async def close(self, partitions):
        assert self.buffer == []
        self.opened -= set(partitions)

    async def stop(self):
        pass


@pytest.fixture
def settings(kafka, topic_prefix):
    return kafka_settings(kafka.url, topic_prefix)


@pytest.fixture
def topic(topic_prefix):
    return f"{topic_prefix}.t"


async def create(settings, topic, partitions):
    admin = AdminClient({"bootstrap.servers": settings.bootstrap_servers[0]})
    future = admin.create_topics([NewTopic(topic, partitions, 1)])[topic]
    await asyncio.to_thread(future.result, 15)


async def write(settings, topic, *content, commit=True):
    async with publishing(settings) as publisher:
        await publisher.begin()
        await publisher.send(records(topic, *content))
        await (publisher.commit(SHOP, {"lsn": 1}) if commit else publisher.abort())


def worker(settings, topic, sink, *, number=0, errors=None, letters=None, interval=60.0):
    task = TaskId(settings.client_id, number)
    errors = errors or ErrorSettings()
    tolerance = Tolerance(errors, task, clock=time.monotonic, sleep=asyncio.sleep)
    queue = DeadLetterQueue(errors, task, letters)
    group = GroupSettings(f"connect-{task.connector}", heartbeat_interval=0.1, fetch_max_wait=0.1)
    return WorkerSinkTask(
        task,
        sink,
        {},
        GroupConsumer(settings, group),
        SinkRecordReader(Text(), Text(), Text(), TransformationChain(), tolerance, queue),
        topics=[topic],
        clock=time.monotonic,
        offset_flush_interval=interval,
    )


@asynccontextmanager
async def running(work):
    run = asyncio.create_task(work.run())
    try:
        yield run
    finally:
        run.cancel()
        await asyncio.wait({run})


async def until(condition, *runs, seconds=40):
    async with asyncio.timeout(seconds):
        while not condition():
            for run in runs:
                if run.done():
                    await run
            await asyncio.sleep(0.02)


def values(*sinks):
    return [value for sink in sinks for _, _, value in sink.buffer]


async def test_committed_records_are_put_once_each_in_order_over_a_restart(settings, topic):
    await create(settings, topic, 1)
    durable: list[tuple[int, str, str]] = []
    sink = Sink(durable)
    await write(settings, topic, (b"k", b"1"), (b"k", b"2"))
    await write(settings, topic, (b"k", b"aborted"), commit=False)
    await write(settings, topic, (b"k", b"3"))
    async with running(worker(settings, topic, sink)) as run:
        await until(lambda: len(sink.buffer) == 3, run)
    await write(settings, topic, (b"k", b"4"))
    sink = Sink(durable)
    async with running(worker(settings, topic, sink)) as run:
        await until(lambda: sink.buffer, run)
    assert [value for _, _, value in durable] == ["1", "2", "3", "4"]


async def test_a_rebalance_between_two_tasks_loses_and_doubles_nothing(settings, topic):
    await create(settings, topic, 4)
    durable: list[tuple[int, str, str]] = []
    first, second = Sink(durable), Sink(durable)
    keys = [f"k{number}" for number in range(20)]

    async def write_round(number):
        await write(settings, topic, *((key.encode(), b"%d" % number) for key in keys))

    def seen(rounds):
        return len(durable) + len(first.buffer) + len(second.buffer) >= 20 * rounds

    async with running(worker(settings, topic, first)) as one:
        await write_round(1)
        await until(lambda: seen(1), one)
        async with running(worker(settings, topic, second, number=1)) as two:
            await write_round(2)
            await until(lambda: first.opened and second.opened and seen(2), one, two)
            assert len(durable) >= 20, "what the first task had was not flushed before its partitions went"
            await write_round(3)
            await until(lambda: seen(3), one, two)
        await write_round(4)
        await until(lambda: len(first.opened) == 4 and seen(4), one)
    assert sorted(durable) == sorted((part_of(durable, key), key, str(n)) for key in keys for n in range(1, 5))
    for key in keys:
        assert [value for _, found, value in durable if found == key] == ["1", "2", "3", "4"]


def part_of(durable, key):
    return next(partition for partition, found, _ in durable if found == key)


async def test_a_poison_record_goes_to_the_dead_letter_topic_while_its_neighbours_go_on(settings, topic, kafka):
    await create(settings, topic, 1)
    dead = f"{topic}.dead"
    errors = ErrorSettings(tolerate=True, dead_letter_topic=dead, dead_letter_replicas=1, dead_letter_headers=True)
    letters = KafkaDeadLetterWriter(settings, dead, errors.dead_letter_replicas)
    sink = Sink([])
    await write(settings, topic, (b"k", b"1"), (b"bad", b"poison"), (b"k", b"2"))
    try:
        await letters.start()
        async with running(worker(settings, topic, sink, errors=errors, letters=letters)) as run:
            await until(lambda: len(sink.buffer) == 2, run)
            assert values(sink) == ["1", "2"]
    finally:
        await letters.stop()
    (letter,) = await asyncio.to_thread(read_committed, kafka.url, dead)
    headers = {name: (data or b"").decode() for name, data in letter.headers}
    trace = headers.pop("__connect.errors.exception.stacktrace")
    assert (letter.key, letter.value, letter.timestamp) == (b"bad", b"poison", 1_700_000_000_000)
    assert headers == {
        "__connect.errors.topic": topic,
        "__connect.errors.partition": "0",
        "__connect.errors.offset": "1",
        "__connect.errors.connector.name": settings.client_id,
        "__connect.errors.task.id": "0",
        "__connect.errors.stage": "VALUE_CONVERTER",
        "__connect.errors.class.name": f"{Text.__module__}.Text",
        "__connect.errors.exception.class.name": "cdc.errors.ConversionError",
        "__connect.errors.exception.message": "it is poison",
    }
    assert trace.startswith("Traceback")
    admin = AdminClient({"bootstrap.servers": kafka.url})
    assert len((await asyncio.to_thread(admin.list_topics, timeout=10)).topics[dead].partitions) == 1


async def test_by_default_a_poison_record_stops_the_task_with_a_sentence(settings, topic):
    await create(settings, topic, 1)
    await write(settings, topic, (b"k", b"1"), (b"k", b"poison"))
    work = worker(settings, topic, Sink([]))
    async with running(work) as run, asyncio.timeout(40):
        with pytest.raises(RecordFailed) as caught:
            await run
    assert str(caught.value) == (
        f"Connector {settings.client_id}, task 0: the record of topic {topic}, partition 0, offset 1 failed in stage"
        " VALUE_CONVERTER (Text): it is poison"
    )


async def test_a_dead_letter_topic_that_cannot_be_created_is_refused_with_the_properties_to_look_at(settings, topic):
    letters = KafkaDeadLetterWriter(settings, topic, 7)
    try:
        with pytest.raises(KafkaRefused, match="dead letter topic") as caught:
            await letters.start()
    finally:
        await letters.stop()
    assert "errors.deadletterqueue.topic.replication.factor" in caught.value.remedy


async def test_dead_letters_without_key_value_or_timestamp_can_be_written(settings, topic, kafka):
    letters = KafkaDeadLetterWriter(settings, topic, 1)
    try:
        await letters.start()
        await letters.write(DeadLetter(topic, None, None, (("empty", None),)))
    finally:
        await letters.stop()
    (found,) = await asyncio.to_thread(read_committed, kafka.url, topic)
    assert (found.key, found.value, found.headers) == (None, None, (("empty", None),))
    assert abs(found.timestamp / 1000 - time.time()) < 3600


@pytest.fixture
def broker():
    with KafkaServer() as server:
        yield server


async def test_a_task_survives_a_restart_of_the_broker_and_ends_soon_without_one(broker, topic, topic_prefix):
    settings = kafka_settings(broker.address.url, topic_prefix, request_timeout=5.0)
    await create(settings, topic, 1)
    durable: list[tuple[int, str, str]] = []
    sink = Sink(durable)
    async with running(worker(settings, topic, sink, interval=0.2)) as run:
        await write(settings, topic, (b"k", b"1"))
        await until(lambda: durable, run)
        await asyncio.to_thread(broker.kill)
        await asyncio.to_thread(broker.start)
        await write(settings, topic, (b"k", b"2"))
        await until(lambda: len(durable) == 2, run, seconds=60)
        await asyncio.to_thread(broker.kill)
        begun = time.monotonic()
        run.cancel()
        await asyncio.wait({run}, timeout=30)
        assert run.cancelled()
        assert time.monotonic() - begun < 15
    assert [value for _, _, value in durable] == ["1", "2"]
    assert sink.opened == set()
