"""What the workers of a cluster share in compacted topics, read from the beginning and on: Kafka Connect's KafkaBasedLog."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition, errors
from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.protocol.offset import OffsetRequest, OffsetResetStrategy

from cdc.config.settings import KafkaSettings
from cdc.errors import KafkaRefused, KafkaUnavailable
from cdc.kafka.consumer import consuming, explained
from cdc.kafka.topics import NewTopic, Topics

log = logging.getLogger(__name__)

POLL_MS: Final = 100
RETRY_SECONDS: Final = 0.2
#: How long the end is waited for unless the caller says otherwise, in seconds.
END_SECONDS: Final = 20.0
#: The high watermark is asked for, not the last stable offset: a commit is answered before its marker makes its records stable.
_UNCOMMITTED: Final = 0
_CONSUMER: Final = -1

_Fetched = Mapping[TopicPartition, Sequence[ConsumerRecord[bytes, bytes]]]


@dataclass(frozen=True, slots=True)
class LogTopic:
    """A compacted topic, with what it is created with when it is missing; -1 is the broker's default."""

    name: str
    partitions: int = 1
    replication_factor: int = -1


@dataclass(frozen=True, slots=True)
class LogRecord:
    """A committed record; `value` None says that the key is removed, `timestamp_ms` is in milliseconds since the epoch."""

    key: str
    value: bytes | None
    partition: int
    offset: int
    timestamp_ms: int


@dataclass(slots=True, eq=False)
class _Caller:
    """Somebody who waits for the end that each partition had after the call; `ends` is None until the broker has told them."""

    ends: dict[int, int] | None = None
    reached: asyncio.Event = field(default_factory=asyncio.Event)


class TopicLog:
    """A compacted topic that is read from its beginning and on, committed records only; it is created when it is missing.

    Order: `on_records` gets the records of a partition in the order of their offsets, each once, over outages also; a call holds at
    least one record. Only if the broker has lost what was read already, reading begins anew. Records without key, or with a key that
    is no UTF-8, are left out. Partitions that the topic gets later are not noticed.
    Concurrency: `run` runs once; `on_records` is called in its task and must not block; `read_to_end` may be called by many at once.
    With `single_partition`, an existing topic of more partitions is refused, since only one keeps all records in one order.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        topic: LogTopic,
        on_records: Callable[[Sequence[LogRecord]], None],
        *,
        single_partition: bool = False,
    ) -> None:
        self._settings = settings
        self._topic = topic
        self._on_records = on_records
        self._single_partition = single_partition
        self._next: dict[
            int, int
        ] = {}  # by partition, where reading goes on: behind records, markers and what was aborted
        self._position = 0
        self._callers: list[_Caller] = []
        self._called = asyncio.Event()
        self._trouble: KafkaUnavailable | None = None

    @property
    def position(self) -> int:
        """The offset behind the last record of partition 0 that was handed over, 0 before any; `on_records` finds its own counted."""
        return self._position

    async def run(self) -> NoReturn:
        """Read until cancelled; brokers that are away are waited for without end. Ends within 3 seconds of its cancellation.

        Raises:
            KafkaRefused: the login is refused; the topic may not be created or read, is not compacted, or has too many partitions.
            ConfigError: a certificate cannot be read.
        """
        while True:
            try:
                await self._follow()
            except KafkaUnavailable as error:
                self._failed(error)
            await asyncio.sleep(RETRY_SECONDS)

    async def read_to_end(self, seconds: float = END_SECONDS) -> None:
        """Return when everything that was committed before the call has been handed to `on_records`.

        Transactions that are open at the call are waited for, as they may be committed already. May be called before `run`.

        Raises:
            KafkaUnavailable: that takes longer than so many seconds.
        """
        caller = _Caller()
        self._callers.append(caller)
        self._called.set()
        try:
            async with asyncio.timeout(seconds):
                await caller.reached.wait()
        except TimeoutError as error:
            raise self._not_reached(seconds) from (self._trouble or error)
        finally:
            self._callers.remove(caller)

    async def _follow(self) -> NoReturn:
        """Read with one consumer until it fails."""
        async with consuming(self._settings) as consumer:
            with explained():
                await self._take_up(consumer)
            self._works()
            self._called.set()
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._tell_ends(consumer))
                    await self._read(consumer)
            except ExceptionGroup as failed:
                raise failed.exceptions[0] from None

    async def _take_up(self, consumer: AIOKafkaConsumer) -> None:
        """Make sure of the topic, and assign its partitions where reading goes on."""
        name = self._topic.name
        topics = Topics(consumer._client, self._settings)
        try:
            async with asyncio.timeout(self._settings.request_timeout):
                wanted = NewTopic(name, self._topic.partitions, self._topic.replication_factor)
                await topics.ensure_compacted(wanted)
        except TimeoutError as error:
            fact = f"Kafka did not tell about topic {name} within {self._settings.request_timeout:g} s"
            raise KafkaUnavailable(fact, "It is tried again.") from error
        count = topics.partitions(name) or 0
        if self._single_partition and count > 1:
            fact = f"Topic {name} has {count} partitions, but the order of its records matters, which one partition alone keeps"
            raise KafkaRefused(fact, "Name another topic, or create it anew with one partition.")
        consumer.assign([TopicPartition(name, number) for number in range(count)])
        for partition in consumer.assignment():
            consumer.seek(partition, self._next.get(partition.partition, 0))

    async def _read(self, consumer: AIOKafkaConsumer) -> NoReturn:
        while True:
            with explained():
                fetched = await consumer.getmany(timeout_ms=POLL_MS)
            if consumer._fetcher is None or consumer._fetcher.error_future.done():  # aiokafka itself would not tell
                raise KafkaUnavailable(f"Reading topic {self._topic.name} failed", "It is tried again.")
            if fetched:
                self._hand_over(fetched)
            for partition in consumer.assignment():
                self._next[partition.partition] = await consumer.position(partition)
            self._wake()

    def _hand_over(self, fetched: _Fetched) -> None:
        for partition, found in fetched.items():
            self._next[partition.partition] = found[-1].offset + 1
        self._position = self._next[0] if any(p.partition == 0 for p in fetched) else self._position
        records = [record for found in fetched.values() for each in found if (record := _log_record(each)) is not None]
        if records:
            self._on_records(records)

    async def _tell_ends(self, consumer: AIOKafkaConsumer) -> NoReturn:
        """Find the ends for whoever calls; brokers that do not tell them are asked again."""
        while True:
            await self._called.wait()
            self._called.clear()
            callers = [caller for caller in self._callers if caller.ends is None]
            try:
                with explained():
                    ends = await _ends(consumer._client, sorted(consumer.assignment()))
            except KafkaUnavailable as error:
                self._failed(error)
                await asyncio.sleep(RETRY_SECONDS)
                self._called.set()
                continue
            self._works()
            for caller in callers:
                caller.ends = ends
            self._wake()

    def _wake(self) -> None:
        for caller in self._callers:
            ends = caller.ends
            if ends is not None and all(self._next.get(number, 0) >= end for number, end in ends.items()):
                caller.reached.set()

    def _failed(self, error: KafkaUnavailable) -> None:
        if self._trouble is None:
            log.warning("topic %s cannot be read, which is tried again: %s", self._topic.name, error.sentence())
        self._trouble = error

    def _works(self) -> None:
        if self._trouble is not None:
            log.info("topic %s is read again", self._topic.name)
        self._trouble = None

    def _not_reached(self, seconds: float) -> KafkaUnavailable:
        reason = f": {self._trouble}" if self._trouble is not None else ""
        remedy = "If the brokers run, a producer may have left a transaction open in it: that ends after its transaction.timeout.ms."
        return KafkaUnavailable(f"The end of topic {self._topic.name} was not reached in {seconds:g} s{reason}", remedy)


def _log_record(record: ConsumerRecord[bytes, bytes]) -> LogRecord | None:
    """Return the record, or None if it has no key that can be read."""
    try:
        key = None if record.key is None else record.key.decode()
    except UnicodeDecodeError:
        return None
    return None if key is None else LogRecord(key, record.value, record.partition, record.offset, record.timestamp)


async def _ends(client: AIOKafkaClient, partitions: Sequence[TopicPartition]) -> dict[int, int]:
    """Return the high watermark of each partition, asked for beside the connection on which a fetch may be waiting."""
    by_leader: defaultdict[Any, list[TopicPartition]] = defaultdict(list)
    for partition in partitions:
        by_leader[client.cluster.leader_for_partition(partition)].append(partition)
    ends = {}
    for leader, led in by_leader.items():
        latest = [(partition.partition, OffsetResetStrategy.LATEST) for partition in led]
        request = OffsetRequest(_CONSUMER, _UNCOMMITTED, [(led[0].topic, latest)])
        response = await client.send(leader, request, group=ConnectionGroup.COORDINATION)
        for number, code, _timestamp, offset in response.topics[0][1]:
            if code:
                client.force_metadata_update()
                raise errors.for_code(code)(f"partition {number} of topic {led[0].topic}")
            ends[number] = offset
    return ends
