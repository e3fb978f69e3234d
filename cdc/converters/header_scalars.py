"""Numbers, dates and times in the text of a header (`org.apache.kafka.connect.data.Values`).

Dates are those of the Gregorian calendar at all times, and times are UTC.
"""

from __future__ import annotations

import datetime as dt
import decimal
import math
import re
from typing import Final

from cdc.converters.logical import DATE, DAY, TIME, TIMESTAMP, single
from cdc.converters.missing import DECIMAL
from cdc.model.connect_record import SchemaAndValue
from cdc.model.schema import FLOAT32, FLOAT64, INT16, INT32, INT64, ConnectType, Schema

_INTEGERS: Final = ((8, Schema(ConnectType.INT8)), (16, INT16), (32, INT32), (64, INT64))

_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,10})?")
_DATE_PART: Final = r"[ \t]*(\d+)-[ \t]*(\d+)-[ \t]*(\d+)"
_TIME_PART: Final = r"[ \t]*(\d+):[ \t]*(\d+):[ \t]*(\d+)\.[ \t]*(\d+)Z"
_TEMPORALS: Final = {
    10: (Schema(ConnectType.INT32, name=DATE, version=1), re.compile(_DATE_PART)),
    13: (Schema(ConnectType.INT32, name=TIME, version=1), re.compile(_TIME_PART)),
    24: (Schema(ConnectType.INT64, name=TIMESTAMP, version=1), re.compile(f"{_DATE_PART}T{_TIME_PART}")),
}
"""By the length that a text must have: 2020-02-03, 04:05:06.789Z, 2020-02-03T04:05:06.789Z."""

UNITS: Final = {DATE: DAY, TIME: 1, TIMESTAMP: 1}
"""The milliseconds that one of each stands for."""

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_FIRST_DAY: Final = dt.date(1970, 1, 1).toordinal()
_DAYS_OF_400_YEARS: Final = 146_097


def number(token: str) -> SchemaAndValue | None:
    """Return the number that a token is: the smallest integer, a float of single or double precision, or a decimal; None for none."""
    if not _NUMBER.fullmatch(token):
        return None
    found = decimal.Decimal(token)
    scale = -int(found.as_tuple().exponent)
    if not -(1 << 31) <= scale < 1 << 31:
        return None
    return _integer(found) or _float(found, scale) or SchemaAndValue(_decimal_schema(scale), found)


def _integer(found: decimal.Decimal) -> SchemaAndValue | None:
    if found.adjusted() > 18 or found != found.to_integral_value():
        return SchemaAndValue(_INTEGERS[0][1], 0) if not found else None
    whole = int(found)
    for bits, schema in _INTEGERS:
        if -(1 << bits - 1) <= whole < 1 << bits - 1:
            return SchemaAndValue(schema, whole)
    return None


def _float(found: decimal.Decimal, scale: int) -> SchemaAndValue | None:
    double = float(found)
    if scale == 0 or math.isinf(double):
        return None
    try:
        return SchemaAndValue(FLOAT32, single(double))
    except ValueError:
        return SchemaAndValue(FLOAT64, double)


def _decimal_schema(scale: int) -> Schema:
    return Schema(ConnectType.BYTES, name=DECIMAL, version=1, parameters={"scale": str(scale)})


def temporal(text: str) -> SchemaAndValue | None:
    """Return the date, the time of day or the timestamp that a text is; None for none."""
    text = text.replace("\\:", ":")
    schema, pattern = _TEMPORALS.get(len(text), (None, None))
    found = pattern.match(text) if pattern else None
    if schema is None or found is None:
        return None
    parts = [int(part) for part in found.groups()]
    days = _days(*parts[:3]) if schema.name != TIME else 0
    milliseconds = _milliseconds(*parts[-4:]) if schema.name != DATE else 0
    return SchemaAndValue(schema, (days * DAY + milliseconds) // UNITS[schema.name or ""])


def _days(year: int, month: int, day: int) -> int:
    """Return the days since the epoch; a 13th month or a 32nd day is one of the next year or month, as in Java."""
    years, month = divmod(month - 1, 12)
    cycles, year = divmod(year + years - 2000, 400)
    first = dt.date(2000 + year, month + 1, 1).toordinal()
    return first - _FIRST_DAY + day - 1 + cycles * _DAYS_OF_400_YEARS


def _milliseconds(hours: int, minutes: int, seconds: int, milliseconds: int) -> int:
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + milliseconds


def iso_text(schema: Schema, value: int) -> str:
    """Return the text that `temporal` reads as this date, time or timestamp."""
    cycles, rest = divmod(value * UNITS[schema.name or ""], _DAYS_OF_400_YEARS * DAY)
    moment = _EPOCH + dt.timedelta(milliseconds=rest)
    date = f"{moment.year + 400 * cycles:04d}-{moment:%m-%d}"
    clock = f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
    return {DATE: date, TIME: clock}.get(schema.name or "", f"{date}T{clock}")
