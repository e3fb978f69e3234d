"""The schema history of a connector in its pipeline: where it is read, and how what is new gets into it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cdc.config.history import HistoryPlace, HistorySettings
from cdc.config.settings import KafkaSettings
from cdc.history.base import SchemaHistory
from cdc.history.file import FileSchemaHistory
from cdc.history.memory import MemorySchemaHistory
from cdc.kafka.history import KafkaSchemaHistory
from cdc.model.batch import ChangeBatch
from cdc.model.records import RecordBatch
from cdc.pipeline.encoding import BatchEncoder


def open_history(settings: HistorySettings, kafka: KafkaSettings) -> SchemaHistory:
    """Return the history that a connector has."""
    match settings.place:
        case HistoryPlace.FILE:
            return FileSchemaHistory(Path(settings.file))
        case HistoryPlace.MEMORY:
            return MemorySchemaHistory()
        case HistoryPlace.KAFKA:
            return KafkaSchemaHistory(kafka, settings.topic)


@dataclass(frozen=True, slots=True)
class HistoryEncoder:
    """A `BatchEncoder` that keeps the batches' records for the history too.

    In Kafka they share the transaction of the rows. Elsewhere they are kept before the rows are sent, so that the history may be ahead of the
    stored offset, and never behind it.
    """

    inner: BatchEncoder
    history: SchemaHistory

    async def encode(self, batch: ChangeBatch) -> Sequence[RecordBatch]:
        """See `BatchEncoder.encode`."""
        found = await self.inner.encode(batch)
        if not batch.history:
            return found
        if isinstance(self.history, KafkaSchemaHistory):
            return (self.history.batch(batch.history), *found)
        await self.history.record(batch.history)
        return found
