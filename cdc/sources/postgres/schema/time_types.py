"""Dates, times, timestamps and intervals: their schemas and decoders under `time.precision.mode` and `interval.handling.mode`."""

from __future__ import annotations

from cdc.config.settings import IntervalMode, TimeMode
from cdc.model.schema import INT32, INT64, STRING
from cdc.sources.columns.resolved import Mapped, semantic
from cdc.sources.columns.time_schemas import (
    STRUCTURED_DATE,
    STRUCTURED_DURATION,
    STRUCTURED_TIME,
    STRUCTURED_TIMESTAMP,
    STRUCTURED_ZONED_TIME,
    STRUCTURED_ZONED_TIMESTAMP,
)
from cdc.sources.postgres.schema.handling import ValueHandling
from cdc.sources.postgres.values.interval import IsoIntervalDecoder, MicrosIntervalDecoder
from cdc.sources.postgres.values.structured import (
    StructuredDateDecoder,
    StructuredDurationDecoder,
    StructuredTimeDecoder,
    StructuredTimestampDecoder,
    StructuredZonedTimeDecoder,
)
from cdc.sources.postgres.values.temporal import (
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
