"""The properties of the file source: Connect's."""

from __future__ import annotations

from typing import Final

from cdc.config.definition import Definition
from cdc.config.property import REQUIRED, Importance, Problem, Property, Type
from cdc.config.validators import TOPIC_PART, between

NO_FILE: Final = Problem(
    "file",
    "file is not set, and standard input, which Kafka Connect reads then, cannot be read a second time after a crash",
    "Set it to the path of a file that lines are appended to.",
)

DEFINITION: Final = Definition(
    (
        Property(
            "file",
            Type.STRING,
            None,
            "Source filename. Standard input, which Kafka Connect reads without it, is not supported",
            Importance.HIGH,
        ),
        Property("topic", Type.STRING, REQUIRED, "The topic to publish data to", Importance.HIGH, validator=TOPIC_PART),
        Property(
            "batch.size",
            Type.INT,
            "2000",
            "The maximum number of records the source task can read from the file each time it is polled",
            Importance.LOW,
            validator=between(1),
        ),
    )
)
