"""JSON as values of records: the way back of Connect's JsonConverter (`JsonConverter.convertToConnect`).

Where Connect turns a value of another kind into zero, null or part of itself, it is refused here.
"""

from __future__ import annotations

import binascii
import decimal
import json
import math
from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import Any, Final

from cdc.converters.decimals import EXACT
from cdc.converters.json_cells import value_of
from cdc.converters.logical import checked_integer, scale_of, single
from cdc.converters.misfit import MEND_BYTES, misfit, shown
from cdc.converters.missing import DECIMAL
from cdc.errors import ConversionError
from cdc.model.schema import ConnectType, Schema

_NON_FINITE: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def loaded(data: bytes, where: str, *, exact: bool) -> Any:
    """Return what JSON holds; with `exact`, numbers with a point or an exponent as decimals.

    Raises:
        ConversionError: the bytes are not JSON in UTF-8, or hold what no text in UTF-8 can.
    """
    try:
        text = data.decode()
        found = json.loads(text, parse_float=decimal.Decimal if exact else None, parse_constant=_refuse)
        if "\\ud" in text.lower():
            json.dumps(found, ensure_ascii=False, default=str).encode()
    except (ValueError, RecursionError, decimal.InvalidOperation) as error:
        raise ConversionError(f"{where} is not JSON: {shown(data)}: {error}", MEND_BYTES) from error
    return found


def payload_value(schema: Schema, found: Any, where: str, *, defaults: bool) -> Any:
    """Return the value that a piece of JSON is by its schema; its decimals must be exact.

    With `defaults`, null stands for the schema's default where it has one.

    Raises:
        ConversionError: with path, type and value of what does not fit the schema.
    """
    if found is None:
        return _null(schema, where, defaults)
    if schema.type in _NESTED:
        return _NESTED[schema.type](schema, found, where, defaults)
    try:
        return _SCALARS[schema.type](schema, found)
    except ValueError as error:
        raise misfit(where, schema, found, str(error), MEND_BYTES) from error


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is not a number of JSON")


def _null(schema: Schema, where: str, defaults: bool) -> object:
    if defaults and schema.default is not None:
        return value_of(schema, schema.default)
    if not schema.optional:
        raise misfit(where, schema, None, "it must not be null", MEND_BYTES)
    return None


def _boolean(_: Schema, found: Any) -> bool:
    if not isinstance(found, bool):
        raise ValueError("it takes true and false")  # noqa: TRY004
    return found


def _integer(schema: Schema, found: Any) -> int:
    whole = isinstance(found, decimal.Decimal) and found.adjusted() < 20 and found == found.to_integral_value()
    return checked_integer(schema, int(found) if whole else found)


def _float(schema: Schema, found: Any) -> float:
    if isinstance(found, str) and found in _NON_FINITE:
        return _NON_FINITE[found]
    if isinstance(found, bool) or not isinstance(found, int | decimal.Decimal):
        raise ValueError('it takes numbers, "NaN", "Infinity" and "-Infinity"')  # noqa: TRY004
    number = float(decimal.Decimal(found))
    if math.isinf(number):
        raise ValueError("it is out of range")
    return single(number) if schema.type is ConnectType.FLOAT32 else number


def _string(_: Schema, found: Any) -> str:
    if not isinstance(found, str):
        raise ValueError("it takes texts")  # noqa: TRY004
    return found


def _bytes(schema: Schema, found: Any) -> bytes | decimal.Decimal:
    if schema.name == DECIMAL and not isinstance(found, bool) and isinstance(found, int | decimal.Decimal):
        return decimal.Decimal(found)
    if not isinstance(found, str):
        raise ValueError("it takes texts in base64")  # noqa: TRY004
    try:
        data = b64decode(found, validate=True)
    except binascii.Error as error:
        raise ValueError(f"it takes texts in base64: {error}") from error
    return _decimal(schema, data) if schema.name == DECIMAL else data


def _decimal(schema: Schema, data: bytes) -> decimal.Decimal:
    if not data:
        raise ValueError("it takes at least one byte")
    return EXACT.scaleb(decimal.Decimal(int.from_bytes(data, "big", signed=True)), -scale_of(schema))


def _array(schema: Schema, found: Any, where: str, defaults: bool) -> list[Any]:
    if not isinstance(found, list) or schema.items is None:
        raise misfit(where, schema, found, "it takes JSON arrays", MEND_BYTES)
    items = schema.items
    return [payload_value(items, item, f"{where}[{at}]", defaults=defaults) for at, item in enumerate(found)]


def _map(schema: Schema, found: Any, where: str, defaults: bool) -> dict[Any, Any]:
    keys, values = schema.keys, schema.values
    if keys is None or values is None:
        raise misfit(where, schema, found, "its schema does not say of what", MEND_BYTES)
    if keys.type is ConnectType.STRING:
        if not isinstance(found, dict):
            raise misfit(where, schema, found, "it takes JSON objects, since its keys are texts", MEND_BYTES)
        return {key: payload_value(values, item, f"{where}.{key}", defaults=defaults) for key, item in found.items()}
    return dict(
        _entry(keys, values, entry, f"{where}[{at}]", defaults) for at, entry in enumerate(_pairs(schema, found, where))
    )


def _pairs(schema: Schema, found: Any, where: str) -> list[list[Any]]:
    if not isinstance(found, list) or not all(isinstance(each, list) and len(each) == 2 for each in found):
        raise misfit(where, schema, found, "it takes arrays of pairs, since its keys are no texts", MEND_BYTES)
    return found


def _entry(keys: Schema, values: Schema, entry: list[Any], where: str, defaults: bool) -> tuple[Any, Any]:
    key = payload_value(keys, entry[0], f"the key of {where}", defaults=defaults)
    if isinstance(key, list | dict):
        raise misfit(where, keys, key, "a dict takes only scalars as keys", MEND_BYTES)
    return key, payload_value(values, entry[1], where, defaults=defaults)


def _struct(schema: Schema, found: Any, where: str, defaults: bool) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise misfit(where, schema, found, "it takes JSON objects", MEND_BYTES)
    return {
        field.name: payload_value(field.schema, found.get(field.name), f"{where}.{field.name}", defaults=defaults)
        for field in schema.fields
    }


_SCALARS: Final[Mapping[ConnectType, Callable[[Schema, Any], Any]]] = {
    ConnectType.BOOLEAN: _boolean,
    ConnectType.INT8: _integer,
    ConnectType.INT16: _integer,
    ConnectType.INT32: _integer,
    ConnectType.INT64: _integer,
    ConnectType.FLOAT32: _float,
    ConnectType.FLOAT64: _float,
    ConnectType.STRING: _string,
    ConnectType.BYTES: _bytes,
}
_NESTED: Final[Mapping[ConnectType, Callable[[Schema, Any, str, bool], Any]]] = {
    ConnectType.ARRAY: _array,
    ConnectType.MAP: _map,
    ConnectType.STRUCT: _struct,
}
