"""Kafka Connect's ByteArrayConverter: bytes as they are (`org.apache.kafka.connect.converters.ByteArrayConverter`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from cdc.config import Definition
from cdc.converters.misfit import shown
from cdc.converters.properties import WITHOUT_SCHEMAS
from cdc.errors import ConversionError
from cdc.model.connect_record import SchemaAndValue
from cdc.model.schema import BYTES, ConnectType, Schema

_OPTIONAL_BYTES: Final = BYTES.as_optional()
_REMEDY: Final = (
    "Use a converter for such values, the JsonConverter for example, or a transform that makes bytes of them."
)


class ByteArrayConverter:
    """Hands on bytes, and refuses everything else; for keys, values and headers."""

    definition: ClassVar[Definition] = Definition(WITHOUT_SCHEMAS)

    def __init__(self) -> None:
        self.configure({})

    def configure(self, properties: Mapping[str, str], *, is_key: bool = False) -> None:
        """Take the properties of the converter, none of which has an effect; raises InvalidConfig."""
        self.definition.parse(properties)
        self._part = "key" if is_key else "value"

    def from_connect_data(self, topic: str, schema: Schema | None, value: object) -> bytes | None:
        """Return the bytes; raises ConversionError for another schema or another value."""
        return _bytes(f"{topic}/{self._part}", schema, value)

    def to_connect_data(self, topic: str, data: bytes | None) -> SchemaAndValue:
        """Return the bytes, as optional bytes."""
        return SchemaAndValue(_OPTIONAL_BYTES, data)

    def from_connect_header(self, topic: str, key: str, schema: Schema | None, value: object) -> bytes | None:
        """Return a header's bytes; see `from_connect_data`."""
        return _bytes(f"{topic}/header {key}", schema, value)

    def to_connect_header(self, topic: str, key: str, data: bytes | None) -> SchemaAndValue:
        """Return a header's bytes, as optional bytes."""
        return SchemaAndValue(_OPTIONAL_BYTES, data)


def _bytes(where: str, schema: Schema | None, value: object) -> bytes | None:
    if schema is not None and schema.type is not ConnectType.BYTES:
        raise ConversionError(f"{where} has the type {schema.type.value}; the ByteArrayConverter takes bytes", _REMEDY)
    if value is None:
        return None
    if not isinstance(value, bytes | bytearray | memoryview):
        raise ConversionError(f"{where} holds {shown(value)}; the ByteArrayConverter takes bytes", _REMEDY)
    return bytes(value)
