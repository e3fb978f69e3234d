"""What is published beside the rows: transaction markers, logical messages, heartbeats. Properties and settings."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from cdc.config.definition import Config
from cdc.config.filters import NameFilter
from cdc.config.property import Importance, Property, Type, planned
from cdc.config.validators import PATTERNS, TOPIC_PART, between

_LOW: Final = Importance.LOW

TRANSACTIONS: Final = (
    Property(
        "provide.transaction.metadata",
        Type.BOOLEAN,
        "false",
        "Whether events are numbered within their source transaction, whose begin and end are published to the transaction topic.",
    ),
)

TOPICS: Final = (
    Property(
        "topic.transaction",
        Type.STRING,
        "transaction",
        "Last part of the transaction topic's name, behind topic.prefix.",
        _LOW,
        validator=TOPIC_PART,
    ),
    Property(
        "topic.heartbeat.prefix",
        Type.STRING,
        "__debezium-heartbeat",
        "First part of the heartbeat topic's name, before topic.prefix.",
        _LOW,
        validator=TOPIC_PART,
    ),
    planned("topic.heartbeat.name", Type.STRING, None, "Name of the heartbeat topic."),
)

HEARTBEATS: Final = (
    Property(
        "heartbeat.interval.ms",
        Type.LONG,
        "0",
        "Interval of heartbeat records while streaming, in milliseconds; 0 is none. The server's log is released without them too.",
        validator=between(0, unit="milliseconds"),
    ),
    Property(
        "heartbeat.action.query",
        Type.STRING,
        "",
        "Statement to run in the database with each heartbeat. If the server refuses it, that is logged, and the stream goes on.",
    ),
    Property(
        "heartbeat.message.prefix",
        Type.STRING,
        "",
        "With each heartbeat, a logical message with this prefix is written to the database's log (pg_logical_emit_message), and not"
        " published: it moves the stream on without a table. Nothing is written if empty.",
        _LOW,
    ),
)

MESSAGES: Final = (
    Property(
        "message.prefix.include.list",
        Type.STRING,
        "",
        "Prefixes of logical messages to publish, as regular expressions. Excludes message.prefix.exclude.list.",
        _LOW,
        validator=PATTERNS,
    ),
    Property(
        "message.prefix.exclude.list",
        Type.STRING,
        "",
        "Prefixes of logical messages not to publish, as regular expressions; all others are published.",
        _LOW,
        validator=PATTERNS,
    ),
)


@dataclass(frozen=True, slots=True)
class BesideSettings:
    """What is published beside the rows. `heartbeat_interval` is in seconds, 0 for none; empty texts are none too."""

    transactions: bool = False
    transaction_topic: str = "transaction"
    messages: NameFilter = field(default_factory=NameFilter)
    heartbeat_interval: float = 0.0
    heartbeat_topic_prefix: str = "__debezium-heartbeat"
    heartbeat_query: str = ""
    heartbeat_message: str = ""

    @classmethod
    def from_config(cls, config: Config) -> BesideSettings:
        """Return the settings of a configuration of any database."""
        return cls(
            transactions=config.boolean("provide.transaction.metadata"),
            transaction_topic=config.string("topic.transaction"),
            heartbeat_interval=config.integer("heartbeat.interval.ms") / 1000,
            heartbeat_topic_prefix=config.string("topic.heartbeat.prefix"),
            heartbeat_query=config.string("heartbeat.action.query"),
        )

    @classmethod
    def with_messages(cls, config: Config) -> BesideSettings:
        """Return the settings of a configuration of a database that has logical messages."""
        include, exclude = (config.string(f"message.prefix.{kind}.list") for kind in ("include", "exclude"))
        return replace(
            cls.from_config(config),
            messages=NameFilter.parse(include, exclude, "message.prefix"),
            heartbeat_message=config.string("heartbeat.message.prefix"),
        )
