import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from confluent_kafka import Producer

from cdc.errors import KafkaUnavailable, SinkError
from cdc.kafka.offsets import KafkaOffsetStore
from cdc.testing.conformance.offsets import OffsetStoreConformance
from tests.support.publishing import SHOP, kafka_settings, publishing, records


class TestKafkaOffsetStore(OffsetStoreConformance):
    @pytest.fixture
    def storage(self, kafka, topic_prefix):
        settings = kafka_settings(kafka.url, topic_prefix)

        @asynccontextmanager
        async def opened():
            async with publishing(settings) as publisher:
                yield KafkaOffsetStore(settings, "shop", publisher)

        return opened


@pytest.fixture
def settings(kafka, topic_prefix):
    return kafka_settings(kafka.url, topic_prefix)


def delivered(error, _message):
    assert error is None, error


def write(settings, *pairs, partition=0):
    producer = Producer({"bootstrap.servers": settings.bootstrap_servers[0]})
    for key, value in pairs:
        producer.produce(settings.offset_topic, value, key, partition, on_delivery=delivered)
    assert producer.flush(10) == 0


async def load(settings, connector="shop"):
    async with publishing(settings) as publisher:
        return await KafkaOffsetStore(settings, connector, publisher).load(SHOP)


async def test_what_kafka_connect_wrote_is_loaded_whatever_its_layout(settings):
    await load(settings)
    write(
        settings,
        (b'["shop",{"server":"shop"}]', b'{"lsn": 1}'),
        (b'["other",{"server":"shop"}]', b'{"lsn": 2}'),
        (b' [ "shop" , {"server" : "shop"} ]', b' {"lsn" : 3} '),
        (b'["shop",{"server":"other"}]', b'{"lsn": 4}'),
        (b"no json", b"none"),
    )
    assert await load(settings) == {"lsn": 3}
    assert await load(settings, "other") == {"lsn": 2}
    assert await load(settings, "third") is None


async def test_among_partitions_the_later_record_counts(settings):
    settings = replace(settings, offset_partitions=3)
    await load(settings)
    write(settings, (b'["shop",{"server":"shop"}]', b'{"lsn": 1}'), partition=2)
    await asyncio.sleep(0.01)
    write(settings, (b'["shop", {"server":"shop"}]', b'{"lsn": 2}'), partition=0)
    assert await load(settings) == {"lsn": 2}


async def test_an_unreadable_offset_is_an_error_and_never_none(settings):
    await load(settings)
    write(settings, (b'["shop",{"server":"shop"}]', b'{"lsn": 1}'), (b'["shop",{"server":"shop"}]', b"oops"))
    with pytest.raises(
        SinkError, match=f"stored offset in topic {settings.offset_topic}, partition 0, offset 1 cannot be read"
    ):
        await load(settings)


async def test_an_uncommitted_offset_is_never_loaded(settings):
    async with publishing(settings) as publisher:
        await publisher.begin()
        await publisher.commit(SHOP, {"lsn": 1})
        await publisher.begin()
        await publisher._hand_over(publisher._offset_batch((SHOP, {"lsn": 2})))
        await publisher._deliveries.settled()
        assert await load(settings) == {"lsn": 1}


async def test_another_connectors_open_transaction_is_waited_for_and_not_stopped_at(settings):
    """The newest offset may stand behind it: the last stable offset is not the end."""
    others = replace(settings, transactional_id=f"{settings.transactional_id}-other")
    async with publishing(others, "other") as other, publishing(settings) as publisher:
        await other.begin()
        await other._hand_over(other._offset_batch(({"server": "other"}, {"lsn": 1})))
        await other._deliveries.settled()
        store = KafkaOffsetStore(settings, "shop", publisher)
        await store.store(SHOP, {"lsn": 2})
        loading = asyncio.create_task(store.load(SHOP))
        await asyncio.sleep(0.5)
        assert not loading.done()
        await other.commit({"server": "other"}, {"lsn": 3})
        assert await loading == {"lsn": 2}


async def test_a_transaction_that_stays_open_is_not_waited_for_without_end(settings):
    others = replace(settings, transactional_id=f"{settings.transactional_id}-other")
    async with publishing(others, "other") as other:
        await other.begin()
        await other._hand_over(other._offset_batch(({"server": "other"}, {"lsn": 1})))
        await other._deliveries.settled()
        impatient = replace(settings, transaction_timeout=1.0, request_timeout=1.0)
        async with publishing(settings) as publisher:
            with pytest.raises(KafkaUnavailable, match="was not reached: nothing came for 2 s") as caught:
                await KafkaOffsetStore(impatient, "shop", publisher).load(SHOP)
    assert "transaction open" in caught.value.remedy


async def test_an_instance_that_died_leaves_neither_records_nor_offset(settings, topic_prefix):
    dead = asyncio.Event()
    async with publishing(settings) as first:
        await first.begin()
        await first.send(records(f"{topic_prefix}.t", (b"k", b"v")))
        await first._hand_over(first._offset_batch((SHOP, {"lsn": 1})))
        await first._deliveries.settled()
        dead.set()  # it says no more; the next one ends its transaction
        assert await load(settings) is None
