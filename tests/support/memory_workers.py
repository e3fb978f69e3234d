"""Workers of one cluster, with everything about Kafka and plugins in memory."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager, suppress
from typing import Any

from cdc.connect.distributed import DistributedHerder
from cdc.connect.herder import ConnectorOffset, ConnectorType, RequestError, TaskId
from cdc.connect.host import ConnectorHandle
from cdc.errors import Fenced, SourceLost
from cdc.metrics.counters import Startups
from tests.support.cluster import MemoryCluster, MemoryLinks


class Work:
    """Runs until it is cancelled; a task may run in one place at a time only."""

    def __init__(self, host, id, verify) -> None:  # noqa: A002
        self.host, self.id, self.verify = host, id, verify
        self.topics = {f"topic-{id.task}"}

    async def run(self):
        if self.verify is not None:
            await self.verify()
        if self.id in self.host.world.errors:
            raise self.host.world.errors[self.id]
        if self.id in self.host.failing:
            raise SourceLost("the log is gone", "Begin anew.")
        self.host.world.starts[self.id] += 1
        self.host.running.add(self.id)
        try:
            while self.id not in self.host.fenced:
                await asyncio.sleep(0)
            self.host.fenced.discard(self.id)
            raise Fenced("another instance has started")
        finally:
            await self.host.world.hang(self.id)
            self.host.running.discard(self.id)


class World:
    """What the hosts of a cluster share."""

    def __init__(self) -> None:
        self.fences: list[tuple[str, int]] = []
        self.starts: Counter[TaskId] = Counter()
        self.hosts: list[Host] = []
        self.connectors: Counter[str] = Counter()
        self.refuses: dict[str, BaseException] = {}
        self.unfenceable: Exception | None = None
        self.unfenceable_names: dict[str, Exception] = {}
        self.fence_attempts = 0
        self.errors: dict[TaskId, Exception] = {}
        self.divides: dict[str, list[dict[str, Any]]] = {}
        self.asked: Counter[str] = Counter()
        self.held: dict[str, asyncio.Event] = {}
        self.stubborn: dict[str, BaseException] = {}
        self.slow_stop: dict[str, asyncio.Event] = {}
        self.hanging: dict[TaskId, asyncio.Event] = {}
        self.hung: set[TaskId] = set()
        self.slow_offsets: asyncio.Event | None = None
        self.altering = False
        self.slow_check: asyncio.Event | None = None
        self.checking = False
        self.offsets: dict[str, list[ConnectorOffset]] = {}

    async def hang(self, id):  # noqa: A002
        """Keep a task from ending, whatever it is told."""
        while id in self.hanging and not self.hanging[id].is_set():
            self.hung.add(id)
            with suppress(asyncio.CancelledError):
                await self.hanging[id].wait()

    def running(self):
        return Counter(id for host in self.hosts for id in host.running)  # noqa: A001


class Host:
    """Starts connectors of as many tasks as tasks.max says."""

    def __init__(self, world) -> None:
        self.world = world
        self.startups = Startups()
        self.running: set[TaskId] = set()
        self.failing: set[TaskId] = set()
        self.fenced: set[TaskId] = set()
        world.hosts.append(self)

    async def check(self, name, config):
        if self.world.slow_check is not None:
            self.world.checking = True
            await self.world.slow_check.wait()
        if "tasks.max" not in config:
            raise RequestError("Connector configuration is invalid")
        return ConnectorType.SOURCE

    def kind(self, config):
        return ConnectorType.SOURCE

    def version(self, config):
        return "1.0"

    async def start_connector(self, name, config):
        self.world.asked[name] += 1
        if name in self.world.held:
            await self.world.held[name].wait()
        if name in self.world.refuses:
            raise self.world.refuses[name]
        self.world.connectors[name] += 1
        tasks = self.world.divides.get(name) or [
            {**config, "task": str(number)} for number in range(int(config["tasks.max"]))
        ]
        return ConnectorHandle(_Stoppable(self.world, name), tasks)

    def work(self, id, config, task, verify=None):  # noqa: A002
        assert task == {**config, "task": str(id.task)}
        return Work(self, id, verify)

    async def fence(self, name, config, tasks):
        self.world.fence_attempts += 1
        if self.world.unfenceable is not None:
            raise self.world.unfenceable
        if name in self.world.unfenceable_names:
            raise self.world.unfenceable_names[name]
        self.world.fences.append((name, tasks))

    def hide(self, name, text):
        return text.replace("secret", "***")

    async def offsets(self, name, config):
        return self.world.offsets.get(name, [])

    async def alter_offsets(self, name, config, offsets):
        if self.world.slow_offsets is not None:
            self.world.altering = True
            await self.world.slow_offsets.wait()
        self.world.offsets[name] = offsets
        return True

    async def reset_offsets(self, name, config):
        self.world.offsets.pop(name, None)
        return False


class _Stoppable:
    def __init__(self, world, name) -> None:
        self._world, self._name = world, name

    async def stop(self):
        self._world.connectors.subtract([self._name])
        if self._name in self._world.slow_stop:
            await self._world.slow_stop[self._name].wait()
        if self._name in self._world.stubborn:
            raise self._world.stubborn[self._name]


class Cluster:
    """Workers of one cluster, by number."""

    def __init__(self) -> None:
        self.memory, self.world = MemoryCluster(), World()
        self.herders: dict[int, DistributedHerder] = {}
        self.links: dict[int, MemoryLinks] = {}
        self.tasks: dict[int, asyncio.Task[None]] = {}
        self.group = asyncio.create_task(self.memory.group.run())

    @property
    def leader(self):
        return next(herder for herder in self.herders.values() if herder._member.leader.leading)

    async def add(self, number, *, url=None, wait=True):
        links = self.memory.links()
        host: Any = Host(self.world)
        herder = DistributedHerder(host, links)
        herder.advertise(f"w{number}:1", url or f"http://w{number}:1/")
        self.links[number], self.herders[number] = links, herder
        self.tasks[number] = asyncio.create_task(herder.run())
        if wait:
            async with asyncio.timeout(30):
                await herder.wait_until_ready()
        return herder

    async def kill(self, number):
        """Let a worker vanish: it can write no last words."""
        self.links[number].cut()
        await self.end(number)

    async def end(self, number):
        task = self.tasks.pop(number)
        task.cancel()
        await asyncio.wait({task})
        del self.herders[number]
        return task

    async def put(self, name, tasks=1, **config):
        await self.leader.put_connector(
            name, {"tasks.max": str(tasks), **config}, replace=True, target=config.pop("target", None)
        )

    async def settled(self, *wanted):
        """Wait until exactly these tasks run, each once."""
        await until(lambda: self.world.running() == Counter(wanted))

    def placed(self):
        """Return how many tasks run on each worker."""
        return sorted(len(host.running) for host in self.world.hosts)


def ids(name, number):
    return [TaskId(name, task) for task in range(number)]


async def until(holds):
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0)


@asynccontextmanager
async def clustered(workers):
    cluster = Cluster()
    try:
        for number in range(workers):
            await cluster.add(number)
        yield cluster
    finally:
        for number in [*cluster.tasks]:
            await cluster.end(number)
        cluster.group.cancel()
        await asyncio.wait({cluster.group})


async def until_state(herder, name, state):
    async with asyncio.timeout(30):
        while (await herder.status(name)).connector.state is not state:
            await asyncio.sleep(0)
