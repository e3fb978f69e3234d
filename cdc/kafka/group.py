"""A consumer of a consumer group, for sinks: who reads which partition, and how far, is kept by Kafka."""

from __future__ import annotations

import asyncio
import re
import time
from collections import deque
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, OffsetAndMetadata, errors
from aiokafka import TopicPartition as KafkaPartition

from cdc.config.definition import Config
from cdc.config.settings import KafkaSettings
from cdc.errors import KafkaRefused, KafkaUnavailable
from cdc.kafka.client import abort, client_arguments, probe
from cdc.kafka.consumer import ConsumedRecord, consumed
from cdc.model.connect_record import TopicPartition

#: Kafka Connect's offset.flush.timeout.ms.
COMMIT_SECONDS: Final = 5.0
CLOSE_SECONDS: Final = 2.0
#: How often topics that are missing are looked for.
LOOK_SECONDS: Final = 1.0
NO_OFFSET: Final = -1


@dataclass(frozen=True, slots=True)
class GroupSettings:
    """How a member of the group reads. Times are in seconds, sizes in bytes."""

    group_id: str
    auto_offset_reset: str = "earliest"
    max_poll_records: int = 500
    session_timeout: float = 10.0
    heartbeat_interval: float = 3.0
    max_poll_interval: float = 300.0
    fetch_min_bytes: int = 1
    fetch_max_wait: float = 0.5
    fetch_max_bytes: int = 52_428_800
    max_partition_fetch_bytes: int = 1_048_576

    @classmethod
    def from_config(cls, group_id: str, config: Config) -> GroupSettings:
        """Return the settings of a configuration that was read by `GROUP_CONSUMER`."""
        return cls(
            group_id=group_id,
            auto_offset_reset=config.string("auto.offset.reset"),
            max_poll_records=config.integer("max.poll.records"),
            session_timeout=config.integer("session.timeout.ms") / 1000,
            heartbeat_interval=config.integer("heartbeat.interval.ms") / 1000,
            max_poll_interval=config.integer("max.poll.interval.ms") / 1000,
            fetch_min_bytes=config.integer("fetch.min.bytes"),
            fetch_max_wait=config.integer("fetch.max.wait.ms") / 1000,
            fetch_max_bytes=config.integer("fetch.max.bytes"),
            max_partition_fetch_bytes=config.integer("max.partition.fetch.bytes"),
        )


class RebalanceListener(Protocol):
    """Hears which partitions come and go; called from inside `poll`, one call at a time, never with none."""

    async def assigned(self, positions: Mapping[TopicPartition, int]) -> None:
        """Take partitions, with the offset of the next record of each; nothing is read from them before this has returned."""

    async def revoked(self, partitions: Collection[TopicPartition]) -> None:
        """Let go of partitions; nobody else reads them before this has returned, so offsets can still be committed."""


@dataclass(slots=True)
class _Rebalance:
    """A change that waits for the next `poll`."""

    partitions: frozenset[TopicPartition]
    assigned: bool
    over: asyncio.Event = field(default_factory=asyncio.Event)


class GroupConsumer:
    """One member of a consumer group; sees only what is committed, and commits only what it is told to.

    All calls come from one asyncio task, except `wakeup`. Brokers that go away are waited for without end, by every call but `start`,
    `commit` and `stop`. A member that was silent for too long loses its partitions without being asked.
    """

    def __init__(self, settings: KafkaSettings, group: GroupSettings) -> None:
        self._settings = settings
        self._group = group
        self._kafka: AIOKafkaConsumer | None = None
        self._rebalances: deque[_Rebalance] = deque()
        self._assigned: set[TopicPartition] = set()
        self._fetching: asyncio.Task[_Fetched] | None = None
        self._called = asyncio.Event()
        self._listener: RebalanceListener | None = None
        self._names: tuple[str, ...] | None = None
        self._looked = 0.0
        self._stopped = False

    async def start(self, topics: Collection[str] | re.Pattern[str], listener: RebalanceListener) -> None:
        """Connect, and ask for a share of the topics: those named, or all that a pattern matches as a whole, later ones included.

        Raises:
            KafkaUnavailable: no broker answers.
            KafkaRefused: one answers, but refuses the login.
        """
        arguments = await client_arguments(self._settings)
        await probe(self._settings, arguments)
        self._listener = listener
        self._kafka = AIOKafkaConsumer(**arguments, **_arguments(self._group))
        with self._explained():
            await self._kafka.start()
        if isinstance(topics, re.Pattern):
            whole = re.compile(f"(?:{topics.pattern})\\Z", topics.flags)
            self._kafka.subscribe(pattern=whole, listener=_Announcer(self))
        else:
            self._names = tuple(topics)
            self._kafka.subscribe(topics=list(topics), listener=_Announcer(self))

    async def poll(self, seconds: float) -> list[ConsumedRecord]:
        """Return the next records, in offset order within a partition; none after so many seconds, a rebalance or a `wakeup`.

        Raises:
            KafkaUnavailable: reading failed in a way that the client does not mend by itself.
            KafkaRefused: the group or a topic may not be read.
        """
        if self._fetching is None and not self._rebalances:
            self._fetching = asyncio.create_task(self._fetch(seconds))
        called = asyncio.create_task(self._called.wait())
        try:
            await asyncio.wait({called, *self._pending()}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            called.cancel()
        self._called.clear()
        if self._rebalances:
            await self._rebalance()
        elif self._fetching is not None and self._fetching.done():
            fetched, self._fetching = self._fetching, None
            with self._explained():
                return [consumed(record) for records in fetched.result().values() for record in records]
        return []

    def wakeup(self) -> None:
        """Have the present or next `poll` return soon."""
        self._called.set()

    def assignment(self) -> set[TopicPartition]:
        """Return the partitions that were assigned, as last told to the listener."""
        return set(self._assigned)

    def seek(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Go on at these offsets, in partitions that are still assigned."""
        self._take_back(offsets)
        for partition in self._live(offsets):
            self._client.seek(partition, offsets[_ours(partition)])

    def pause(self, partitions: Collection[TopicPartition]) -> None:
        """Return nothing from these partitions until they are resumed or lost."""
        self._take_back(partitions)
        self._client.pause(*self._live(partitions))

    def resume(self, partitions: Collection[TopicPartition]) -> None:
        """Return records from these partitions again."""
        self._client.resume(*self._live(partitions))

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Make these the group's offsets: of the next record to be read, by partition.

        Raises:
            KafkaUnavailable: no answer for five seconds, or the member has lost its partitions; others may have them.
            KafkaRefused: the group may not be used.
        """
        found = {_kafkas(partition): OffsetAndMetadata(offset, "") for partition, offset in offsets.items()}
        try:
            async with asyncio.timeout(COMMIT_SECONDS):
                with self._explained():
                    # The consumer's own `commit` refuses what the group accepts: partitions of a subscription that has just grown.
                    await self._coordinator.commit_offsets(None, found)
        except TimeoutError as error:
            fact = f"The offsets of group {self._group.group_id} could not be committed: no answer for {COMMIT_SECONDS:.0f} s"
            raise KafkaUnavailable(fact, "It is tried again.") from error

    async def committed(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """Return the group's offsets of these partitions; those without are missing."""
        with self._explained():
            wanted = [_kafkas(partition) for partition in partitions]
            found = await self._coordinator.fetch_committed_offsets(wanted)
        return {_ours(partition): each.offset for partition, each in found.items() if each.offset != NO_OFFSET}

    async def stop(self) -> None:
        """Leave the group and close the connections, within a few seconds; nothing is committed."""
        self._stopped = True
        for rebalance in self._rebalances:
            rebalance.over.set()
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)
        if self._kafka is not None:
            await _end(self._kafka)

    @property
    def _client(self) -> AIOKafkaConsumer:
        if self._kafka is None:
            raise RuntimeError("the consumer has not been started")
        return self._kafka

    @property
    def _coordinator(self) -> Any:
        return self._client._coordinator

    def _pending(self) -> set[asyncio.Task[_Fetched]]:
        return set() if self._fetching is None else {self._fetching}

    async def _fetch(self, seconds: float) -> _Fetched:
        if self._lacks_topics() and time.monotonic() - self._looked >= LOOK_SECONDS:
            self._looked = time.monotonic()
            await self._client._client.force_metadata_update()
        found: _Fetched = await self._client.getmany(
            timeout_ms=round(seconds * 1000), max_records=self._group.max_poll_records
        )
        return found

    def _lacks_topics(self) -> bool:
        """Tell whether topics are still to be made: aiokafka itself would notice them only when its metadata is old."""
        known = self._client._client.cluster.partitions_for_topic
        return not (self._client.assignment() if self._names is None else all(map(known, self._names)))

    def _live(self, partitions: Collection[TopicPartition]) -> list[KafkaPartition]:
        """Return those that aiokafka has assigned: while a rebalance is announced and not yet handled, it may have less than we."""
        return [each for each in map(_kafkas, partitions) if each in self._client.assignment()]

    def _take_back(self, partitions: Collection[TopicPartition]) -> None:
        """Forget what was fetched of these partitions and not returned yet; it is fetched again where they stay assigned."""
        if self._fetching is None or not self._fetching.done() or self._fetching.exception() is not None:
            return
        for partition in map(_kafkas, partitions):
            records = self._fetching.result().pop(partition, ())
            if records and partition in self._client.assignment():
                self._client.seek(partition, records[0].offset)

    async def announce(self, partitions: Collection[KafkaPartition], *, assigned: bool) -> None:
        """Have `poll` tell the listener of a change, and wait for that when partitions are to go.

        The listener runs in the task that polls and not in aiokafka's, so what it does is done one thing at a time, and its errors reach
        somebody.
        """
        rebalance = _Rebalance(frozenset(map(_ours, partitions)), assigned)
        if not partitions or self._stopped:
            return
        self._rebalances.append(rebalance)
        self._called.set()
        if not assigned:
            await rebalance.over.wait()

    async def _rebalance(self) -> None:
        while self._rebalances:
            rebalance = self._rebalances.popleft()
            try:
                await (self._assign if rebalance.assigned else self._revoke)(rebalance.partitions)
            finally:
                rebalance.over.set()

    async def _assign(self, partitions: frozenset[TopicPartition]) -> None:
        positions = await self._positions(partitions)
        self._assigned |= partitions
        self.seek(positions)
        if self._listener is not None:
            await self._listener.assigned(positions)

    async def _revoke(self, partitions: frozenset[TopicPartition]) -> None:
        try:
            lost = partitions & self._assigned
            if self._listener is not None and lost:
                await self._listener.revoked(lost)
        finally:
            self._assigned -= partitions
            self._take_back(partitions)

    async def _positions(self, partitions: frozenset[TopicPartition]) -> dict[TopicPartition, int]:
        known = await self.committed(partitions)
        missing = [_kafkas(partition) for partition in partitions if partition not in known]
        return known | {_ours(partition): offset for partition, offset in (await self._ends(missing)).items()}

    async def _ends(self, partitions: list[KafkaPartition]) -> dict[KafkaPartition, int]:
        latest = self._group.auto_offset_reset == "latest"
        ask = self._client.end_offsets if latest else self._client.beginning_offsets
        while partitions:
            with self._explained(), suppress(errors.KafkaTimeoutError):
                found: dict[KafkaPartition, int] = await ask(partitions)
                return found
        return {}

    @contextmanager
    def _explained(self) -> Iterator[None]:
        group = self._group.group_id
        try:
            yield
        except errors.TopicAuthorizationFailedError as error:
            names = ", ".join(sorted(str(name) for argument in error.args for name in _several(argument)))
            remedy = "Grant the user the ACLs READ and DESCRIBE on it (kafka-acls --add --operation Read --topic …)."
            raise KafkaRefused(f"Kafka does not allow reading topic {names}", remedy) from error
        except errors.GroupAuthorizationFailedError as error:
            remedy = f"Grant the user the ACL READ on it (kafka-acls --add --operation Read --group {group})."
            raise KafkaRefused(f"Kafka does not allow the consumer group {group}", remedy) from error
        except errors.CommitFailedError as error:
            fact = (
                f"The offsets of group {group} could not be committed: its partitions have been given to other members"
            )
            raise KafkaUnavailable(fact, "What was not committed is read again.") from error
        except errors.KafkaError as error:
            words = " ".join(str(argument) for argument in error.args) or type(error).__name__
            raise KafkaUnavailable(f"Group {group} could not be read: {words}", "It may be tried again.") from error


_Fetched = dict[KafkaPartition, list[ConsumerRecord[bytes, bytes]]]


class _Announcer(ConsumerRebalanceListener):
    """aiokafka's listener, which only passes on what it hears."""

    def __init__(self, consumer: GroupConsumer) -> None:
        self._consumer = consumer

    async def on_partitions_revoked(self, revoked: Collection[KafkaPartition]) -> None:
        await self._consumer.announce(revoked, assigned=False)

    async def on_partitions_assigned(self, assigned: Collection[KafkaPartition]) -> None:
        await self._consumer.announce(assigned, assigned=True)


def _arguments(group: GroupSettings) -> dict[str, str | int | bool]:
    return {
        "group_id": group.group_id,
        "isolation_level": "read_committed",
        "enable_auto_commit": False,
        "auto_offset_reset": group.auto_offset_reset,
        "session_timeout_ms": round(group.session_timeout * 1000),
        "heartbeat_interval_ms": round(group.heartbeat_interval * 1000),
        "max_poll_interval_ms": round(group.max_poll_interval * 1000),
        # How long the others wait for a member that has still to give its partitions away.
        "rebalance_timeout_ms": round(group.max_poll_interval * 1000),
        "fetch_min_bytes": group.fetch_min_bytes,
        "fetch_max_wait_ms": round(group.fetch_max_wait * 1000),
        "fetch_max_bytes": group.fetch_max_bytes,
        "max_partition_fetch_bytes": group.max_partition_fetch_bytes,
    }


async def _end(kafka: AIOKafkaConsumer) -> None:
    """Close aiokafka's consumer: in order if that does not take long, else without waiting for the broker."""
    ending = asyncio.ensure_future(kafka.stop())
    await asyncio.wait({ending}, timeout=CLOSE_SECONDS)
    if not ending.done():
        for connection in kafka._client._conns.values():
            abort(connection)
        await asyncio.wait({ending}, timeout=CLOSE_SECONDS)
    if not ending.done():
        ending.cancel()
        await asyncio.wait({ending})
    if ending.cancelled() or ending.exception() is not None:
        await _abandon(kafka)


async def _abandon(kafka: AIOKafkaConsumer) -> None:
    """End what an unsuccessful `stop` has left running."""
    coordinator = kafka._coordinator
    tasks = set()
    if coordinator is not None:
        tasks = {coordinator._coordination_task, coordinator._heartbeat_task, coordinator._commit_refresh_task} - {None}
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
    if kafka._fetcher is not None:
        await kafka._fetcher.close()
    with suppress(TimeoutError):
        async with asyncio.timeout(CLOSE_SECONDS):
            await kafka._client.close()


def _several(argument: object) -> Collection[object]:
    return argument if isinstance(argument, set | frozenset | list | tuple) else (argument,)


def _ours(partition: KafkaPartition) -> TopicPartition:
    return TopicPartition(partition.topic, partition.partition)


def _kafkas(partition: TopicPartition) -> KafkaPartition:
    return KafkaPartition(partition.topic, partition.partition)
