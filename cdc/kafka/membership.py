"""Being a member of a group: what makes several workers a cluster, as Kafka Connect's WorkerCoordinator does.

One life as a member goes from a join without member id until the membership is lost, and is three tasks: one joins and hands on
assignments, one sends heartbeats, one watches the clock. The session is a lease: an answer prolongs it from when it was asked for,
which is never later than the broker does, so a member knows that it is out no later than the broker puts it out.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from cdc.config.settings import KafkaSettings
from cdc.errors import KafkaUnavailable, SinkError
from cdc.kafka.coordinator import FIRST_PAUSE, Contact, find_coordinator
from cdc.kafka.group_protocol import (
    NO_GENERATION,
    NO_MEMBER,
    Coordinator,
    Joined,
    MembershipLost,
    MembershipSettings,
    StaleGeneration,
)

__all__ = ["Generation", "Member", "Membership", "MembershipSettings"]

log = logging.getLogger(__name__)

LEAVE_SECONDS: Final = 1.5

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Generation:
    """One forming of the group; `leader` is whether this member has made the assignment. Each has one leader."""

    number: int
    member_id: str
    leader: bool


class Member(Protocol):
    """What a group asks of the one who is a member; one call at a time.

    `assign` and `assigned` are cancelled when the membership is lost meanwhile; then comes `lost`. What they raise ends the membership.
    """

    def metadata(self) -> bytes:
        """Return what this member tells the leader; asked anew at every join."""

    async def assign(self, members: Mapping[str, bytes]) -> Mapping[str, bytes]:
        """Return each member's assignment by its id, from each member's metadata by its id; only the leader is asked.

        It may take a little, well within the rebalance timeout. A member that is left out gets an empty assignment.
        """

    async def assigned(self, generation: Generation, assignment: bytes) -> None:
        """Take the assignment; heartbeats go on meanwhile."""

    async def lost(self) -> None:
        """End whatever was assigned: it may be others' by now. Called before joining anew, and not for an ordinary rebalance.

        In a rebalance one keeps what one has until the next `assigned`.
        """


@dataclass(slots=True)
class _Place:
    """How a member stands with its coordinator; `until` is when its session ends, by the clock."""

    member_id: str = NO_MEMBER
    generation: int = NO_GENERATION
    joining: bool = True
    until: float = math.inf

    @property
    def begun(self) -> bool:
        """Whether anything has been asked, and a session so has begun."""
        return self.until < math.inf


class Membership:
    """One member of a group, with a protocol of the caller's own name; `find` looks the coordinator up.

    Two members never are leaders of the same generation. All calls come from one event loop.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        group: MembershipSettings,
        member: Member,
        *,
        protocol: str,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        find: Callable[[KafkaSettings, MembershipSettings, str], Awaitable[Coordinator]] = find_coordinator,
    ) -> None:
        self._group = group
        self._member = member
        self._clock = clock
        self._sleep = sleep
        self._contact = Contact(group.group_id, lambda: find(settings, group, protocol), sleep)
        self._place = _Place()
        self._wanted = asyncio.Event()
        self._generation: Generation | None = None

    @property
    def generation(self) -> Generation | None:
        """The generation of the last assignment; None while not a member."""
        return self._generation

    def rejoin(self) -> None:
        """Ask for a rebalance soon: the leader's wish always makes one, a follower's when its metadata has changed."""
        self._wanted.set()

    async def run(self) -> None:
        """Be a member until cancelled, then leave within two seconds; brokers that are away are waited for without end.

        `lost` is not called at the end: end what was assigned first. What the member's methods raise comes out of here.

        Raises:
            KafkaRefused: a broker refuses the login, the group, or its settings.
        """
        try:
            while True:
                await self._live()
                await self._lose()
        finally:
            await self._leave()

    async def _live(self) -> None:
        """Join, and be a member until that is lost."""
        self._place = _Place()
        failure: BaseException | None = None
        try:
            async with asyncio.TaskGroup() as tasks:
                for task in (self._watch, self._beat, self._take_part):
                    tasks.create_task(task())
        except* MembershipLost as lost:
            self._note(lost.exceptions[0])
        except* Exception as group:  # noqa: BLE001 (it is raised below, by itself)
            failure = group.exceptions[0]
        if failure is not None:
            raise failure

    def _note(self, reason: BaseException) -> None:
        if self._generation is not None:
            log.warning("Membership of group %s is lost: %s", self._group.group_id, reason)

    async def _lose(self) -> None:
        held, self._generation = self._generation, None
        # A join that was given up may still wait for its answer at the broker, and would hold up the next.
        self._contact.close()
        if held is not None:
            await self._member.lost()
        await self._sleep(FIRST_PAUSE)

    async def _leave(self) -> None:
        self._generation = None
        try:
            with suppress(TimeoutError, SinkError, MembershipLost):
                async with asyncio.timeout(LEAVE_SECONDS):
                    if self._contact.known is not None and self._place.member_id != NO_MEMBER:
                        await self._contact.known.leave(self._place.member_id)
        finally:
            self._contact.close()

    async def _watch(self) -> None:
        """Notice the end of the session, whatever the other tasks wait for."""
        while True:
            await self._sleep(min(self._group.session_timeout, max(self._place.until - self._clock(), 0)))
            self._check()

    def _check(self) -> None:
        if self._clock() >= self._place.until:
            raise MembershipLost(f"no answer for {self._group.session_timeout:g} s")

    async def _call(self, ask: Callable[[Coordinator], Awaitable[T]]) -> T:
        """Ask the coordinator until it answers well, and prolong the session from when it was asked."""
        while True:
            self._check()
            coordinator = await self._contact.coordinator()
            self._check()
            end = self._clock() + self._group.session_timeout
            if not self._place.begun:
                self._place.until = end
            try:
                answer = await ask(coordinator)
            except KafkaUnavailable as error:
                await self._contact.failed(coordinator, error)
            else:
                self._check()
                self._contact.answered()
                self._place.until = max(self._place.until, end)
                return answer

    async def _beat(self) -> None:
        while True:
            await self._sleep(self._group.heartbeat_interval)
            if self._place.begun:
                with suppress(StaleGeneration):
                    await self._call(self._heartbeat)

    async def _heartbeat(self, coordinator: Coordinator) -> None:
        """Send a heartbeat, also while a join waits: it is how a broker that has gone is noticed then."""
        asked = self._place.generation
        stable = True
        try:
            stable = await coordinator.heartbeat(self._place.member_id, asked)
        except MembershipLost:
            if asked != NO_GENERATION:  # else any answer will do: it is not known yet, and holds nothing
                raise
        except StaleGeneration:
            self._form_anew(asked)
            if asked != NO_GENERATION:
                raise
        if not stable:
            self._form_anew(asked)

    def _form_anew(self, asked: int) -> None:
        """Join again, unless the answer was about an earlier generation, or a join is under way already."""
        if asked == self._place.generation and not self._place.joining:
            self._wanted.set()

    async def _take_part(self) -> None:
        while True:
            joined = await self._join()
            assignment = await self._sync(joined)
            if assignment is not None:
                self._generation = Generation(joined.generation, joined.member_id, joined.leader)
                await self._member.assigned(self._generation, assignment)
                await self._wanted.wait()

    async def _join(self) -> Joined:
        self._place.joining = True
        joined = await self._call(self._ask_to_join)
        self._place.member_id = joined.member_id
        if joined.generation == NO_GENERATION:
            return await self._join()
        self._place.generation = joined.generation
        self._place.joining = False
        return joined

    async def _ask_to_join(self, coordinator: Coordinator) -> Joined:
        self._wanted.clear()  # a wish from here on is one about other metadata than these
        return await coordinator.join(self._place.member_id, self._member.metadata())

    async def _sync(self, joined: Joined) -> bytes | None:
        """Return the assignment; None when the group forms anew already."""
        shares = await self._member.assign(joined.members) if joined.leader else {}
        try:
            return await self._call(lambda coordinator: coordinator.sync(joined, shares))
        except StaleGeneration:
            return None
