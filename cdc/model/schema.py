"""Kafka Connect's data model: what a value is, and what it means by its semantic name.

The type words, the attributes and their order are those of Connect's JSON schemas (`org.apache.kafka.connect.json.JsonSchema`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from types import MappingProxyType

NO_PARAMETERS: Mapping[str, str] = MappingProxyType({})


class ConnectType(Enum):
    """Connect's types, by the words that its JSON schemas use."""

    BOOLEAN = "boolean"
    INT8 = "int8"
    INT16 = "int16"
    INT32 = "int32"
    INT64 = "int64"
    FLOAT32 = "float"
    FLOAT64 = "double"
    STRING = "string"
    BYTES = "bytes"
    ARRAY = "array"
    MAP = "map"
    STRUCT = "struct"


@dataclass(frozen=True, slots=True)
class Decimal:
    """A decimal default: `unscaled` times 10^-`scale`, the way that Connect's Decimal carries it."""

    unscaled: int
    scale: int


#: What a schema default may be: the wire value of the schema's type.
Default = bool | int | float | str | bytes | Decimal | None


@dataclass(frozen=True, slots=True)
class Schema:
    """A Connect schema.

    `items` belongs to arrays, `keys` and `values` to maps, `fields` to structs. `default` is the wire value of an absent or null
    value; None means that there is none (Connect has no null defaults). `map_text` is not Connect's, and stands in no record: the text is
    a map as JSON, and so is what stands for an unavailable value.
    """

    type: ConnectType
    optional: bool = False
    name: str | None = None
    version: int | None = None
    default: Default = None
    parameters: Mapping[str, str] = field(default_factory=lambda: NO_PARAMETERS, hash=False)
    doc: str | None = None
    fields: tuple[Field, ...] = ()
    items: Schema | None = None
    keys: Schema | None = None
    values: Schema | None = None
    map_text: bool = field(default=False, compare=False)

    def as_optional(self, optional: bool = True) -> Schema:
        """Return this schema with the given optionality."""
        return replace(self, optional=optional)

    def with_default(self, default: Default) -> Schema:
        """Return this schema with a default value."""
        return replace(self, default=default)


@dataclass(frozen=True, slots=True)
class Field:
    """A named field of a struct."""

    name: str
    schema: Schema


def struct(name: str | None, fields: Iterable[Field], *, optional: bool = False, version: int | None = None) -> Schema:
    """Return the schema of a struct."""
    return Schema(ConnectType.STRUCT, optional=optional, name=name, version=version, fields=tuple(fields))


def array(items: Schema, *, optional: bool = False) -> Schema:
    """Return the schema of an array."""
    return Schema(ConnectType.ARRAY, optional=optional, items=items)


BOOLEAN = Schema(ConnectType.BOOLEAN)
INT8 = Schema(ConnectType.INT8)
INT16 = Schema(ConnectType.INT16)
INT32 = Schema(ConnectType.INT32)
INT64 = Schema(ConnectType.INT64)
FLOAT32 = Schema(ConnectType.FLOAT32)
FLOAT64 = Schema(ConnectType.FLOAT64)
STRING = Schema(ConnectType.STRING)
BYTES = Schema(ConnectType.BYTES)
