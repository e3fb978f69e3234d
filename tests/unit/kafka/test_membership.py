"""When a member joins, keeps what it has, and knows that it is out: on virtual time, with a coordinator that answers as told."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from cdc.config.settings import KafkaSettings
from cdc.errors import CdcError, KafkaRefused, KafkaUnavailable
from cdc.kafka.group_protocol import NO_GENERATION, Joined, MembershipLost, StaleGeneration, check
from cdc.kafka.membership import Generation, Membership, MembershipSettings
from tests.unit.pipeline.virtual_time import VirtualLoop, now, virtual

SETTINGS = KafkaSettings(transactional_id="t", client_id="c")
GROUP = MembershipSettings("workers", session_timeout=10.0, heartbeat_interval=3.0)
HANG = "hang"
GONE = KafkaUnavailable("gone", "wait")


class Coordinator:
    """Answers as told, else well: each join makes a generation of which the member is not the leader."""

    def __init__(self):
        self.log: list[tuple[Any, ...]] = []
        self.generation = 0
        self.joins: deque[Any] = deque()
        self.syncs: deque[Any] = deque()
        self.beats: deque[Any] = deque()
        self.always_beats: Any = None
        self.away: bool | str = False
        self.finds = 0
        self.leader = False
        self._waiting: set[asyncio.Future[None]] = set()

    async def find(self, *_):
        self.finds += 1
        if self.away == HANG:
            await asyncio.Event().wait()
        if self.away:
            raise GONE
        return self

    async def join(self, member_id, metadata):
        self.log.append((now(), "join", member_id, metadata.decode()))
        found = await self._answer(self.joins)
        if found is not None:
            return found
        self.generation += 1
        name = member_id or f"m{self.generation}"
        return Joined(self.generation, name, self.leader, {name: metadata} if self.leader else {})

    async def sync(self, joined, shares):
        self.log.append((now(), "sync", joined.generation, dict(shares)))
        found = await self._answer(self.syncs)
        return b"share" if found is None else None

    async def heartbeat(self, member_id, generation):
        self.log.append((now(), "beat", member_id, generation))
        found = await self._answer(self.beats if self.always_beats is None else deque([self.always_beats]))
        return True if found is None else found

    async def leave(self, member_id):
        self.log.append((now(), "leave", member_id))
        if self.away:
            await asyncio.Event().wait()

    def close(self):
        for future in self._waiting:
            future.set_exception(GONE)
        self._waiting.clear()

    async def _answer(self, script):
        found = script.popleft() if script else None
        if self.away:
            found = HANG
        if found == HANG:
            future = asyncio.get_running_loop().create_future()
            self._waiting.add(future)
            try:
                return await future
            finally:
                self._waiting.discard(future)
        if isinstance(found, Exception):
            raise found
        if callable(found):
            return await found()
        return found

    def of(self, *kinds):
        return [entry for entry in self.log if entry[1] in kinds]


class Worker:
    def __init__(self, log):
        self.log = log
        self.wish = "w"
        self.on_assign = self.on_assigned = None

    def metadata(self):
        return self.wish.encode()

    async def assign(self, members):
        if self.on_assign is not None:
            await self.on_assign()
        return dict.fromkeys(members, b"s")

    async def assigned(self, generation, assignment):
        self.log.append((now(), "assigned", generation.number, assignment))
        if self.on_assigned is not None:
            await self.on_assigned()

    async def lost(self):
        self.log.append((now(), "lost"))


@asynccontextmanager
async def member(coordinator, group=GROUP):
    worker = Worker(coordinator.log)
    loop = asyncio.get_running_loop()
    membership = Membership(SETTINGS, group, worker, protocol="p", clock=loop.time, find=coordinator.find)
    task = asyncio.create_task(membership.run())
    try:
        yield membership, worker, task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, CdcError, ValueError):
            await task


async def at(seconds):
    """Wait until that time, and for everything that is due then."""
    await asyncio.sleep(seconds - now() + 0.001)


def pause(seconds):
    """Let time pass in which nothing runs, as for a process that is stopped."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    loop.now += seconds


@virtual
async def test_a_member_joins_syncs_takes_its_share_and_sends_heartbeats():
    coordinator = Coordinator()
    async with member(coordinator) as (membership, _, _):
        await at(6)
        assert membership.generation == Generation(1, "m1", leader=False)
        assert coordinator.log == [
            (0, "join", "", "w"),
            (0, "sync", 1, {}),
            (0, "assigned", 1, b"share"),
            (3, "beat", "m1", 1),
            (6, "beat", "m1", 1),
        ]


@virtual
async def test_the_leader_assigns():
    coordinator = Coordinator()
    coordinator.leader = True
    async with member(coordinator) as (membership, _, _):
        await at(0)
        assert coordinator.of("sync") == [(0, "sync", 1, {"m1": b"s"})]
        assert membership.generation.leader


@virtual
async def test_an_id_that_is_given_first_is_used_in_the_join_that_follows():
    coordinator = Coordinator()
    coordinator.joins.append(Joined(NO_GENERATION, "given", leader=False, members={}))
    async with member(coordinator):
        await at(0)
        assert [entry[2] for entry in coordinator.of("join")] == ["", "given"]


@pytest.mark.parametrize("answer", [False, StaleGeneration()])
@virtual
async def test_a_rebalance_keeps_the_member_and_what_it_has(answer):
    coordinator = Coordinator()
    coordinator.beats.append(answer)
    coordinator.joins.extend([None, HANG])
    async with member(coordinator) as (membership, _, _):
        await at(5)
        assert coordinator.of("join") == [(0, "join", "", "w"), (3, "join", "m1", "w")]
        assert membership.generation == Generation(1, "m1", leader=False)
        assert not coordinator.of("lost")


@virtual
async def test_a_member_that_is_unknown_loses_what_it_has_before_it_joins_without_id():
    coordinator = Coordinator()
    coordinator.beats.append(MembershipLost("unknown"))
    async with member(coordinator) as (membership, worker, _):
        seen = []

        async def lost():
            seen.append(membership.generation)
            coordinator.log.append((now(), "lost"))

        worker.lost = lost
        await at(4)
        assert coordinator.of("lost", "join", "assigned") == [
            (0, "join", "", "w"),
            (0, "assigned", 1, b"share"),
            (3, "lost"),
            (3.1, "join", "", "w"),
            (3.1, "assigned", 2, b"share"),
        ]
        assert seen == [None]
        assert coordinator.finds == 2, "what waits on the old connections would hold up the new join"


@pytest.mark.parametrize("place", ["joins", "syncs"])
@virtual
async def test_a_member_that_is_unknown_when_it_joins_again_loses_what_it_has(place):
    coordinator = Coordinator()
    coordinator.beats.append(False)
    getattr(coordinator, place).extend([None, MembershipLost("unknown")])
    async with member(coordinator):
        await at(4)
        assert coordinator.of("lost") == [(3, "lost")]
        assert coordinator.of("join")[-1] == (3.1, "join", "", "w")


@virtual
async def test_nothing_is_lost_by_one_that_has_nothing_yet():
    coordinator = Coordinator()
    coordinator.joins.append(MembershipLost("unknown"))
    async with member(coordinator):
        await at(1)
        assert coordinator.of("lost", "join", "assigned") == [
            (0, "join", "", "w"),
            (0.1, "join", "", "w"),
            (0.1, "assigned", 1, b"share"),
        ]


@pytest.mark.parametrize("answer", [False, StaleGeneration()])
@virtual
async def test_a_sync_that_comes_too_late_is_followed_by_a_join(answer):
    coordinator = Coordinator()
    coordinator.syncs.append(answer)
    async with member(coordinator):
        await at(0)
        assert [entry[2] for entry in coordinator.of("join")] == ["", "m1"]
        assert coordinator.of("assigned") == [(0, "assigned", 2, b"share")]


@pytest.mark.parametrize("away", [True, HANG])
@virtual
async def test_a_coordinator_that_is_silent_for_a_session_ends_the_membership(away):
    """The last good heartbeat was sent at 6, so the session ends at 16."""
    coordinator = Coordinator()
    async with member(coordinator) as (membership, _, _):
        await at(6)
        coordinator.away = away
        await at(15.9)
        assert not coordinator.of("lost")
        await at(16)
        assert coordinator.of("lost") == [(16, "lost")]
        assert membership.generation is None
        await at(3600)
        assert coordinator.of("lost") == [(16, "lost")]
        coordinator.away = False
        if away is True:
            await at(3610)
            assert coordinator.of("join")[-1][2] == ""
            assert membership.generation == Generation(2, "m2", leader=False)


@virtual
async def test_an_answer_prolongs_the_session_from_when_it_was_asked_for():
    coordinator = Coordinator()

    async def slow():
        await asyncio.sleep(4)
        coordinator.away = True
        return True

    coordinator.beats.append(slow)
    async with member(coordinator):
        await at(30)
        assert coordinator.of("lost") == [(13, "lost")]


@virtual
async def test_after_a_pause_beyond_the_session_nothing_comes_before_the_loss():
    coordinator = Coordinator()
    async with member(coordinator):
        await at(6)
        pause(60)
        await at(70)
        assert [entry for entry in coordinator.log if entry[0] > 7][:2] == [(66.001, "lost"), (66.101, "join", "", "w")]


@virtual
async def test_an_answer_that_had_come_before_a_pause_is_not_taken():
    """The join was answered well, but the others have gone on without this member since."""
    coordinator = Coordinator()
    coordinator.beats.append(False)

    async def paused():
        pause(60)
        return Joined(2, "m1", leader=True, members={"m1": b""})

    coordinator.joins.extend([None, paused])
    async with member(coordinator):
        await at(70)
        assert coordinator.of("sync", "lost")[:2] == [(0, "sync", 1, {}), (63, "lost")]


@virtual
async def test_a_share_that_was_sent_before_a_pause_is_not_taken():
    coordinator = Coordinator()
    coordinator.beats.append(False)

    async def paused():
        pause(60)

    coordinator.syncs.extend([None, paused])
    async with member(coordinator):
        await at(63)
        assert coordinator.of("assigned", "lost") == [(0, "assigned", 1, b"share"), (63, "lost")]


@virtual
async def test_a_pause_within_the_session_is_nothing():
    coordinator = Coordinator()
    async with member(coordinator):
        await at(6)
        pause(9.9)
        await at(60)
        assert not coordinator.of("lost")


@virtual
async def test_heartbeats_keep_the_session_while_the_others_are_waited_for():
    coordinator = Coordinator()
    coordinator.joins.extend([None, HANG])
    async with member(coordinator):
        await at(1)
        coordinator.always_beats = False
        await at(60)
        assert len(coordinator.of("join")) == 2
        assert not coordinator.of("lost")


@virtual
async def test_what_heartbeats_are_told_while_the_others_are_waited_for_makes_no_other_join():
    coordinator = Coordinator()
    coordinator.beats.extend([False, False, False])
    coordinator.joins.extend([None, lambda: asyncio.sleep(8)])
    async with member(coordinator):
        await at(60)
        assert [entry[0] for entry in coordinator.of("join")] == [0, 3]
        assert [entry[0] for entry in coordinator.of("assigned")] == [0, 11]


@virtual
async def test_a_session_is_not_prolonged_by_heartbeats_of_an_earlier_generation():
    """The broker does not prolong it either. The last good answer is to the join at 0."""
    coordinator = Coordinator()
    coordinator.joins.extend([None, HANG])
    coordinator.always_beats = StaleGeneration()
    async with member(coordinator):
        await at(10)
        assert coordinator.of("lost") == [(10, "lost")]


@virtual
async def test_a_join_whose_coordinator_falls_silent_ends_the_membership():
    coordinator = Coordinator()
    coordinator.joins.extend([None, HANG])
    coordinator.beats.append(False)
    async with member(coordinator):
        await at(3)
        coordinator.away = True
        await at(20)
        assert coordinator.of("lost") == [(13, "lost")]


@virtual
async def test_a_first_join_whose_coordinator_falls_silent_is_made_again():
    coordinator = Coordinator()
    coordinator.joins.append(HANG)
    coordinator.beats.append(HANG)
    async with member(coordinator):
        await at(20)
        assert coordinator.of("join", "assigned") == [
            (0, "join", "", "w"),
            (10.1, "join", "", "w"),
            (10.1, "assigned", 1, b"share"),
        ]


@virtual
async def test_a_first_join_goes_on_as_long_as_the_coordinator_says_anything():
    coordinator = Coordinator()
    coordinator.joins.append(HANG)
    coordinator.always_beats = MembershipLost("unknown")
    async with member(coordinator):
        await at(60)
        assert len(coordinator.of("join")) == 1


@virtual
async def test_a_late_answer_about_an_earlier_generation_does_not_make_another_rebalance():
    coordinator = Coordinator()

    async def late():
        await asyncio.sleep(1)
        return False

    coordinator.beats.append(late)
    async with member(coordinator) as (membership, _, _):
        await at(3)
        membership.rejoin()
        await at(10)
        assert [entry[0] for entry in coordinator.of("join")] == [0, pytest.approx(3.001)]


@virtual
async def test_a_wish_to_join_again_asks_for_the_metadata_anew():
    coordinator = Coordinator()
    async with member(coordinator) as (membership, worker, _):
        await at(1)
        worker.wish = "other"
        membership.rejoin()
        membership.rejoin()
        await at(2)
        assert [entry[2:] for entry in coordinator.of("join")] == [("", "w"), ("m1", "other")]


@virtual
async def test_a_wish_while_the_share_is_taken_is_granted_afterwards():
    coordinator = Coordinator()
    async with member(coordinator) as (membership, worker, _):

        async def wish():
            worker.on_assigned = None
            membership.rejoin()
            await asyncio.sleep(2)

        worker.on_assigned = wish
        await at(5)
        assert [entry[0] for entry in coordinator.of("join")] == [0, 2]


@virtual
async def test_heartbeats_go_on_while_the_leader_thinks_and_while_the_share_is_taken():
    coordinator = Coordinator()
    coordinator.leader = True
    async with member(coordinator) as (_, worker, _):
        worker.on_assign = worker.on_assigned = lambda: asyncio.sleep(20)
        await at(50)
        assert len(coordinator.of("beat")) == 16
        assert not coordinator.of("lost")


@virtual
async def test_taking_a_share_ends_when_the_membership_is_lost_and_the_loss_is_told_after_it():
    coordinator = Coordinator()
    async with member(coordinator) as (_, worker, _):

        async def long():
            try:
                await asyncio.Event().wait()
            finally:
                coordinator.log.append((now(), "given up"))

        worker.on_assigned = long
        coordinator.beats.append(MembershipLost("unknown"))
        await at(3)
        assert coordinator.of("given up", "lost") == [(3, "given up"), (3, "lost")]


@virtual
async def test_a_coordinator_that_fails_is_looked_up_again_with_growing_pauses(caplog):
    coordinator = Coordinator()
    coordinator.joins.extend([GONE, GONE, GONE])
    with caplog.at_level(logging.INFO, "cdc.kafka"):
        async with member(coordinator):
            await at(3)
    assert [entry[0] for entry in coordinator.of("join")] == pytest.approx([0, 0.1, 0.3, 0.7])
    assert coordinator.finds == 4
    assert [record.getMessage() for record in caplog.records] == [
        "Waiting for the coordinator of group workers: gone. wait",
        "The coordinator of group workers answers again",
    ]


@virtual
async def test_a_heartbeat_that_fails_is_sent_again_and_makes_no_rebalance():
    coordinator = Coordinator()
    coordinator.beats.extend([GONE, GONE])
    async with member(coordinator):
        await at(4)
        assert [entry[0] for entry in coordinator.of("beat")] == pytest.approx([3, 3.1, 3.3])
        await at(30)
        assert len(coordinator.of("join")) == 1


@pytest.mark.parametrize("place", ["joins", "syncs", "beats"])
@virtual
async def test_a_refusal_comes_out(place):
    coordinator = Coordinator()
    getattr(coordinator, place).append(KafkaRefused("no", "ask"))
    async with member(coordinator) as (membership, _, task):
        await asyncio.wait({task}, timeout=5)
        with pytest.raises(KafkaRefused, match="no"):
            task.result()
        assert membership.generation is None


@pytest.mark.parametrize("method", ["metadata", "assign", "assigned", "lost"])
@virtual
async def test_what_the_member_raises_comes_out_as_it_is_and_the_group_is_left(method):
    coordinator = Coordinator()
    coordinator.leader = True
    coordinator.beats.append(MembershipLost("unknown"))
    async with member(coordinator) as (_, worker, task):

        async def fail(*_):
            raise ValueError(method)

        def fail_now():
            raise ValueError(method)

        setattr(worker, method, fail_now if method == "metadata" else fail)
        await asyncio.wait({task}, timeout=5)
        with pytest.raises(ValueError, match=method):
            task.result()
        if method in {"assign", "assigned"}:
            assert coordinator.of("leave") == [(0, "leave", "m1")]


@virtual
async def test_a_cancelled_member_leaves_without_being_told_of_a_loss():
    coordinator = Coordinator()
    async with member(coordinator) as (membership, _, task):
        await at(1)
        task.cancel()
        await asyncio.wait({task})
        assert coordinator.of("leave", "lost") == [(pytest.approx(1.001), "leave", "m1")]
        assert membership.generation is None


@virtual
async def test_a_cancelled_member_does_not_wait_long_for_the_coordinator():
    coordinator = Coordinator()
    async with member(coordinator) as (_, _, task):
        await at(1)
        coordinator.away = True
        task.cancel()
        await asyncio.wait({task})
        assert now() < 3


@pytest.mark.parametrize(
    ("code", "error", "words"),
    [
        (14, KafkaUnavailable, r"COORDINATOR_LOAD_IN_PROGRESS \(14\)"),
        (15, KafkaUnavailable, r"\(15\)"),
        (16, KafkaUnavailable, r"\(16\)"),
        (-1, KafkaUnavailable, r"\(-1\)"),
        (22, StaleGeneration, None),
        (23, KafkaRefused, "Group workers has members of another kind"),
        (24, KafkaRefused, "does not take 'workers'"),
        (25, MembershipLost, None),
        (26, KafkaRefused, "session.timeout.ms = 10000"),
        (30, KafkaRefused, "does not allow the group workers"),
        (81, KafkaRefused, "Group workers has as many members"),
        (82, MembershipLost, None),
    ],
)
def test_what_a_code_means(code, error, words):
    """The numbers are those of https://kafka.apache.org/protocol#protocol_error_codes."""
    with pytest.raises(error, match=words):
        check(code, GROUP)


def test_no_error_is_none():
    check(0, GROUP)
