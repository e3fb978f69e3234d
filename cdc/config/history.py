"""Where the schema history is kept: properties and settings."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final

from cdc.config.definition import Config, Prefix
from cdc.config.property import Importance, Property, Type, in_group, without_effect

_LOW: Final = Importance.LOW
_NAME: Final = "schema.history.internal"
_KAFKA: Final = "io.debezium.storage.kafka.history.KafkaSchemaHistory"
_FILE: Final = "io.debezium.storage.file.history.FileSchemaHistory"
_MEMORY: Final = "io.debezium.relational.history.MemorySchemaHistory"
_SAME: Final = "it is read and written as the connector's other topics are"

HISTORY: Final = in_group(
    "Schema history",
    Property(
        _NAME,
        Type.CLASS,
        _KAFKA,
        "Where definitions and their changes are kept, by which a row is read under the definition it was written with: a topic, a file, or"
        " the memory (for trials: a restart begins anew).",
        choices=(_KAFKA, _FILE, _MEMORY),
    ),
    Property(
        f"{_NAME}.kafka.topic",
        Type.STRING,
        "",
        "Topic of the history, with one partition, kept for ever; one connector's alone. If empty: schemahistory.<topic.prefix>. An"
        " existing one of Debezium is taken over.",
        Importance.HIGH,
    ),
    without_effect(
        f"{_NAME}.kafka.bootstrap.servers",
        Type.STRING,
        "",
        "Brokers of that topic.",
        "it is written in the transaction of the records, so it is on their brokers",
    ),
    Property(f"{_NAME}.file.filename", Type.STRING, "", "File of the history.", _LOW),
    Property(
        f"{_NAME}.skip.unparseable.ddl",
        Type.BOOLEAN,
        "false",
        "Whether DDL that cannot be read is passed over. Rows of the tables that it concerns may then be refused.",
        _LOW,
    ),
    Property(
        f"{_NAME}.store.only.captured.tables.ddl",
        Type.BOOLEAN,
        "false",
        "Whether only captured tables have a history. A table that is captured later then has none before that.",
    ),
    Property(
        f"{_NAME}.store.only.captured.databases.ddl",
        Type.BOOLEAN,
        "false",
        "Whether only tables of captured databases have a history.",
    ),
    without_effect(
        f"{_NAME}.kafka.recovery.poll.interval.ms", Type.INT, "100", "Wait for records of the topic.", _SAME
    ),
    without_effect(f"{_NAME}.kafka.recovery.attempts", Type.INT, "100", "Attempts to read the topic.", _SAME),
    without_effect(f"{_NAME}.kafka.query.timeout.ms", Type.INT, "3000", "Longest wait for a description.", _SAME),
    without_effect(f"{_NAME}.kafka.create.timeout.ms", Type.INT, "30000", "Longest wait for the topic.", _SAME),
    without_effect(f"{_NAME}.kafka.buffer.batch.size", Type.INT, "100", "Records in a batch.", _SAME),
    without_effect(
        f"{_NAME}.memory.optimization",
        Type.BOOLEAN,
        "false",
        "Whether definitions share what is equal.",
        "they always do",
    ),
)

PREFIXES: Final = (
    Prefix(f"{_NAME}.producer.", "Properties of the history's producer."),
    Prefix(f"{_NAME}.consumer.", "Properties of the history's consumer."),
)


class HistoryPlace(enum.StrEnum):
    """Where the history is kept."""

    KAFKA = _KAFKA
    FILE = _FILE
    MEMORY = _MEMORY


@dataclass(frozen=True, slots=True)
class HistorySettings:
    """Where the schema history is kept, and what it has. `topic` and `file` are empty where the place needs none."""

    place: HistoryPlace = HistoryPlace.KAFKA
    topic: str = ""
    file: str = ""
    skip_unparseable: bool = False
    only_tables: bool = False
    only_databases: bool = False

    @classmethod
    def from_config(cls, config: Config) -> HistorySettings:
        """Return the settings of a configuration of the MySQL connector."""
        return cls(
            place=HistoryPlace(config.string(_NAME)),
            topic=config.string(f"{_NAME}.kafka.topic") or f"schemahistory.{config.string('topic.prefix')}",
            file=config.string(f"{_NAME}.file.filename"),
            skip_unparseable=config.boolean(f"{_NAME}.skip.unparseable.ddl"),
            only_tables=config.boolean(f"{_NAME}.store.only.captured.tables.ddl"),
            only_databases=config.boolean(f"{_NAME}.store.only.captured.databases.ddl"),
        )
