"""From the records of a source task to bytes: transforms, then converters, each under the error policy."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Final

from cdc.connect.conversion import Conversion, conversion
from cdc.connect.dead_letters import PREFIX, failure_texts
from cdc.connect.effective import Effective
from cdc.connect.herder import TaskId
from cdc.connect.plugins import Plugins
from cdc.connect.source_letters import Headers, add_to, as_json, bury
from cdc.connect.tolerance import ErrorSettings, SourceOrigin, Stage, StageFailed, Tolerance
from cdc.errors import ConversionError
from cdc.model.connect_record import Header, SourceRecord
from cdc.model.records import RecordBatch


@dataclass(frozen=True, slots=True)
class Row:
    """What is known of a record beside itself: its table, "" where there is none, and why its source could not fill it in.

    `sign` says that it is no data but a sign, such as a heartbeat: transforms that cannot take it are passed over.
    """

    table: str = ""
    failed: StageFailed | None = None
    sign: bool = False


_NO_ROW: Final = Row()


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
            await self.add(batches, record, now)
        return batches

    async def add(self, batches: list[RecordBatch], record: SourceRecord, now: int, row: Row = _NO_ROW) -> None:
        """Add what a record becomes to the batches; `now` is the timestamp of one that has none.

        Raises:
            RecordFailed: as `encode`.
        """
        failed = row.failed or await self._failure(batches, record, now, row)
        if failed is None:
            return
        await self.tolerance.give_up(failed, _origin(record, row.table))
        if self.errors.dead_letter_topic:
            headers = _context(record, failed, self.task, row.table) if self.errors.dead_letter_headers else ()
            bury(batches, self.errors.dead_letter_topic, record, headers, now)

    async def _failure(
        self, batches: list[RecordBatch], record: SourceRecord, now: int, row: Row
    ) -> StageFailed | None:
        try:
            await self._convert(batches, record, now, row)
        except StageFailed as failed:
            return failed
        return None

    async def _convert(self, batches: list[RecordBatch], record: SourceRecord, now: int, row: Row) -> None:
        chain = self.conversion.chain
        found = chain.apply_where_it_can(record) if row.sign else await chain.apply_tolerantly(record, self.tolerance)
        if found is None:
            return
        if not found.topic:
            raise ConversionError(f"Connector {self.task.connector}: a record names no topic", "Mend the connector.")
        key, value, headers = await self._converted(found)
        timestamp = now if found.timestamp_ms is None else found.timestamp_ms
        partition = -1 if found.kafka_partition is None else found.kafka_partition
        add_to(batches, headers, timestamp, partition).add(found.topic, key, value)

    async def _converted(self, record: SourceRecord) -> tuple[bytes | None, bytes | None, Headers]:
        attempt, parts, topic = self.tolerance.attempt, self.conversion, record.topic
        key = partial(parts.key.from_connect_data, topic, record.key_schema, record.key)
        value = partial(parts.value.from_connect_data, topic, record.value_schema, record.value)
        headers = partial(self._headers, topic, record.headers)
        return (
            await attempt(Stage.KEY_CONVERTER, type(parts.key), key),
            await attempt(Stage.VALUE_CONVERTER, type(parts.value), value),
            await attempt(Stage.HEADER_CONVERTER, type(parts.header), headers),
        )

    def _headers(self, topic: str, headers: Iterable[Header]) -> Headers:
        encode = self.conversion.header.from_connect_header
        return tuple((h.key, encode(topic, h.key, h.schema, h.value)) for h in headers)


def _origin(record: SourceRecord, table: str) -> SourceOrigin:
    position = f"{dict(record.source_partition)}, {dict(record.source_offset)}"
    return SourceOrigin(table or record.topic, as_json(record.key).decode(), position)


def _context(record: SourceRecord, failed: StageFailed, task: TaskId, table: str) -> Headers:
    texts = (
        ("topic", record.topic),
        *([("source.table", table)] if table else []),
        ("source.partition", as_json(dict(record.source_partition)).decode()),
        ("source.offset", as_json(dict(record.source_offset)).decode()),
        *failure_texts(failed, task),
    )
    return tuple((PREFIX + name, text.encode(errors="backslashreplace")) for name, text in texts)


def record_encoder(plugins: Plugins, found: Effective, task: TaskId) -> RecordEncoder:
    """Return the encoder of a source task by its connector's configuration, with converters and transforms of its own.

    Raises:
        InvalidConfig: with every converter and transform that cannot be made.
    """
    errors = ErrorSettings.from_properties(found.values)
    tolerance = Tolerance(errors, task, clock=time.monotonic, sleep=asyncio.sleep)
    return RecordEncoder(task, conversion(plugins, found), tolerance, errors, _now_ms)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
