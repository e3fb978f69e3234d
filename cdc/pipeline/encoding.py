"""From batches of changes to records: what a session asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Protocol, TypeAlias

from cdc.config.settings import ConverterSettings
from cdc.converters.asides import JsonAsides
from cdc.converters.base import BatchConverter
from cdc.converters.change_records import ChangeRecords
from cdc.converters.json import JsonConverter
from cdc.model.batch import ChangeBatch
from cdc.model.records import RecordBatch


class BatchEncoder(Protocol):
    """Turns batches of changes into records. One caller, who waits for one batch before the next."""

    async def encode(self, batch: ChangeBatch) -> Sequence[RecordBatch]:
        """Return the records of a batch, in the order of its rows, and those beside them, to be sent in one transaction with its position.

        Raises:
            CdcError: a row cannot be converted, and is not to be given up; no part of the batch is returned then.
        """


NewEncoder: TypeAlias = Callable[[JsonConverter, ChangeRecords], BatchEncoder]
"""Makes the encoder of a session from the two ways to convert: whole batches, and single rows as records."""


@cache
def _with_defaults() -> JsonAsides:
    return JsonAsides(ConverterSettings(), ConverterSettings())


@dataclass(frozen=True, slots=True)
class DirectEncoder:
    """Encodes by a converter alone, and the records beside the rows by `asides`; their errors pass."""

    converter: BatchConverter
    asides: JsonAsides = field(default_factory=_with_defaults)

    async def encode(self, batch: ChangeBatch) -> Sequence[RecordBatch]:
        """See `BatchEncoder.encode`."""
        rows = self.converter.convert(batch)
        return rows, *self.asides.convert(batch.asides, batch.stamp_ns // 1_000_000)
