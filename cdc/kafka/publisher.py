"""Exactly-once publishing: records and the offset that covers them, in one Kafka transaction."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final

from aiokafka import errors
from aiokafka.protocol.metadata import MetadataRequest

from cdc.config.settings import KafkaSettings
from cdc.errors import CdcError, KafkaRefused, KafkaUnavailable
from cdc.kafka.client import client_arguments, probe
from cdc.kafka.compression import CODECS
from cdc.kafka.deliveries import Deliveries
from cdc.kafka.failure import Circumstances, ResultUnknownError, explain
from cdc.kafka.offsets import encode_key, encode_value
from cdc.kafka.ownership import Claim
from cdc.kafka.producer import ABORT_SECONDS, Producer
from cdc.kafka.record_batch import PartitionBatch, RecordAccumulator
from cdc.kafka.topics import NewTopic, Topics
from cdc.kafka.transaction import OutOfTurnError, State, moved
from cdc.model.records import RecordBatch
from cdc.offsets.base import SourceOffset, SourcePartition

IN_FLIGHT_BYTES: Final = 16 << 20
# What all batches that are being filled may hold together: a snapshot of a thousand tables leaves a thousand of them.
OPEN_BYTES: Final = 16 << 20
TRANSACTION_LOG: Final = "__transaction_state"


class TransactionalPublisher:
    """Publishes whole transactions; the one producer of a connector.

        publisher = TransactionalPublisher(settings, "shop")
        await publisher.start()                        # fences: no earlier instance can write from here on
        offset = await KafkaOffsetStore(settings, "shop", publisher).load({"server": "shop"})
        await publisher.begin()
        await publisher.send(records)                  # as often as needed
        await publisher.commit({"server": "shop"}, {"lsn": 42})
        await publisher.close()

    Order: within a partition, records stand in the order in which they were sent. Durability: when `commit` returns, records and offset
    are on all in-sync replicas and will be seen by read_committed readers, all or none; they are seen when the broker has written its
    markers, about a millisecond later, or a tenth of a second on a busy broker. Concurrency: one task. Memory: at most about
    16 MiB are on their way, and as much in batches that are being filled; `send` waits when that is reached.

    Any error of `start`, `begin`, `send`, `commit` or `abort`, and any cancellation of them, leaves the publisher of no more use but to
    be closed: after an unknown result only a new one, and the offset that it loads, say where the stream stands.

    Errors of them all: Fenced when another instance has started; KafkaUnavailable when a broker is gone, a result unknown or
    a time-out reached (retriable); KafkaRefused for missing rights, a refused login or a broker without transactions;
    RecordTooLarge; ConfigError for unusable certificates. `OutOfTurnError` for a call in the wrong state, which changes nothing.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        connector: str,
        *,
        claim: Claim | None = None,
        own_topics: Sequence[NewTopic] = (),
        verify: Callable[[], Awaitable[None]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._verify = verify
        self._own_topics = own_topics
        self._settings = settings
        self._connector = connector
        self._clock = clock
        self._state = State.CREATED
        self._begun = 0.0
        self._claim = claim
        self._batch_bytes: dict[str, int] = {}
        self._deliveries = Deliveries(IN_FLIGHT_BYTES)
        self._records = RecordAccumulator(CODECS[settings.compression], max_request_size=settings.max_request_bytes)
        # The offset record stands alone in its batch, and is too small to be worth compressing.
        self._offsets = RecordAccumulator(CODECS["none"], max_request_size=settings.max_request_bytes)
        self._producer: Producer | None = None

    @property
    def state(self) -> State:
        """What the publisher is doing."""
        return self._state

    @property
    def claim(self) -> Claim | None:
        """What the next publisher of this process must still hold; None while it is not known what the broker has given out."""
        return self._claim

    async def start(self) -> None:
        """Connect, shut out every earlier instance, and make sure of the offset topic.

        Nobody is shut out, and Fenced is raised, when an instance of another process has started since the `claim` of the last publisher.
        An earlier instance's open transaction is aborted by then. `verify` is called last, and raises if this instance is not wanted
        any more: one that was still wanted when it began to start may have shut out its own successor. Takes at most 10 seconds for each bootstrap server that is silent, and
        `request_timeout` seconds then.
        """
        self._state = moved(self._state, State.STARTING)
        async with self._breaking(None):
            arguments = await client_arguments(self._settings)
            await probe(self._settings, arguments)
        async with self._breaking(self._settings.request_timeout):
            claim, self._claim = self._claim, None  # until it is known which epoch follows
            self._producer = Producer(
                **arguments,
                transactional_id=self._settings.transactional_id,
                transaction_timeout_ms=round(self._settings.transaction_timeout * 1000),
                claim=claim if claim is not None and self._clock() < claim.until else None,
            )
            await self._producer.start()
            self._claim = Claim(*self._producer.identity, until=math.inf)
            self._topics = Topics(self._producer.client, self._settings, self._own_topics)
            await self._topics.ensure_offsets()
        if self._verify is not None:
            async with self._breaking(None):
                await self._verify()
        self._state = moved(self._state, State.READY)

    async def begin(self) -> None:
        """Begin a transaction. Nothing is sent yet, so a lost broker may show only later."""
        state = moved(self._state, State.OPEN)
        async with self._breaking(self._settings.request_timeout):
            self._check()
            await self._running.begin_transaction()
        self._begun = self._clock()
        self._state = state
        self._claim_until(self._begun + self._settings.transaction_timeout)

    async def send(self, records: RecordBatch) -> None:
        """Add records to the transaction; waits while too many bytes are on their way.

        The records are copied: the batch may be used again when this returns. Missing topics are created first.
        """
        if self._state is not State.OPEN:
            raise OutOfTurnError(f"the producer is {self._state.value}; records need a transaction")
        async with self._breaking(self._settings.transaction_timeout):
            await self._use(records.topics)
            await self._hand_over(self._records.append(records))
            if self._records.size > OPEN_BYTES:
                await self._hand_over(self._records.flush())

    async def commit(
        self,
        partition: SourcePartition,
        offset: SourceOffset | None,
        *others: tuple[SourcePartition, SourceOffset | None],
    ) -> None:
        """Add the offset, and those of other source partitions, to the transaction and commit it; returns when the broker has said so.

        None as offset removes the one that is stored.
        """
        self._state = moved(self._state, State.COMMITTING)
        async with self._breaking(self._settings.transaction_timeout):
            # Handed over together, so that all partitions join the transaction by one request.
            await self._hand_over([*self._records.flush(), *self._offset_batch((partition, offset), *others)])
            await self._deliveries.settled()
            self._check()  # aiokafka would commit without the batches that failed
            await self._running.commit_transaction()
        self._state = moved(self._state, State.READY)
        self._claim_until(math.inf)

    async def abort(self) -> None:
        """Abort the transaction; its records are never seen by read_committed readers. Another one may begin."""
        self._state = moved(self._state, State.ABORTING)
        async with self._breaking(self._settings.transaction_timeout):
            self._records.flush()
            await self._running.abort_transaction()
            await self._deliveries.settled()
            self._check()
        self._state = moved(self._state, State.READY)
        self._claim_until(math.inf)

    async def close(self) -> None:
        """End, in at most about 3 seconds whatever the broker does; may be called in any state, and again.

        An open transaction is aborted if the broker answers at once, else when a new instance starts, or by its time-out.
        """
        self._state = moved(self._state, State.CLOSED)
        producer, self._producer = self._producer, None
        if producer is None:
            return
        ending = asyncio.ensure_future(producer.leave())
        try:
            await asyncio.shield(ending)
        except asyncio.CancelledError:
            await asyncio.wait({ending})
            raise

    def _claim_until(self, until: float) -> None:
        if self._claim is not None:
            self._claim = replace(self._claim, until=until)

    @property
    def _running(self) -> Producer:
        if self._producer is None:
            raise OutOfTurnError(f"the producer is {self._state.value}")
        return self._producer

    async def _use(self, topics: Iterable[str]) -> None:
        """Tell the accumulator the partitions of the topics as they are now."""
        new = [topic for topic in topics if topic not in self._batch_bytes or self._topics.partitions(topic) is None]
        if new:
            self._batch_bytes.update(await self._topics.ensure(new))
        for topic in topics:
            self._records.use_topic(topic, self._topics.partitions(topic) or 0, self._batch_bytes[topic])

    def _offset_batch(self, *offsets: tuple[SourcePartition, SourceOffset | None]) -> list[PartitionBatch]:
        record = RecordBatch()
        record.timestamp_ms = time.time_ns() // 1_000_000
        topic = self._settings.offset_topic
        for partition, offset in offsets:
            record.add(topic, encode_key(self._connector, partition), encode_value(offset))
        self._offsets.use_topic(topic, self._topics.partitions(topic) or 0, self._settings.batch_bytes)
        self._offsets.append(record)
        return self._offsets.flush()

    async def _hand_over(self, batches: Iterable[PartitionBatch]) -> None:
        for batch in batches:
            await self._deliveries.room(batch.size())
            self._check()
            self._deliveries.add(await self._running.submit(batch), batch)

    def _check(self) -> None:
        """Raise what has gone wrong behind the scenes, if anything has."""
        if self._deliveries.failed is not None:
            raise self._deliveries.failed[0]
        if self._running.refusal is not None:
            raise self._running.refusal
        if not self._running.alive:
            raise self._running.failure or ResultUnknownError("the sender has ended")

    @asynccontextmanager
    async def _breaking(self, seconds: float | None) -> AsyncIterator[None]:
        """Bound a step in time, and make whatever ends it early the end of this publisher."""
        try:
            async with asyncio.timeout(seconds):
                yield
        except (errors.KafkaError, ResultUnknownError, TimeoutError) as error:
            self._state = State.BROKEN
            raise await self._explained(error) from error
        except BaseException:
            self._state = State.BROKEN
            raise

    async def _explained(self, error: BaseException) -> CdcError:
        failed = self._deliveries.failed
        if self._producer is not None:
            error = self._producer.failure or self._producer.refusal or (failed[0] if failed else error)
            if isinstance(error, TimeoutError):
                return await self._timed_out(self._producer)
        around = Circumstances(
            connector=self._connector,
            transactional_id=self._settings.transactional_id,
            timeout=self._settings.transaction_timeout,
            expired=self._clock() - self._begun >= self._settings.transaction_timeout and self._begun > 0,
            batch=failed[1] if failed and failed[0] is error else None,
        )
        return explain(error, around)

    async def _timed_out(self, producer: Producer) -> CdcError:
        if producer.requests.no_coordinator and not await _transaction_log_exists(producer):
            fact = "Kafka has no transactions: it cannot create its topic __transaction_state"
            remedy = "Set transaction.state.log.replication.factor on the brokers to at most their number."
            return KafkaRefused(fact, remedy)
        limit = self._settings.transaction_timeout if self._begun else self._settings.request_timeout
        remedy = "The result is unknown, so the producer is thrown away, and a new one begins from the stored offset."
        return KafkaUnavailable(f"Kafka did not finish within {limit:.0f} s", remedy)


async def _transaction_log_exists(producer: Producer) -> bool:
    """Tell whether the broker has its topic of transactions; True when it does not say."""
    request = MetadataRequest([TRANSACTION_LOG], allow_auto_topic_creation=False)
    try:
        async with asyncio.timeout(ABORT_SECONDS):
            response = await producer.client.send(producer.client.get_random_node(), request)
    except (errors.KafkaError, TimeoutError):
        return True
    return bool(response.topics[0][0] != errors.UnknownTopicOrPartitionError.errno)
