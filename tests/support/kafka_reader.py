"""What a reader of Kafka sees, by a client that shares nothing with ours: librdkafka."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast
from uuid import uuid4

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition


@dataclass(frozen=True, slots=True)
class Read:
    """A record as it was read; `timestamp` is in milliseconds."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    timestamp: int


def read_committed(
    servers: str, *topics: str, timeout: float = 30, settled: bool = True, **settings: str | int
) -> list[Read]:
    """Read every committed record of the topics, in offset order per partition.

    A commit is answered before its markers are in the partitions, so transactions that are open now are waited for: the
    end is what is written now, and `TimeoutError` says which partitions still have an open transaction before it. With
    `settled=False` the end is the last stable offset, and what is open is left out. A topic that does not exist is empty.
    `settings` are librdkafka's, for TLS and authentication, with `_` for `.`.
    """
    return list(each_committed(servers, *topics, timeout=timeout, settled=settled, **settings))


def each_committed(
    servers: str, *topics: str, timeout: float = 30, settled: bool = True, **settings: str | int
) -> Iterator[Read]:
    """Yield what `read_committed` returns, for topics that are too large for the memory."""
    with _consumer(servers, "read_uncommitted" if settled else "read_committed", settings) as consumer:
        ends = _ends(consumer, topics, timeout)
    with _consumer(servers, "read_committed", settings) as consumer:
        yield from _until(consumer, ends, timeout)


def read_uncommitted(servers: str, *topics: str, timeout: float = 30, **settings: str | int) -> list[Read]:
    """Read every record that was written, those of aborted and open transactions also."""
    with _consumer(servers, "read_uncommitted", settings) as consumer:
        return list(_until(consumer, _ends(consumer, topics, timeout), timeout))


def topics(servers: str, prefix: str = "", timeout: float = 30, **settings: str | int) -> list[str]:
    """Return the names of the topics that start with `prefix`, sorted."""
    with _consumer(servers, "read_committed", settings) as consumer:
        return sorted(name for name in consumer.list_topics(timeout=timeout).topics if name.startswith(prefix))


def _until(consumer: Consumer, ends: dict[tuple[str, int], int], timeout: float) -> Iterator[Read]:
    """Yield the records below the end offset of each partition; raises `TimeoutError` when they do not come."""
    deadline = time.monotonic() + timeout
    consumer.list_topics(timeout=timeout)  # without the leaders, librdkafka begins half a second later
    consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for topic, number in ends])
    while ends:
        if time.monotonic() > deadline:
            raise TimeoutError(f"did not reach the ends {ends} (topic, partition: offset) within {timeout} s")
        message = consumer.poll(0.1)
        if message is None:
            continue
        where = (str(message.topic()), int(message.partition() or 0))
        offset = int(message.offset() or 0)
        at_end = _is_end(message)
        if not at_end and offset < ends.get(where, 0):
            yield _record(message)
        if offset + (not at_end) >= ends.get(where, 0):
            ends.pop(where, None)


def _ends(consumer: Consumer, names: Iterable[str], timeout: float) -> dict[tuple[str, int], int]:
    """Return the end offset of every partition that holds anything."""
    known = consumer.list_topics(timeout=timeout).topics
    wanted = [TopicPartition(name, number) for name in names if name in known for number in known[name].partitions]
    found = {}
    for partition in wanted:
        low, high = watermarks(consumer, partition, timeout)
        if low < high:
            found[partition.topic, partition.partition] = high
    return found


def watermarks(consumer: Consumer, partition: TopicPartition, timeout: float) -> tuple[int, int]:
    """Return the first offset and the end; asks again while there is no leader, as in a new topic or after a restart."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            return consumer.get_watermark_offsets(partition, timeout=timeout)
        except KafkaException:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _is_end(message: Message) -> bool:
    """Tell whether this says that its partition is read to the end; raises `KafkaException` for any other error."""
    error = message.error()
    if error is not None and error.code() != KafkaError._PARTITION_EOF:
        raise KafkaException(error)
    return error is not None


def _record(message: Message) -> Read:
    return Read(
        topic=str(message.topic()),
        partition=int(message.partition() or 0),
        offset=int(message.offset() or 0),
        key=_bytes(message.key()),
        value=_bytes(message.value()),
        headers=tuple(cast("list[tuple[str, bytes | None]]", message.headers() or [])),
        timestamp=message.timestamp()[1],
    )


def _bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value


@contextmanager
def _consumer(servers: str, isolation: str, settings: dict[str, str | int]) -> Iterator[Consumer]:
    given = {name.replace("_", "."): value for name, value in settings.items()}
    own: dict[str, str | int] = {
        "bootstrap.servers": servers,
        "group.id": f"reader-{uuid4().hex}",
        "isolation.level": isolation,
        "enable.auto.commit": "false",
        "enable.partition.eof": "true",
        "fetch.wait.max.ms": 20,
        "allow.auto.create.topics": "false",
    }
    consumer = Consumer({**own, **given})
    try:
        yield consumer
    finally:
        consumer.close()
