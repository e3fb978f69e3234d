"""Records as lines."""

from __future__ import annotations

import base64
from decimal import Decimal

import orjson

from cdc.errors import ConversionError
from cdc.model.connect_record import SinkRecord
from cdc.sinks.file.definition import LineFormat


def line_of(record: SinkRecord, form: LineFormat) -> bytes:
    """Return a record's line, its newline included.

    RAW is the value: a text as UTF-8, bytes as they are, a struct, map or array as compact JSON, anything else as JSON shows it. A value
    with newlines gives several lines, as in Connect. JSON is one line in every case.

    In JSON, bytes are base64 and decimals are strings, so that no digit is lost; NaN and infinity, which it lacks, are null.
    `headers` is an array, since a key may stand there more than once; `timestamp` is in milliseconds.

    Raises:
        ConversionError: the value has text that is no Unicode, or a number that JSON cannot show.
    """
    try:
        return (_raw(record.value) if form is LineFormat.RAW else _json(_described(record))) + b"\n"
    except (UnicodeEncodeError, orjson.JSONEncodeError) as error:
        where = f"{record.original_topic}-{record.original_partition} at offset {record.original_offset}"
        raise ConversionError(
            f"the record of {where} cannot be written as {form}: {error}",
            "Correct its producer. To leave such records out, set errors.tolerance = all.",
        ) from error


def _raw(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, Decimal):
        return format(value, "f").encode()
    return _json(value)


def _described(record: SinkRecord) -> dict[str, object]:
    return {
        "topic": record.topic,
        "partition": record.kafka_partition,
        "offset": record.kafka_offset,
        "timestamp": record.timestamp_ms,
        "key": record.key,
        "value": record.value,
        "headers": [{"key": header.key, "value": header.value} for header in record.headers],
    }


def _json(value: object) -> bytes:
    return orjson.dumps(value, default=_other, option=orjson.OPT_NON_STR_KEYS)


def _other(value: object) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(f"{type(value).__name__} is not a Connect value")
