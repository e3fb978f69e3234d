"""From batches of changes to records: what a session asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from cdc.converters.base import BatchConverter
from cdc.converters.change_records import ChangeRecords
from cdc.converters.json import JsonConverter
from cdc.model.batch import ChangeBatch
from cdc.model.records import RecordBatch


class BatchEncoder(Protocol):
    """Turns batches of changes into records. One caller, who waits for one batch before the next."""

    async def encode(self, batch: ChangeBatch) -> Sequence[RecordBatch]:
        """Return the records of a batch, in the order of its rows, to be sent in one transaction with its position.

        Raises:
            CdcError: a row cannot be converted, and is not to be given up; no part of the batch is returned then.
        """


NewEncoder: TypeAlias = Callable[[JsonConverter, ChangeRecords], BatchEncoder]
"""Makes the encoder of a session from the two ways to convert: whole batches, and single rows as records."""


@dataclass(frozen=True, slots=True)
class DirectEncoder:
    """Encodes by a converter alone; its errors pass."""

    converter: BatchConverter

    async def encode(self, batch: ChangeBatch) -> Sequence[RecordBatch]:
        """See `BatchEncoder.encode`."""
        return (self.converter.convert(batch),)
