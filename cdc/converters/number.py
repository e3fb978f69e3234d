"""Kafka Connect's converters of one number or boolean, in big endian (`org.apache.kafka.connect.converters`)."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from cdc.config import Definition
from cdc.converters.json_cells import cell_of
from cdc.converters.misfit import MEND_BYTES, misfit, shown
from cdc.converters.properties import WITHOUT_SCHEMAS
from cdc.errors import ConversionError
from cdc.model.connect_record import SchemaAndValue
from cdc.model.schema import BOOLEAN, FLOAT32, FLOAT64, INT16, INT32, INT64, Schema


class _FixedConverter:
    """A value of one type, in a fixed number of bytes; for keys, values and headers."""

    definition: ClassVar[Definition] = Definition(WITHOUT_SCHEMAS)
    _schema: ClassVar[Schema]
    _format: ClassVar[struct.Struct]

    def __init__(self) -> None:
        self.configure({})

    def configure(self, properties: Mapping[str, str], *, is_key: bool = False) -> None:
        """Take the properties of the converter, none of which has an effect; raises InvalidConfig."""
        self.definition.parse(properties)
        self._part = "key" if is_key else "value"

    def from_connect_data(self, topic: str, schema: Schema | None, value: object) -> bytes | None:
        """Return the value's bytes; raises ConversionError for a schema or a value of another type."""
        return self._packed(f"{topic}/{self._part}", schema, value)

    def to_connect_data(self, topic: str, data: bytes | None) -> SchemaAndValue:
        """Return the value, optional; raises ConversionError for bytes of another length."""
        return self._unpacked(f"{topic}/{self._part}", data)

    def from_connect_header(self, topic: str, key: str, schema: Schema | None, value: object) -> bytes | None:
        """Return the bytes of a header's value; see `from_connect_data`."""
        return self._packed(f"{topic}/header {key}", schema, value)

    def to_connect_header(self, topic: str, key: str, data: bytes | None) -> SchemaAndValue:
        """Return a header's value; see `to_connect_data`."""
        return self._unpacked(f"{topic}/header {key}", data)

    def _packed(self, where: str, schema: Schema | None, value: object) -> bytes | None:
        if schema is not None and schema.type is not self._schema.type:
            raise misfit(where, schema, value, f"the {type(self).__name__} takes {self._schema.type.value}")
        cell = cell_of(self._schema, value, where, defaults=False)
        return None if cell is None else self._format.pack(cell)

    def _unpacked(self, where: str, data: bytes | None) -> SchemaAndValue:
        if data is None:
            return SchemaAndValue(self._schema, None)
        if len(data) != self._format.size:
            fact = (
                f"{where} has {len(data)} bytes, and {self._schema.type.value} has {self._format.size}: {shown(data)}"
            )
            raise ConversionError(fact, MEND_BYTES)
        return SchemaAndValue(self._schema, self._value(where, *self._format.unpack(data)))

    def _value(self, where: str, number: Any) -> object:
        return number


class DoubleConverter(_FixedConverter):
    """Doubles, in 8 bytes."""

    _schema = FLOAT64.as_optional()
    _format = struct.Struct(">d")


class FloatConverter(_FixedConverter):
    """Floats of single precision, in 4 bytes."""

    _schema = FLOAT32.as_optional()
    _format = struct.Struct(">f")


class IntegerConverter(_FixedConverter):
    """Integers of 32 bits, in 4 bytes."""

    _schema = INT32.as_optional()
    _format = struct.Struct(">i")


class LongConverter(_FixedConverter):
    """Integers of 64 bits, in 8 bytes."""

    _schema = INT64.as_optional()
    _format = struct.Struct(">q")


class ShortConverter(_FixedConverter):
    """Integers of 16 bits, in 2 bytes."""

    _schema = INT16.as_optional()
    _format = struct.Struct(">h")


class BooleanConverter(_FixedConverter):
    """Booleans, in one byte: 0 or 1."""

    _schema = BOOLEAN.as_optional()
    _format = struct.Struct(">b")

    def _value(self, where: str, number: Any) -> object:
        if number not in (0, 1):
            raise ConversionError(f"{where} holds the byte {number}, and a boolean is 0 or 1", MEND_BYTES)
        return number == 1


NUMBERS: Final = (DoubleConverter, FloatConverter, IntegerConverter, LongConverter, ShortConverter, BooleanConverter)
"""All of them."""
