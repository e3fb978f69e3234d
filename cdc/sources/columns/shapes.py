"""Values of plugins on their way into a batch, where nested ones come flat. The other way is `cdc.model.change.shaped`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from cdc.errors import ConversionError
from cdc.model.schema import ConnectType, Schema

_DECIMAL: Final = "org.apache.kafka.connect.data.Decimal"
_VARIABLE: Final = "io.debezium.data.VariableScaleDecimal"
_BITS: Final = {ConnectType.INT8: 8, ConnectType.INT16: 16, ConnectType.INT32: 32, ConnectType.INT64: 64}


def flattened(schema: Schema, value: Any, name: str) -> object:
    """Return a value as `ChangeBatch.add` takes it; `name` is the plugin that has made it.

    Raises:
        ConversionError: it does not fit the schema.
    """
    if value is None:
        if not schema.optional:
            raise _misfit(schema, value, name)
        return None
    if not _fits(schema, value):
        raise _misfit(schema, value, name)
    if schema.type is ConnectType.ARRAY and schema.items is not None:
        items = schema.items
        return [flattened(items, each, name) for each in value]
    if schema.type is ConnectType.MAP and schema.keys is not None and schema.values is not None:
        keys, values = schema.keys, schema.values
        pairs = ((flattened(keys, k, name), flattened(values, v, name)) for k, v in value.items())
        return [each for pair in pairs for each in pair]
    if schema.type is ConnectType.STRUCT and not isinstance(value, Decimal):
        return [flattened(field.schema, value.get(field.name), name) for field in schema.fields]
    return float(value) if schema.type in {ConnectType.FLOAT32, ConnectType.FLOAT64} else value


def _fits(schema: Schema, value: object) -> bool:
    if schema.type in _BITS:
        bits = _BITS[schema.type] - 1
        return isinstance(value, int) and not isinstance(value, bool) and -(1 << bits) <= value < 1 << bits
    if schema.name == _DECIMAL:
        return _is_exact(value, int(schema.parameters.get("scale", 0)))
    return _TESTS[schema.type](schema, value)


def _is_exact(value: object, scale: int) -> bool:
    """Whether a value is a decimal of exactly that many digits behind the point."""
    return isinstance(value, Decimal) and value.as_tuple().exponent == -scale


def _is_struct(schema: Schema, value: object) -> bool:
    if schema.name == _VARIABLE:
        return isinstance(value, Decimal) and value.is_finite()
    return isinstance(value, Mapping) and value.keys() <= {field.name for field in schema.fields}


_TESTS: Final[Mapping[ConnectType, Callable[[Schema, object], bool]]] = {
    ConnectType.BOOLEAN: lambda _, value: isinstance(value, bool),
    ConnectType.FLOAT32: lambda _, value: isinstance(value, (int, float)) and not isinstance(value, bool),
    ConnectType.FLOAT64: lambda _, value: isinstance(value, (int, float)) and not isinstance(value, bool),
    ConnectType.STRING: lambda _, value: isinstance(value, str),
    ConnectType.BYTES: lambda _, value: isinstance(value, (bytes, bytearray, memoryview)),
    ConnectType.ARRAY: lambda _, value: isinstance(value, (list, tuple)),
    ConnectType.MAP: lambda _, value: isinstance(value, Mapping),
    ConnectType.STRUCT: _is_struct,
}


def _misfit(schema: Schema, value: object, name: str) -> ConversionError:
    what = "null" if value is None else f"a {type(value).__name__}"
    kind = f"{schema.name or schema.type.value}{' that is required' if value is None else ''}"
    return ConversionError(
        f"the converter {name} returned {what}, which does not fit its schema ({kind})",
        "Mend the converter: what it returns must be what the schema that it registered says.",
    )
