"""The offsets of stopped connectors on a real broker: read, changed, removed."""

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer

from cdc.connect.connector_offsets import (
    group_of,
    reset_sink_offsets,
    sink_offsets,
    sink_request,
    source_offsets,
    store_sink_offsets,
    store_source_offsets,
)
from cdc.connect.herder import ConnectorOffset, RequestError
from cdc.errors import KafkaRefused
from cdc.model.connect_record import TopicPartition
from tests.support.publishing import kafka_settings, publishing, records

A, B = {"filename": "a.txt"}, {"filename": "b.txt"}


@pytest.fixture
def settings(kafka, topic_prefix):
    return kafka_settings(kafka.url, topic_prefix)


@pytest.fixture
async def topic(settings, topic_prefix):
    """A topic with five records."""
    name = f"{topic_prefix}.t"
    async with publishing(settings) as publisher:
        await publisher.begin()
        await publisher.send(records(name, *((b"k", b"v") for _ in range(5))))
        await publisher.commit({"server": "x"}, {"lsn": 1})
    return name


async def test_a_source_that_has_stored_nothing_has_no_offsets(settings):
    assert list(await source_offsets(settings, "files")) == []


async def test_offsets_of_a_source_are_stored_and_removed_one_by_one(settings):
    await store_source_offsets(settings, "files", [(A, {"position": 4}), (B, {"position": 8})])
    await store_source_offsets(settings, "others", [(A, {"position": 1})])
    assert list(await source_offsets(settings, "files")) == [
        ConnectorOffset(A, {"position": 4}),
        ConnectorOffset(B, {"position": 8}),
    ]
    await store_source_offsets(settings, "files", [(A, None), (B, {"position": 9})])
    assert list(await source_offsets(settings, "files")) == [ConnectorOffset(B, {"position": 9})]
    assert list(await source_offsets(settings, "others")) == [ConnectorOffset(A, {"position": 1})]


async def test_reading_offsets_fences_nobody(settings, topic):
    async with publishing(settings, "files") as publisher:
        await source_offsets(settings, "files")
        await publisher.begin()
        await publisher.send(records(topic, (b"k", b"v")))
        await publisher.commit(A, {"position": 1})


async def test_offsets_of_a_sink_are_stored_removed_and_reset(settings, topic, topic_prefix):
    def shown(offset):
        return [ConnectorOffset({"kafka_topic": topic, "kafka_partition": 0}, {"kafka_offset": offset})]

    assert list(await sink_offsets(settings, topic_prefix)) == []
    await store_sink_offsets(settings, topic_prefix, {TopicPartition(topic, 0): 3})
    assert list(await sink_offsets(settings, topic_prefix)) == shown(3)
    await store_sink_offsets(settings, topic_prefix, {TopicPartition(topic, 0): 0})
    assert list(await sink_offsets(settings, topic_prefix)) == shown(0)
    await store_sink_offsets(settings, topic_prefix, {TopicPartition(topic, 0): None})
    assert list(await sink_offsets(settings, topic_prefix)) == []
    await reset_sink_offsets(settings, topic_prefix)


async def test_offsets_of_a_group_that_is_still_read_with_are_left_alone(settings, topic, topic_prefix):
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=list(settings.bootstrap_servers), group_id=group_of(topic_prefix)
    )
    await consumer.start()
    try:
        async with asyncio.timeout(30):
            while not consumer.assignment():
                await asyncio.sleep(0.05)
        with pytest.raises(KafkaRefused, match="still has members"):
            await reset_sink_offsets(settings, topic_prefix)
        with pytest.raises(KafkaRefused, match="still has members"):
            await store_sink_offsets(settings, topic_prefix, {TopicPartition(topic, 0): 3})
    finally:
        await consumer.stop()


@pytest.mark.parametrize("missing", [TopicPartition("no.such.topic", 0), None])
async def test_offsets_of_a_partition_that_does_not_exist_are_refused_and_no_topic_is_made(
    missing, settings, topic, topic_prefix
):
    wanted = missing or TopicPartition(topic, 9)
    for _ in range(2):  # the first time might have made the topic
        with pytest.raises(KafkaRefused, match=f"no partition {wanted.partition} of topic {wanted.topic}"):
            await store_sink_offsets(settings, topic_prefix, {wanted: 3})


@pytest.mark.parametrize(
    ("partition", "offset", "meaning"),
    [
        ({"kafka_topic": "t", "kafka_partition": 1}, {"kafka_offset": 5}, 5),
        ({"kafka_topic": "t", "kafka_partition": "1"}, {"kafka_offset": "5"}, 5),
        ({"kafka_topic": "t", "kafka_partition": 1}, None, None),
    ],
)
def test_what_connect_takes_as_the_offset_of_a_sink_is_taken(partition, offset, meaning):
    assert sink_request([ConnectorOffset(partition, offset)]) == {TopicPartition("t", 1): meaning}


@pytest.mark.parametrize(
    ("partition", "offset"),
    [
        ({}, {"kafka_offset": 5}),
        ({"kafka_topic": "t"}, {"kafka_offset": 5}),
        ({"kafka_topic": "t", "kafka_partition": -1}, {"kafka_offset": 5}),
        ({"kafka_topic": "t", "kafka_partition": 1, "more": 1}, {"kafka_offset": 5}),
        ({"kafka_topic": "t", "kafka_partition": 1}, {"kafka_offset": True}),
        ({"kafka_topic": "t", "kafka_partition": 1}, {"position": 5}),
    ],
)
def test_offsets_of_another_shape_are_refused_with_the_right_one(partition, offset):
    with pytest.raises(RequestError) as caught:
        sink_request([ConnectorOffset(partition, offset)])
    assert "kafka_topic" in caught.value.remedy
