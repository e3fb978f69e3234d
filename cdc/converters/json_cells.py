"""Values of records in the form that the compiled JSON writers and defaults of schemas take: nested ones as tuples.

This is where a value is held against its schema: what passes here can be written.
"""

from __future__ import annotations

import decimal
from collections.abc import Callable, Mapping
from typing import Any, Final

from cdc.converters.decimals import EXACT, parts, rescaled, unscaled_bytes
from cdc.converters.logical import checked_integer, scale_of, single
from cdc.converters.misfit import MEND_SCHEMA, misfit
from cdc.converters.missing import DECIMAL, VARIABLE_SCALE_DECIMAL
from cdc.errors import ConversionError
from cdc.model.schema import ConnectType, Decimal, Schema

_MOST_DIGITS: Final = 100_000
"""A short text such as 1E999999999 stands for gigabytes of digits."""


def check_schema(schema: Schema, where: str) -> None:
    """Raise ConversionError for a schema that no JSON can show: an array or map without the schemas of its content."""
    inner = {ConnectType.ARRAY: (schema.items,), ConnectType.MAP: (schema.keys, schema.values)}.get(schema.type, ())
    for each in inner:
        if each is None:
            raise ConversionError(f"{where} is an {schema.type.value} whose schema does not say of what", MEND_SCHEMA)
        check_schema(each, where)
    for field in schema.fields:
        check_schema(field.schema, f"{where}.{field.name}")
    check_scale(schema, where)


def check_scale(schema: Schema, where: str) -> None:
    """Raise ConversionError for a schema of Connect's Decimal that does not say its scale."""
    try:
        if schema.type is ConnectType.BYTES and schema.name == DECIMAL:
            scale_of(schema)
    except ValueError as error:
        raise ConversionError(f"{where} is a Decimal: {error}", MEND_SCHEMA) from error


def cell_of(schema: Schema, value: object, where: str, *, defaults: bool) -> object:
    """Return a value as `cdc.converters.json_writers.render` takes it.

    With `defaults`, a null of a schema that has a default stands for it.

    Raises:
        ConversionError: with path, type and value of what does not fit the schema.
    """
    if value is None:
        if schema.optional or (defaults and schema.default is not None):
            return None
        raise misfit(where, schema, value, "it must not be null")
    read = _SCALARS.get(schema.type)
    if read is None:
        return _NESTED[schema.type](schema, value, where, defaults)
    try:
        return read(schema, value)
    except ValueError as error:
        raise misfit(where, schema, value, str(error)) from error


def value_of(schema: Schema, cell: Any) -> object:
    """Return the value of a cell, such as the default of a schema: the inverse of `cell_of`."""
    if isinstance(cell, Decimal):
        if schema.name == VARIABLE_SCALE_DECIMAL:
            return {"scale": cell.scale, "value": unscaled_bytes(cell.unscaled)}
        return EXACT.scaleb(decimal.Decimal(cell.unscaled), -cell.scale)
    if not isinstance(cell, tuple):
        return cell
    if schema.items is not None:
        return [value_of(schema.items, each) for each in cell]
    if schema.keys is not None and schema.values is not None:
        keys = (value_of(schema.keys, key) for key in cell[::2])
        return dict(zip(keys, (value_of(schema.values, each) for each in cell[1::2]), strict=True))
    return {field.name: value_of(field.schema, each) for field, each in zip(schema.fields, cell, strict=True)}


def _boolean(_: Schema, value: object) -> object:
    if not isinstance(value, bool):
        raise ValueError("")  # noqa: TRY004
    return value


def _float(schema: Schema, value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("it takes numbers")  # noqa: TRY004
    try:
        number = float(value)
    except OverflowError as error:
        raise ValueError("it is out of range") from error
    return single(number) if schema.type is ConnectType.FLOAT32 else number


def _string(_: Schema, value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("")  # noqa: TRY004
    if not value.isascii():
        value.encode()
    return value


def _bytes(schema: Schema, value: object) -> object:
    if schema.name == DECIMAL:
        return _decimal(scale_of(schema), value)
    if not isinstance(value, bytes | bytearray | memoryview):
        raise ValueError("")  # noqa: TRY004
    return bytes(value)


def _decimal(scale: int, value: object) -> Decimal:
    if not isinstance(value, decimal.Decimal) or not value.is_finite():
        raise ValueError("it takes finite decimals")
    if abs(value.adjusted()) > _MOST_DIGITS:
        raise ValueError(f"it takes at most {_MOST_DIGITS} digits on either side of the point")
    return Decimal(rescaled(*parts(value), scale), scale)


def _array(schema: Schema, value: object, where: str, defaults: bool) -> object:
    if not isinstance(value, list | tuple) or schema.items is None:
        raise misfit(where, schema, value, "it takes lists")
    items = schema.items
    return tuple(cell_of(items, item, f"{where}[{at}]", defaults=defaults) for at, item in enumerate(value))


def _map(schema: Schema, value: object, where: str, defaults: bool) -> object:
    if not isinstance(value, Mapping) or schema.keys is None or schema.values is None:
        raise misfit(where, schema, value, "it takes dicts")
    found: list[object] = []
    for key, item in value.items():
        if key is None and schema.keys.type is ConnectType.STRING:
            raise misfit(where, schema, value, "a key must not be null, since it becomes the name of a member")
        found.append(cell_of(schema.keys, key, f"a key of {where}", defaults=defaults))
        found.append(cell_of(schema.values, item, f"{where}[{key!r}]", defaults=defaults))
    return tuple(found)


def _struct(schema: Schema, value: object, where: str, defaults: bool) -> object:
    if not isinstance(value, Mapping):
        raise misfit(where, schema, value, "it takes dicts by field name")
    if schema.name == VARIABLE_SCALE_DECIMAL:
        return _variable_scale_decimal(schema, value, where)
    cells = tuple(
        cell_of(field.schema, value.get(field.name), f"{where}.{field.name}", defaults=defaults)
        for field in schema.fields
    )
    if sum(field.name in value for field in schema.fields) != len(value):
        unknown = value.keys() - {field.name for field in schema.fields}
        raise misfit(where, schema, value, f"its schema has no field {', '.join(sorted(map(repr, unknown)))}")
    return cells


def _variable_scale_decimal(schema: Schema, value: Mapping[str, object], where: str) -> Decimal:
    scale, unscaled = value.get("scale"), value.get("value")
    if not isinstance(scale, int) or not isinstance(unscaled, bytes) or not unscaled:
        raise misfit(where, schema, value, "it takes the fields scale (a whole number) and value (bytes)")
    return Decimal(int.from_bytes(unscaled, "big", signed=True), scale)


_SCALARS: Final[Mapping[ConnectType, Callable[[Schema, object], object]]] = {
    ConnectType.BOOLEAN: _boolean,
    ConnectType.INT8: checked_integer,
    ConnectType.INT16: checked_integer,
    ConnectType.INT32: checked_integer,
    ConnectType.INT64: checked_integer,
    ConnectType.FLOAT32: _float,
    ConnectType.FLOAT64: _float,
    ConnectType.STRING: _string,
    ConnectType.BYTES: _bytes,
}
_NESTED: Final[Mapping[ConnectType, Callable[[Schema, object, str, bool], object]]] = {
    ConnectType.ARRAY: _array,
    ConnectType.MAP: _map,
    ConnectType.STRUCT: _struct,
}
