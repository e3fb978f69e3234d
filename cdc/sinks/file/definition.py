"""The properties of the file sink: Connect's, and the form of a line."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cdc.config.definition import Definition
from cdc.config.property import REQUIRED, Importance, Property, Type
from cdc.sinks.base import Properties


class LineFormat(enum.StrEnum):
    """What a line holds."""

    RAW = "raw"
    JSON = "json"


DEFINITION: Final = Definition(
    (
        Property(
            "file",
            Type.STRING,
            REQUIRED,
            "Destination filename. Standard output, to which Kafka Connect writes without it, is not supported",
            Importance.HIGH,
        ),
        Property(
            "format",
            Type.STRING,
            LineFormat.RAW,
            "What a line holds: raw is the value alone, as Kafka Connect writes it; json is an object with topic, partition, "
            "offset, timestamp, key, value and headers",
            choices=tuple(LineFormat),
        ),
    )
)


@dataclass(frozen=True, slots=True)
class FileSinkSettings:
    """What the properties mean; `connector` is the name under which the offsets count."""

    connector: str
    file: Path
    format: LineFormat

    @classmethod
    def of(cls, properties: Properties) -> FileSinkSettings:
        """Read the sink's own properties; raises ConfigError."""
        config = DEFINITION.parse({name: text for name, text in properties.items() if DEFINITION.find(name)})
        return cls(properties.get("name", ""), Path(config.string("file")), LineFormat(config.string("format")))
