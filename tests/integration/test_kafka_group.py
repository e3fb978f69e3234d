import asyncio
import re
from contextlib import asynccontextmanager, suppress

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from cdc.config.settings import KafkaSettings
from cdc.errors import KafkaUnavailable
from cdc.kafka.consumer import ConsumedRecord
from cdc.kafka.group import GroupConsumer, GroupSettings
from cdc.model.connect_record import TopicPartition
from tests.support.publishing import SHOP, kafka_settings, publishing, records


class Heard:
    """A listener that notes what it hears."""

    def __init__(self):
        self.positions = {}
        self.lost = []
        self.on_revoked = None
        self.on_assigned = None

    async def assigned(self, positions):
        self.positions.update(positions)
        if self.on_assigned is not None:
            await self.on_assigned(positions)

    async def revoked(self, partitions):
        if self.on_revoked is not None:
            await self.on_revoked(partitions)
        self.lost.append(set(partitions))


@pytest.fixture
def settings(kafka, topic_prefix):
    return kafka_settings(kafka.url, topic_prefix)


@pytest.fixture
def group(topic_prefix):
    return GroupSettings(f"connect-{topic_prefix}", heartbeat_interval=0.1, session_timeout=10, fetch_max_wait=0.1)


def create(settings: KafkaSettings, *topics: str, partitions: int = 1) -> None:
    admin = AdminClient({"bootstrap.servers": ",".join(settings.bootstrap_servers)})
    for future in admin.create_topics([NewTopic(topic, partitions, 1) for topic in topics]).values():
        future.result(10)


@pytest.fixture
async def topic(settings, topic_prefix):
    name = f"{topic_prefix}.t"
    await asyncio.to_thread(create, settings, name)
    return name


@asynccontextmanager
async def member(settings, group, topics, heard=None):
    consumer = GroupConsumer(settings, group)
    try:
        await consumer.start(topics, heard or Heard())
        yield consumer
    finally:
        await consumer.stop()


async def write(settings, *batches):
    async with publishing(settings) as publisher:
        await publisher.begin()
        for batch in batches:
            await publisher.send(batch)
        await publisher.commit(SHOP, {"lsn": 1})


async def read(consumer, number, seconds=30):
    """Poll until there are so many records."""
    found: list[ConsumedRecord] = []
    async with asyncio.timeout(seconds):
        while len(found) < number:
            found += await consumer.poll(0.5)
    return found


async def until(condition, *consumers, seconds=30):
    """Poll without records until something holds."""
    async with asyncio.timeout(seconds):
        while not condition():
            for consumer in consumers:
                assert await consumer.poll(0.05) == []


async def polling(consumer, found):
    while True:
        found += await consumer.poll(0.2)


async def test_committed_records_are_read_in_order_and_aborted_ones_are_not(settings, group, topic):
    async with publishing(settings) as publisher:
        for values in ((b"1", b"2"), None, (b"3",)):
            await publisher.begin()
            await publisher.send(records(topic, *((b"k", value) for value in values or (b"aborted",) * 3)))
            await (publisher.commit(SHOP, {"lsn": 1}) if values else publisher.abort())
    async with member(settings, group, [topic]) as consumer:
        found = await read(consumer, 3)
    assert [record.value for record in found] == [b"1", b"2", b"3"]
    assert {(record.topic, record.partition, record.key, record.headers) for record in found} == {(topic, 0, b"k", ())}


async def test_a_member_goes_on_at_the_committed_offset(settings, group, topic):
    await write(settings, records(topic, *((b"k", b"%d" % n) for n in range(4))))
    where = TopicPartition(topic, 0)
    first, second = Heard(), Heard()
    async with member(settings, group, [topic], first) as consumer:
        await read(consumer, 4)
        await consumer.commit({where: 2})
        assert await consumer.committed([where]) == {where: 2}
    async with member(settings, group, [topic], second) as consumer:
        assert [record.value for record in await read(consumer, 2)] == [b"2", b"3"]
        assert consumer.assignment() == {where}
    assert (first.positions, second.positions) == ({where: 0}, {where: 2})


async def test_without_an_offset_a_group_may_begin_at_the_end(settings, topic, topic_prefix):
    await write(settings, records(topic, (b"k", b"old")))
    heard = Heard()
    group = GroupSettings(f"connect-{topic_prefix}", auto_offset_reset="latest")
    async with member(settings, group, [topic], heard) as consumer:
        await until(lambda: heard.positions, consumer)
        await write(settings, records(topic, (b"k", b"new")))
        assert [record.value for record in await read(consumer, 1)] == [b"new"]


async def test_nothing_comes_from_paused_partitions_and_a_seek_goes_anywhere(settings, group, topic):
    await write(settings, records(topic, *((b"k", b"%d" % n) for n in range(3))))
    where = TopicPartition(topic, 0)
    async with member(settings, group, [topic]) as consumer:
        assert len(await read(consumer, 3)) == 3
        consumer.pause([where])
        consumer.seek({where: 1})
        assert await consumer.poll(0.5) == []
        consumer.resume([where])
        assert [record.value for record in await read(consumer, 2)] == [b"1", b"2"]


async def test_what_was_fetched_but_not_returned_is_given_back_at_a_pause(settings, group, topic):
    where = TopicPartition(topic, 0)
    heard = Heard()
    async with member(settings, group, [topic], heard) as consumer:
        await until(lambda: heard.positions and consumer._fetching is None, consumer)
        consumer.wakeup()
        assert await consumer.poll(20) == []  # its fetch goes on
        await write(settings, records(topic, (b"k", b"1")))
        async with asyncio.timeout(20):
            while not consumer._fetching.done():
                await asyncio.sleep(0.01)
        consumer.pause([where])
        assert await consumer.poll(0.2) == []
        consumer.resume([where])
        assert [record.value for record in await read(consumer, 1)] == [b"1"]


async def test_nothing_is_read_before_the_listener_has_opened_a_partition_even_at_another_offset(
    settings, group, topic
):
    await write(settings, records(topic, *((b"k", b"%d" % n) for n in range(3))))
    heard = Heard()
    opened: list[object] = []

    async def seek(positions):
        await asyncio.sleep(0.5)  # long enough for a fetch
        consumer.seek(dict.fromkeys(positions, 2))
        opened.append(positions)

    heard.on_assigned = seek
    async with member(settings, group, [topic], heard) as consumer:
        found = await read(consumer, 1)
        assert opened
        assert [record.value for record in found] == [b"2"]


async def test_partitions_go_to_another_member_when_what_was_read_is_committed(settings, group, topic_prefix):
    topic = f"{topic_prefix}.p"
    await asyncio.to_thread(create, settings, topic, partitions=2)
    keys = [b"k%d" % n for n in range(20)]
    await write(settings, records(topic, *((key, b"1") for key in keys)))
    heard, others = Heard(), Heard()
    found: list[ConsumedRecord] = []
    more: list[ConsumedRecord] = []

    async def commit(partitions):
        await first.commit(
            {each: 1 + max(r.offset for r in found if r.partition == each.partition) for each in partitions}
        )

    heard.on_revoked = commit
    async with member(settings, group, [topic], heard) as first:
        found += await read(first, 20)
        assert {record.partition for record in found} == {0, 1}
        async with member(settings, group, [topic], others) as second, asyncio.TaskGroup() as tasks:
            polls = [tasks.create_task(polling(first, found)), tasks.create_task(polling(second, more))]
            async with asyncio.timeout(30):
                while not (first.assignment() and second.assignment()):
                    await asyncio.sleep(0.05)
            await write(settings, records(topic, *((key, b"2") for key in keys)))
            async with asyncio.timeout(30):
                while len(found) + len(more) < 40:
                    await asyncio.sleep(0.05)
            for each in polls:
                each.cancel()
    assert {r.partition for r in found if r.value == b"2"} | {r.partition for r in more} == {0, 1}
    assert sorted((r.key, r.value) for r in found + more) == sorted((key, v) for key in keys for v in (b"1", b"2"))
    assert heard.lost[0] == {TopicPartition(topic, 0), TopicPartition(topic, 1)}


async def test_a_pattern_takes_up_a_new_topic_and_what_was_read_before_can_still_be_committed(
    settings, group, topic_prefix
):
    settings = kafka_settings(",".join(settings.bootstrap_servers), topic_prefix, metadata_max_age=0.5)
    one, two, other = (f"{topic_prefix}.{name}" for name in ("t1", "t2", "xt1"))
    await asyncio.to_thread(create, settings, one, other)
    await write(settings, records(one, (b"k", b"1")), records(other, (b"k", b"no")))
    heard = Heard()

    async def commit(partitions):
        if TopicPartition(one, 0) in partitions:
            await consumer.commit({TopicPartition(one, 0): 1})

    heard.on_revoked = commit
    async with member(settings, group, re.compile(re.escape(topic_prefix) + r"\.t."), heard) as consumer:
        assert [record.value for record in await read(consumer, 1)] == [b"1"]
        await asyncio.to_thread(create, settings, two)
        await write(settings, records(two, (b"k", b"2")))
        assert [record.value for record in await read(consumer, 1)] == [b"2"]
        assert set(heard.positions) == {TopicPartition(one, 0), TopicPartition(two, 0)}


async def test_an_error_of_the_listener_comes_out_of_the_poll(settings, group, topic):
    heard = Heard()

    async def refuse(_positions):
        raise ValueError("no")

    heard.on_assigned = refuse
    async with member(settings, group, [topic], heard) as consumer:
        with pytest.raises(ValueError, match="no"):
            await until(lambda: False, consumer)


async def test_a_cancelled_poll_loses_nothing(settings, group, topic):
    heard = Heard()
    async with member(settings, group, [topic], heard) as consumer:
        await until(lambda: heard.positions, consumer)
        waiting = asyncio.create_task(consumer.poll(20))
        await asyncio.sleep(0)
        waiting.cancel()
        with suppress(asyncio.CancelledError):
            await waiting
        await write(settings, records(topic, (b"k", b"1")))
        assert [record.value for record in await read(consumer, 1)] == [b"1"]


async def test_without_a_broker_the_start_says_so(group, topic_prefix):
    consumer = GroupConsumer(kafka_settings("127.0.0.1:1", topic_prefix), group)
    with pytest.raises(KafkaUnavailable, match=r"127\.0\.0\.1:1"):
        await consumer.start(["t"], Heard())
    await consumer.stop()


async def test_a_topic_that_is_made_later_is_taken_up(settings, group, topic_prefix):
    async with member(settings, group, [f"{topic_prefix}.later"]) as consumer:
        assert await consumer.poll(0.3) == []
        await write(settings, records(f"{topic_prefix}.later", (b"k", b"1")))
        assert [record.value for record in await read(consumer, 1)] == [b"1"]
