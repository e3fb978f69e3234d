"""Simulated plugins, which take their time, fail and hang, and the source tasks that run: who may write, and what must never be."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from cdc.connect.herder import ConnectorType, TaskId
from cdc.connect.host import ConnectorHandle
from cdc.errors import ConfigError, Fenced, KafkaUnavailable, SourceLost
from cdc.metrics.counters import Startups
from tests.property.cluster.chance import Chance


class Sources:
    """All tasks of all workers: the epochs of their transactional ids, those that are at work, and what was seen that is wrong."""

    def __init__(self, chance: Chance) -> None:
        self.chance = chance
        self.epochs: Counter[TaskId] = Counter()
        self.active: list[Work] = []
        self.wrong: list[str] = []

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


@dataclass(eq=False)
class Work:
    """A source task: it takes its id, makes sure that it is wanted, and runs until it is shut out or cancelled."""

    sources: Sources
    host: Host
    id: TaskId
    division: str
    verify: Any
    topics: set[str] = field(default_factory=set)
    epoch: int = 0
    shut_out: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def may_write(self) -> bool:
        return self in self.sources.active and self.epoch == self.sources.epochs[self.id]

    async def run(self) -> None:
        chance = self.sources.chance
        await chance.pause(0.3)
        self.epoch = self.sources.take(self.id)
        await chance.pause()
        await self.verify()
        if self.epoch != self.sources.epochs[self.id]:
            raise Fenced("another instance has started")
        self.sources.active.append(self)
        self.sources.check(self)
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
            self.sources.active.remove(self)


class Connector:
    def __init__(self, chance: Chance) -> None:
        self._chance = chance

    async def stop(self) -> None:
        await self._chance.pause()
        if self._chance.happens(0.1):
            raise ValueError("it does not stop")


class Host:
    """Divides a connector into as many tasks as tasks.max says."""

    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self.startups = Startups()

    async def check(self, name: str, config: Mapping[str, str]) -> ConnectorType:
        await self.sources.chance.pause()
        return ConnectorType.SOURCE

    def kind(self, config: Mapping[str, str]) -> ConnectorType:
        return ConnectorType.SOURCE

    def version(self, config: Mapping[str, str]) -> str:
        return "1"

    async def start_connector(self, name: str, config: Mapping[str, str]) -> ConnectorHandle:
        chance = self.sources.chance
        await chance.pause()
        if chance.happens(0.05):
            await asyncio.sleep(chance.random.uniform(0, 60))
        if chance.happens(0.05):
            raise ConfigError("no such table", "Create it.")
        count = int(config["tasks.max"])
        return ConnectorHandle(Connector(chance), [{**config, "task": str(task)} for task in range(count)])

    def work(self, id: TaskId, config: Mapping[str, str], task: Mapping[str, str], verify: Any = None) -> Work:  # noqa: A002
        if task != {**config, "task": str(id.task)}:
            self.sources.wrong.append(f"task {id} was given {task}, and the connector {config}")
        return Work(self.sources, self, id, config["division"], verify)

    async def fence(self, name: str, config: Mapping[str, str], tasks: int) -> None:
        for task in range(tasks):
            await self.sources.chance.pause(0.01)
            if self.sources.chance.happens(0.05):
                raise KafkaUnavailable("no broker answers", "Wait.")
            self.sources.take(TaskId(name, task))

    def hide(self, name: str, text: str) -> str:
        return text
