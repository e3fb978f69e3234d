"""What converters promise: those of single values, as in Kafka Connect, and those of whole batches of changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Protocol

from cdc.config.definition import Definition
from cdc.model.batch import ChangeBatch
from cdc.model.connect_record import SchemaAndValue
from cdc.model.records import RecordBatch
from cdc.model.schema import Schema


class Converter(Protocol):
    """Keys and values as bytes, and back (`org.apache.kafka.connect.storage.Converter`). Pure computation, one caller at a time."""

    definition: ClassVar[Definition]

    def configure(self, properties: Mapping[str, str], *, is_key: bool) -> None:
        """Take the properties under `key.converter.` or `value.converter.`, without that prefix; raises ConfigError."""

    def from_connect_data(self, topic: str, schema: Schema | None, value: object) -> bytes | None:
        """Return a value as bytes, None for no value; raises ConversionError for a value that does not fit its schema."""

    def to_connect_data(self, topic: str, data: bytes | None) -> SchemaAndValue:
        """Return what the bytes hold; raises ConversionError for bytes that are not of this format."""


class HeaderConverter(Protocol):
    """Header values as bytes, and back (`org.apache.kafka.connect.storage.HeaderConverter`)."""

    definition: ClassVar[Definition]

    def configure(self, properties: Mapping[str, str]) -> None:
        """Take the properties under `header.converter.`, without that prefix; raises ConfigError."""

    def from_connect_header(self, topic: str, key: str, schema: Schema | None, value: object) -> bytes | None:
        """Return a header's value as bytes; raises ConversionError."""

    def to_connect_header(self, topic: str, key: str, data: bytes | None) -> SchemaAndValue:
        """Return what a header's bytes hold; raises ConversionError."""


class BatchConverter(Protocol):
    """Turns a batch of changes into a batch of records.

    One record for each row, in the order of the rows; nothing is skipped. Pure computation: no I/O, no waiting, and the changes stay as
    they are. Not to be called by two threads at once. Raises ConversionError, which names table and column, on a value
    that its schema cannot carry; no part of the batch is returned then.
    """

    def convert(self, batch: ChangeBatch) -> RecordBatch:
        """Encode every row's key, value and own header."""
        ...
