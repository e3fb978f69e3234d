"""Dates, times, timestamps and intervals: their schemas and decoders under `time.precision.mode` and `interval.handling.mode`."""

from __future__ import annotations

from typing import Final

from cdc.config.settings import IntervalMode, TimeMode
from cdc.model.schema import INT8, INT32, INT64, STRING, ConnectType, Field, Schema
from cdc.sources.columns.resolved import Mapped, semantic
from cdc.sources.postgres.handling import ValueHandling
from cdc.sources.postgres.interval import IsoIntervalDecoder, MicrosIntervalDecoder
from cdc.sources.postgres.structured import (
    StructuredDateDecoder,
    StructuredDurationDecoder,
    StructuredTimeDecoder,
    StructuredTimestampDecoder,
    StructuredZonedTimeDecoder,
)
from cdc.sources.postgres.temporal import (
    DateDecoder,
    IsoDateDecoder,
    IsoTimeDecoder,
    IsoTimestampDecoder,
    MicrosDecoder,
    MillisDecoder,
    NanosDecoder,
    TimeDecoder,
    ZonedTimeDecoder,
)


def date(handling: ValueHandling, _typmod: int) -> Mapped:
    """Map date."""
    match handling.time:
        case TimeMode.CONNECT:
            return semantic(INT32, "org.apache.kafka.connect.data.Date"), DateDecoder()
        case TimeMode.ISOSTRING:
            return semantic(STRING, "io.debezium.time.IsoDate"), IsoDateDecoder()
        case TimeMode.STRUCTURED:
            return STRUCTURED_DATE, StructuredDateDecoder()
        case _:
            return semantic(INT32, "io.debezium.time.Date"), DateDecoder()


def precision(typmod: int) -> int:
    """Return the digits of a second's fraction; a type without declared precision has six."""
    return typmod if 0 <= typmod <= 6 else 6


def time(handling: ValueHandling, typmod: int, resolution: int = 1) -> Mapped:
    """Map time; values are cut to a multiple of `resolution` microseconds."""
    match handling.time:
        case TimeMode.CONNECT:
            return semantic(INT32, "org.apache.kafka.connect.data.Time"), TimeDecoder(3, resolution)
        case TimeMode.ISOSTRING:
            return semantic(STRING, "io.debezium.time.IsoTime"), IsoTimeDecoder(resolution)
        case TimeMode.NANOSECONDS:
            return semantic(INT64, "io.debezium.time.NanoTime"), TimeDecoder(9, resolution)
        case TimeMode.STRUCTURED:
            return STRUCTURED_TIME, StructuredTimeDecoder(precision(typmod), resolution)
        case TimeMode.ADAPTIVE if precision(typmod) <= 3:
            return semantic(INT32, "io.debezium.time.Time"), TimeDecoder(3, resolution)
        case _:
            return semantic(INT64, "io.debezium.time.MicroTime"), TimeDecoder(6, resolution)


def time_element(handling: ValueHandling, typmod: int) -> Mapped:
    """Map the elements of time[]: Debezium reads them as java.sql.Time, which has milliseconds."""
    return time(handling, typmod, resolution=1000)


def zoned_time(handling: ValueHandling, typmod: int) -> Mapped:
    """Map time with time zone."""
    if handling.time is TimeMode.STRUCTURED:
        return STRUCTURED_ZONED_TIME, StructuredZonedTimeDecoder(precision(typmod))
    return semantic(STRING, "io.debezium.time.ZonedTime"), ZonedTimeDecoder()


def timestamp(handling: ValueHandling, typmod: int) -> Mapped:
    """Map timestamp."""
    match handling.time:
        case TimeMode.CONNECT:
            return semantic(INT64, "org.apache.kafka.connect.data.Timestamp"), MillisDecoder()
        case TimeMode.ISOSTRING:
            return semantic(STRING, "io.debezium.time.IsoTimestamp"), IsoTimestampDecoder()
        case TimeMode.NANOSECONDS:
            return semantic(INT64, "io.debezium.time.NanoTimestamp"), NanosDecoder()
        case TimeMode.STRUCTURED:
            return STRUCTURED_TIMESTAMP, StructuredTimestampDecoder(precision(typmod))
        case TimeMode.ADAPTIVE | TimeMode.ADAPTIVE_TIME_MICROSECONDS if precision(typmod) <= 3:
            return semantic(INT64, "io.debezium.time.Timestamp"), MillisDecoder()
        case _:
            return semantic(INT64, "io.debezium.time.MicroTimestamp"), MicrosDecoder()


def zoned_timestamp(handling: ValueHandling, typmod: int) -> Mapped:
    """Map timestamp with time zone."""
    if handling.time is TimeMode.STRUCTURED:
        return STRUCTURED_ZONED_TIMESTAMP, StructuredTimestampDecoder(precision(typmod), zoned=True)
    return semantic(STRING, "io.debezium.time.ZonedTimestamp"), IsoTimestampDecoder(precision(typmod), zoned=True)


def interval(handling: ValueHandling, typmod: int) -> Mapped:
    """Map interval. Its modifier has the precision in the lower half, and in the upper one which parts it has."""
    if handling.time is TimeMode.STRUCTURED:
        return STRUCTURED_DURATION, StructuredDurationDecoder(6 if typmod < 0 else typmod & 0xFFFF)
    if handling.interval is IntervalMode.STRING:
        return semantic(STRING, "io.debezium.time.Interval"), IsoIntervalDecoder()
    return semantic(INT64, "io.debezium.time.MicroDuration"), MicrosIntervalDecoder()


def _structured(name: str, *fields: Field) -> Schema:
    optional = tuple(Field(field.name, field.schema.as_optional()) for field in fields)
    return Schema(ConnectType.STRUCT, name=f"io.debezium.time.{name}", version=1, fields=optional)


_DATE: Final = (Field("year", INT32), Field("month", INT8), Field("day", INT8))
_CLOCK: Final = (Field("hour", INT8), Field("minute", INT8), Field("second", INT8), Field("nanos", INT32))
_OFFSET: Final = Field("offsetSeconds", INT32)
_ZONE: Final = Field("zoneId", STRING)
_SPECIAL: Final = Field("specialValue", STRING)
_PRECISION: Final = Field("precision", INT32)
_SPAN: Final = tuple(Field(name, INT32) for name in ("years", "months", "days", "hours", "minutes"))

STRUCTURED_DATE: Final = _structured("StructuredDate", *_DATE, _SPECIAL)
STRUCTURED_TIME: Final = _structured("StructuredTime", *_CLOCK, _PRECISION)
STRUCTURED_ZONED_TIME: Final = _structured("StructuredZonedTime", *_CLOCK, _OFFSET, _PRECISION)
STRUCTURED_TIMESTAMP: Final = _structured("StructuredTimestamp", *_DATE, *_CLOCK, _SPECIAL, _PRECISION)
STRUCTURED_ZONED_TIMESTAMP: Final = _structured(
    "StructuredZonedTimestamp", *_DATE, *_CLOCK, _OFFSET, _ZONE, _SPECIAL, _PRECISION
)
STRUCTURED_DURATION: Final = _structured(
    "StructuredDuration", *_SPAN, Field("seconds", INT64), Field("nanos", INT32), _PRECISION
)
