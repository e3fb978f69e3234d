"""A simulated group, which forms slowly and throws members out."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from cdc.kafka.membership import Generation, Member
from tests.property.cluster.chance import Chance


class Group:
    """Kafka's coordinator: a generation is formed when all members have joined, or the late ones are out."""

    def __init__(self, chance: Chance) -> None:
        self.chance = chance
        self.generation = self.names = 0
        self.members: list[Membership] = []
        self.joined: dict[Membership, asyncio.Future[bool]] = {}
        self.shares: asyncio.Future[Mapping[str, bytes]] | None = None

    async def join(self, member: Membership) -> bool:
        """Return whether this member leads, when the generation is formed."""
        if member not in self.members:
            self.members.append(member)
        answer = self.joined[member] = asyncio.get_running_loop().create_future()
        self.rebalance()
        if len(self.joined) == len(self.members):
            self._form()
        leads: bool = await answer
        return leads

    def rebalance(self) -> None:
        """Have all others join anew."""
        if self.shares is not None and not self.shares.done():
            self.shares.cancel()
        self.shares = None
        for each in self.members:
            if not each.joining:
                each.wanted.set()

    def remove(self, member: Membership) -> None:
        """Forget a member: it left, or was silent for too long."""
        if member in self.members:
            self.members.remove(member)
            waiting = self.joined.pop(member, None)
            if waiting is not None:
                waiting.cancel()
            self.rebalance()
            if self.members and len(self.joined) == len(self.members):
                self._form()

    def _form(self) -> None:
        self.generation = 1 if self.chance.happens(0.02) else self.generation + 1
        self.shares = asyncio.get_running_loop().create_future()
        leader = self.members[0] if self.chance.random.random() < 0.8 else self.chance.random.choice(self.members)
        answers, self.joined = self.joined, {}
        for member, answer in answers.items():
            if not answer.done():
                answer.set_result(member is leader)


class Membership:
    """A member of the `Group`, as `cdc.kafka.membership.Membership` is one of a real group."""

    def __init__(self, group: Group, member: Member) -> None:
        self.member, self._group = member, group
        self.generation: Generation | None = None
        self.wanted = asyncio.Event()
        self.metadata = b""
        self._name = ""
        self._life: asyncio.Task[None] | None = None
        self.lives = 0
        self.joining = True

    def rejoin(self) -> None:
        self.wanted.set()

    async def run(self) -> None:
        try:
            while True:
                self._life = asyncio.ensure_future(self._live())
                await asyncio.wait({self._life})
                if not self._life.cancelled():
                    await self._life  # an error
                held, self.generation = self.generation, None
                if held is not None:
                    await self.member.lost()
                await self._group.chance.pause(1)
        finally:
            if self._life is not None:
                self._life.cancel()
            self._group.remove(self)

    def lose(self) -> None:
        """End the membership: this member knows at once, since it was silent; the group has forgotten it by then, or does so later."""
        if self._life is not None:
            self._life.cancel()
        if self._group.chance.random.random() < 0.5:
            self._group.remove(self)
        else:
            asyncio.get_running_loop().call_later(
                self._group.chance.random.expovariate(1), self._remove_if_lost, self.lives
            )

    def _remove_if_lost(self, lives: int) -> None:
        if self.lives == lives:
            self._group.remove(self)

    async def _live(self) -> None:
        self.lives += 1
        self._group.names += 1
        self._name = f"member-{self._group.names}"
        self._group.remove(self)
        while True:
            self.joining = True
            self.wanted.clear()
            self.metadata = self.member.metadata()
            await self._group.chance.pause()
            leads = await self._group.join(self)
            self.joining = False
            share = await self._sync(leads)
            if share is not None:
                self.generation = Generation(share[0], self._name, leads)
                await self.member.assigned(self.generation, share[1])
                await self.wanted.wait()
            await self._group.chance.pause()

    async def _sync(self, leads: bool) -> tuple[int, bytes] | None:
        shares, number = self._group.shares, self._group.generation
        if shares is None:
            return None
        if leads:
            told = await self.member.assign({each._name: each.metadata for each in self._group.members})
            await self._group.chance.pause()
            if not shares.done():
                shares.set_result(told)
        with suppress(asyncio.CancelledError):
            await asyncio.wait({shares})
            if not shares.cancelled() and shares.done():
                return number, shares.result()[self._name]
            return None
        raise asyncio.CancelledError
