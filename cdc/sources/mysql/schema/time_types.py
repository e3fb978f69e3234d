"""DATE, TIME, DATETIME and TIMESTAMP: their schemas and decoders under `time.precision.mode`.

TIMESTAMP is a time with zone: a text, in UTC, under every mode but structured. The mode adaptive is none of MySQL's; it counts as
adaptive_time_microseconds.
"""

from __future__ import annotations

from typing import Final

from cdc.config.settings import TimeMode
from cdc.errors import DecodeError
from cdc.model.schema import INT32, INT64, STRING
from cdc.sources.columns.resolved import Mapped, semantic
from cdc.sources.columns.time_schemas import (
    STRUCTURED_DATE,
    STRUCTURED_DURATION,
    STRUCTURED_TIMESTAMP,
    STRUCTURED_ZONED_TIMESTAMP,
)
from cdc.sources.mysql.binlog.image_types import ColumnType
from cdc.sources.mysql.binlog.table_map import ImageColumn
from cdc.sources.mysql.ddl.definitions import ColumnDefinition, DefaultKind
from cdc.sources.mysql.schema.handling import ValueHandling
from cdc.sources.mysql.values.temporal import (
    ConnectTimeDecoder,
    DateDecoder,
    ImageDateReader,
    ImageDatetimeReader,
    ImageTimeReader,
    ImageTimestampReader,
    IsoDateDecoder,
    IsoTimeDecoder,
    IsoTimestampDecoder,
    MicrosDecoder,
    MillisDecoder,
    MomentReader,
    NanosDecoder,
    OldDatetimeReader,
    OldTimeReader,
    OldTimestampReader,
    Parts,
    SpanReader,
    StructuredDateDecoder,
    StructuredDurationDecoder,
    StructuredTimestampDecoder,
    TextMomentReader,
    TextTimeReader,
    TimeDecoder,
)

EPOCH: Final[Parts] = (1970, 1, 1, 0)


def date(column: ColumnDefinition, handling: ValueHandling, image: ImageColumn | None) -> Mapped:
    """Map DATE."""
    reader, zero, adjusts = _moment_reader(image), zero_date(column), handling.adjusts_years
    match handling.time:
        case TimeMode.CONNECT:
            return semantic(INT32, "org.apache.kafka.connect.data.Date"), DateDecoder(reader, zero, adjusts)
        case TimeMode.ISOSTRING:
            return semantic(STRING, "io.debezium.time.IsoDate"), IsoDateDecoder(reader, zero, adjusts)
        case TimeMode.STRUCTURED:
            return STRUCTURED_DATE, StructuredDateDecoder(reader, zero, adjusts)
        case _:
            return semantic(INT32, "io.debezium.time.Date"), DateDecoder(reader, zero, adjusts)


def time(column: ColumnDefinition, handling: ValueHandling, image: ImageColumn | None) -> Mapped:
    """Map TIME, which is a duration."""
    reader = _span_reader(image)
    match handling.time:
        case TimeMode.CONNECT:
            return semantic(INT32, "org.apache.kafka.connect.data.Time"), ConnectTimeDecoder(reader)
        case TimeMode.ISOSTRING:
            return semantic(STRING, "io.debezium.time.IsoTime"), IsoTimeDecoder(reader)
        case TimeMode.NANOSECONDS:
            return semantic(INT64, "io.debezium.time.NanoTime"), TimeDecoder(reader, 9)
        case TimeMode.STRUCTURED:
            return STRUCTURED_DURATION, StructuredDurationDecoder(reader, column.length or 0)
        case _:
            return semantic(INT64, "io.debezium.time.MicroTime"), TimeDecoder(reader, 6)


def datetime(column: ColumnDefinition, handling: ValueHandling, image: ImageColumn | None) -> Mapped:
    """Map DATETIME."""
    reader, zero, adjusts, digits = _moment_reader(image), zero_date(column), handling.adjusts_years, column.length or 0
    match handling.time:
        case TimeMode.CONNECT:
            return semantic(INT64, "org.apache.kafka.connect.data.Timestamp"), MillisDecoder(reader, zero, adjusts)
        case TimeMode.ISOSTRING:
            return semantic(STRING, "io.debezium.time.IsoTimestamp"), IsoTimestampDecoder(reader, zero, adjusts)
        case TimeMode.NANOSECONDS:
            return semantic(INT64, "io.debezium.time.NanoTimestamp"), NanosDecoder(reader, zero, adjusts)
        case TimeMode.STRUCTURED:
            return STRUCTURED_TIMESTAMP, StructuredTimestampDecoder(reader, zero, adjusts, digits)
        case TimeMode.ADAPTIVE | TimeMode.ADAPTIVE_TIME_MICROSECONDS if digits <= 3:
            return semantic(INT64, "io.debezium.time.Timestamp"), MillisDecoder(reader, zero, adjusts)
        case _:
            return semantic(INT64, "io.debezium.time.MicroTimestamp"), MicrosDecoder(reader, zero, adjusts)


def timestamp(column: ColumnDefinition, handling: ValueHandling, image: ImageColumn | None) -> Mapped:
    """Map TIMESTAMP."""
    reader, zero, digits = _moment_reader(image), zero_date(column), column.length or 0
    if handling.time is TimeMode.STRUCTURED:
        decoder = StructuredTimestampDecoder(reader, zero, precision=digits, zoned=True)
        return STRUCTURED_ZONED_TIMESTAMP, decoder
    return semantic(STRING, "io.debezium.time.ZonedTimestamp"), IsoTimestampDecoder(reader, zero, digits=digits)


def zero_date(column: ColumnDefinition) -> Parts | None:
    """Return what stands for a date that is none: null (None), in a required column its default, else the epoch."""
    if column.optional:
        return None
    default = column.default
    if default is None or default.kind is not DefaultKind.LITERAL:
        return EPOCH
    return _parts(default.text) or EPOCH


def _parts(text: str) -> Parts | None:
    """Return the parts of a date, or of a date and a time, as the server prints it; None for one that is none."""
    day, _, clock = text.partition(" ")
    hours, _, fraction = clock.partition(".")
    try:
        year, month, number = (int(part) for part in day.split("-"))
        hour, minute, second = (int(part) for part in (hours or "0:0:0").split(":"))
    except ValueError:
        return None
    micros = int(fraction.ljust(6, "0")) if fraction.isdigit() else 0
    parts = (year, month, number, ((hour * 60 + minute) * 60 + second) * 1_000_000 + micros)
    return parts if year and month and number else None


def _moment_reader(image: ImageColumn | None) -> MomentReader:
    match image:
        case None:
            return TextMomentReader()
        case ImageColumn(ColumnType.DATE | ColumnType.NEWDATE):
            return ImageDateReader()
        case ImageColumn(ColumnType.DATETIME2, digits):
            return ImageDatetimeReader(digits)
        case ImageColumn(ColumnType.TIMESTAMP2, digits):
            return ImageTimestampReader(digits)
        case ImageColumn(ColumnType.DATETIME):
            return OldDatetimeReader()
        case ImageColumn(ColumnType.TIMESTAMP):
            return OldTimestampReader()
    raise DecodeError(f"a column of type {image.type.name} holds no dates")


def _span_reader(image: ImageColumn | None) -> SpanReader:
    match image:
        case None:
            return TextTimeReader()
        case ImageColumn(ColumnType.TIME2, digits):
            return ImageTimeReader(digits)
        case ImageColumn(ColumnType.TIME):
            return OldTimeReader()
    raise DecodeError(f"a column of type {image.type.name} holds no times")
