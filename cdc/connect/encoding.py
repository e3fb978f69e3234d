"""From the records of a source task to bytes: transforms, then converters, each under the error policy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

import orjson

from cdc.connect.conversion import Conversion
from cdc.connect.dead_letters import PREFIX, failure_texts
from cdc.connect.herder import TaskId
from cdc.connect.tolerance import ErrorSettings, SourceOrigin, Stage, StageFailed, Tolerance
from cdc.errors import ConversionError
from cdc.model.connect_record import Header, SourceRecord
from cdc.model.records import RecordBatch

_Headers = tuple[tuple[str, bytes | None], ...]


@dataclass(frozen=True, slots=True)
class RecordEncoder:
    """Encodes the records of one source task, in order; one caller at a time.

    A record that is given up under `errors.tolerance` becomes a record of the dead letter topic, in its place, so that both are in one
    Kafka transaction with the neighbours and the offset. `now_ms` gives the timestamp of records that have none.
    """

    task: TaskId
    conversion: Conversion
    tolerance: Tolerance
    errors: ErrorSettings
    now_ms: Callable[[], int]

    async def encode(self, records: Iterable[SourceRecord]) -> list[RecordBatch]:
        """Return the records as batches; consecutive ones share a batch if headers, timestamp and Kafka partition are the same.

        Raises:
            RecordFailed: a record cannot be transformed or converted, and that is not tolerated.
        """
        batches: list[RecordBatch] = []
        now = self.now_ms()
        for record in records:
            try:
                await self._add(batches, record, now)
            except StageFailed as failed:
                await self.tolerance.give_up(failed, _origin(record))
                if self.errors.dead_letter_topic:
                    self._bury(batches, record, failed, now)
        return batches

    async def _add(self, batches: list[RecordBatch], record: SourceRecord, now: int) -> None:
        found = await self.conversion.chain.apply_tolerantly(record, self.tolerance)
        if found is None:
            return
        if not found.topic:
            raise ConversionError(f"Connector {self.task.connector}: a record names no topic", "Mend the connector.")
        key, value, headers = await self._converted(found)
        timestamp = now if found.timestamp_ms is None else found.timestamp_ms
        partition = -1 if found.kafka_partition is None else found.kafka_partition
        _batch(batches, headers, timestamp, partition).add(found.topic, key, value)

    async def _converted(self, record: SourceRecord) -> tuple[bytes | None, bytes | None, _Headers]:
        attempt, parts, topic = self.tolerance.attempt, self.conversion, record.topic
        key = partial(parts.key.from_connect_data, topic, record.key_schema, record.key)
        value = partial(parts.value.from_connect_data, topic, record.value_schema, record.value)
        headers = partial(self._headers, topic, record.headers)
        return (
            await attempt(Stage.KEY_CONVERTER, type(parts.key), key),
            await attempt(Stage.VALUE_CONVERTER, type(parts.value), value),
            await attempt(Stage.HEADER_CONVERTER, type(parts.header), headers),
        )

    def _headers(self, topic: str, headers: Iterable[Header]) -> _Headers:
        encode = self.conversion.header.from_connect_header
        return tuple((h.key, encode(topic, h.key, h.schema, h.value)) for h in headers)

    def _bury(self, batches: list[RecordBatch], record: SourceRecord, failed: StageFailed, now: int) -> None:
        """Add the record, as it came from the task, to the dead letters: whatever it holds can be shown as JSON."""
        headers = _context(record, failed, self.task) if self.errors.dead_letter_headers else ()
        key = None if record.key is None else _json(record.key)
        _batch(batches, headers, now, -1).add(self.errors.dead_letter_topic, key, _json(record.value))


def _origin(record: SourceRecord) -> SourceOrigin:
    position = f"{dict(record.source_partition)}, {dict(record.source_offset)}"
    return SourceOrigin(record.topic, _json(record.key).decode(), position)


def _context(record: SourceRecord, failed: StageFailed, task: TaskId) -> _Headers:
    texts = (
        ("topic", record.topic),
        ("source.partition", _json(dict(record.source_partition)).decode()),
        ("source.offset", _json(dict(record.source_offset)).decode()),
        *failure_texts(failed, task),
    )
    return tuple((PREFIX + name, text.encode(errors="backslashreplace")) for name, text in texts)


def _batch(batches: list[RecordBatch], headers: _Headers, timestamp: int, partition: int) -> RecordBatch:
    last = batches[-1] if batches else None
    if last is None or (last.headers, last.timestamp_ms, last.partition) != (headers, timestamp, partition):
        last = RecordBatch()
        last.headers, last.timestamp_ms, last.partition = headers, timestamp, partition
        batches.append(last)
    return last


def _json(value: object) -> bytes:
    """Return anything as JSON: a text where it is one, else what Python shows of it."""
    return orjson.dumps(value, default=repr, option=orjson.OPT_NON_STR_KEYS)
