"""Header values as Connect's SimpleHeaderConverter writes them (`org.apache.kafka.connect.data.Values.convertToString`).

Like JSON, but not JSON: control characters stay as they are, NaN has no quotes, and a decimal is its number.
"""

from __future__ import annotations

import datetime as dt
import decimal
from base64 import b64encode
from collections.abc import Iterable, Sequence
from typing import Any, Final

from cdc.config import ConverterSettings
from cdc.converters.decimals import decimal_text, parts, unscaled_bytes
from cdc.converters.json_writers import render, value_writer
from cdc.converters.missing import VARIABLE_SCALE_DECIMAL
from cdc.model.event import ABSENT, UNAVAILABLE
from cdc.model.schema import ConnectType, Decimal, Field, Schema

_MILLISECONDS: Final = {
    "org.apache.kafka.connect.data.Date": 86_400_000,
    "org.apache.kafka.connect.data.Time": 1,
    "org.apache.kafka.connect.data.Timestamp": 1,
}
_DAY: Final = 86_400_000
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_CYCLE: Final = 146_097 * _DAY


def struct_text(fields: Iterable[Field], values: Sequence[Any]) -> bytes:
    """Return a struct as a header value in UTF-8; `values` are those of the fields, as `ChangeBatch.row` returns them.

    Raises ValueError where a value is absent or unavailable, or a text came from bytes that are not UTF-8.
    """
    return _struct(fields, values).encode()


def names_text(names: Iterable[str]) -> bytes:
    """Return an array of names as a header value in UTF-8."""
    return f"[{','.join(map(_quoted, names))}]".encode()


def _struct(fields: Iterable[Field], values: Sequence[Any]) -> str:
    pairs = (
        f"{_quoted(field.name)}:{_text(field.schema, field.schema.default if value is None else value)}"
        for field, value in zip(fields, values, strict=True)
    )
    return "{" + ",".join(pairs) + "}"


def _text(schema: Schema, value: Any) -> str:
    if value is None:
        return "null"
    if schema.name == VARIABLE_SCALE_DECIMAL:
        return _variable_scale_decimal(value)
    if schema.name in _MILLISECONDS:
        return _date(value * _MILLISECONDS[schema.name])
    if schema.type in (ConnectType.FLOAT32, ConnectType.FLOAT64):
        return render(value_writer(schema, "", ConverterSettings(), None), value).decode().strip('"')
    return _nested(schema, value) if isinstance(value, list) else _scalar(value)


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, bytes):
        return f'"{b64encode(value).decode()}"'
    if isinstance(value, Decimal):
        return decimal_text(value.unscaled, value.scale)
    if value is ABSENT or value is UNAVAILABLE:
        raise ValueError(f"a value is {value.value}")
    return str(value)


def _nested(schema: Schema, value: list[Any]) -> str:
    if schema.items is not None:
        items = schema.items
        return "[" + ",".join(_text(items, item) for item in value) + "]"
    if schema.keys is not None and schema.values is not None:
        keys, values = schema.keys, schema.values
        entries = zip(value[::2], value[1::2], strict=True)
        return "{" + ",".join(f"{_text(keys, key)}:{_text(values, item)}" for key, item in entries) + "}"
    return _struct(schema.fields, value)


def _variable_scale_decimal(value: decimal.Decimal | Decimal) -> str:
    unscaled, scale = parts(value)
    return f'{{"scale":{scale},"value":{_scalar(unscaled_bytes(unscaled))}}}'


def _date(milliseconds: int) -> str:
    # Connect takes whatever lies before the second day for a time of day, and whole days for dates.
    # Python's dates end with the year 9999, but the calendar repeats itself every 400 years.
    cycles, rest = divmod(milliseconds, _CYCLE)
    moment = _EPOCH + dt.timedelta(milliseconds=rest)
    date = f"{moment.year + 400 * cycles}-{moment:%m-%d}"
    clock = f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
    if milliseconds < _DAY:
        return clock
    return date if milliseconds % _DAY == 0 else f"{date}T{clock}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
