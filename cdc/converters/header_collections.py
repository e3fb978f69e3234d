"""What the values of a list or map in a header have in common (`org.apache.kafka.connect.data.Values.SchemaMerger`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from cdc.converters.header_scalars import UNITS, iso_text
from cdc.converters.logical import DAY, TIME, single
from cdc.model.connect_record import SchemaAndValue
from cdc.model.schema import ConnectType, Schema

_NUMBERS: Final = (
    ConnectType.INT8,
    ConnectType.INT16,
    ConnectType.INT32,
    ConnectType.INT64,
    ConnectType.FLOAT32,
    ConnectType.FLOAT64,
)


class Unreadable(Exception):
    """A list or map that is none, so that the whole text is a string."""


def list_of(found: list[SchemaAndValue]) -> SchemaAndValue:
    """Return a list of values, brought to one type if there is one; raises Unreadable where one of them cannot be."""
    items = _common(each.schema for each in found)
    values = [_aligned(items, each) for each in found]
    return SchemaAndValue(Schema(ConnectType.ARRAY, items=items), values)


def map_of(keys: list[SchemaAndValue], values: list[SchemaAndValue]) -> SchemaAndValue:
    """Return a map of values, keys and values each brought to one type if there is one; raises Unreadable where they cannot be."""
    key_schema = _common(each.schema for each in keys)
    value_schema = _common(each.schema for each in values) if key_schema else None
    # The last of equal keys counts, before they are brought to one type.
    last = {key.value: (key, value) for key, value in zip(keys, values, strict=True)}
    if any(last[key.value][0].schema != key.schema for key in keys):
        raise Unreadable  # Python takes 1 and True for one key.
    content = {_aligned(key_schema, key): _aligned(value_schema, value) for key, value in last.values()}
    return SchemaAndValue(Schema(ConnectType.MAP, keys=key_schema, values=value_schema), content)


def _common(schemas: Iterable[Schema | None]) -> Schema | None:
    """Return the schema that all values are brought to; None when there is none, or all are null."""
    common: Schema | None = None
    for schema in schemas:
        if schema is None:
            continue
        common = schema if common is None else _merged(common, schema)
        if common is None:
            return None
    return common


def _merged(one: Schema, other: Schema) -> Schema | None:
    # Connect takes the later of two lists, decimals or times, even where it does not describe the earlier value.
    if one == other:
        return one
    if one.name in UNITS and other.name in UNITS:
        return None
    if one.type is other.type:
        return other if one.type in _NUMBERS else None
    if one.type not in _NUMBERS or other.type not in _NUMBERS:
        return None
    return one if _NUMBERS.index(one.type) > _NUMBERS.index(other.type) else other


def _aligned(schema: Schema | None, found: SchemaAndValue) -> Any:
    """Return a value, brought to the schema of its list or map."""
    if schema is None:
        return _bare(found.schema, found.value)
    if found.schema is None:
        raise Unreadable
    if schema.name in UNITS:
        return _moment(schema, found)
    if found.schema.name in UNITS:
        raise Unreadable
    if schema.type is ConnectType.FLOAT32:
        return single(float(found.value))  # type: ignore[arg-type]
    return float(found.value) if schema.type is ConnectType.FLOAT64 else found.value  # type: ignore[arg-type]


def _bare(schema: Schema | None, value: Any) -> Any:
    """Return a value that loses its schema: only a text can still say that it is a date or a time."""
    if schema is not None and schema.name in UNITS:
        return iso_text(schema, value)
    if isinstance(value, list):
        return [_bare(schema and schema.items, item) for item in value]
    if isinstance(value, dict):
        return {
            _bare(schema and schema.keys, key): _bare(schema and schema.values, item) for key, item in value.items()
        }
    return value


def _moment(schema: Schema, found: SchemaAndValue) -> int:
    value = found.value
    if not isinstance(value, int) or (found.schema != schema and schema.name == TIME and not 0 <= value <= DAY):
        raise Unreadable
    return value
