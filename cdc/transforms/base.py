"""What every transform, predicate and post processor promises: Kafka Connect's contracts (`org.apache.kafka.connect.transforms`) and Debezium's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, TypeVar

from cdc.config.definition import Definition
from cdc.model.connect_record import SinkRecord, SourceRecord

R = TypeVar("R", SourceRecord, SinkRecord)


class Transformation(Protocol):
    """Changes records one at a time. Pure computation: no I/O, no waiting; one caller at a time."""

    definition: ClassVar[Definition]

    def configure(self, properties: Mapping[str, str]) -> None:
        """Take the properties under the transform's name, without that prefix; raises ConfigError."""

    def apply(self, record: R) -> R | None:
        """Return the record, a changed one, or None to leave it out; raises ConversionError for one that it cannot take."""

    def close(self) -> None:
        """Release everything; may come again."""


class Predicate(Protocol):
    """Says whether a transform applies to a record. Pure computation."""

    definition: ClassVar[Definition]

    def configure(self, properties: Mapping[str, str]) -> None:
        """Take the properties under the predicate's name, without that prefix; raises ConfigError."""

    def test(self, record: SourceRecord | SinkRecord) -> bool:
        """Return whether the record fulfils it, whatever record it is; raises nothing."""

    def close(self) -> None:
        """Release everything; may come again."""


class PostProcessor(Protocol):
    """Changes the events of rows before any transform sees them: Debezium's `io.debezium.processors.spi.PostProcessor`.

    Pure computation; one caller at a time.
    """

    definition: ClassVar[Definition]

    def configure(self, properties: Mapping[str, str]) -> None:
        """Take the properties under the post processor's name, without that prefix and `type`; raises ConfigError."""

    def process(self, key: Mapping[str, Any] | None, value: dict[str, Any]) -> None:
        """Put other values into an event, Debezium's envelope, and into its `before` and `after`, under which they must fit the schema.

        Values that hold others, such as lists, are replaced and not changed. Called for snapshot reads, inserts, updates, deletes and
        truncates. Raises ConversionError for an event that it cannot take.
        """

    def close(self) -> None:
        """Release everything; may come again."""
