"""The marks of source transactions: records beside the rows that tell where each one begins and ends, in Debezium's schemas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cdc.model.batch import ChangeBatch
from cdc.model.connect_record import SourceRecord
from cdc.model.schema import INT64, STRING, Field, array, struct
from cdc.sources.java_order import BUCKETS, buckets_for, in_java_order

#: About what a mark or the shell of a message takes, in bytes.
SHELL: Final = 1000

MARK_KEY: Final = struct("io.debezium.connector.common.TransactionMetadataKey", (Field("id", STRING),), version=1)
_COLLECTION: Final = struct(
    "event.collection", (Field("data_collection", STRING), Field("event_count", INT64)), optional=True, version=1
)
MARK_VALUE: Final = struct(
    "io.debezium.connector.common.TransactionMetadataValue",
    (
        Field("status", STRING),
        Field("id", STRING),
        Field("event_count", INT64.as_optional()),
        Field("data_collections", array(_COLLECTION, optional=True)),
        Field("ts_ms", INT64),
    ),
    version=1,
)


class TransactionMarks:
    """Adds the marks to batches; one for each source. `topic` is theirs; `marks` says that there are any, and that events are counted."""

    def __init__(self, topic: str, partition: Mapping[str, str], *, marks: bool) -> None:
        self.marks = marks
        self._transaction_topic = topic
        self._partition = partition
        self._buckets = BUCKETS

    def begin(self, batch: ChangeBatch, row: int, transaction: str, commit_us: int) -> None:
        """Mark the beginning of a transaction, before a row of the batch; `commit_us` is in microseconds since the epoch."""
        batch.add_aside(self._mark("BEGIN", transaction, commit_us, None), SHELL, row, sign=True)

    def end(self, batch: ChangeBatch, transaction: str, commit_us: int, counts: Mapping[str, int]) -> None:
        """Mark the end of a transaction, with its events by collection."""
        batch.add_aside(self._mark("END", transaction, commit_us, counts), SHELL, sign=True)

    def _mark(self, status: str, transaction: str, commit_us: int, counts: Mapping[str, int] | None) -> SourceRecord:
        counted = counts is not None
        counts = counts or {}
        # Debezium clears its map, which stays as large as it was.
        self._buckets = buckets_for(len(counts), self._buckets)
        collections = [
            {"data_collection": each, "event_count": counts[each]} for each in in_java_order(counts, self._buckets)
        ]
        return SourceRecord(
            topic=self._transaction_topic,
            key={"id": transaction},
            key_schema=MARK_KEY,
            value={
                "status": status,
                "id": transaction,
                "event_count": sum(counts.values()) if counted else None,
                "data_collections": collections if counted else None,
                "ts_ms": commit_us // 1000,
            },
            value_schema=MARK_VALUE,
            source_partition=self._partition,
            source_offset={"transaction_id": transaction},
        )
