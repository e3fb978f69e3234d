"""A simulated Kafka: two logs that are read late and in parts, writers that fail with or without having written, and what links a worker to them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from cdc.errors import Fenced, KafkaUnavailable
from cdc.kafka.membership import Member
from cdc.kafka.topic_log import LogRecord
from tests.property.cluster.chance import Chance
from tests.property.cluster.group import Group, Membership
from tests.unit.pipeline.virtual_time import now


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


class Kafka:
    """The topics and the group of one cluster; `owners` are the writers of configurations, the last of which may write."""

    def __init__(self, chance: Chance) -> None:
        self.chance = chance
        self.configs, self.statuses, self.group = Topic(), Topic(), Group(chance)
        self.owners: list[Writer] = []


class Links:
    """The links of one worker."""

    def __init__(self, kafka: Kafka) -> None:
        self._kafka = kafka
        self._writers: list[Writer] = []
        self.member: Membership | None = None
        self.dead = False

    def config_log(self, on_records: Any) -> Log:
        self.configs = Log(self._kafka.configs, self._kafka.chance, on_records)
        return self.configs

    def status_log(self, on_records: Any) -> Log:
        return Log(self._kafka.statuses, self._kafka.chance, on_records)

    def config_writer(self) -> Writer:
        return self._writer(self._kafka.configs, self._kafka.owners)

    def status_writer(self) -> Writer:
        return self._writer(self._kafka.statuses, None)

    def _writer(self, topic: Topic, owners: list[Writer] | None) -> Writer:
        writer = Writer(topic, self._kafka.chance, owners)
        writer.cut = self.dead
        self._writers.append(writer)
        return writer

    def membership(self, member: Member) -> Membership:
        self.member = Membership(self._kafka.group, member)
        return self.member

    def cut(self) -> None:
        """Let it write nothing more."""
        self.dead = True
        for writer in self._writers:
            writer.cut = True
