"""A whole cluster of workers in virtual time, with a simulated Kafka that is slow, and everything going wrong that can.

Real are the herders with all that is beneath them: members, leaders, tasks, reporters, assignment. Simulated are two logs that are read late and
in parts, writers that fail with or without having written, a group that forms slowly and throws members out, and plugins that take their time,
fail and hang. A seed decides all of it. People create, change, pause, stop, restart and delete connectors meanwhile.

What has to hold at all times: a task that may still write runs once; and no task of a division runs beside one of another division of its
connector that may still write. In the end, when nothing goes wrong any more: everything that is wanted runs, and nothing else, and every
worker says so.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

from cdc.connect.distributed import DistributedHerder
from cdc.connect.herder import ConnectorType, NotFound, RequestError, State, TargetState, TaskId
from cdc.connect.host import ConnectorHandle
from cdc.errors import ConfigError, Fenced, KafkaUnavailable, SourceLost
from cdc.kafka.membership import Generation, Member
from cdc.kafka.topic_log import LogRecord
from cdc.metrics.counters import Startups
from tests.unit.pipeline.virtual_time import now, run

NAMES = ("a", "b-1", "b")


class Wrong(AssertionError):
    """Something that must never be."""


@dataclass
class Chance:
    """What a seed decides; `calm` is when nothing goes wrong any more."""

    random: Random
    calm: bool = False

    def happens(self, probability: float) -> bool:
        return not self.calm and self.random.random() < probability

    async def pause(self, mean: float = 0.05) -> None:
        await asyncio.sleep(self.random.expovariate(1 / mean) if self.random.random() < 0.9 else 0)


class Topic:
    """A log of one partition that many read."""

    def __init__(self) -> None:
        self.records: list[LogRecord] = []
        self.grown = asyncio.Condition()

    async def append(self, records: Sequence[tuple[str, bytes | None]]) -> None:
        async with self.grown:
            for key, value in records:
                self.records.append(LogRecord(key, value, 0, len(self.records), 0))
            self.grown.notify_all()


class Log:
    """Reads late, and sometimes only a part of a transaction; while it is blind it does not read at all."""

    def __init__(self, topic: Topic, chance: Chance, on_records: Callable[[Sequence[LogRecord]], None]) -> None:
        self.position = 0
        self.blind_until = 0.0
        self._topic, self._chance, self._on_records = topic, chance, on_records
        self._read = asyncio.Condition()

    async def run(self) -> None:
        while True:
            async with self._topic.grown:
                await self._topic.grown.wait_for(lambda: self.position < len(self._topic.records))
            await self._chance.pause()
            if self._chance.happens(0.01):
                self.blind_until = now() + self._chance.random.uniform(0, 30)
            await asyncio.sleep(max(0, self.blind_until - now()))
            end = len(self._topic.records)
            if self._chance.happens(0.3):
                end = self._chance.random.randint(self.position + 1, end)
            records = self._topic.records[self.position : end]
            self.position = end
            self._on_records(records)
            async with self._read:
                self._read.notify_all()

    async def read_to_end(self, seconds: float = 20) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._chance.pause()
                end = len(self._topic.records)
                async with self._read:
                    await self._read.wait_for(lambda: self.position >= end)
        except TimeoutError as error:
            raise KafkaUnavailable("the end was not reached", "It may be tried again.") from error


class Writer:
    """Fails sometimes, with or without having written; with `owners`, a later one shuts it out."""

    def __init__(self, topic: Topic, chance: Chance, owners: list[Writer] | None) -> None:
        self._topic, self._chance, self._owners = topic, chance, owners
        self.cut = False

    async def start(self) -> None:
        await self._chance.pause()
        self._check()
        if self._owners is not None:
            self._owners.append(self)

    async def write(self, records: Sequence[tuple[str, bytes | None]]) -> None:
        await self._chance.pause()
        self._check()
        if self._owners is not None and self._owners[-1] is not self:
            raise Fenced("another writer has started")
        await self._topic.append(records)
        await self._chance.pause()
        self._check()

    def _check(self) -> None:
        if self.cut or self._chance.happens(0.03):
            raise KafkaUnavailable("no broker answers", "Wait.")

    async def close(self) -> None:
        await self._chance.pause()


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


@dataclass(eq=False)
class Work:
    """A source task: it takes its id, makes sure that it is wanted, and runs until it is shut out or cancelled."""

    world: World
    host: Host
    id: TaskId
    division: str
    verify: Any
    topics: set[str] = field(default_factory=set)
    epoch: int = 0
    shut_out: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def may_write(self) -> bool:
        return self in self.world.active and self.epoch == self.world.epochs[self.id]

    async def run(self) -> None:
        chance = self.world.chance
        await chance.pause(0.3)
        self.epoch = self.world.take(self.id)
        await chance.pause()
        await self.verify()
        if self.epoch != self.world.epochs[self.id]:
            raise Fenced("another instance has started")
        self.world.active.append(self)
        self.world.check(self)
        self.topics.add(f"topic-{self.id}")
        try:
            if chance.happens(0.1):
                async with asyncio.timeout(chance.random.uniform(0, 20)):
                    await self.shut_out.wait()
            await self.shut_out.wait()
            raise Fenced("another instance has started")
        except TimeoutError as error:
            raise SourceLost("the log is gone", "Begin anew.") from error
        finally:
            if chance.happens(0.1):
                with suppress(asyncio.CancelledError):
                    await asyncio.sleep(chance.random.uniform(0, 15))
            else:
                await asyncio.sleep(0)
            self.world.active.remove(self)


class Connector:
    def __init__(self, chance: Chance) -> None:
        self._chance = chance

    async def stop(self) -> None:
        await self._chance.pause()
        if self._chance.happens(0.1):
            raise ValueError("it does not stop")


class Host:
    """Divides a connector into as many tasks as tasks.max says."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.startups = Startups()

    async def check(self, name: str, config: Mapping[str, str]) -> ConnectorType:
        await self.world.chance.pause()
        return ConnectorType.SOURCE

    def kind(self, config: Mapping[str, str]) -> ConnectorType:
        return ConnectorType.SOURCE

    def version(self, config: Mapping[str, str]) -> str:
        return "1"

    async def start_connector(self, name: str, config: Mapping[str, str]) -> ConnectorHandle:
        chance = self.world.chance
        await chance.pause()
        if chance.happens(0.05):
            await asyncio.sleep(chance.random.uniform(0, 60))
        if chance.happens(0.05):
            raise ConfigError("no such table", "Create it.")
        count = int(config["tasks.max"])
        return ConnectorHandle(Connector(chance), [{**config, "task": str(task)} for task in range(count)])

    def work(self, id: TaskId, config: Mapping[str, str], task: Mapping[str, str], verify: Any = None) -> Work:  # noqa: A002
        if task != {**config, "task": str(id.task)}:
            self.world.wrong.append(f"task {id} was given {task}, and the connector {config}")
        return Work(self.world, self, id, config["division"], verify)

    async def fence(self, name: str, config: Mapping[str, str], tasks: int) -> None:
        for task in range(tasks):
            await self.world.chance.pause(0.01)
            if self.world.chance.happens(0.05):
                raise KafkaUnavailable("no broker answers", "Wait.")
            self.world.take(TaskId(name, task))

    def hide(self, name: str, text: str) -> str:
        return text


class Links:
    """The links of one worker."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._writers: list[Writer] = []
        self.member: Membership | None = None
        self.dead = False

    def config_log(self, on_records: Any) -> Log:
        self.configs = Log(self._world.configs, self._world.chance, on_records)
        return self.configs

    def status_log(self, on_records: Any) -> Log:
        return Log(self._world.statuses, self._world.chance, on_records)

    def config_writer(self) -> Writer:
        return self._writer(self._world.configs, self._world.owners)

    def status_writer(self) -> Writer:
        return self._writer(self._world.statuses, None)

    def _writer(self, topic: Topic, owners: list[Writer] | None) -> Writer:
        writer = Writer(topic, self._world.chance, owners)
        writer.cut = self.dead
        self._writers.append(writer)
        return writer

    def membership(self, member: Member) -> Membership:
        self.member = Membership(self._world.group, member)
        return self.member

    def cut(self) -> None:
        """Let it write nothing more."""
        self.dead = True
        for writer in self._writers:
            writer.cut = True


class World:
    """A cluster, and what is done to it."""

    def __init__(self, seed: int) -> None:
        self.chance = Chance(Random(seed))
        self.configs, self.statuses, self.group = Topic(), Topic(), Group(self.chance)
        self.owners: list[Writer] = []
        self.epochs: Counter[TaskId] = Counter()
        self.active: list[Work] = []
        self.herders: dict[int, DistributedHerder] = {}
        self.links: dict[int, Links] = {}
        self.hosts: dict[int, Host] = {}
        self.runs: dict[int, asyncio.Task[None]] = {}
        self.ending: set[int] = set()
        self.wrong: list[str] = []
        self.deeds: Counter[str] = Counter()
        self.divisions = 0

    def take(self, id: TaskId) -> int:  # noqa: A002
        """Shut out whoever has a transactional id."""
        self.epochs[id] += 1
        for work in self.active:
            if work.id == id:
                work.shut_out.set()
        return self.epochs[id]

    def check(self, new: Work) -> None:
        """Check a task as it starts."""
        for other in self.active:
            if other is not new and other.may_write and other.id.connector == new.id.connector:
                if other.id == new.id:
                    self.wrong.append(f"task {new.id} runs twice")
                if other.division != new.division:
                    self.wrong.append(f"{new.id} of {new.division} runs beside {other.id} of {other.division}")

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
        if self.active:
            raise Wrong(f"after the end there runs {self.active}")

    def look(self) -> None:
        """See that no worker has died, and nothing is wrong."""
        if self.wrong:  # what a task raises is its own status
            raise Wrong(self.wrong[0])
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
        links, host = Links(self), Host(self)
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
        writer = Writer(self.configs, self.chance, self.owners)
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
        written = len(self.configs.records), len(self.statuses.records), self.group.generation
        await asyncio.sleep(100)
        if (problem := await self.problem()) is not None:
            raise Wrong(f"after the end, {problem}")
        then = len(self.configs.records), len(self.statuses.records), self.group.generation
        if written != then:
            raise Wrong(f"it does not come to rest: {written} configurations, statuses and generations, then {then}")

    async def problem(self) -> str | None:
        """Return what is not as wanted."""
        self.look()
        leaders = [number for number, herder in self.herders.items() if herder._member.leader.leading]
        if len(leaders) != 1:
            return f"workers {leaders} lead"
        told = self.herders[leaders[0]]._member.configs.connectors
        wanted = {
            TaskId(name, task)
            for name, entry in told.items()
            if entry.target is TargetState.STARTED
            for task in range(int(entry.config["tasks.max"]))
        }
        running = Counter(work.id for work in self.active if work.may_write)
        if running != Counter(wanted) or len(self.active) != len(wanted):
            return f"{sorted(map(str, wanted))} are wanted, and there run {sorted(map(str, running.elements()))}"
        if any(work.division != told[work.id.connector].config["division"] for work in self.active):
            return "tasks of a former division run"
        assigned = [len(herder._member._mine()) for herder in self.herders.values()]
        if max(assigned) - min(assigned) > 1:
            return f"the tasks are spread unevenly: {assigned}"
        for number, herder in self.herders.items():
            if (found := await self.untold(number, herder, told)) is not None:
                return found
        return None

    def number(self, host: Host) -> int:
        return next(number for number, each in self.hosts.items() if each is host)

    async def untold(self, number: int, herder: DistributedHerder, told: Mapping[str, Any]) -> str | None:
        """Return what a worker says that does not hold."""
        if sorted(await herder.connectors()) != sorted(told):
            return f"worker {number} knows {await herder.connectors()}, and not {[*told]}"
        states = {
            TargetState.STARTED: State.RUNNING,
            TargetState.PAUSED: State.PAUSED,
            TargetState.STOPPED: State.STOPPED,
        }
        where = {work.id: f"w{self.number(work.host)}:1" for work in self.active}
        for name, entry in told.items():
            status = await herder.status(name)
            if status.connector.state is not states[entry.target]:
                return f"worker {number} says that connector {name} is {status.connector}"
            count = 0 if entry.target is TargetState.STOPPED else int(entry.config["tasks.max"])
            if [*status.tasks] != [*range(count)]:
                return f"worker {number} knows tasks {[*status.tasks]} of {name}, and not {count}"
            for task, instance in status.tasks.items():
                if instance.state is not states[entry.target]:
                    return f"worker {number} says that task {task} of {name} is {instance}"
                if entry.target is TargetState.STARTED and instance.worker_id != where[TaskId(name, task)]:
                    return f"worker {number} says that {name}-{task} is at {instance.worker_id}, and not {where}"
        stored = herder._member.statuses
        for name in stored.names():
            if name not in told:
                return f"worker {number} still has statuses of {name}"
            for task, said in stored.tasks(name).items():
                if said.instance.state is State.RUNNING and TaskId(name, task) not in where:
                    return f"the status of {name}-{task} is still {said}"
        return None


def simulate(seed: int) -> World:
    """Play what a seed decides; raises Wrong when something does not hold."""

    async def play() -> World:
        world = World(seed)
        async with asyncio.timeout(100_000):
            await world.play()
        return world

    return run(play())
