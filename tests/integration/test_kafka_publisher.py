import asyncio
from dataclasses import replace

import pytest
from aiokafka import TopicPartition

import cdc.kafka.publisher
from cdc.config.settings import TopicSettings
from cdc.errors import ConversionError, Fenced, KafkaRefused, KafkaUnavailable, RecordTooLarge
from cdc.kafka.offsets import KafkaOffsetStore
from cdc.kafka.publisher import TransactionalPublisher
from cdc.kafka.record_batch import murmur2
from cdc.kafka.transaction import OutOfTurnError, State
from cdc.model.records import RecordBatch
from tests.support.kafka_reader import read_committed, read_uncommitted
from tests.support.publishing import SHOP, kafka_settings, publishing, records


@pytest.fixture
def settings(kafka, topic_prefix):
    return kafka_settings(kafka.url, topic_prefix)


@pytest.fixture
def topic(topic_prefix):
    return f"{topic_prefix}.public.orders"


async def read(settings, *topics):
    return await asyncio.to_thread(read_committed, settings.bootstrap_servers[0], *topics)


async def test_a_committed_transaction_is_read_with_its_offset(settings, topic):
    batch = RecordBatch()
    batch.headers = (("constant", b"1"), ("none", b""))
    batch.timestamp_ms = 1_700_000_000_123
    batch.add(topic, b"k1", b"v1", (("own", b"2"),))
    batch.add(topic, b"k1", None)
    async with publishing(settings) as publisher:
        await publisher.begin()
        await publisher.send(batch)
        await publisher.commit(SHOP, {"lsn": 7})
        assert publisher.state is State.READY
    first, second = await read(settings, topic)
    assert (first.key, first.value, first.timestamp) == (b"k1", b"v1", 1_700_000_000_123)
    assert first.headers == (("own", b"2"), ("constant", b"1"), ("none", b""))
    assert (second.key, second.value, second.headers) == (b"k1", None, (("constant", b"1"), ("none", b"")))
    (offset,) = await read(settings, settings.offset_topic)
    assert (offset.key, offset.value) == (b'["shop",{"server":"shop"}]', b'{"lsn":7}')


async def test_an_aborted_transaction_is_never_read_and_another_one_follows(settings, topic):
    async with publishing(settings) as publisher:
        await publisher.begin()
        await publisher.send(records(topic, *((b"k", bytes(200_000)) for _ in range(10))))
        await publisher.abort()
        await publisher.begin()
        await publisher.send(records(topic, (b"k", b"kept")))
        await publisher.commit(SHOP, {"lsn": 1})
    assert [record.value for record in await read(settings, topic)] == [b"kept"]
    written = await asyncio.to_thread(read_uncommitted, settings.bootstrap_servers[0], topic)
    assert len(written) > 1, "nothing had been sent, so nothing was aborted"


async def test_closing_aborts_an_open_transaction_at_once(settings, topic):
    async with publishing(settings) as publisher:
        await publisher.begin()
        await publisher.send(records(topic, *((b"k", bytes(200_000)) for _ in range(10))))
    written = await asyncio.to_thread(read_uncommitted, settings.bootstrap_servers[0], topic)
    assert written
    async with publishing(replace(settings, transactional_id=f"{settings.transactional_id}-other")) as other:
        await other.begin()
        await other.send(records(topic, (b"k", b"after")))
        await other.commit(SHOP, {"lsn": 1})
    assert [record.value for record in await read(settings, topic)] == [b"after"], "a transaction is left open"


async def test_an_instance_that_starts_fences_the_one_before_it(settings, topic):
    async with publishing(settings) as first:
        await first.begin()
        await first.send(records(topic, (b"k", b"first")))
        async with publishing(settings) as second:
            with pytest.raises(Fenced, match="Another instance of connector shop has started") as caught:
                await first.commit(SHOP, {"lsn": 1})
            assert "Stop one" in caught.value.remedy
            assert first.state is State.BROKEN
            await second.begin()
            await second.send(records(topic, (b"k", b"second")))
            await second.commit(SHOP, {"lsn": 2})
    assert [record.value for record in await read(settings, topic)] == [b"second"]
    assert [record.value for record in await read(settings, settings.offset_topic)] == [b'{"lsn":2}']


async def test_an_instance_asks_whether_it_is_wanted_when_it_has_shut_out_the_one_before_it(settings, topic):
    async with publishing(settings) as first:
        shut_out = []

        async def verify():
            await first.begin()
            await first.send(records(topic, (b"k", b"first")))
            with pytest.raises(Fenced):
                await first.commit(SHOP, {"lsn": 1})
            shut_out.append(first)
            raise Fenced("This task is another worker's by now")

        second = TransactionalPublisher(settings, "shop", verify=verify)
        try:
            with pytest.raises(Fenced, match="another worker's"):
                await second.start()
            assert shut_out == [first]
            assert second.state is State.BROKEN
        finally:
            await second.close()


async def test_an_instance_is_fenced_between_sending_and_committing(settings, topic):
    large = records(topic, *((b"k", bytes(200_000)) for _ in range(10)))
    async with publishing(settings) as first:
        await first.begin()
        await first.send(large)
        await first._deliveries.settled()
        async with publishing(settings):
            with pytest.raises(Fenced):
                await first.commit(SHOP, {"lsn": 1})
    assert await read(settings, topic, settings.offset_topic) == []


async def test_a_broken_publisher_refuses_everything_but_closing(settings, topic):
    async with publishing(settings) as first, publishing(settings):
        await first.begin()
        with pytest.raises(Fenced):
            await first.commit(SHOP, {"lsn": 1})
        for call in (first.begin(), first.send(records(topic)), first.commit(SHOP, {}), first.abort(), first.start()):
            with pytest.raises(OutOfTurnError, match="broken"):
                await call
        await first.close()
        await first.close()
        assert first.state is State.CLOSED


async def test_records_need_a_transaction(settings, topic):
    async with publishing(settings) as publisher:
        with pytest.raises(OutOfTurnError, match="records need a transaction"):
            await publisher.send(records(topic, (b"k", b"v")))
        assert publisher.state is State.READY


async def test_a_record_that_the_broker_finds_too_large_is_named_and_nothing_is_committed(settings, topic):
    settings = replace(settings, compression="none")
    async with publishing(settings) as publisher:
        await publisher.begin()
        await publisher.send(records(topic, (b"small", b"v"), (b'{"id":7}', bytes(3_000_000))))
        with pytest.raises(RecordTooLarge, match=rf'topic {topic} .* key {{"id":7}} and 30000\d\d bytes') as caught:
            await publisher.commit(SHOP, {"lsn": 1})
        assert "max.message.bytes" in caught.value.remedy
    assert await read(settings, topic, settings.offset_topic) == []


async def test_a_record_that_compresses_below_the_limit_passes(settings, topic):
    async with publishing(settings) as publisher:
        await publisher.begin()
        await publisher.send(records(topic, (b"k", bytes(3_000_000))))
        await publisher.commit(SHOP, {"lsn": 1})
    (record,) = await read(settings, topic)
    assert record.value == bytes(3_000_000)


async def test_a_record_larger_than_max_request_size_is_not_sent(settings, topic):
    async with publishing(replace(settings, max_request_bytes=10_000)) as publisher:
        await publisher.begin()
        with pytest.raises(RecordTooLarge, match=r"more than max\.request\.size = 10000"):
            await publisher.send(records(topic, (b"k", bytes(20_000))))
        assert publisher.state is State.BROKEN


async def test_many_batches_of_many_partitions_keep_their_order(settings, topic):
    settings = replace(settings, batch_bytes=2000, topics=TopicSettings(partitions=3, replication_factor=1))
    keys = [b"key-%d" % number for number in range(20)]
    async with publishing(settings) as publisher:
        for transaction in range(3):
            await publisher.begin()
            for step in range(5):
                content = ((key, b"%d.%d.%d" % (transaction, step, at)) for at in range(10) for key in keys)
                await publisher.send(records(topic, *content))
            await publisher.commit(SHOP, {"lsn": transaction})
    found = await read(settings, topic)
    wanted = [b"%d.%d.%d" % (t, s, at) for t in range(3) for s in range(5) for at in range(10)]
    for key in keys:
        own = [record for record in found if record.key == key]
        assert {record.partition for record in own} == {(murmur2(key) & 0x7FFFFFFF) % 3}
        assert [record.value for record in own] == wanted


async def test_more_than_may_be_in_flight_passes(settings, topic):
    value = bytes(1000)
    async with publishing(replace(settings, compression="none")) as publisher:
        await publisher.begin()
        for _ in range(10):
            await publisher.send(records(topic, *((b"k", value) for _ in range(5000))))
            assert publisher._deliveries._bytes <= 16 << 20
        await publisher.commit(SHOP, {"lsn": 1})
    assert len(await read(settings, topic)) == 50_000


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
async def test_every_compression_is_read_by_others(settings, topic, codec):
    async with publishing(replace(settings, compression=codec)) as publisher:
        await publisher.begin()
        await publisher.send(records(topic, *((b"k", b"%d" % number * 50) for number in range(1000))))
        await publisher.commit(SHOP, {"lsn": 1})
    assert [record.value for record in await read(settings, topic)] == [b"%d" % number * 50 for number in range(1000)]


async def test_a_cancelled_step_ends_the_publisher_and_commits_nothing(settings, topic):
    async with publishing(settings) as publisher:
        await publisher.begin()
        await publisher.send(records(topic, (b"k", b"v")))
        committing = asyncio.create_task(publisher.commit(SHOP, {"lsn": 1}))
        await asyncio.sleep(0)
        committing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await committing
        assert publisher.state is State.BROKEN
    assert await read(settings, topic, settings.offset_topic) == []


async def test_closing_while_cancelled_still_ends_everything(settings, topic):
    async with publishing(settings) as publisher:
        await publisher.begin()
        await publisher.send(records(topic, (b"k", b"v")))
        closing = asyncio.create_task(publisher.close())
        await asyncio.sleep(0)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing


async def test_a_transaction_timeout_above_the_brokers_is_refused(settings):
    publisher = TransactionalPublisher(replace(settings, transaction_timeout=3600.0), "shop")
    with pytest.raises(KafkaRefused, match=r"refuses transaction\.timeout\.ms = 3600000") as caught:
        await publisher.start()
    assert "transaction.max.timeout.ms" in caught.value.remedy
    await publisher.close()


async def test_a_transaction_that_expired_is_repeated_not_fenced(settings, topic):
    times = iter([1000.0, 1060.0, 1060.0, 1060.0])
    async with publishing(settings), publishing(settings) as late:
        late._clock = lambda: next(times)
        await late.begin()
        async with publishing(settings):
            with pytest.raises(KafkaUnavailable, match=r"longer than transaction\.timeout\.ms = 60000") as caught:
                await late.commit(SHOP, {"lsn": 1})
    assert caught.value.retriable


async def test_records_go_to_the_partition_that_their_batch_names(settings, topic):
    settings = replace(settings, topics=TopicSettings(partitions=3))
    chosen = records(topic, (b"k", b"chosen"), (None, b"too"))
    chosen.partition = 2
    async with publishing(settings) as publisher:
        await publisher.begin()
        await publisher.send(chosen)
        await publisher.commit(SHOP, {"lsn": 1}, ({"server": "other"}, {"lsn": 2}))
        found = await read(settings, topic)
        assert [(record.partition, record.value) for record in found] == [(2, b"chosen"), (2, b"too")]
        assert await KafkaOffsetStore(settings, "shop", publisher).load_all() == [
            (SHOP, {"lsn": 1}),
            ({"server": "other"}, {"lsn": 2}),
        ]
        await publisher.begin()
        chosen.partition = 3
        with pytest.raises(ConversionError, match=f"partition 3 of topic {topic}, which has 3"):
            await publisher.send(chosen)


async def test_a_record_without_key_for_a_compacted_topic_is_refused(settings, topic):
    settings = replace(settings, topics=TopicSettings(configs={"cleanup.policy": "compact"}))
    async with publishing(settings) as publisher:
        await publisher.begin()
        await publisher.send(records(topic, (None, b"v")))
        with pytest.raises(KafkaRefused, match=f"refuses records for topic {topic}") as caught:
            await publisher.commit(SHOP, {"lsn": 1})
    assert "without key" in caught.value.remedy


async def test_sequence_numbers_go_on_from_zero_after_the_largest(settings, topic):
    async with publishing(settings) as publisher:
        publisher._producer._txn_manager._sequence_numbers[TopicPartition(topic, 0)] = 2**31 - 5
        for number in range(4):
            await publisher.begin()
            await publisher.send(records(topic, *((b"k", b"%d.%d" % (number, at)) for at in range(3))))
            await publisher.commit(SHOP, {"lsn": number})
    expected = [b"%d.%d" % (number, at) for number in range(4) for at in range(3)]
    assert [record.value for record in await read(settings, topic)] == expected


async def test_many_batches_that_are_being_filled_are_bounded_together(settings, topic_prefix, monkeypatch):
    monkeypatch.setattr(cdc.kafka.publisher, "OPEN_BYTES", 5000)
    names = [f"{topic_prefix}.{number}" for number in range(10)]
    async with publishing(settings) as publisher:
        await publisher.begin()
        for name in names:
            await publisher.send(records(name, (b"k", bytes(1000))))
            assert publisher._records.size <= 5000
        await publisher.commit(SHOP, {"lsn": 1})
    assert len(await read(settings, *names)) == 10
