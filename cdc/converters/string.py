"""Kafka Connect's StringConverter: values as text (`org.apache.kafka.connect.storage.StringConverter`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from cdc.config import Definition
from cdc.config.property import Importance, Property, Type, in_group
from cdc.config.validators import only
from cdc.converters.java_text import java_string
from cdc.converters.misfit import MEND_BYTES, MEND_RECORD, shown
from cdc.converters.properties import WITHOUT_SCHEMAS
from cdc.errors import ConversionError
from cdc.model.connect_record import SchemaAndValue
from cdc.model.schema import STRING, Schema


def _encoding_fault(name: str) -> str:
    try:
        marked = "x".encode(name) != b"x" and name.lower().replace("_", "-") in {"utf-16", "utf16", "utf-32", "utf32"}
    except LookupError:
        return "is not a known character set"
    return "does not say which byte comes first (add LE or BE)" if marked else ""


_OPTIONAL_STRING: Final = STRING.as_optional()
_ENCODING: Final = in_group(
    "Encoding",
    Property(
        "converter.encoding",
        Type.STRING,
        "UTF-8",
        "The character set of the texts.",
        Importance.HIGH,
        validator=only(_encoding_fault, "a character set such as UTF-8 or ISO-8859-1"),
        also=("encoding",),
    ),
)


class StringConverter:
    """Writes any value as Java's `toString` prints it, and reads texts; for keys, values and headers.

    Unlike Connect it refuses what cannot be written or read in the character set, where Connect puts a replacement character.
    """

    definition: ClassVar[Definition] = Definition((*_ENCODING, *WITHOUT_SCHEMAS))

    def __init__(self) -> None:
        self.configure({})

    def configure(self, properties: Mapping[str, str], *, is_key: bool = False) -> None:
        """Take the properties of the converter; raises InvalidConfig."""
        self._encoding = self.definition.parse(properties).string("converter.encoding") or "UTF-8"
        self._part = "key" if is_key else "value"

    def from_connect_data(self, topic: str, schema: Schema | None, value: object) -> bytes | None:
        """Return a value's text; raises ConversionError for one that has none in the character set."""
        return self._encoded(f"{topic}/{self._part}", schema, value)

    def to_connect_data(self, topic: str, data: bytes | None) -> SchemaAndValue:
        """Return an optional string; raises ConversionError for bytes that are none in the character set."""
        return self._decoded(f"{topic}/{self._part}", data)

    def from_connect_header(self, topic: str, key: str, schema: Schema | None, value: object) -> bytes | None:
        """Return the text of a header's value; see `from_connect_data`."""
        return self._encoded(f"{topic}/header {key}", schema, value)

    def to_connect_header(self, topic: str, key: str, data: bytes | None) -> SchemaAndValue:
        """Return a header's text; see `to_connect_data`."""
        return self._decoded(f"{topic}/header {key}", data)

    def _encoded(self, where: str, schema: Schema | None, value: object) -> bytes | None:
        if value is None:
            return None
        text = java_string(schema, value, where)
        try:
            return text.encode(self._encoding)
        except UnicodeEncodeError as error:
            fact = f"{where} holds {shown(text)}, which {self._encoding} has no bytes for"
            raise ConversionError(fact, f"Set converter.encoding to UTF-8. {MEND_RECORD}") from error

    def _decoded(self, where: str, data: bytes | None) -> SchemaAndValue:
        try:
            return SchemaAndValue(_OPTIONAL_STRING, None if data is None else data.decode(self._encoding))
        except UnicodeDecodeError as error:
            raise ConversionError(f"{where} is no text in {self._encoding}: {shown(data)}", MEND_BYTES) from error
