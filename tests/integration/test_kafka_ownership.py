"""Whose a transactional id is, when a process wants it again after an error: on a real broker."""

import asyncio
import math
from contextlib import AsyncExitStack

import pytest

from cdc.errors import Fenced, KafkaUnavailable
from cdc.kafka.ownership import AbortHandler, Claim
from cdc.kafka.publisher import TransactionalPublisher
from cdc.testing.servers import KafkaServer
from cdc.testing.servers.process import free_port
from tests.support.kafka_reader import read_committed
from tests.support.proxy import Proxy
from tests.support.publishing import SHOP, kafka_settings, publishing, records


@pytest.fixture
def settings(kafka, topic_prefix):
    return kafka_settings(kafka.url, topic_prefix)


@pytest.fixture
def topic(topic_prefix):
    return f"{topic_prefix}.t"


async def commit(publisher, topic, value):
    await publisher.begin()
    await publisher.send(records(topic, (b"k", value)))
    await publisher.commit(SHOP, {"lsn": 1})


async def leave_open(publisher, topic):
    """Leave a transaction open whose records have arrived, as a process does that loses the broker."""
    await publisher.begin()
    await publisher.send(records(topic, *((b"k", bytes(200_000)) for _ in range(10))))
    await publisher._deliveries.settled()


async def test_a_process_that_starts_again_leaves_a_later_instance_alone(settings, topic):
    async with publishing(settings) as first, publishing(settings) as second:
        again = TransactionalPublisher(settings, "shop", claim=first.claim)
        with pytest.raises(Fenced, match="Another instance of connector shop has started"):
            await again.start()
        await again.close()
        await commit(second, topic, b"second")
    assert [r.value for r in await asyncio.to_thread(read_committed, settings.bootstrap_servers[0], topic)] == [
        b"second"
    ]


async def test_an_instance_that_starts_between_the_abort_and_the_next_epoch_is_left_alone(settings, topic, monkeypatch):
    second = TransactionalPublisher(settings, "shop")
    ask = AbortHandler.do

    async def late(self, node_id):
        found = await ask(self, node_id)
        await second.start()
        return found

    monkeypatch.setattr(AbortHandler, "do", late)
    async with publishing(settings) as first:
        again = TransactionalPublisher(settings, "shop", claim=first.claim)
        with pytest.raises(Fenced):
            await again.start()
        await again.close()
        await commit(second, topic, b"second")
        await second.close()


@pytest.mark.parametrize("state", ["new", "committed", "aborted", "open"])
async def test_a_process_that_is_alone_goes_on_whatever_it_left(state, settings, topic):
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(publishing(settings))
        if state == "committed":
            await commit(first, topic, b"first")
        elif state != "new":
            await leave_open(first, topic)
        if state == "aborted":
            await first.abort()
        again = await stack.enter_async_context(publishing(settings, claim=first.claim))
        await commit(again, topic, b"again")
    values = [r.value for r in await asyncio.to_thread(read_committed, settings.bootstrap_servers[0], topic)]
    assert values == ([b"first", b"again"] if state == "committed" else [b"again"])


async def test_a_claim_is_not_asked_for_when_the_broker_may_have_ended_the_transaction_itself(settings, topic):
    async with publishing(settings) as first, publishing(settings):
        held = first.claim
        assert held is not None
        late = Claim(held.producer_id, held.epoch, until=0.0)
        async with publishing(settings, claim=late) as again:
            await commit(again, topic, b"again")


async def test_a_claim_lasts_as_long_as_an_open_transaction_may(settings, topic):
    now = 1000.0
    publisher = TransactionalPublisher(settings, "shop", clock=lambda: now)
    await publisher.start()
    assert publisher.claim is not None
    assert publisher.claim.until == math.inf
    await publisher.begin()
    assert publisher.claim.until == now + settings.transaction_timeout
    await publisher.send(records(topic, (b"k", b"v")))
    await publisher.commit(SHOP, {"lsn": 1})
    assert publisher.claim.until == math.inf
    await publisher.close()


async def test_a_claim_outlives_a_start_that_finds_no_broker(topic_prefix):
    with KafkaServer(advertised_port=free_port()) as broker:
        async with Proxy("127.0.0.1", broker.port, listen=broker._advertised_port) as proxy:
            settings = kafka_settings(f"127.0.0.1:{proxy.port}", topic_prefix, request_timeout=10.0)
            async with publishing(settings) as first:
                await commit(first, f"{topic_prefix}.t", b"v")
            await proxy.refuse()
            again = TransactionalPublisher(settings, "shop", claim=first.claim)
            with pytest.raises(KafkaUnavailable):
                await again.start()
            await again.close()
            assert again.claim == first.claim
            await proxy.accept()
            async with publishing(settings, claim=again.claim) as third:
                await commit(third, f"{topic_prefix}.t", b"w")


async def test_a_claim_outlives_the_restart_of_the_broker(topic_prefix):
    with KafkaServer() as broker:
        settings = kafka_settings(broker.inner, topic_prefix)
        topic = f"{topic_prefix}.t"
        async with publishing(settings) as first:
            await commit(first, topic, b"before")
            await leave_open(first, topic)
            await asyncio.to_thread(broker.kill)
        await asyncio.to_thread(broker.start)
        async with publishing(settings, claim=first.claim) as again:
            await commit(again, topic, b"after")
        values = [r.value for r in await asyncio.to_thread(read_committed, broker.inner, topic)]
    assert values == [b"before", b"after"]
