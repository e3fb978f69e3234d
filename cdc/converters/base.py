"""What every converter promises, and the settings that Kafka Connect's converters share."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from cdc.model.batch import ChangeBatch
from cdc.model.records import RecordBatch


class DecimalFormat(Enum):
    """How JSON carries Connect's Decimal: `BASE64` of the unscaled value in two's complement, or a `NUMERIC` literal."""

    BASE64 = "BASE64"
    NUMERIC = "NUMERIC"


@dataclass(frozen=True, slots=True)
class ConverterSettings:
    """The settings of Connect's JsonConverter, for keys or for values, with its defaults.

    `schemas_enable` wraps each message as {"schema": …, "payload": …}. `replace_null_with_default` writes the schema's default in
    the place of a null, so a reader cannot tell the two apart (KIP-581).
    """

    schemas_enable: bool = True
    decimal_format: DecimalFormat = DecimalFormat.BASE64
    replace_null_with_default: bool = True


class Converter(Protocol):
    """Turns a batch of changes into a batch of records.

    One record for each row, in the order of the rows; nothing is skipped. Pure computation: no I/O, no waiting, and the changes stay as
    they are. Not to be called by two threads at once. Raises ConversionError, which names table and column, on a value
    that its schema cannot carry; no part of the batch is returned then.
    """

    def convert(self, batch: ChangeBatch) -> RecordBatch:
        """Encode every row's key, value and own header."""
        ...
