import asyncio
from dataclasses import replace

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

from cdc.config.settings import TopicSettings
from cdc.errors import KafkaRefused
from cdc.kafka.publisher import TransactionalPublisher
from tests.support.kafka_reader import read_committed
from tests.support.publishing import SHOP, kafka_settings, publishing, records


@pytest.fixture
def settings(kafka, topic_prefix):
    return kafka_settings(kafka.url, topic_prefix)


@pytest.fixture
def admin(kafka):
    return AdminClient({"bootstrap.servers": kafka.url})


def config(admin, topic, name):
    resource = ConfigResource(ResourceType.TOPIC, topic)
    return admin.describe_configs([resource])[resource].result(10)[name].value


def create(admin, topic, **settings):
    admin.create_topics([NewTopic(topic, 1, 1, config={k.replace("_", "."): v for k, v in settings.items()})])[
        topic
    ].result(10)


async def publish(settings, *batches):
    async with publishing(settings) as publisher:
        await publisher.begin()
        for batch in batches:
            await publisher.send(batch)
        await publisher.commit(SHOP, {"lsn": 1})


async def test_missing_topics_are_created_as_configured(settings, admin, topic_prefix):
    topics = TopicSettings(
        partitions=3, replication_factor=1, configs={"retention.ms": "12345", "compression.type": "zstd"}
    )
    names = [f"{topic_prefix}.{number}" for number in range(3)]
    await publish(replace(settings, topics=topics), *(records(name, (b"k", b"v")) for name in names))
    known = admin.list_topics(timeout=10).topics
    for name in names:
        assert len(known[name].partitions) == 3
        assert config(admin, name, "retention.ms") == "12345"
    assert len(await asyncio.to_thread(read_committed, settings.bootstrap_servers[0], *names)) == 3


async def test_the_offset_topic_is_compacted_and_has_one_partition(settings, admin):
    async with publishing(settings):
        pass
    assert config(admin, settings.offset_topic, "cleanup.policy") == "compact"
    assert len(admin.list_topics(timeout=10).topics[settings.offset_topic].partitions) == 1


@pytest.mark.parametrize("policy", ["delete", "compact,delete"])
async def test_an_offset_topic_that_forgets_is_refused(settings, admin, policy):
    await asyncio.to_thread(create, admin, settings.offset_topic, cleanup_policy=policy)
    publisher = TransactionalPublisher(settings, "shop")
    with pytest.raises(KafkaRefused, match=f"{settings.offset_topic} has cleanup.policy = {policy}") as caught:
        await publisher.start()
    assert f"--topic {settings.offset_topic} --add-config cleanup.policy=compact" in caught.value.remedy
    await publisher.close()


async def test_a_missing_topic_that_may_not_be_created_is_named(settings, topic_prefix, admin):
    settings = replace(settings, topics=TopicSettings(create=False))
    with pytest.raises(KafkaRefused, match=rf"Topic {topic_prefix}\.absent does not exist") as caught:
        await publish(settings, records(f"{topic_prefix}.absent", (b"k", b"v")))
    assert "topic.creation.enable" in caught.value.remedy
    assert f"{topic_prefix}.absent" not in admin.list_topics(timeout=10).topics


async def test_a_setting_that_the_broker_does_not_take_is_told(settings, topic_prefix):
    settings = replace(settings, topics=TopicSettings(replication_factor=7))
    with pytest.raises(KafkaRefused, match=rf"does not create topic {topic_prefix}\.t: .*7") as caught:
        await publish(settings, records(f"{topic_prefix}.t", (b"k", b"v")))
    assert "topic.creation.default" in caught.value.remedy


async def test_a_name_that_kafka_does_not_take_is_told(settings, topic_prefix):
    with pytest.raises(KafkaRefused, match="cannot be the name of a topic"):
        await publish(settings, records(f"{topic_prefix}.früh", (b"k", b"v")))


async def test_batches_stay_below_the_limit_of_their_topic(settings, admin, topic_prefix):
    topic = f"{topic_prefix}.narrow"
    await asyncio.to_thread(create, admin, topic, max_message_bytes="2000")
    await publish(replace(settings, compression="none"), records(topic, *((b"k", bytes(100)) for _ in range(100))))
    assert len(await asyncio.to_thread(read_committed, settings.bootstrap_servers[0], topic)) == 100


async def test_topics_that_come_one_after_the_other_stay_known(settings, topic_prefix):
    """The client forgets topics that it was not told of when it is told of the first one."""
    async with publishing(settings) as publisher:
        for number in range(4):
            await publisher.begin()
            for earlier in range(number + 1):
                await publisher.send(records(f"{topic_prefix}.{earlier}", (b"k", b"%d" % number)))
            await publisher.commit(SHOP, {"lsn": number})
    found = await asyncio.to_thread(
        read_committed, settings.bootstrap_servers[0], *(f"{topic_prefix}.{n}" for n in range(4))
    )
    assert len(found) == 1 + 2 + 3 + 4
