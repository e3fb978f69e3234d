"""Writing what the workers of a cluster share in compacted topics: by one writer at a time, or by all of them."""

from __future__ import annotations

import asyncio
import time
from asyncio import Future
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka import errors

from cdc.config.settings import KafkaSettings
from cdc.errors import CdcError, Fenced, KafkaRefused, KafkaUnavailable, RecordTooLarge
from cdc.kafka.client import client_arguments, probe
from cdc.kafka.compression import CODECS
from cdc.kafka.deliveries import Deliveries
from cdc.kafka.failure import Circumstances, ResultUnknownError, explain, unauthorised_topics
from cdc.kafka.producer import PlainProducer, Producer
from cdc.kafka.record_batch import PartitionBatch, RecordAccumulator
from cdc.kafka.topics import Topics
from cdc.model.records import RecordBatch

IN_FLIGHT_BYTES: Final = 16 << 20

#: A key and its value; None removes the key.
Entry = tuple[str, bytes | None]

_AFTERWARDS: Final = (
    "Whether it was written is unknown: close the writer, read the topic to its end, and start a new one."
)
_TOO_LARGE: Final = "Raise max.message.bytes of the topic (or the broker's message.max.bytes)."


class TopicWriter:
    """The single writer of a topic's partition 0, by its transactional id: when another one starts, this one can write no more.

    Order: records stand in the order of the calls, and of each call's records. Durability: when `write` returns, its records are on all
    in-sync replicas and will be seen, all or none. Concurrency: any number of tasks may write, one is served at a time.

    Any error, and any cancellation of a call, leaves the writer of no more use but to be closed: every later call raises the like.
    Errors of all calls: Fenced when another writer has started; KafkaUnavailable when a broker is away or a result unknown;
    KafkaRefused for missing rights or a record that is too large; ConfigError for unusable certificates. Each call takes at most
    `request_timeout`, and `start` up to 10 seconds more for each bootstrap server that is silent. The topic is waited for as long.
    """

    def __init__(self, settings: KafkaSettings, topic: str, transactional_id: str) -> None:
        self._settings = settings
        self._topic = topic
        self._id = transactional_id
        self._turn = asyncio.Lock()
        self._failure: CdcError | None = None
        self._producer: Producer | None = None
        self._deliveries = Deliveries(IN_FLIGHT_BYTES)
        self._batch_bytes = settings.batch_bytes

    async def start(self) -> None:
        """Connect, and shut out every earlier writer; a transaction that it left open is aborted by then."""
        async with self._turn, self._breaking():
            arguments = await client_arguments(self._settings)
            await probe(self._settings, arguments)
            self._check()  # it may have been closed meanwhile
            milliseconds = round(self._settings.transaction_timeout * 1000)
            async with asyncio.timeout(self._limit):
                self._producer = Producer(**arguments, transactional_id=self._id, transaction_timeout_ms=milliseconds)
                await self._producer.start()
                self._batch_bytes = await Topics(self._producer.client, self._settings).wait_for(self._topic)

    async def write(self, records: Sequence[Entry]) -> None:
        """Write the records in one transaction; none are nothing to do."""
        async with self._turn, self._breaking():
            if self._producer is None:
                raise RuntimeError("the writer has not been started")
            if records:
                async with asyncio.timeout(self._limit):
                    await self._commit(self._producer, self._batches(records))

    async def close(self) -> None:
        """End, in at most about 3 seconds whatever the broker does; may be called in any state, and again.

        An open transaction is aborted if the broker answers at once, else when another writer starts, or by its time-out.
        """
        self._failure = self._failure or KafkaUnavailable(f"The writer of topic {self._topic} is closed", _AFTERWARDS)
        producer, self._producer = self._producer, None
        if producer is None:
            return
        ending = asyncio.ensure_future(producer.leave())
        try:
            await asyncio.shield(ending)
        except asyncio.CancelledError:
            await asyncio.wait({ending})
            raise

    @property
    def _limit(self) -> float:
        return min(self._settings.request_timeout, self._settings.transaction_timeout)

    def _batches(self, records: Sequence[Entry]) -> list[PartitionBatch]:
        batch = RecordBatch()
        batch.timestamp_ms = time.time_ns() // 1_000_000
        for key, value in records:
            batch.add(self._topic, key.encode(), value)
        settings = self._settings
        accumulator = RecordAccumulator(CODECS[settings.compression], max_request_size=settings.max_request_bytes)
        accumulator.use_topic(self._topic, 1, self._batch_bytes)
        return [*accumulator.append(batch), *accumulator.flush()]

    async def _commit(self, producer: Producer, batches: Sequence[PartitionBatch]) -> None:
        await producer.begin_transaction()
        for batch in batches:
            await self._deliveries.room(batch.size())
            self._deliveries.add(await producer.submit(batch), batch)
        await self._deliveries.settled()
        failure = producer.failure or producer.refusal
        if failure is not None or self._deliveries.failed is not None:  # aiokafka would commit without what failed
            raise failure or ResultUnknownError("a batch was not delivered")
        await producer.commit_transaction()

    @asynccontextmanager
    async def _breaking(self) -> AsyncIterator[None]:
        """Make whatever ends a call early the end of this writer."""
        self._check()
        try:
            yield
        except (errors.KafkaError, ResultUnknownError, TimeoutError, RecordTooLarge) as error:
            self._failure = self._explained(error)
            raise self._failure from error
        except CdcError as error:
            self._failure = error
            raise
        except asyncio.CancelledError:
            self._failure = KafkaUnavailable(f"Writing to topic {self._topic} was broken off", _AFTERWARDS)
            raise

    def _check(self) -> None:
        """Raise what has ended this writer, if anything has."""
        if self._failure is not None:
            raise type(self._failure)(str(self._failure), self._failure.remedy) from self._failure

    def _explained(self, error: Exception) -> CdcError:
        failed = self._deliveries.failed
        producer = self._producer
        cause = (producer and (producer.failure or producer.refusal)) or (failed[0] if failed else error)
        if isinstance(cause, TimeoutError):
            return KafkaUnavailable(
                f"Kafka did not finish writing to topic {self._topic} in {self._limit:g} s", _AFTERWARDS
            )
        around = Circumstances(
            connector="",
            transactional_id=self._id,
            timeout=self._settings.transaction_timeout,
            batch=failed[1] if failed and failed[0] is cause else None,
        )
        return self._worded(explain(cause, around))

    def _worded(self, found: CdcError) -> CdcError:
        """Return the error in the words of a writer, not of a connector."""
        if isinstance(found, Fenced):
            fact = f"Another writer of topic {self._topic} has started (transactional id {self._id})"
            return Fenced(fact, "That one goes on; this one has to be closed.")
        if isinstance(found, RecordTooLarge):
            return KafkaRefused(str(found), _TOO_LARGE)
        return KafkaUnavailable(str(found), _AFTERWARDS) if isinstance(found, KafkaUnavailable) else found


class PlainWriter:
    """A writer beside others, without transactions: a key's partition is that of Java's default partitioner.

    Order: the records of one call to one partition stand in their order. Durability: when `write` returns, its records are on all in-sync
    replicas; when it fails, any part of them may be. Concurrency: any number of tasks may write at once. After an error it can be used
    again: it connects anew.

    Errors of `start` and `write`: KafkaUnavailable when a broker is away or there was no answer within `request_timeout`; KafkaRefused
    for missing rights or a record that is too large; ConfigError for unusable certificates. A missing topic is waited for as long.
    """

    def __init__(self, settings: KafkaSettings, topic: str) -> None:
        self._settings = settings
        self._topic = topic
        self._starting = asyncio.Lock()
        self._producer: PlainProducer | None = None
        self._closed = False

    async def start(self) -> None:
        """Connect."""
        await self._running()

    async def write(self, records: Sequence[Entry]) -> None:
        """Write the records."""
        producer = await self._running()
        async with self._explaining(producer):
            sent = [await self._send(producer, key, value) for key, value in records]
            await asyncio.gather(*sent)

    async def close(self) -> None:
        """End, in at most about 3 seconds whatever the broker does; may be called in any state, and again. Whoever writes fails."""
        self._closed = True
        if self._producer is not None:
            await self._producer.end()

    async def _running(self) -> PlainProducer:
        async with self._starting:
            self._check()
            if self._producer is None:
                self._producer = await self._started()
            return self._producer

    def _check(self) -> None:
        if self._closed:
            raise KafkaUnavailable(f"The writer of topic {self._topic} is closed", "Start a new one.")

    async def _started(self) -> PlainProducer:
        arguments = await client_arguments(self._settings)
        await probe(self._settings, arguments)
        producer = PlainProducer(**arguments, max_request_size=self._settings.max_request_bytes)
        async with self._explaining(producer):
            await producer.start()
            await Topics(producer.client, self._settings).wait_for(self._topic)
            self._check()  # it may have been closed meanwhile
        return producer

    async def _send(self, producer: PlainProducer, key: str, value: bytes | None) -> Future[Any]:
        sent: Future[Any] = await producer.send(self._topic, value, key.encode())
        sent.add_done_callback(_seen)
        return sent

    @asynccontextmanager
    async def _explaining(self, producer: PlainProducer) -> AsyncIterator[None]:
        """Bound what is done in time, and end the producer with which it failed."""
        try:
            async with asyncio.timeout(self._settings.request_timeout):
                yield
        except (errors.KafkaError, TimeoutError) as error:
            await self._give_up(producer)
            raise self._explained(error) from error
        except CdcError:
            await self._give_up(producer)
            raise
        except asyncio.CancelledError:
            if producer is not self._producer:
                await producer.end()
            raise

    async def _give_up(self, producer: PlainProducer) -> None:
        if producer is self._producer:
            self._producer = None
        await producer.end()

    def _explained(self, error: Exception) -> CdcError:
        if isinstance(error, errors.TopicAuthorizationFailedError | errors.ClusterAuthorizationFailedError):
            return unauthorised_topics([self._topic])
        if isinstance(error, errors.MessageSizeTooLargeError | errors.RecordListTooLargeError):
            return KafkaRefused(f"A record is too large for topic {self._topic}: {error}", _TOO_LARGE)
        words = " ".join(str(argument) for argument in error.args) or type(error).__name__
        return KafkaUnavailable(f"Topic {self._topic} could not be written: {words}", "It may be tried again.")


def _seen(future: Future[Any]) -> None:
    """Mark an exception as seen: it is raised by `write`, or stands for one that was."""
    if not future.cancelled():
        future.exception()
