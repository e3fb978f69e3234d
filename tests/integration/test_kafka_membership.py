"""Several members of a group, on a real broker."""

import asyncio
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest

from cdc.config.secret import Secret
from cdc.config.settings import SecuritySettings
from cdc.errors import KafkaRefused
from cdc.kafka.coordinator import find_coordinator
from cdc.kafka.membership import Membership, MembershipSettings
from cdc.testing.servers import KafkaServer
from cdc.testing.servers.kafka_security import Security
from cdc.testing.servers.process import free_port
from tests.support.kafka_rights import GROUPS, allow
from tests.support.proxy import Proxy
from tests.support.publishing import kafka_settings

PATIENCE = 60


class Worker:
    """A member that shares out numbers: each member gets its place among the sorted ids, and what it wished for."""

    def __init__(self, wish="w"):
        self.wish = wish
        self.heard = []
        self.told = []
        self.lost_count = 0

    def metadata(self):
        return self.wish.encode()

    async def assign(self, members):
        self.told.append(dict(members))
        return {each: b"%d %s" % (place, members[each]) for place, each in enumerate(sorted(members))}

    async def assigned(self, generation, assignment):
        self.heard.append((generation, assignment.decode()))

    async def lost(self):
        self.lost_count += 1

    @property
    def generation(self):
        return self.heard[-1][0] if self.heard else None

    @property
    def share(self):
        return self.heard[-1][1] if self.heard else None


@pytest.fixture
def group(topic_prefix):
    return MembershipSettings(f"connect-{topic_prefix}", session_timeout=6.0, heartbeat_interval=0.2)


@pytest.fixture
def settings(kafka, topic_prefix):
    return kafka_settings(kafka.url, topic_prefix)


@pytest.fixture(scope="module")
def guarded():
    """A broker behind a proxy's port that asks for a login, and lets sessions be short."""
    security = Security(protocol="SASL_PLAINTEXT", users={"alice": "secret", "bob": "secret"}, authorizer=True)
    short = {"group.min.session.timeout.ms": "500"}
    with KafkaServer(security=security, properties=short, advertised_port=free_port()) as server:
        allow(server.inner, "alice", "connect-", GROUPS)
        yield server


@pytest.fixture
async def proxy(guarded):
    async with Proxy("127.0.0.1", guarded.port, listen=guarded._advertised_port) as proxy:
        yield proxy


@pytest.fixture
def brief(group):
    return replace(group, session_timeout=4.0)


def through(proxy, name, user="alice", password="secret"):
    security = SecuritySettings(protocol="SASL_PLAINTEXT", mechanism="PLAIN", username=user, password=Secret(password))
    return kafka_settings(f"127.0.0.1:{proxy.port}", name, security=security)


@asynccontextmanager
async def running(settings, group, worker, **options):
    """Run a member; it leaves at the end."""
    membership = Membership(settings, group, worker, protocol="numbers", **options)
    task = asyncio.create_task(membership.run())
    try:
        yield membership, task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(condition):
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.02)


def together(*workers):
    """Tell whether they have formed one generation, with all of them and nobody else."""
    numbers = {worker.generation.number for worker in workers if worker.generation}
    shares = {int(worker.share.split()[0]) for worker in workers if worker.share}
    leaders = [worker for worker in workers if worker.generation and worker.generation.leader]
    return (
        all(worker.generation for worker in workers)
        and len(numbers) == 1
        and shares == set(range(len(workers)))
        and len(leaders) == 1
        and len(leaders[0].told[-1]) == len(workers)
    )


async def test_three_members_get_one_share_each_from_one_leader(settings, group):
    workers = [Worker(name) for name in "abc"]
    async with (
        running(settings, group, workers[0]),
        running(settings, group, workers[1]),
        running(settings, group, workers[2]),
    ):
        await until(lambda: together(*workers))
    assert [worker.share.split()[1] for worker in workers] == ["a", "b", "c"]
    assert [worker.lost_count for worker in workers] == [0, 0, 0]


async def test_a_member_that_leaves_makes_the_others_share_anew(settings, group):
    first, second, third = workers = [Worker() for _ in range(3)]
    async with running(settings, group, first), running(settings, group, second):
        async with running(settings, group, third):
            await until(lambda: together(*workers))
        await until(lambda: together(first, second))
    assert first.lost_count == second.lost_count == 0


@asynccontextmanager
async def a_leader_and_a_follower(settings, group):
    pair = [Worker(), Worker()]
    async with running(settings, group, pair[0]) as (one, _), running(settings, group, pair[1]) as (other, _):
        await until(lambda: together(*pair))
        roles = sorted(zip(pair, (one, other), strict=True), key=lambda each: not each[0].generation.leader)
        yield *roles[0], *roles[1]


async def test_a_follower_with_other_metadata_makes_the_leader_assign_anew(settings, group):
    async with a_leader_and_a_follower(settings, group) as (leader, _, follower, membership):
        before = leader.generation.number
        follower.wish = "changed"
        membership.rejoin()
        await until(lambda: "changed" in follower.share and together(leader, follower))
        assert leader.generation.number > before
        assert sorted(leader.told[-1].values()) == [b"changed", b"w"]


async def test_a_leader_that_wishes_it_assigns_anew_though_nothing_has_changed(settings, group):
    async with a_leader_and_a_follower(settings, group) as (leader, membership, follower, _):
        before = leader.generation
        membership.rejoin()
        await until(lambda: leader.generation.number > before.number and together(leader, follower))
        assert leader.generation.member_id == before.member_id
        assert membership.generation == leader.generation


async def test_a_follower_that_wishes_it_with_the_same_metadata_is_told_what_it_has(settings, group):
    async with a_leader_and_a_follower(settings, group) as (leader, _, follower, membership):
        heard = len(follower.heard)
        membership.rejoin()
        await until(lambda: len(follower.heard) > heard)
        assert follower.heard[-1] == follower.heard[-2]
        assert together(leader, follower)


async def test_nobody_is_put_out_while_the_leader_thinks_for_longer_than_a_session(guarded, brief, topic_prefix):
    settings = kafka_settings(guarded.inner, topic_prefix)

    class Slow(Worker):
        async def assign(self, members):
            await asyncio.sleep(1.2 * brief.session_timeout)
            return await super().assign(members)

    pair = Slow(), Slow()
    async with running(settings, brief, pair[0]), running(settings, brief, pair[1]):
        await until(lambda: together(*pair))
    assert [worker.lost_count for worker in pair] == [0, 0]


async def test_a_newcomer_waits_for_a_member_that_is_busy_for_longer_than_a_session(guarded, brief, topic_prefix):
    settings = kafka_settings(guarded.inner, topic_prefix)
    begun = asyncio.Event()

    class Busy(Worker):
        async def assigned(self, generation, assignment):
            begun.set()
            await asyncio.sleep(1.2 * brief.session_timeout)
            await super().assigned(generation, assignment)

    class Newcomer(Worker):
        joins = 0

        def metadata(self):
            self.joins += 1
            return super().metadata()

    busy, newcomer = Busy(), Newcomer()
    async with running(settings, brief, busy):
        await begun.wait()
        async with running(settings, brief, newcomer):
            await until(lambda: len(busy.heard) == 1 and newcomer.heard)
            assert newcomer.joins < 6, "it would join again and again if its heartbeats were no good"
    assert busy.lost_count == newcomer.lost_count == 0


async def test_a_member_that_ends_without_leaving_is_out_after_the_session_timeout(guarded, brief, topic_prefix):
    settings = kafka_settings(guarded.inner, topic_prefix)
    survivor, victim = Worker(), Worker()

    async def unable_to_leave(*arguments):
        coordinator = await find_coordinator(*arguments)

        async def leave(member_id):
            coordinator.close()

        coordinator.leave = leave  # type: ignore[method-assign]
        return coordinator

    async with running(settings, brief, survivor):
        async with running(settings, brief, victim, find=unable_to_leave):
            await until(lambda: together(survivor, victim))
        ended = time.monotonic()
        await until(lambda: together(survivor))
        assert time.monotonic() - ended > brief.session_timeout / 2
    assert survivor.lost_count == 0


async def test_a_member_that_nobody_hears_knows_it_in_time_and_comes_back_as_another(
    guarded, proxy, brief, topic_prefix
):
    cut_off, other = Worker(), Worker()
    inner = kafka_settings(guarded.inner, topic_prefix)
    async with running(through(proxy, topic_prefix), brief, cut_off) as (membership, _), running(inner, brief, other):
        await until(lambda: together(cut_off, other))
        before = cut_off.generation.member_id
        proxy.stall()
        await until(lambda: cut_off.lost_count == 1)
        assert membership.generation is None
        await until(lambda: together(other))
        proxy.resume()
        await until(lambda: together(cut_off, other))
        assert cut_off.generation.member_id != before
    assert (cut_off.lost_count, other.lost_count) == (1, 0)


async def test_a_member_whose_connections_break_stays_the_same_member(proxy, brief, topic_prefix):
    pair = Worker(), Worker()
    settings = through(proxy, topic_prefix)
    async with running(settings, brief, pair[0]), running(settings, brief, pair[1]):
        await until(lambda: together(*pair))
        before = {worker.generation.member_id for worker in pair}
        accepted = proxy.accepted
        await proxy.cut()
        await until(lambda: proxy.accepted >= accepted + len(pair))
        number = pair[0].generation.number
        async with running(settings, brief, third := Worker()):
            await until(lambda: together(*pair, third))
        assert pair[0].generation.number > number
        assert {worker.generation.member_id for worker in pair} == before
    assert [worker.lost_count for worker in pair] == [0, 0]


@pytest.mark.parametrize("trouble", ["none", "refused", "stalled"])
async def test_a_cancelled_member_ends_within_three_seconds(trouble, proxy, group, topic_prefix):
    worker = Worker()
    async with running(through(proxy, topic_prefix), group, worker) as (membership, task):
        await until(lambda: together(worker))
        if trouble == "refused":
            await proxy.refuse()
        elif trouble == "stalled":
            proxy.stall()
        task.cancel()
        async with asyncio.timeout(3):
            await asyncio.wait({task})
        assert task.cancelled()
        assert membership.generation is None


async def test_a_cancelled_member_that_never_found_a_broker_ends_at_once(group, topic_prefix):
    settings = kafka_settings(f"127.0.0.1:{free_port()}", topic_prefix)
    async with running(settings, group, Worker()) as (_, task):
        await asyncio.sleep(0)
        task.cancel()
        async with asyncio.timeout(3):
            await asyncio.wait({task})


@pytest.mark.parametrize(
    ("user", "password", "fact"),
    [("bob", "secret", "does not allow the group connect-"), ("alice", "wrong", "refuses the login of user 'alice'")],
)
async def test_a_refusal_ends_the_membership(user, password, fact, proxy, brief, topic_prefix):
    membership = Membership(through(proxy, topic_prefix, user, password), brief, Worker(), protocol="numbers")
    with pytest.raises(KafkaRefused, match=fact):
        async with asyncio.timeout(PATIENCE):
            await membership.run()


async def test_a_group_of_other_members_is_refused(settings, group):
    worker = Worker()
    async with running(settings, group, worker):
        await until(lambda: together(worker))
        with pytest.raises(KafkaRefused, match="has members of another kind"):
            async with asyncio.timeout(PATIENCE):
                await Membership(settings, group, Worker(), protocol="letters").run()
