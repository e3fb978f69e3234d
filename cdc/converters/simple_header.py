"""Kafka Connect's SimpleHeaderConverter: headers as text, their types inferred (`org.apache.kafka.connect.storage`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from cdc.config import Definition
from cdc.converters.header_parser import parse_value
from cdc.converters.java_text import header_text
from cdc.converters.misfit import MEND_RECORD, shown
from cdc.converters.properties import COMMON
from cdc.errors import ConversionError
from cdc.model.connect_record import SchemaAndValue
from cdc.model.schema import BYTES, Schema


class SimpleHeaderConverter:
    """Writes headers as Connect's `Values.convertToString`, and reads them as its `Values.parseString`.

    The text does not say its type, so that "1" comes back as a number, and a float of single precision wherever one can hold it.
    """

    definition: ClassVar[Definition] = Definition(COMMON)

    def __init__(self) -> None:
        self.configure({})

    def configure(self, properties: Mapping[str, str]) -> None:
        """Take the properties of the converter, none of which has an effect; raises InvalidConfig."""
        self.definition.parse(properties)

    def from_connect_header(self, topic: str, key: str, schema: Schema | None, value: object) -> bytes | None:
        """Return a header's value as text in UTF-8, None for null; raises ConversionError for one that does not fit its schema."""
        if value is None:
            return None
        where = f"{topic}/header {key}"
        try:
            return header_text(schema, value, where).encode()
        except UnicodeEncodeError as error:
            raise ConversionError(f"{where} holds a text that is not UTF-8: {shown(value)}", MEND_RECORD) from error
        except RecursionError as error:
            raise ConversionError(f"{where} is nested too deep: {shown(value)}", MEND_RECORD) from error

    def to_connect_header(self, topic: str, key: str, data: bytes | None) -> SchemaAndValue:
        """Return what the text looks like; bytes that are no text in UTF-8, or nested too deep, as bytes."""
        if data is None:
            return SchemaAndValue(None, None)
        try:
            return parse_value(data.decode())
        except (UnicodeDecodeError, RecursionError):
            return SchemaAndValue(BYTES, data)
