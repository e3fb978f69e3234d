"""What workers share in compacted topics: read and written on real brokers, against librdkafka."""

import asyncio
import itertools
import time
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import CorruptRecordException
from confluent_kafka import Producer
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from cdc.errors import KafkaRefused, KafkaUnavailable
from cdc.kafka.topic_log import LogRecord, LogTopic, TopicLog
from cdc.kafka.topic_writer import PlainWriter, TopicWriter
from cdc.testing.servers import KafkaServer
from cdc.testing.servers.process import free_port
from tests.support.kafka_reader import read_committed
from tests.support.proxy import Proxy
from tests.support.publishing import kafka_settings

PATIENCE = 60
END_SECONDS = 3.5


@pytest.fixture
def settings(kafka, topic_prefix):
    return kafka_settings(kafka.url, topic_prefix)


@pytest.fixture
def topic(topic_prefix):
    return f"{topic_prefix}.log"


@pytest.fixture
def admin(kafka):
    return AdminClient({"bootstrap.servers": kafka.url})


@pytest.fixture(autouse=True)
async def nothing_is_left():
    """See to it that every task of a test has ended, those of aiokafka also."""
    others = asyncio.all_tasks()
    yield
    await until(lambda: asyncio.all_tasks() - others <= {asyncio.current_task()})


class Seen:
    """A log that keeps all that it is handed."""

    def __init__(self, settings, topic, **options):
        self.records: list[LogRecord] = []
        wanted = topic if isinstance(topic, LogTopic) else LogTopic(topic, replication_factor=1)
        self.log = TopicLog(settings, wanted, self.records.extend, **options)

    @property
    def entries(self):
        return [(r.key, r.value) for r in self.records]

    @asynccontextmanager
    async def running(self):
        """Run the log meanwhile, and see to it that it ends in time."""
        run = asyncio.create_task(self.log.run())
        try:
            yield self
        finally:
            run.cancel()
            begun = time.monotonic()
            await asyncio.wait({run}, timeout=30)
            assert run.cancelled(), run
            assert time.monotonic() - begun < END_SECONDS


async def until(condition):
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def started(writer):
    try:
        await writer.start()
        yield writer
    finally:
        await writer.close()


def create(admin, topic, partitions=1, **configs):
    wanted = NewTopic(topic, partitions, 1, config={name.replace("_", "."): value for name, value in configs.items()})
    admin.create_topics([wanted])[topic].result(30)


def produce(servers, topic, *entries, **options):
    """Write by librdkafka, to partition 0 unless it is to choose."""
    producer = Producer({"bootstrap.servers": servers, **options})
    partition = -1 if "partitioner" in options else 0
    for key, value in entries:
        producer.produce(topic, value, key, partition)
    assert producer.flush(PATIENCE) == 0


def transactional(servers, topic):
    """Return a librdkafka producer that has begun a transaction."""
    producer = Producer({"bootstrap.servers": servers, "transactional.id": f"{topic}.other"})
    producer.init_transactions(PATIENCE)
    producer.begin_transaction()
    return producer


async def of_broker(servers, *topics):
    """Return what librdkafka reads, in the form of log records."""
    found = await asyncio.to_thread(read_committed, servers, *topics)
    return [((r.key or b"").decode(), r.value, r.partition, r.offset, r.timestamp) for r in found]


async def test_two_readers_get_all_records_in_order_removals_too(settings, topic, kafka):
    first, second = Seen(settings, topic), Seen(settings, topic)
    async with first.running(), second.running():
        await first.log.read_to_end()
        await asyncio.to_thread(
            produce, kafka.url, topic, (b"a", b"1"), (b"b", b"1"), (b"a", None), (b"b", b"2"), ("ключ".encode(), b"")
        )
        await first.log.read_to_end()
        await second.log.read_to_end()
    written = await of_broker(kafka.url, topic)
    assert [entry[:2] for entry in written] == [("a", b"1"), ("b", b"1"), ("a", None), ("b", b"2"), ("ключ", b"")]
    for seen in (first, second):
        assert [(r.key, r.value, r.partition, r.offset, r.timestamp_ms) for r in seen.records] == written
        assert seen.log.position == written[-1][3] + 1


async def test_reading_to_the_end_finds_every_commit_that_came_before(settings, topic):
    seen = Seen(settings, topic)
    async with seen.running(), started(TopicWriter(settings, topic, f"{topic}.writer")) as writer:
        for number in range(30):
            await writer.write([("k", b"%d" % number), ("l", None)])
            await seen.log.read_to_end()
            assert seen.entries[-2:] == [("k", b"%d" % number), ("l", None)]
        assert len(seen.records) == 60


async def test_many_read_to_the_end_at_once_and_before_it_runs(settings, topic, kafka):
    seen = Seen(settings, topic)
    async with asyncio.TaskGroup() as group:
        early = [group.create_task(seen.log.read_to_end(PATIENCE)) for _ in range(20)]
        async with seen.running():
            await asyncio.gather(*early)
            await asyncio.to_thread(produce, kafka.url, topic, (b"k", b"v"))
            await asyncio.gather(*(seen.log.read_to_end() for _ in range(20)))
            assert seen.entries == [("k", b"v")]


async def test_an_aborted_transaction_at_the_end_is_passed_and_not_handed_over(settings, topic, kafka):
    seen = Seen(settings, topic)
    async with seen.running():
        await seen.log.read_to_end()
        assert seen.log.position == 0
        await asyncio.to_thread(produce, kafka.url, topic, (b"k", b"v"))
        other = await asyncio.to_thread(transactional, kafka.url, topic)
        other.produce(topic, b"never", b"k", partition=0)
        await asyncio.to_thread(other.flush, PATIENCE)
        await asyncio.to_thread(other.abort_transaction, PATIENCE)
        await seen.log.read_to_end()
    assert seen.entries == [("k", b"v")]
    assert seen.log.position == seen.records[-1].offset + 1


async def test_a_transaction_that_is_open_is_waited_for(settings, topic, kafka):
    seen = Seen(settings, topic)
    async with seen.running():
        await seen.log.read_to_end()
        other = await asyncio.to_thread(transactional, kafka.url, topic)
        other.produce(topic, b"v", b"k", partition=0)
        await asyncio.to_thread(other.flush, PATIENCE)
        with pytest.raises(KafkaUnavailable, match=f"The end of topic {topic} was not reached in 0.5 s") as caught:
            await seen.log.read_to_end(seconds=0.5)
        assert "transaction" in caught.value.remedy
        assert seen.records == []
        reading = asyncio.create_task(seen.log.read_to_end(PATIENCE))
        await asyncio.to_thread(other.commit_transaction, PATIENCE)
        await reading
        assert seen.entries == [("k", b"v")]


async def test_records_without_a_readable_key_are_left_out(settings, topic, kafka, admin):
    def prepare():
        create(admin, topic, cleanup_policy="delete")  # a compacted topic would take no record without key
        produce(kafka.url, topic, (b"a", b"1"), (None, b"2"), (b"\xff", b"3"), (b"b", b"4"), (None, b"5"))
        entry = ConfigEntry("cleanup.policy", "compact", incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
        admin.incremental_alter_configs([resource])[resource].result(30)

    await asyncio.to_thread(prepare)
    seen = Seen(settings, topic)
    async with seen.running():
        await seen.log.read_to_end()
    assert seen.entries == [("a", b"1"), ("b", b"4")]
    assert seen.log.position == 5


async def test_a_missing_topic_is_created_compacted_with_its_partitions(settings, topic, admin):
    seen = Seen(settings, LogTopic(topic, partitions=3, replication_factor=1))
    async with seen.running():
        await seen.log.read_to_end()
    resource = ConfigResource(ResourceType.TOPIC, topic)
    assert admin.describe_configs([resource])[resource].result(30)["cleanup.policy"].value == "compact"
    assert len(admin.list_topics(timeout=30).topics[topic].partitions) == 3


@pytest.mark.parametrize("policy", ["delete", "compact,delete"])
async def test_a_topic_that_forgets_is_refused(settings, topic, admin, policy):
    await asyncio.to_thread(create, admin, topic, cleanup_policy=policy)
    with pytest.raises(KafkaRefused, match=f"{topic} has cleanup.policy = {policy}") as caught:
        await Seen(settings, topic).log.run()
    assert f"--topic {topic} --add-config cleanup.policy=compact" in caught.value.remedy


async def test_two_partitions_are_refused_where_one_order_is_needed(settings, topic, admin):
    await asyncio.to_thread(create, admin, topic, partitions=2, cleanup_policy="compact")
    with pytest.raises(KafkaRefused, match=f"Topic {topic} has 2 partitions"):
        await Seen(settings, topic, single_partition=True).log.run()


async def test_an_error_of_the_receiver_ends_the_log_as_it_is(settings, topic, kafka):
    def fail(_records):
        raise LookupError("mine")

    log = TopicLog(settings, LogTopic(topic, replication_factor=1), fail)
    run = asyncio.create_task(log.run())
    await log.read_to_end(PATIENCE)
    await asyncio.to_thread(produce, kafka.url, topic, (b"k", b"v"))
    with pytest.raises(LookupError, match="mine"):
        await asyncio.wait_for(run, PATIENCE)


async def test_many_writers_put_keys_where_java_does(settings, topic, kafka):
    keys = [f"status-connector-{number}" for number in range(40)]
    seen = Seen(settings, LogTopic(topic, partitions=5, replication_factor=1))
    other = Seen(settings, LogTopic(f"{topic}2", partitions=5, replication_factor=1))
    one, two = PlainWriter(settings, topic), PlainWriter(settings, topic)
    async with seen.running(), other.running(), started(one), started(two):
        await asyncio.gather(one.write([(k, b"1") for k in keys]), two.write([(k, None) for k in keys]))
        await one.write([])
        await other.log.read_to_end()
        await asyncio.to_thread(
            produce, kafka.url, f"{topic}2", *((k.encode(), b"1") for k in keys), partitioner="murmur2"
        )
        await seen.log.read_to_end()
        await other.log.read_to_end()
    assert {(r.key, r.value) for r in seen.records} == {(k, v) for k in keys for v in (b"1", None)}
    assert len(seen.records) == 80
    assert {r.key: r.partition for r in seen.records} == {r.key: r.partition for r in other.records}
    assert {r.partition for r in seen.records} == set(range(5))


@pytest.mark.parametrize("kind", ["single", "plain"])
async def test_a_record_that_is_too_large_is_refused(kind, settings, topic, admin):
    await asyncio.to_thread(create, admin, topic, cleanup_policy="compact", max_message_bytes="10000")
    plain = replace(settings, compression="none")
    writer = TopicWriter(plain, topic, f"{topic}.writer") if kind == "single" else PlainWriter(plain, topic)
    async with started(writer):
        with pytest.raises(KafkaRefused, match="too large") as caught:
            await writer.write([("k", bytes(20_000))])
        assert "max.message.bytes" in caught.value.remedy


async def test_a_plain_writer_goes_on_after_an_error(settings, topic, admin, kafka):
    await asyncio.to_thread(create, admin, topic, cleanup_policy="compact", max_message_bytes="10000")
    async with started(PlainWriter(settings, topic)) as writer:
        with pytest.raises(KafkaRefused):
            await writer.write([("k", bytes(20_000))])
        await writer.write([("k", b"v")])
    assert [entry[:2] for entry in await of_broker(kafka.url, topic)] == [("k", b"v")]


async def test_a_closed_writer_says_so(settings, topic, admin):
    await asyncio.to_thread(create, admin, topic, cleanup_policy="compact")
    for writer in (TopicWriter(settings, topic, f"{topic}.writer"), PlainWriter(settings, topic)):
        async with started(writer):
            pass
        await writer.close()
        with pytest.raises(KafkaUnavailable, match=f"The writer of topic {topic} is closed"):
            await writer.write([("k", b"v")])
    await TopicWriter(settings, topic, "never-started").close()


@pytest.mark.parametrize("kind", ["single", "plain"])
async def test_a_writer_that_is_closed_as_it_starts_leaves_nothing(kind, settings, topic, admin):
    await asyncio.to_thread(create, admin, topic, cleanup_policy="compact")
    writer = TopicWriter(settings, topic, f"{topic}.writer") if kind == "single" else PlainWriter(settings, topic)
    starting = asyncio.create_task(writer.start())
    await asyncio.sleep(0)
    await writer.close()
    with pytest.raises(KafkaUnavailable, match="is closed"):
        await asyncio.wait_for(starting, PATIENCE)


@pytest.fixture(scope="module")
def broker():
    """A broker that sends clients to the port of a proxy; its inner listener is the way past it."""
    with KafkaServer(advertised_port=free_port()) as server:
        yield server


@pytest.fixture
async def proxy(broker):
    async with Proxy("127.0.0.1", broker.port, listen=broker._advertised_port) as proxy:
        yield proxy


@pytest.fixture
def proxied(proxy, topic_prefix):
    return kafka_settings(f"127.0.0.1:{proxy.port}", topic_prefix, request_timeout=PATIENCE)


async def test_reading_goes_on_behind_the_last_record_when_the_broker_was_killed(broker, topic_prefix, topic):
    direct = kafka_settings(broker.inner, topic_prefix)
    seen = Seen(direct, topic)
    async with seen.running():
        async with started(TopicWriter(direct, topic, f"{topic}.writer")) as writer:
            await writer.write([("a", b"1"), ("b", b"1")])
            await seen.log.read_to_end()
            await asyncio.to_thread(broker.kill)
            with pytest.raises(KafkaUnavailable):
                await seen.log.read_to_end(seconds=0.2)
            with pytest.raises(KafkaUnavailable):
                await writer.write([("never", b"1")])
            with pytest.raises(KafkaUnavailable):  # also when nothing is tried
                await writer.write([])
        reading = asyncio.create_task(seen.log.read_to_end(3 * PATIENCE))  # a start under load takes its time
        await asyncio.to_thread(broker.start)
        await reading
        async with started(TopicWriter(direct, topic, f"{topic}.writer")) as writer:
            await writer.write([("a", b"2"), ("b", None)])
            await seen.log.read_to_end(PATIENCE)
        assert seen.entries == [("a", b"1"), ("b", b"1"), ("a", b"2"), ("b", None)]
    written = await of_broker(broker.inner, topic)
    assert [(r.key, r.value, r.partition, r.offset, r.timestamp_ms) for r in seen.records] == written


async def test_connections_that_break_again_and_again_make_no_gap_and_no_repetition(broker, proxy, proxied, topic):
    seen = Seen(proxied, topic)
    async with seen.running():
        await seen.log.read_to_end(PATIENCE)
        for number in range(20):
            await asyncio.to_thread(
                produce, broker.inner, topic, *((b"k", b"%d" % n) for n in range(number * 50, number * 50 + 50))
            )
            await proxy.cut()
        await seen.log.read_to_end(PATIENCE)
    assert [r.value for r in seen.records] == [b"%d" % n for n in range(1000)]


async def test_a_consumer_that_fails_is_replaced_without_gap_or_repetition(settings, topic, kafka, monkeypatch):
    fetch, calls = AIOKafkaConsumer.getmany, itertools.count(1)

    async def failing(self, **options):
        if next(calls) % 3 == 0:
            raise CorruptRecordException("as told by the test")
        return await fetch(self, **options)

    monkeypatch.setattr(AIOKafkaConsumer, "getmany", failing)
    seen = Seen(settings, topic)
    async with seen.running():
        for number in range(5):
            await seen.log.read_to_end(PATIENCE)
            await asyncio.to_thread(produce, kafka.url, topic, (b"k", b"%d" % number))
        await seen.log.read_to_end(PATIENCE)
    assert [r.value for r in seen.records] == [b"%d" % n for n in range(5)]


async def test_a_log_starts_while_no_broker_is_there_and_waits_for_it(broker, proxy, proxied, topic, caplog):
    await proxy.refuse()
    seen = Seen(proxied, topic)
    async with seen.running():
        await until(lambda: f"topic {topic} cannot be read" in caplog.text)
        with pytest.raises(KafkaUnavailable, match="Connection refused"):
            await seen.log.read_to_end(seconds=0.1)
        await proxy.accept()
        await seen.log.read_to_end(PATIENCE)


@pytest.mark.parametrize("fault", ["stall", "refuse"])
async def test_a_log_ends_in_time_whatever_the_broker_does(fault, broker, proxy, proxied, topic):
    seen = Seen(proxied, topic)
    async with seen.running():  # says how long it takes to end
        await seen.log.read_to_end(PATIENCE)
        if fault == "stall":
            proxy.stall()
        else:
            await proxy.refuse()
        with pytest.raises(KafkaUnavailable):
            await seen.log.read_to_end(seconds=0.5)
    proxy.resume()


@contextmanager
def impatient(writer):
    """Let a writer wait half a second for an answer: less than a busy machine may need to start."""
    kept = writer._settings
    writer._settings = replace(kept, request_timeout=0.5)
    yield
    writer._settings = kept


@pytest.mark.parametrize("kind", ["single", "plain"])
async def test_a_writer_gives_up_on_a_silent_broker_and_closes_in_time(kind, broker, proxy, proxied, topic):
    await asyncio.to_thread(create, AdminClient({"bootstrap.servers": broker.inner}), topic, cleanup_policy="compact")
    writer = TopicWriter(proxied, topic, f"{topic}.writer") if kind == "single" else PlainWriter(proxied, topic)
    await writer.start()
    await writer.write([("a", b"1")])
    proxy.stall()
    begun = time.monotonic()
    with impatient(writer), pytest.raises(KafkaUnavailable, match=topic):
        await writer.write([("never", b"1")])
    assert time.monotonic() - begun < PATIENCE / 2
    begun = time.monotonic()
    await writer.close()
    assert time.monotonic() - begun < END_SECONDS
    proxy.resume()


async def test_a_plain_writer_connects_anew_when_the_broker_is_back(broker, proxy, proxied, topic, caplog):
    await asyncio.to_thread(create, AdminClient({"bootstrap.servers": broker.inner}), topic, cleanup_policy="compact")
    async with started(PlainWriter(proxied, topic)) as writer:
        await proxy.refuse()
        with impatient(writer), pytest.raises(KafkaUnavailable):
            await writer.write([("lost", b"1")])
        with pytest.raises(KafkaUnavailable, match="Connection refused"):
            await writer.write([("lost", b"2")])
        await proxy.accept()
        await writer.write([("k", b"v")])
    assert [entry[:2] for entry in await of_broker(broker.inner, topic)] == [("k", b"v")]
    assert "Exception in callback" not in caplog.text
