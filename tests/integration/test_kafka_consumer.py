import asyncio
from contextlib import aclosing

import pytest
from confluent_kafka.admin import AdminClient

from cdc.config.settings import TopicSettings
from cdc.kafka.consumer import Start, read_topics
from tests.support.kafka_reader import read_committed
from tests.support.publishing import SHOP, kafka_settings, publishing, records


@pytest.fixture
def settings(kafka, topic_prefix):
    return kafka_settings(kafka.url, topic_prefix, topics=TopicSettings(partitions=2, replication_factor=1))


@pytest.fixture
def topic(topic_prefix):
    return f"{topic_prefix}.t"


async def commit(publisher, *batches):
    await publisher.begin()
    for batch in batches:
        await publisher.send(batch)
    await publisher.commit(SHOP, {"lsn": 1})


async def values(settings, *topics, **options):
    return [record.value async for record in read_topics(settings, topics, **options)]


async def test_records_are_read_to_the_end_without_what_was_aborted(settings, topic):
    async with publishing(settings) as publisher:
        await commit(publisher, records(topic, (b"k", b"1"), timestamp=1234))
        await publisher.begin()
        await publisher.send(records(topic, *((b"k", bytes(200_000)) for _ in range(5))))
        await publisher.abort()
        await commit(publisher, records(topic, (b"k", None)))
    found = [record async for record in read_topics(settings, [topic])]
    assert [(r.topic, r.key, r.value, r.headers) for r in found] == [(topic, b"k", b"1", ()), (topic, b"k", None, ())]
    assert found[0].timestamp_ms == 1234
    assert found[0].offset < found[1].offset
    assert found[0].partition == found[1].partition


async def test_a_topic_that_ends_in_an_aborted_transaction_has_an_end(settings, topic):
    async with publishing(settings) as publisher:
        await commit(publisher, records(topic, (b"k", b"1")))
        await publisher.begin()
        await publisher.send(records(topic, *((b"k", bytes(200_000)) for _ in range(5))))
        await publisher.abort()
        assert await values(settings, topic) == [b"1"]


async def test_a_topic_that_does_not_exist_is_empty_and_stays_away(settings, topic, kafka):
    assert await values(settings, topic) == []
    known = await asyncio.to_thread(
        lambda: AdminClient({"bootstrap.servers": kafka.url}).list_topics(timeout=10).topics
    )
    assert topic not in known


async def test_following_takes_up_new_records_and_new_topics(settings, topic):
    found: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def follow():
        async with aclosing(read_topics(settings, [topic, f"{topic}2"], follow=True)) as records_:
            async for record in records_:
                found.put_nowait(record.value)

    async with publishing(settings) as publisher, asyncio.timeout(20):
        await commit(publisher, records(topic, (b"k", b"1")))
        following = asyncio.create_task(follow())
        assert await found.get() == b"1"
        await commit(publisher, records(f"{topic}2", (b"k", b"2")))
        assert await found.get() == b"2"
        await commit(publisher, records(topic, (b"k", b"3")))
        assert await found.get() == b"3"
        await commit(publisher, records(f"{topic}2", (b"k", b"4")))
        assert await found.get() == b"4"
        following.cancel()
        with pytest.raises(asyncio.CancelledError):
            await following
    assert found.empty()


async def test_following_from_the_end_leaves_out_what_is_there(settings, topic):
    found: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def follow():
        async for record in read_topics(settings, [topic], start=Start.LATEST, follow=True):
            found.put_nowait(record.value)

    async with publishing(settings) as publisher, asyncio.timeout(20):
        await commit(publisher, records(topic, (b"k", b"old")))
        # Until its markers are written, which is after the answer, a transaction is behind the end that readers have.
        await asyncio.to_thread(read_committed, settings.bootstrap_servers[0], topic)
        following = asyncio.create_task(follow())
        while found.empty():
            await commit(publisher, records(topic, (b"k", b"new")))
            await asyncio.sleep(0.2)
        assert await found.get() == b"new"
        following.cancel()
        with pytest.raises(asyncio.CancelledError):
            await following
