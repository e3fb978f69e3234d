"""Who may still write: of two writers with one transactional id, and after somebody has fenced an id."""

import asyncio
import time
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.transaction import InitProducerIdRequest
from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)

from cdc.config.secret import Secret
from cdc.config.settings import SecuritySettings
from cdc.errors import Fenced, KafkaRefused, KafkaUnavailable
from cdc.kafka.fencing import fence
from cdc.kafka.topic_log import LogTopic, TopicLog
from cdc.kafka.topic_writer import PlainWriter, TopicWriter
from cdc.testing.servers import KafkaServer
from cdc.testing.servers.kafka_security import Security
from cdc.testing.servers.process import free_port
from tests.support.kafka_reader import read_committed, read_uncommitted
from tests.support.publishing import SHOP, kafka_settings, publishing, records

PATIENCE = 60
#: Says that a transaction of the id is still being ended (kafka.apache.org/protocol, error codes).
CONCURRENT_TRANSACTIONS = 51


@pytest.fixture
def settings(kafka, topic_prefix):
    return kafka_settings(kafka.url, topic_prefix)


@pytest.fixture
def topic(topic_prefix):
    return f"{topic_prefix}.log"


@asynccontextmanager
async def reading(settings, topic):
    """Yield a log of the topic that runs, and the keys that it has seen."""
    keys: list[str] = []
    log = TopicLog(settings, LogTopic(topic, replication_factor=1), lambda found: keys.extend(r.key for r in found))
    run = asyncio.create_task(log.run())
    try:
        await log.read_to_end(PATIENCE)
        yield log, keys
    finally:
        run.cancel()
        await asyncio.wait({run})


@asynccontextmanager
async def writing(settings, topic):
    writer = TopicWriter(settings, topic, f"{topic}.writer")
    try:
        await writer.start()
        yield writer
    finally:
        await writer.close()


async def written(settings, topic):
    """Wait until something is in the topic, committed or not."""
    async with asyncio.timeout(PATIENCE):
        while not await asyncio.to_thread(read_uncommitted, settings.bootstrap_servers[0], topic):
            pass


async def test_a_writer_is_shut_out_by_the_next_one(settings, topic):
    async with (
        reading(settings, topic) as (log, keys),
        writing(settings, topic) as first,
    ):
        await first.write([("first", b"1")])
        async with writing(settings, topic) as second:
            for _ in range(2):
                with pytest.raises(Fenced, match=f"Another writer of topic {topic} has started"):
                    await first.write([("late", b"1")])
            await second.write([("second", b"1")])
            await log.read_to_end(PATIENCE)
            assert keys == ["first", "second"]


async def test_what_an_unfinished_writer_has_written_is_never_seen(settings, topic, monkeypatch):
    async with reading(settings, topic) as (log, keys), writing(settings, topic) as first:
        never = asyncio.Event()
        monkeypatch.setattr(first._producer, "commit_transaction", never.wait)
        stuck = asyncio.create_task(first.write([("unfinished", b"1")]))
        await written(settings, topic)
        with pytest.raises(KafkaUnavailable):
            await log.read_to_end(seconds=0.5)
        assert keys == []
        async with writing(settings, topic) as second:
            await log.read_to_end(PATIENCE)  # the start of the second has ended what was open
            assert keys == []
            await second.write([("second", b"1")])
            await log.read_to_end(PATIENCE)
        assert keys == ["second"]
        stuck.cancel()
        await asyncio.wait({stuck})


async def test_a_write_that_was_broken_off_ends_the_writer_and_is_aborted_at_its_close(settings, topic, monkeypatch):
    async with reading(settings, topic) as (log, keys):
        async with writing(settings, topic) as writer:
            with monkeypatch.context() as patch:
                patch.setattr(writer._producer, "commit_transaction", asyncio.Event().wait)
                stuck = asyncio.create_task(writer.write([("broken off", b"1")]))
                await written(settings, topic)
                stuck.cancel()
                await asyncio.wait({stuck})
            with pytest.raises(KafkaUnavailable, match="was broken off"):
                await writer.write([("late", b"1")])
        await log.read_to_end(PATIENCE)
        assert keys == []


async def test_writes_of_many_tasks_are_served_one_after_another(settings, topic):
    async with reading(settings, topic) as (log, keys), writing(settings, topic) as writer:
        await asyncio.gather(*(writer.write([(f"{n}a", b"1"), (f"{n}b", b"1")]) for n in range(10)))
        await log.read_to_end(PATIENCE)
        assert keys == [f"{n}{part}" for n in range(10) for part in "ab"]


async def test_a_publisher_with_an_open_transaction_is_fenced(settings, topic):
    async with publishing(settings) as publisher:
        await publisher.begin()
        await publisher.send(records(topic, *((b"k", bytes(200_000)) for _ in range(10))))
        await publisher._deliveries.settled()
        await fence(settings, [settings.transactional_id])
        assert await asyncio.to_thread(read_uncommitted, settings.bootstrap_servers[0], topic)
        # To the end of all that is written: nothing is open there any more.
        assert await asyncio.to_thread(read_committed, settings.bootstrap_servers[0], topic) == []
        with pytest.raises(Fenced):
            await publisher.commit(SHOP, {"lsn": 1})
    assert await asyncio.to_thread(read_committed, settings.bootstrap_servers[0], topic) == []


async def test_a_fence_is_over_when_the_broker_has_ended_what_was_open(settings, topic, monkeypatch):
    ask, answers = AIOKafkaClient.send, []

    async def listening(self, node, request, **options):
        response = await ask(self, node, request, **options)
        if isinstance(request, InitProducerIdRequest):
            answers.append(response.error_code)
        return response

    async with publishing(settings) as publisher:
        await publisher.begin()
        await publisher.send(records(topic, *((b"k", bytes(200_000)) for _ in range(10))))
        await publisher._deliveries.settled()
        monkeypatch.setattr(AIOKafkaClient, "send", listening)
        await fence(settings, [settings.transactional_id])
    assert answers[0] == CONCURRENT_TRANSACTIONS
    assert answers[-1] == 0


async def test_a_publisher_between_two_transactions_is_fenced(settings, topic):
    async with publishing(settings) as publisher:
        await publisher.begin()
        await publisher.send(records(topic, (b"k", b"1")))
        await publisher.commit(SHOP, {"lsn": 1})
        await fence(settings, {settings.transactional_id})
        await publisher.begin()
        with pytest.raises(Fenced):  # noqa: PT012 (whichever of them is the first to reach the broker)
            await publisher.send(records(topic, (b"k", b"2")))
            await publisher.commit(SHOP, {"lsn": 2})
    found = await asyncio.to_thread(read_committed, settings.bootstrap_servers[0], topic)
    assert [r.value for r in found] == [b"1"]


async def test_many_ids_are_fenced_at_once_unused_ones_too(settings, kafka, topic_prefix):
    def begun(number):
        producer = Producer({"bootstrap.servers": kafka.url, "transactional.id": f"{topic_prefix}.{number}"})
        producer.init_transactions(PATIENCE)
        producer.begin_transaction()
        producer.produce(f"{topic_prefix}.t", b"v", b"k")
        producer.flush(PATIENCE)
        return producer

    producers = [await asyncio.to_thread(begun, number) for number in range(3)]
    await fence(settings, [f"{topic_prefix}.{number}" for number in range(3)] + [f"{topic_prefix}.unused"])
    for producer in producers:
        with pytest.raises(KafkaException) as caught:
            await asyncio.to_thread(producer.commit_transaction, PATIENCE)
        assert caught.value.args[0].code() in {KafkaError._FENCED, KafkaError.INVALID_PRODUCER_EPOCH}
    assert await asyncio.to_thread(read_committed, kafka.url, f"{topic_prefix}.t") == []


async def test_one_that_starts_after_the_fence_can_write(settings, topic):
    async with reading(settings, topic) as (log, keys):
        await fence(settings, [f"{topic}.writer"])
        async with writing(settings, topic) as writer:
            await writer.write([("k", b"v")])
            await log.read_to_end(PATIENCE)
            assert keys == ["k"]


@pytest.fixture(scope="module")
def broker():
    """A broker where bob may use one transactional id and see one topic, and nothing else."""
    security = Security(protocol="SASL_PLAINTEXT", users={"bob": "secret"}, authorizer=True)
    with KafkaServer(security=security) as server:
        admin = AdminClient({"bootstrap.servers": server.inner})
        for name in ("hidden", "seen"):
            admin.create_topics([NewTopic(name, 1, 1, config={"cleanup.policy": "compact"})])[name].result(30)
        rights = [
            right(ResourceType.TRANSACTIONAL_ID, "own", AclOperation.ALL),
            right(ResourceType.TOPIC, "seen", AclOperation.DESCRIBE),
        ]
        for done in admin.create_acls(rights).values():
            done.result(30)
        deadline = time.monotonic() + PATIENCE
        any_: Any = None  # all of them, which the stub does not know
        everything = AclBindingFilter(
            ResourceType.ANY, any_, ResourcePatternType.ANY, any_, any_, AclOperation.ANY, AclPermissionType.ANY
        )
        while len(admin.describe_acls(everything).result(30)) < len(rights):  # a broker hears of them a little later
            assert time.monotonic() < deadline
        yield server


def right(kind, name, operation):
    return AclBinding(kind, name, ResourcePatternType.LITERAL, "User:bob", "*", operation, AclPermissionType.ALLOW)


@pytest.fixture
def bob(broker, topic_prefix):
    security = SecuritySettings("SASL_PLAINTEXT", "PLAIN", username="bob", password=Secret("secret"))
    return kafka_settings(broker.address.url, topic_prefix, security=security)


async def test_an_id_that_may_not_be_used_is_named(bob):
    await fence(bob, ["own"])
    with pytest.raises(KafkaRefused, match="does not allow the transactional id other") as caught:
        await fence(bob, ["own", "other"])
    assert "--transactional-id" in caught.value.remedy


@pytest.mark.parametrize(
    ("transactional_id", "topic", "refused"),
    [("other", "seen", "transactional id other"), ("own", "hidden", "topic hidden"), ("own", "seen", "topic seen")],
)
async def test_a_single_writer_needs_its_id_and_its_topic(bob, transactional_id, topic, refused):
    writer = TopicWriter(bob, topic, transactional_id)
    with pytest.raises(KafkaRefused, match=f"does not allow .*{refused}"):  # noqa: PT012 (whichever asks for it)
        await writer.start()
        await writer.write([("k", b"v")])
    await writer.close()


@pytest.mark.parametrize("topic", ["hidden", "seen"])
async def test_a_plain_writer_needs_its_topic(bob, topic):
    writer = PlainWriter(bob, topic)
    with pytest.raises(KafkaRefused, match=f"does not allow writing to topic {topic}"):  # noqa: PT012
        await writer.start()
        await writer.write([("k", b"v")])
    await writer.close()


@pytest.mark.parametrize("topic", ["hidden", "seen"])
async def test_a_log_that_may_not_be_read_ends(bob, topic):
    with pytest.raises(KafkaRefused, match=rf"does not allow \w+ .*topic {topic}"):
        await TopicLog(bob, LogTopic(topic), lambda _: None).run()


async def test_nothing_is_fenced_without_a_broker_and_no_id_needs_none(topic_prefix):
    nowhere = kafka_settings(f"127.0.0.1:{free_port()}", topic_prefix)
    await fence(nowhere, [])
    with pytest.raises(KafkaUnavailable, match="Connection refused"):
        await fence(nowhere, ["some"])
