"""The schemas of dates and times under `time.precision.mode` structured: a field for each part."""

from __future__ import annotations

from typing import Final

from cdc.model.schema import INT8, INT32, INT64, STRING, ConnectType, Field, Schema


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
