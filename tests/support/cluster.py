"""Kafka's part in a cluster of workers, in memory: two logs, a fenced writer, and a group."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

from cdc.errors import Fenced, KafkaUnavailable
from cdc.kafka.membership import Generation, Member
from cdc.kafka.topic_log import LogRecord


class MemoryTopic:
    """A topic of one partition, which all its logs follow at once; `held` keeps records from them."""

    def __init__(self) -> None:
        self.records: list[LogRecord] = []
        self.logs: list[MemoryLog] = []

    def append(self, records: Sequence[tuple[str, bytes | None]]) -> None:
        """Write records, as one transaction."""
        for key, value in records:
            self.records.append(LogRecord(key, value, 0, len(self.records), 0))
        for log in self.logs:
            log.follow()


class MemoryLog:
    """A reader of a topic; one that is `blind` reads nothing, and says so when it is asked for the end."""

    def __init__(self, topic: MemoryTopic, on_records: Callable[[Sequence[LogRecord]], None]) -> None:
        self.blind = False
        self._topic = topic
        self._on_records = on_records
        self._running = False
        self.position = 0
        topic.logs.append(self)

    async def run(self) -> None:
        self._running = True
        self.follow()
        try:
            await asyncio.Event().wait()
        finally:
            self._running = False

    async def read_to_end(self, seconds: float = 20) -> None:
        await asyncio.sleep(0)
        if self.blind:
            raise KafkaUnavailable("the end was not reached", "It may be tried again.")
        self.follow()

    def follow(self) -> None:
        news = [] if self.blind or not self._running else self._topic.records[self.position :]
        self.position += len(news)
        if news:
            self._on_records(news)


class MemoryWriter:
    """Writes to a topic; with `owners`, a writer that has started since shuts it out."""

    def __init__(self, topic: MemoryTopic, owners: list[MemoryWriter] | None = None) -> None:
        self._topic = topic
        self._owners = owners
        self.closed = False
        self.cut = False

    async def start(self) -> None:
        if self._owners is not None:
            self._owners.append(self)

    async def write(self, records: Sequence[tuple[str, bytes | None]]) -> None:
        await asyncio.sleep(0)
        if self.cut:
            raise KafkaUnavailable("no broker answers", "Wait.")
        if self._owners is not None and self._owners[-1] is not self:
            raise Fenced("another writer has started")
        self._topic.append(records)

    async def close(self) -> None:
        self.closed = True


class MemoryGroup:
    """Forms a new generation whenever a member comes, goes or asks for it; the eldest member leads."""

    def __init__(self) -> None:
        self.members: list[MemoryMembership] = []
        self.generation = 0
        self.held = False
        self._changed = asyncio.Event()

    def change(self) -> None:
        """Have a generation formed soon, unless the group is held."""
        self._changed.set()

    def release(self) -> None:
        """Form generations again."""
        self.held = False
        self._changed.set()

    async def run(self) -> None:
        """Form generations until cancelled."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            if self.members and not self.held:
                await self._form()

    async def _form(self) -> None:
        self.generation += 1
        members = list(self.members)
        leader = members[0]
        shares = await leader.member.assign({each.name: each.member.metadata() for each in members})
        for each in members:
            each.generation = Generation(self.generation, each.name, each is leader)
            await each.member.assigned(each.generation, shares[each.name])


class MemoryMembership:
    """A member of a `MemoryGroup`."""

    def __init__(self, group: MemoryGroup, member: Member) -> None:
        self.member = member
        self.name = f"member-{id(self)}"
        self.generation: Generation | None = None
        self._group = group

    async def run(self) -> None:
        self._group.members.append(self)
        self._group.change()
        try:
            await asyncio.Event().wait()
        finally:
            self.leave()

    def leave(self) -> None:
        """Be thrown out, without being told."""
        with suppress(ValueError):
            self._group.members.remove(self)
        self._group.change()

    def rejoin(self) -> None:
        self._group.change()


class MemoryCluster:
    """What the workers of one cluster share."""

    def __init__(self) -> None:
        self.configs, self.statuses, self.group = MemoryTopic(), MemoryTopic(), MemoryGroup()
        self.writers: list[MemoryWriter] = []

    def links(self) -> MemoryLinks:
        """Return the links of one more worker."""
        return MemoryLinks(self)


class MemoryLinks:
    """`Links` to a `MemoryCluster`."""

    def __init__(self, cluster: MemoryCluster) -> None:
        self._cluster = cluster
        self._writers: list[MemoryWriter] = []
        self._is_cut = False

    def cut(self) -> None:
        """Let this worker write nothing more."""
        self._is_cut = True
        for writer in self._writers:
            writer.cut = True

    def config_log(self, on_records: Callable[[Sequence[LogRecord]], None]) -> MemoryLog:
        self.configs = MemoryLog(self._cluster.configs, on_records)
        return self.configs

    def status_log(self, on_records: Callable[[Sequence[LogRecord]], None]) -> MemoryLog:
        return MemoryLog(self._cluster.statuses, on_records)

    def config_writer(self) -> MemoryWriter:
        return self._writer(MemoryWriter(self._cluster.configs, self._cluster.writers))

    def status_writer(self) -> MemoryWriter:
        return self._writer(MemoryWriter(self._cluster.statuses))

    def _writer(self, writer: MemoryWriter) -> MemoryWriter:
        writer.cut = self._is_cut
        self._writers.append(writer)
        return writer

    def membership(self, member: Member) -> MemoryMembership:
        self.member = MemoryMembership(self._cluster.group, member)
        return self.member
