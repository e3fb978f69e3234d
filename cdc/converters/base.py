"""What every converter promises."""

from __future__ import annotations

from typing import Protocol

from cdc.model.batch import ChangeBatch
from cdc.model.records import RecordBatch


class Converter(Protocol):
    """Turns a batch of changes into a batch of records.

    One record for each row, in the order of the rows; nothing is skipped. Pure computation: no I/O, no waiting, and the changes stay as
    they are. Not to be called by two threads at once. Raises ConversionError, which names table and column, on a value
    that its schema cannot carry; no part of the batch is returned then.
    """

    def convert(self, batch: ChangeBatch) -> RecordBatch:
        """Encode every row's key, value and own header."""
        ...
