"""What the types of Connect can hold: limits of integers, Connect's own semantic types, single precision."""

from __future__ import annotations

import math
import re
import struct
from typing import Final

from cdc.model.schema import ConnectType, Schema

DATE: Final = "org.apache.kafka.connect.data.Date"
TIME: Final = "org.apache.kafka.connect.data.Time"
TIMESTAMP: Final = "org.apache.kafka.connect.data.Timestamp"
DAY: Final = 86_400_000
"""The milliseconds of a day."""

BITS: Final = {ConnectType.INT8: 8, ConnectType.INT16: 16, ConnectType.INT32: 32, ConnectType.INT64: 64}


def checked_integer(schema: Schema, value: object) -> int:
    """Return an integer of a schema; raises ValueError, with the reason, for one that is out of range or something else."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("it takes whole numbers")  # noqa: TRY004
    limit = 1 << BITS[schema.type] - 1
    low, high = (0, DAY) if schema.name == TIME else (-limit, limit - 1)
    if not low <= value <= high:
        raise ValueError(f"it takes {low} to {high}")
    return value


def single(number: float) -> float:
    """Return the nearest number of single precision; raises ValueError where that would be infinite."""
    if not math.isfinite(number):
        return number
    try:
        (narrowed,) = struct.unpack("<f", struct.pack("<f", number))
    except OverflowError as error:
        raise ValueError("it takes numbers up to 3.4028235E38") from error
    return float(narrowed)


def scale_of(schema: Schema) -> int:
    """Return the scale of Connect's Decimal; raises ValueError, with the reason, for a schema without one."""
    scale = schema.parameters.get("scale", "")
    if not re.fullmatch(r"[+-]?[0-9]{1,9}", scale):
        raise ValueError(f"its scale is {scale!r}, not a whole number")
    return int(scale)
