"""What every transform and predicate promises: Kafka Connect's contracts (`org.apache.kafka.connect.transforms`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Protocol, TypeVar

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
