"""Reading topics as a consumer that sees only what is committed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition, errors

from cdc.config.settings import KafkaSettings
from cdc.errors import KafkaRefused, KafkaUnavailable
from cdc.kafka.client import abort, client_arguments, probe

POLL_MS: Final = 100
LOOK_SECONDS: Final = 0.5
CLOSE_SECONDS: Final = 2.0


class Start(Enum):
    """Where reading begins in a topic that exists already."""

    EARLIEST = "earliest"
    LATEST = "latest"


@dataclass(frozen=True, slots=True)
class ConsumedRecord:
    """A committed record; `timestamp_ms` is in milliseconds since the epoch."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


async def read_topics(
    settings: KafkaSettings,
    topics: Iterable[str],
    *,
    start: Start = Start.EARLIEST,
    follow: bool = False,
    patience: float = 60.0,
) -> AsyncGenerator[ConsumedRecord, None]:
    """Yield the committed records of topics, in offset order within a partition.

    Reading ends at the end that each partition has at the beginning, open transactions included: their outcome is waited for, up to
    `patience` seconds without progress. With `follow` it goes on without end, over broker failures also, and takes up topics that are
    missing as soon as they exist. A topic that does not exist is empty. No group is joined, and no topic is created. Leave the iterator
    by `contextlib.aclosing` when it is not read to its end.

    Raises:
        KafkaUnavailable: no broker can be reached at the beginning, or nothing came for `patience` seconds before the end.
        KafkaRefused: the broker refuses the login, or a topic may not be read.
    """
    async with consuming(settings) as consumer:
        reader = _Reader(consumer, list(topics), start, None if follow else patience)
        async with aclosing(reader.records()) as found:
            async for record in found:
                yield record


@asynccontextmanager
async def consuming(settings: KafkaSettings) -> AsyncIterator[AIOKafkaConsumer]:
    """Lend a consumer of what is committed, without group and without topics yet; it ends in about 2 seconds at most.

    Raises:
        KafkaUnavailable: no broker can be reached.
        KafkaRefused: the broker refuses the login.
    """
    arguments = await client_arguments(settings)
    await probe(settings, arguments)
    consumer = AIOKafkaConsumer(
        **arguments,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        fetch_max_wait_ms=POLL_MS,
    )
    try:
        with explained():
            await consumer.start()
        yield consumer
    finally:
        await _stop(consumer)


async def _stop(consumer: AIOKafkaConsumer) -> None:
    """End the consumer without waiting for the broker; a cancelled reader does not leave before it has ended."""
    for connection in consumer._client._conns.values():
        abort(connection)
    ending = asyncio.ensure_future(_ended(consumer))
    await asyncio.wait({ending}, timeout=CLOSE_SECONDS)


async def _ended(consumer: AIOKafkaConsumer) -> None:
    with suppress(asyncio.CancelledError):  # of a fetch that aiokafka has cancelled in its pause after a failure
        await consumer.stop()
    await consumer._client.close()


@contextmanager
def explained() -> Iterator[None]:
    """Raise KafkaRefused for a topic that may not be read, and KafkaUnavailable for every other error of aiokafka."""
    try:
        yield
    except errors.TopicAuthorizationFailedError as error:
        names = ", ".join(str(name) for name in error.args)
        remedy = "Grant the user the ACLs READ and DESCRIBE on it (kafka-acls --add --operation Read --topic …)."
        raise KafkaRefused(f"Kafka does not allow reading topic {names}", remedy) from error
    except errors.KafkaError as error:
        words = " ".join(str(argument) for argument in error.args) or type(error).__name__
        raise KafkaUnavailable(f"Kafka could not be read: {words}", "It may be tried again.") from error


class _Reader:
    """One reading of some topics; `patience` None is without end."""

    def __init__(self, consumer: AIOKafkaConsumer, topics: Sequence[str], start: Start, patience: float | None) -> None:
        self._consumer = consumer
        self._topics = topics
        self._start = start
        self._patience = patience
        self._ends: dict[TopicPartition, int] = {}
        self._looked = 0.0

    async def records(self) -> AsyncGenerator[ConsumedRecord, None]:
        loop = asyncio.get_running_loop()
        await self._take_up()
        if self._start is Start.LATEST and self._consumer.assignment():
            await self._consumer.seek_to_end(*self._consumer.assignment())
        progress = loop.time()
        while self._patience is None or not await self._at_end():
            if self._patience is None and loop.time() - self._looked > LOOK_SECONDS:
                with suppress(KafkaUnavailable):  # the next look may find the broker again
                    await self._take_up()
            fetched = await self._fetch()
            if fetched:
                progress = loop.time()
            elif self._patience is not None and loop.time() - progress > self._patience:
                raise self._stuck()
            for record in fetched:
                yield record
                progress = loop.time()

    async def _fetch(self) -> list[ConsumedRecord]:
        if not self._consumer.assignment():
            await asyncio.sleep(POLL_MS / 1000)
            return []
        with explained():
            found = await self._consumer.getmany(timeout_ms=POLL_MS)
        return [consumed(record) for records in found.values() for record in records if self._wanted(record)]

    def _wanted(self, record: ConsumerRecord[bytes, bytes]) -> bool:
        end = self._ends.get(TopicPartition(record.topic, record.partition))
        return self._patience is None or end is None or record.offset < end

    async def _at_end(self) -> bool:
        """Tell whether every partition is read to the end that it had when the broker first told it."""
        for partition in self._consumer.assignment():
            end = self._ends.get(partition)
            if end is None:
                end = self._consumer.highwater(partition)
                if end is None:
                    return False
                self._ends[partition] = end
            if await self._consumer.position(partition) < end:
                return False
        return True

    async def _take_up(self) -> None:
        """Assign the partitions that exist now; what was being read goes on where it was."""
        self._looked = asyncio.get_running_loop().time()
        with explained():
            # The consumer's own metadata request would create the topics that it asks for.
            cluster = await self._consumer._client.fetch_all_metadata()
        found = {
            TopicPartition(topic, number)
            for topic in self._topics
            for number in cluster.partitions_for_topic(topic) or ()
        }
        assigned = self._consumer.assignment()
        if found - assigned:
            positions = {partition: await self._consumer.position(partition) for partition in assigned}
            self._consumer.assign(sorted(found | assigned))
            for partition, position in positions.items():
                self._consumer.seek(partition, position)

    def _stuck(self) -> KafkaUnavailable:
        names = ", ".join(sorted({partition.topic for partition in self._consumer.assignment()}))
        remedy = (
            "If another producer has left a transaction open there, it ends by itself after its transaction.timeout.ms."
        )
        return KafkaUnavailable(f"The end of {names} was not reached: nothing came for {self._patience:.0f} s", remedy)


def consumed(record: ConsumerRecord[bytes, bytes]) -> ConsumedRecord:
    """Return a record of aiokafka's as ours."""
    return ConsumedRecord(
        record.topic, record.partition, record.offset, record.timestamp, record.key, record.value, tuple(record.headers)
    )
