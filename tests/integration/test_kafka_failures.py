"""What happens when the broker goes, stalls or comes back: on a broker of our own, directly and through a proxy."""

import asyncio
import time
from contextlib import closing
from dataclasses import replace

import pytest

from cdc.config.settings import TopicSettings
from cdc.errors import KafkaRefused, KafkaUnavailable
from cdc.kafka.consumer import read_topics
from cdc.kafka.offsets import KafkaOffsetStore
from cdc.kafka.publisher import TransactionalPublisher
from cdc.kafka.transaction import State
from cdc.testing.servers import KafkaServer
from cdc.testing.servers.process import free_port
from tests.support.kafka_reader import read_committed
from tests.support.proxy import Proxy
from tests.support.publishing import SHOP, kafka_settings, publishing, records

CLOSE_SECONDS = 3.5


@pytest.fixture(scope="module")
def broker():
    """A broker that sends clients to the port of the proxy; its inner listener is the way past it."""
    with KafkaServer(advertised_port=free_port()) as server:
        yield server


@pytest.fixture
async def proxy(broker):
    async with Proxy("127.0.0.1", broker.port, listen=broker._advertised_port) as proxy:
        yield proxy


@pytest.fixture
def topic(topic_prefix):
    return f"{topic_prefix}.t"


@pytest.fixture
def direct(broker, topic_prefix):
    return kafka_settings(broker.inner, topic_prefix, request_timeout=10.0)


@pytest.fixture
def proxied(proxy, topic_prefix):
    return kafka_settings(f"127.0.0.1:{proxy.port}", topic_prefix, request_timeout=2.0)


async def committed(settings, broker, *topics):
    return [record.value for record in await asyncio.to_thread(read_committed, broker.inner, *topics)]


async def closes_in_time(publisher):
    begun = time.monotonic()
    await publisher.close()
    assert time.monotonic() - begun < CLOSE_SECONDS


async def commit(publisher, topic, value, lsn):
    await publisher.begin()
    await publisher.send(records(topic, (b"k", value)))
    await publisher.commit(SHOP, {"lsn": lsn})


async def test_a_broker_that_is_killed_in_a_transaction_breaks_it_and_a_new_publisher_goes_on(broker, direct, topic):
    async with publishing(direct) as publisher:
        await commit(publisher, topic, b"before", 1)
        await publisher.begin()
        await publisher.send(records(topic, *((b"k", bytes(200_000)) for _ in range(10))))
        await publisher._deliveries.settled()
        await asyncio.to_thread(broker.kill)
        with pytest.raises(KafkaUnavailable, match="did not finish a request") as caught:
            await publisher.commit(SHOP, {"lsn": 2})
        assert caught.value.retriable
        assert publisher.state is State.BROKEN
        await closes_in_time(publisher)
    with pytest.raises(KafkaUnavailable, match="Connection refused"):
        await TransactionalPublisher(direct, "shop").start()
    await asyncio.to_thread(broker.start)
    async with publishing(direct) as publisher:
        assert await KafkaOffsetStore(direct, "shop", publisher).load(SHOP) == {"lsn": 1}
        await commit(publisher, topic, b"after", 3)
    assert await committed(direct, broker, topic) == [b"before", b"after"]


async def test_a_restart_between_transactions_breaks_the_publisher_at_the_next_one(broker, direct, topic):
    async with publishing(direct) as publisher:
        await commit(publisher, topic, b"before", 1)
        await asyncio.to_thread(broker.restart)
        try:
            await commit(publisher, topic, b"after", 2)
        except KafkaUnavailable:
            assert publisher.state is State.BROKEN
    async with publishing(direct) as publisher:
        stored = await KafkaOffsetStore(direct, "shop", publisher).load(SHOP)
    assert (stored, await committed(direct, broker, topic)) in [
        ({"lsn": 1}, [b"before"]),
        ({"lsn": 2}, [b"before", b"after"]),
    ]


@pytest.mark.parametrize("delay", [0.0, 0.002, 0.005, 0.02])
async def test_connections_that_break_while_committing_never_part_records_from_offset(
    broker, proxy, proxied, topic, delay
):
    async with publishing(proxied) as publisher:
        await commit(publisher, topic, b"first", 1)
        await publisher.begin()
        await publisher.send(records(topic, (b"k", b"second")))
        proxy.delay = 0.003
        committing = asyncio.create_task(publisher.commit(SHOP, {"lsn": 2}))
        await asyncio.sleep(delay)
        await proxy.cut()
        proxy.delay = 0.0
        result = (await asyncio.gather(committing, return_exceptions=True))[0]
        assert result is None or isinstance(result, KafkaUnavailable)
        await closes_in_time(publisher)
    async with publishing(proxied) as publisher:
        stored = await KafkaOffsetStore(proxied, "shop", publisher).load(SHOP)
    together = (stored, await committed(proxied, broker, topic))
    assert together in [({"lsn": 1}, [b"first"]), ({"lsn": 2}, [b"first", b"second"])]
    if result is None:
        assert stored == {"lsn": 2}


async def test_a_broker_that_says_nothing_any_more_is_left_after_the_request_timeout(proxy, proxied, topic):
    async with publishing(proxied) as publisher:
        await commit(publisher, topic, b"first", 1)
        await publisher.begin()
        await publisher.send(records(topic, (b"k", b"second")))
        proxy.stall()
        begun = time.monotonic()
        with pytest.raises(KafkaUnavailable):
            await publisher.commit(SHOP, {"lsn": 2})
        assert time.monotonic() - begun < proxied.request_timeout + 1
        await closes_in_time(publisher)
    proxy.resume()


async def test_closing_in_a_transaction_does_not_wait_for_a_silent_broker(proxy, proxied, topic):
    roomy = TopicSettings(configs={"max.message.bytes": "16000000"})
    patient = replace(proxied, request_timeout=30.0, compression="none", topics=roomy)
    large = records(topic, (b"k", bytes(12_000_000)))  # more than the buffers of two sockets hold
    async with publishing(patient) as publisher:
        await publisher.begin()
        await publisher.send(large)
        await publisher.send(large)  # hands the first one over
        await publisher._deliveries.settled()
        proxy.stall()
        await publisher.send(large)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await publisher.send(large)
        await closes_in_time(publisher)
    proxy.resume()


async def test_sending_stops_waiting_when_the_broker_is_gone(proxy, proxied, topic):
    many = records(topic, *((b"k", bytes(1000)) for _ in range(5000)))
    async with publishing(replace(proxied, compression="none")) as publisher:
        await publisher.begin()
        await publisher.send(many)
        await proxy.refuse()
        with pytest.raises(KafkaUnavailable):  # noqa: PT012 (some of them still find room)
            for _ in range(100):
                await publisher.send(many)
        await closes_in_time(publisher)


async def test_a_stopped_start_leaves_nothing_behind(proxy, proxied):
    proxy.stall()
    publisher = TransactionalPublisher(proxied, "shop")
    starting = asyncio.create_task(publisher.start())
    await asyncio.sleep(0.2)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    await closes_in_time(publisher)
    proxy.resume()


async def test_a_reader_that_follows_goes_on_after_a_failure(broker, proxy, proxied, topic):
    found: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def follow():
        async for record in read_topics(proxied, [topic], follow=True):
            found.put_nowait(record.value)

    async with asyncio.timeout(30), publishing(proxied) as publisher:
        await commit(publisher, topic, b"1", 1)
        following = asyncio.create_task(follow())
        assert await found.get() == b"1"
        await proxy.refuse()
        await asyncio.sleep(1)
        await proxy.accept()
    async with asyncio.timeout(30), publishing(proxied) as publisher:
        await commit(publisher, topic, b"2", 2)
        assert await found.get() == b"2"
    following.cancel()
    with pytest.raises(asyncio.CancelledError):
        await following


class TestUnreachable:
    async def refused(self, servers, **changes):
        publisher = TransactionalPublisher(kafka_settings(servers, "t", **changes), "shop")
        begun = time.monotonic()
        with pytest.raises(KafkaUnavailable) as caught:
            await publisher.start()
        await publisher.close()
        assert "bootstrap.servers" in caught.value.remedy
        return str(caught.value), time.monotonic() - begun

    async def test_nobody_listens(self):
        port = free_port()
        fact, took = await self.refused(f"127.0.0.1:{port}")
        assert fact == f"Kafka cannot be reached at 127.0.0.1:{port}: Connection refused"
        assert took < 1

    async def test_no_such_host(self):
        fact, _took = await self.refused("broker.invalid:9092")
        assert fact.startswith("Kafka cannot be reached at broker.invalid:9092: ")
        assert "not known" in fact or "resolution" in fact

    async def test_somebody_else_listens(self):
        async def hang_up(_reader, writer):
            writer.close()

        async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            fact, took = await self.refused(f"127.0.0.1:{port}")
        assert fact == f"Kafka at 127.0.0.1:{port} closed the connection as it began"
        assert took < 1

    async def test_silence(self):
        done = asyncio.Event()

        async def listen(_reader, writer):
            await done.wait()
            with closing(writer):
                pass

        async with await asyncio.start_server(listen, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            fact, took = await self.refused(f"127.0.0.1:{port}", request_timeout=0.5)
            done.set()
        assert fact == f"Kafka at 127.0.0.1:{port} does not answer"
        assert took < 2

    async def test_one_of_several_servers_is_enough(self, kafka, topic_prefix):
        async with publishing(kafka_settings(f"127.0.0.1:{free_port()},{kafka.url}", topic_prefix)) as publisher:
            assert publisher.state is State.READY


async def test_a_broker_that_cannot_keep_transactions_is_refused_with_the_reason(topic_prefix):
    async with KafkaServer(properties={"transaction.state.log.replication.factor": "3"}) as server:
        publisher = TransactionalPublisher(
            kafka_settings(server.address.url, topic_prefix, request_timeout=5.0), "shop"
        )
        with pytest.raises(KafkaRefused, match="cannot create its topic __transaction_state") as caught:
            await publisher.start()
        assert "transaction.state.log.replication.factor" in caught.value.remedy
        await closes_in_time(publisher)
