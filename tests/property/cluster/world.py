"""A cluster in virtual time, and what people and mischance do to it."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from random import Random
from typing import Any

from cdc.connect.distributed import DistributedHerder
from cdc.connect.herder import NotFound, RequestError, TargetState, TaskId
from cdc.errors import KafkaUnavailable
from tests.property.cluster.chance import Chance
from tests.property.cluster.kafka import Kafka, Links, Writer
from tests.property.cluster.outcome import Outcome
from tests.property.cluster.sources import Host, Sources
from tests.unit.pipeline.virtual_time import now, run

NAMES = ("a", "b-1", "b")


class Wrong(AssertionError):
    """Something that must never be."""


class World:
    """A cluster, and what is done to it."""

    def __init__(self, seed: int) -> None:
        self.chance = Chance(Random(seed))
        self.kafka, self.sources = Kafka(self.chance), Sources(self.chance)
        self.herders: dict[int, DistributedHerder] = {}
        self.links: dict[int, Links] = {}
        self.hosts: dict[int, Host] = {}
        self.runs: dict[int, asyncio.Task[None]] = {}
        self.ending: set[int] = set()
        self.deeds: Counter[str] = Counter()
        self.divisions = 0

    # what is done

    async def play(self) -> None:
        """Do many things, and see that all is well in the end."""
        for number in range(3):
            self.add(number)
        for _ in range(self.chance.random.randint(5, 40)):
            await self.do_something()
            self.look()
            await asyncio.sleep(self.chance.random.expovariate(1 / 3))
        self.chance.calm = True
        while len(self.herders) < 2:
            self.add(max({*self.runs, *self.ending}, default=0) + 1)
        await asyncio.sleep(120)  # longer than anything takes that was begun before
        await self.mend()
        await self.settle()
        for number in [*self.runs]:
            await self.end(number)
        self.look()
        if self.sources.active:
            raise Wrong(f"after the end there runs {self.sources.active}")

    def look(self) -> None:
        """See that no worker has died, and nothing is wrong."""
        if self.sources.wrong:  # what a task raises is its own status
            raise Wrong(self.sources.wrong[0])
        for number, each in self.runs.items():
            if each.done() and not each.cancelled():
                raise Wrong(f"worker {number} has ended") from each.exception()

    async def do_something(self) -> None:
        deeds = [self.put] * 4 + [self.target] * 4 + [self.restart] * 2 + [self.delete, self.lose, self.lose, self.join]
        deed = self.chance.random.choice([*deeds, self.leave, self.kill, self.shut_out, self.patch])
        self.deeds[deed.__name__] += 1
        # A person waits for no answer, sometimes.
        doing = asyncio.ensure_future(self.attempt(deed))
        if self.chance.random.random() < 0.7:
            await doing

    async def attempt(self, deed: Any) -> None:
        with suppress(RequestError, KafkaUnavailable):
            await deed()

    def leader(self) -> DistributedHerder:
        leading = [herder for herder in self.herders.values() if herder._member.leader.leading]
        if not leading:
            raise RequestError("nobody leads")
        return self.chance.random.choice(leading)

    def name(self) -> str:
        return self.chance.random.choice(NAMES)

    def config(self) -> dict[str, str]:
        self.divisions += 1
        return {"tasks.max": str(self.chance.random.randint(0, 4)), "division": str(self.divisions)}

    async def put(self) -> None:
        target = self.chance.random.choice([None, None, *TargetState])
        replace = self.chance.random.random() < 0.7
        await self.leader().put_connector(self.name(), self.config(), replace=replace, target=target)

    async def patch(self) -> None:
        await self.leader().patch_connector(self.name(), self.config())

    async def target(self) -> None:
        await self.leader().set_target(self.name(), self.chance.random.choice([*TargetState]))

    async def restart(self) -> None:
        if self.chance.random.random() < 0.5:
            await self.leader().restart_task(TaskId(self.name(), self.chance.random.randint(0, 2)))
        else:
            tasks, failed = (self.chance.random.random() < 0.5 for _ in range(2))
            await self.leader().restart(self.name(), include_tasks=tasks, only_failed=failed)

    async def delete(self) -> None:
        await self.leader().delete_connector(self.name())

    async def lose(self) -> None:
        link = self.links[self.chance.random.choice([*self.runs])].member
        if link is not None:
            link.lose()

    async def join(self) -> None:
        if len(self.runs) < 5:
            self.add(self.chance.random.randint(0, 2) if not self.runs.keys() >= {0, 1, 2} else max(self.runs) + 1)

    def add(self, number: int) -> None:
        if number in self.runs or number in self.ending:
            return
        links, host = Links(self.kafka), Host(self.sources)
        herder = DistributedHerder(host, links)  # type: ignore[arg-type]
        herder._member._clock = now
        herder.advertise(f"w{number}:1", f"http://w{number}:1/")
        self.links[number], self.hosts[number], self.herders[number] = links, host, herder
        self.runs[number] = asyncio.create_task(herder.run())

    async def leave(self) -> None:
        if len(self.runs) > 1:
            await self.end(self.chance.random.choice([*self.runs]))

    async def kill(self) -> None:
        if len(self.runs) > 1:
            number = self.chance.random.choice([*self.runs])
            self.links[number].cut()
            await self.end(number)

    async def end(self, number: int) -> None:
        each = self.runs.pop(number)
        del self.herders[number]
        self.ending.add(number)  # its port is free when it has ended
        each.cancel()
        await asyncio.wait({each})
        self.ending.discard(number)
        if not each.cancelled():
            raise Wrong(f"worker {number} did not end well") from each.exception()

    async def shut_out(self) -> None:
        """Let a worker that was paused as it became the leader, long ago, go on."""
        writer = Writer(self.kafka.configs, self.chance, self.kafka.owners)
        await writer.start()

    # how it ends

    async def mend(self) -> None:
        """Restart what has failed, as a person would."""
        names = [*NAMES]
        while names:
            try:
                await self.leader().restart(names[-1], include_tasks=True, only_failed=True)
                names.pop()
            except NotFound:
                names.pop()
            except RequestError:
                await asyncio.sleep(1)  # it was shut out

    async def settle(self) -> None:
        """Wait until all is as wanted, and stays so."""
        problem: str | None = "nothing was looked at"
        for _ in range(300):
            await asyncio.sleep(1)
            problem = await self.problem()
            if problem is None:
                break
        if problem is not None:
            raise Wrong(f"in the end, {problem}")
        await asyncio.sleep(
            10
        )  # topics are told later than tasks, and whoever has read late asks for one more generation
        written = len(self.kafka.configs.records), len(self.kafka.statuses.records), self.kafka.group.generation
        await asyncio.sleep(100)
        if (problem := await self.problem()) is not None:
            raise Wrong(f"after the end, {problem}")
        then = len(self.kafka.configs.records), len(self.kafka.statuses.records), self.kafka.group.generation
        if written != then:
            raise Wrong(f"it does not come to rest: {written} configurations, statuses and generations, then {then}")

    async def problem(self) -> str | None:
        """Return what is not as wanted."""
        self.look()
        return await Outcome(self.herders, self.hosts, self.sources).problem()


def simulate(seed: int) -> World:
    """Play what a seed decides; raises Wrong when something does not hold."""

    async def play() -> World:
        world = World(seed)
        async with asyncio.timeout(100_000):
            await world.play()
        return world

    return run(play())
