"""Values as Java prints them: by `toString`, and by Connect's `Values.convertToString`."""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Iterator, Mapping
from typing import Final

from cdc.converters.header import struct_text
from cdc.converters.json_cells import cell_of, value_of
from cdc.converters.logical import DATE, DAY, TIME, TIMESTAMP
from cdc.converters.misfit import MEND_RECORD, misfit, shown
from cdc.errors import ConversionError
from cdc.model.schema import BOOLEAN, BYTES, FLOAT64, INT64, STRING, ConnectType, Field, Schema

_BY_TYPE: Final[Mapping[type, Schema]] = {
    bool: BOOLEAN,
    int: INT64,
    float: FLOAT64,
    str: STRING,
    bytes: BYTES,
    bytearray: BYTES,
    memoryview: BYTES,
}
_MILLISECONDS: Final = {DATE: DAY, TIME: 1, TIMESTAMP: 1}
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def header_text(schema: Schema | None, value: object, where: str) -> str:
    """Return a value as `Values.convertToString` prints it: a text or bytes without quotes, unless they stand inside another value.

    Raises:
        ConversionError: with path, type and value of what does not fit the schema, or has no text.
    """
    text = _embedded(schema, value, where)
    if isinstance(value, str):
        return value
    return text.strip('"') if isinstance(value, bytes | bytearray | memoryview) else text


def java_string(schema: Schema | None, value: object, where: str) -> str:
    """Return a value as Java's `toString` prints it; dates and times are in UTC.

    Raises:
        ConversionError: with path, type and value of what does not fit the schema. Bytes have no text: Java prints their address.
    """
    if value is None:
        return "null"
    if isinstance(value, bytes | bytearray | memoryview):
        fact = f"{where} holds {shown(value)}, which the StringConverter has no text for"
        raise ConversionError(fact, "Use the ByteArrayConverter, or a transform that makes a text of the bytes.")
    if isinstance(value, Mapping):
        return _map_string(schema, value, where)
    if isinstance(value, list | tuple):
        items = schema.items if schema else None
        return "[" + ", ".join(java_string(items, item, f"{where}[{at}]") for at, item in enumerate(value)) + "]"
    text = _embedded(schema, value, where)
    if isinstance(value, str):
        return value
    return _java_date(schema, value, where) if schema and schema.name in _MILLISECONDS else text


def _embedded(schema: Schema | None, value: object, where: str) -> str:
    if value is None:
        return "null"
    if isinstance(value, list | tuple):
        items = schema.items if schema else None
        return "[" + ",".join(_embedded(items, item, f"{where}[{at}]") for at, item in enumerate(value)) + "]"
    if isinstance(value, Mapping):
        return "{" + ",".join(_members(schema, value, where)) + "}"
    return _scalar(schema, value, where)


def _members(schema: Schema | None, value: Mapping[object, object], where: str) -> Iterator[str]:
    if schema is None or schema.type is not ConnectType.STRUCT:
        keys, values = (schema.keys, schema.values) if schema else (None, None)
        for key, item in value.items():
            yield f"{_embedded(keys, key, where)}:{_embedded(values, item, f'{where}[{key!r}]')}"
        return
    for field, found in _fields(schema, value, where):
        item = value_of(field.schema, field.schema.default) if found is None else found
        yield f"{_scalar(STRING, field.name, where)}:{_embedded(field.schema, item, f'{where}.{field.name}')}"


def _scalar(schema: Schema | None, value: object, where: str) -> str:
    if schema is None and isinstance(value, decimal.Decimal) and value.is_finite():
        return str(value)
    known = schema or _BY_TYPE.get(type(value))
    if known is None:
        raise ConversionError(f"{where} has no schema, and Connect has no type for {shown(value)}", MEND_RECORD)
    cell = cell_of(known, value, where, defaults=False)
    return struct_text((Field("", known),), (cell,)).decode().removeprefix('{"":').removesuffix("}")


def _fields(schema: Schema, value: Mapping[object, object], where: str) -> Iterator[tuple[Field, object]]:
    unknown = value.keys() - {field.name for field in schema.fields}
    if unknown:
        raise misfit(where, schema, value, f"its schema has no field {', '.join(sorted(map(repr, unknown)))}")
    for field in schema.fields:
        yield field, value.get(field.name)


def _map_string(schema: Schema | None, value: Mapping[object, object], where: str) -> str:
    if schema is not None and schema.type is ConnectType.STRUCT:
        found = ((field, item) for field, item in _fields(schema, value, where) if item is not None)
        pairs = (f"{field.name}={java_string(field.schema, item, f'{where}.{field.name}')}" for field, item in found)
        return "Struct{" + ",".join(pairs) + "}"
    keys, values = (schema.keys, schema.values) if schema else (None, None)
    entries = (
        f"{java_string(keys, key, where)}={java_string(values, item, f'{where}[{key!r}]')}"
        for key, item in value.items()
    )
    return "{" + ", ".join(entries) + "}"


def _java_date(schema: Schema, value: object, where: str) -> str:
    """Return what `java.util.Date.toString` prints."""
    try:
        moment = _EPOCH + dt.timedelta(milliseconds=int(str(value)) * _MILLISECONDS[schema.name or ""])
    except OverflowError as error:
        raise misfit(where, schema, value, "it takes the years 1 to 9999") from error
    day, month, *_ = moment.ctime().split()
    return f"{day} {month} {moment:%d %H:%M:%S} UTC {moment.year:04d}"
