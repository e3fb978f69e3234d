from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from confluent_kafka import Producer

from cdc.errors import HistoryUnreadable
from cdc.history.records import HistoryRecord
from cdc.kafka.history import KafkaSchemaHistory
from cdc.testing.conformance.history import SchemaHistoryConformance
from tests.support.publishing import SHOP, kafka_settings, publishing


@pytest.fixture
def settings(kafka, topic_prefix):
    settings = kafka_settings(kafka.url, topic_prefix)
    return replace(settings, topics=replace(settings.topics, partitions=1))


@pytest.fixture
def topic(topic_prefix):
    return f"schemahistory.{topic_prefix}"


class TestKafkaSchemaHistory(SchemaHistoryConformance):
    @pytest.fixture
    def storage(self, settings, topic):
        @asynccontextmanager
        async def opened():
            async with publishing(settings) as publisher:
                await publisher.begin()
                yield KafkaSchemaHistory(settings, topic, publisher)
                await publisher.commit(SHOP, {"pos": 1})

        return opened


RECORD = HistoryRecord(source={"server": "s"}, position={"pos": 1}, ts_ms=1, database="d", ddl="CREATE TABLE t (a int)")


async def test_what_was_recorded_in_an_aborted_transaction_is_not_there(settings, topic):
    async with publishing(settings) as publisher:
        history = KafkaSchemaHistory(settings, topic, publisher)
        await publisher.begin()
        await history.record([replace(RECORD, ddl="aborted")])
        await publisher.abort()
    async with publishing(settings) as publisher:
        history = KafkaSchemaHistory(settings, topic, publisher)
        await publisher.begin()
        await history.record([RECORD])
        await publisher.commit(SHOP, {"pos": 1})
        assert [record async for record in history.records()] == [RECORD]


async def test_an_empty_record_is_passed_over(settings, topic):
    async with publishing(settings) as publisher:
        history = KafkaSchemaHistory(settings, topic, publisher)
        await publisher.begin()
        await history.record([RECORD])
        await publisher.commit(SHOP, {"pos": 1})
        producer = Producer({"bootstrap.servers": settings.bootstrap_servers[0]})
        producer.produce(topic, None)
        assert producer.flush(30) == 0
        assert [record async for record in history.records()] == [RECORD]


async def test_a_record_of_another_kind_is_an_error_with_its_place(settings, topic):
    async with publishing(settings) as publisher:
        history = KafkaSchemaHistory(settings, topic, publisher)
        await publisher.begin()
        await history.record([RECORD])
        await publisher.commit(SHOP, {"pos": 1})
        producer = Producer({"bootstrap.servers": settings.bootstrap_servers[0]})
        producer.produce(topic, b"no json")
        assert producer.flush(30) == 0
        with pytest.raises(HistoryUnreadable, match=rf"topic {topic} at offset 2"):
            [record async for record in history.records()]
