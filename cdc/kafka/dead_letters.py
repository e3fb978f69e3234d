"""Writing the records that were given up to their topic, outside of any transaction: for sinks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

from aiokafka import AIOKafkaProducer, errors

from cdc.config.settings import KafkaSettings, TopicSettings
from cdc.errors import KafkaRefused, KafkaUnavailable, RecordTooLarge
from cdc.kafka.client import abort, client_arguments, probe
from cdc.kafka.topics import Topics

#: As Connect creates it.
PARTITIONS: Final = 1
CLOSE_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record for the dead letter topic; `timestamp_ms` is that of the original, None the time of writing."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()
    timestamp_ms: int | None = None


class KafkaDeadLetterWriter:
    """Writes to one topic with an idempotent producer, each record acknowledged by all replicas; one owner.

    `start` creates the topic with one partition and so many replicas if it is missing.
    """

    def __init__(self, settings: KafkaSettings, topic: str, replicas: int) -> None:
        topics = TopicSettings(partitions=PARTITIONS, replication_factor=replicas)
        self._settings = replace(settings, topics=topics)
        self._topic = topic
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        """Connect, and see to the topic.

        Raises:
            KafkaUnavailable: no broker answers.
            KafkaRefused: the login is refused, or the topic cannot be created or written.
        """
        arguments = await client_arguments(self._settings)
        await probe(self._settings, arguments)
        self._producer = AIOKafkaProducer(
            **arguments,
            acks="all",
            enable_idempotence=True,
            max_request_size=self._settings.max_request_bytes,
        )
        with self._explained():
            await self._producer.start()
            await self._ensure(self._producer)

    async def write(self, record: DeadLetter) -> None:
        """Write a record; on return it is there for good. A broker that is away is waited for, for a while.

        Raises:
            KafkaUnavailable: it may be there or not.
            KafkaRefused: the broker does not take it.
            RecordTooLarge: it exceeds what the topic takes.
        """
        if self._producer is None:
            raise RuntimeError("the writer has not been started")
        with self._explained():
            await (await self._send(self._producer, record))

    async def _send(self, producer: AIOKafkaProducer, record: DeadLetter) -> asyncio.Future[Any]:
        headers = list(record.headers)
        if record.key is not None or record.value is not None:
            sent = await producer.send(
                record.topic, record.value, record.key, timestamp_ms=record.timestamp_ms, headers=headers
            )
        else:  # aiokafka takes such a record in a batch only, and a batch has to have a partition
            batch = producer.create_batch()
            batch.append(key=None, value=None, timestamp=record.timestamp_ms, headers=headers)
            sent = await producer.send_batch(batch, record.topic, partition=0)
        delivery: asyncio.Future[Any] = sent
        return delivery

    async def stop(self) -> None:
        """Close the connections, within a few seconds."""
        if self._producer is None:
            return
        ending = asyncio.ensure_future(self._producer.stop())
        await asyncio.wait({ending}, timeout=CLOSE_SECONDS)
        if not ending.done():
            for connection in self._producer.client._conns.values():
                abort(connection)
            ending.cancel()
            await asyncio.wait({ending}, timeout=CLOSE_SECONDS)

    async def _ensure(self, producer: AIOKafkaProducer) -> None:
        try:
            await Topics(producer.client, self._settings).ensure([self._topic])
        except KafkaRefused as error:
            remedy = "Check errors.deadletterqueue.topic.name and errors.deadletterqueue.topic.replication.factor, or create it beforehand."
            raise KafkaRefused(f"The dead letter topic cannot be used: {error}", remedy) from error

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except errors.MessageSizeTooLargeError as error:
            fact = f"A record is too large for the dead letter topic {self._topic}"
            raise RecordTooLarge(fact, "Raise max.message.bytes of the topic, and max.request.size.") from error
        except (errors.TopicAuthorizationFailedError, errors.ClusterAuthorizationFailedError) as error:
            remedy = "Grant the user the ACLs WRITE, DESCRIBE and CREATE on it (kafka-acls --add --producer --topic …)."
            raise KafkaRefused(
                f"Kafka does not allow writing to the dead letter topic {self._topic}", remedy
            ) from error
        except errors.KafkaError as error:
            words = " ".join(str(argument) for argument in error.args) or type(error).__name__
            fact = f"A record could not be written to the dead letter topic {self._topic}: {words}"
            raise KafkaUnavailable(fact, "It may be tried again.") from error
