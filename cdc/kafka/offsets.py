"""Offsets in a compacted topic, in the shape of Kafka Connect's: key ["<connector>",{<partition>}], value {<offset>}, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from cdc.config.settings import KafkaSettings
from cdc.errors import SinkError
from cdc.kafka.consumer import ConsumedRecord, read_topics
from cdc.offsets.base import SourceOffset, SourcePartition

if TYPE_CHECKING:
    from cdc.kafka.publisher import TransactionalPublisher


class KafkaOffsetStore:
    """The offsets of one connector in the offset topic; an `OffsetStore`.

    `load` must come after `publisher.start()`: that ends what an earlier instance left open, and keeps it from writing more. It reads
    the topic to the end that it has then, committed records only, and waits for transactions of other connectors on the way.
    `store` runs a transaction of its own; a pipeline gives its offset to `publisher.commit` instead, together with the records.
    """

    def __init__(self, settings: KafkaSettings, connector: str, publisher: TransactionalPublisher) -> None:
        self._settings = settings
        self._connector = connector
        self._publisher = publisher

    async def load(self, partition: SourcePartition) -> SourceOffset | None:
        """Return the newest offset of the partition, or None when there is none.

        Raises:
            KafkaUnavailable: the topic could not be read to the end.
            KafkaRefused: it may not be read.
            SinkError: the newest record is no offset.
        """
        for found, offset in await self.load_all():
            if dict(found) == dict(partition):
                return offset
        return None

    async def load_all(self) -> list[tuple[SourcePartition, SourceOffset]]:
        """Return the newest offset of every partition of the connector that has one, the oldest partition first; raises as `load`."""
        newest: dict[bytes, tuple[SourcePartition, dict[int, ConsumedRecord]]] = {}
        async for record in read_topics(self._settings, [self._settings.offset_topic], patience=self._patience):
            connector, partition = decode_key(record.key) or ("", {})
            if connector == self._connector:
                same = orjson.dumps(partition, option=orjson.OPT_SORT_KEYS)
                newest.setdefault(same, (partition, {}))[1][record.partition] = record
        # One key, written alike, always has one Kafka partition. Written by other hands it may have more: then the clock decides.
        latest = ((partition, max(found.values(), key=_written)) for partition, found in newest.values())
        return [(partition, offset) for partition, record in latest if (offset := _offset(record)) is not None]

    @property
    def _patience(self) -> float:
        return self._settings.transaction_timeout + self._settings.request_timeout

    async def store(self, partition: SourcePartition, offset: SourceOffset | None) -> None:
        """Make this the newest offset of the partition; None removes it.

        Raises:
            SinkError: as `TransactionalPublisher.commit`.
        """
        await self._publisher.begin()
        await self._publisher.commit(partition, offset)


def encode_key(connector: str, partition: SourcePartition) -> bytes:
    """Return the record key of a source partition, byte for byte as Kafka Connect writes it."""
    return orjson.dumps([connector, dict(partition)])


def encode_value(offset: SourceOffset | None) -> bytes | None:
    """Return the record value of an offset; a tombstone for none."""
    return None if offset is None else orjson.dumps(dict(offset))


def decode_key(key: bytes | None) -> tuple[str, dict[str, str]] | None:
    """Return connector and partition of a record key, however its JSON is laid out; None for a key of another kind."""
    try:
        found = orjson.loads(key or b"")
    except ValueError:
        return None
    match found:
        case [str(connector), dict(partition)]:
            return connector, partition
    return None


def decode_value(value: bytes | None) -> SourceOffset | None:
    """Return the offset of a record value, None for a tombstone.

    Raises:
        ValueError: it is no JSON object.
    """
    if value is None:
        return None
    found = orjson.loads(value)
    if not isinstance(found, dict):
        raise ValueError(f"it is not an object but {type(found).__name__}")  # noqa: TRY004 (wrong content, not a wrong call)
    return found


def _written(record: ConsumedRecord) -> int:
    return record.timestamp_ms


def _offset(record: ConsumedRecord) -> SourceOffset | None:
    try:
        return decode_value(record.value)
    except ValueError as error:
        fact = f"The stored offset in topic {record.topic}, partition {record.partition}, offset {record.offset} cannot be read: {error}"
        remedy = "Write the right offset under the same key, or a record without value to begin anew with a snapshot."
        raise SinkError(fact, remedy) from error
