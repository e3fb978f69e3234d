"""What an event shows for a column whose value the log did not carry.

A row image leaves out columns (replica identity, minimal row image), and PostgreSQL does not repeat a large value that did not change.
The substitutes are Debezium's, and the same for every encoding. They are given in the form that `ChangeBatch.add` takes.
"""

from __future__ import annotations

import hashlib
import json
import struct
import uuid
from typing import Final

from cdc.model.schema import ConnectType, Decimal, Schema

DECIMAL: Final = "org.apache.kafka.connect.data.Decimal"
VARIABLE_SCALE_DECIMAL: Final = "io.debezium.data.VariableScaleDecimal"
UUID: Final = "io.debezium.data.Uuid"

ABSENT_BEFORE: Final = "cdc.absent.before"
ABSENT_AFTER: Final = "cdc.absent.after"
"""The headers that name the columns which a row image leaves out, an array of strings each."""

_FALLBACKS: Final[dict[str, object]] = {
    DECIMAL: Decimal(0, 0),
    VARIABLE_SCALE_DECIMAL: Decimal(0, 0),
    "io.debezium.data.Json": "{}",
    "io.debezium.time.ZonedTimestamp": "1970-01-01T00:00:00Z",
    "io.debezium.time.ZonedTime": "00:00:00Z",
    # Debezium says the column's precision too, which no schema has.
    "io.debezium.time.StructuredDate": (1970, 1, 1, None),
    "io.debezium.time.StructuredTime": (0, 0, 0, 0, None),
    "io.debezium.time.StructuredZonedTime": (0, 0, 0, 0, 0, None),
    "io.debezium.time.StructuredTimestamp": (1970, 1, 1, 0, 0, 0, 0, None, None),
    "io.debezium.time.StructuredZonedTimestamp": (1970, 1, 1, 0, 0, 0, 0, 0, "Z", None, None),
    "io.debezium.time.StructuredDuration": (0, 0, 0, 0, 0, 0, 0, None),
    # WKB: a point at 0, 0 and a collection of nothing
    "io.debezium.data.geometry.Point": (0.0, 0.0, struct.pack("<BIdd", 1, 1, 0, 0), None),
    "io.debezium.data.geometry.Geography": (struct.pack("<BII", 1, 7, 0), None),
}

_ZEROS: Final[dict[ConnectType, object]] = {
    ConnectType.BOOLEAN: False,
    ConnectType.FLOAT32: 0.0,
    ConnectType.FLOAT64: 0.0,
    ConnectType.STRING: "",
    ConnectType.BYTES: b"",
    ConnectType.ARRAY: (),
    ConnectType.MAP: (),
}


def absent_value(schema: Schema) -> object:
    """Return what stands for a column that the row image leaves out.

    None (null) where the schema allows it, otherwise the schema's default, otherwise the zero of its type.
    """
    if schema.optional:
        return None
    if schema.default is not None:
        return schema.default
    if schema.name in _FALLBACKS:
        return _FALLBACKS[schema.name]
    if schema.type is ConnectType.STRUCT:
        return tuple(absent_value(field.schema) for field in schema.fields)
    return _ZEROS.get(schema.type, 0)


def unavailable_value(schema: Schema, placeholder: bytes) -> object:
    """Return what stands for an unchanged value that the log does not repeat.

    The placeholder (`unavailable.value.placeholder`) in the form of the type, or as `absent_value` where the type cannot carry it.
    """
    if schema.map_text:
        text = _text(placeholder)
        return json.dumps({text: text}, ensure_ascii=False, separators=(",", ":"))
    value = _placeholder(schema, placeholder)
    return absent_value(schema) if value is None else value


def _text(placeholder: bytes) -> str:
    return placeholder.decode("utf-8", "replace")


def _placeholder(schema: Schema, placeholder: bytes) -> object:
    if schema.type is ConnectType.STRING:
        return _text(placeholder)
    if schema.type is ConnectType.BYTES and schema.name != DECIMAL:
        return placeholder
    if schema.type is ConnectType.MAP and schema.keys is not None and schema.values is not None:
        entry = _placeholder(schema.keys, placeholder), _placeholder(schema.values, placeholder)
        return None if None in entry else entry
    if schema.type is ConnectType.ARRAY and schema.items is not None:
        return _array_placeholder(schema.items, placeholder)
    return None


def _array_placeholder(items: Schema, placeholder: bytes) -> object:
    if items.type in (ConnectType.INT32, ConnectType.INT64):
        return tuple(byte - 256 if byte > 127 else byte for byte in placeholder)
    if items.name == UUID:
        return (_name_based_uuid(placeholder),)
    element = _placeholder(items, placeholder)
    return None if element is None else (element,)


def _name_based_uuid(name: bytes) -> str:
    """Return the UUID that Java's `UUID.nameUUIDFromBytes` makes: version 3, without a namespace (RFC 9562, section 5.3)."""
    digest = hashlib.md5(name, usedforsecurity=False).digest()
    return str(uuid.UUID(bytes=digest, version=3))
