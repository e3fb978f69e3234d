"""The properties that Kafka Connect gives to every source connector."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from cdc.config.classes import CONNECTOR, CONVERTER, HEADER_CONVERTER, is_json
from cdc.config.definition import Prefix
from cdc.config.property import REQUIRED, Importance, Property, Status, Type, in_group, planned, without_effect
from cdc.config.validators import PRINTABLE, TOPIC_PART, between

HIGH: Final = Importance.HIGH
LOW: Final = Importance.LOW

_PLUGINS: Final = "there is one version of every plugin: the installed one"


def _converter(side: str) -> tuple[Property, ...]:
    """Return the properties of the converter of keys or of values."""
    return (
        Property(
            f"{side}.converter",
            Type.CLASS,
            "org.apache.kafka.connect.json.JsonConverter",
            f"What writes record {side}s as bytes.",
            validator=CONVERTER,
        ),
        Property(
            f"{side}.converter.schemas.enable",
            Type.BOOLEAN,
            "true",
            f'Whether each JSON {side} is wrapped as {{"schema": …, "payload": …}}. Without schemas a record is several times smaller.',
            HIGH,
        ),
        Property(
            f"{side}.converter.decimal.format",
            Type.STRING,
            "BASE64",
            "How exact decimals are written: BASE64 of the unscaled number's bytes, or a JSON number.",
            choices=("BASE64", "NUMERIC"),
        ),
        Property(
            f"{side}.converter.replace.null.with.default",
            Type.BOOLEAN,
            "true",
            "Whether a null in a field that has a default is written as that default.",
        ),
        without_effect(
            f"{side}.converter.schemas.cache.size",
            Type.INT,
            "1000",
            "Number of schemas that the Java converter caches.",
            "each schema is written once per table version and kept with it",
        ),
        without_effect(
            f"{side}.converter.plugin.version", Type.STRING, None, "Version of the converter plugin.", _PLUGINS
        ),
    )


COMMON: Final = in_group(
    "Common",
    Property(
        "name",
        Type.STRING,
        REQUIRED,
        "The connector's name. Two running instances with one name exclude each other: it is the transactional id cdcstream-<name>.",
        HIGH,
        validator=PRINTABLE,
    ),
    Property(
        "connector.class",
        Type.CLASS,
        REQUIRED,
        "The connector, by Debezium's class name or in short.",
        HIGH,
        validator=CONNECTOR,
    ),
    Property(
        "tasks.max",
        Type.INT,
        "1",
        "Largest number of tasks. A connector that reads one log always runs one.",
        validator=between(1),
    ),
    without_effect(
        "tasks.max.enforce", Type.BOOLEAN, "true", "Whether more tasks than tasks.max is an error.", "there is one task"
    ),
    without_effect("connector.plugin.version", Type.STRING, None, "Version of the connector plugin.", _PLUGINS),
    without_effect(
        "config.action.reload",
        Type.STRING,
        "restart",
        "What happens when a secret changes at its provider.",
        "secrets are read once, at start",
    ),
)

CONVERTERS: Final = in_group(
    "Converters",
    *_converter("key"),
    *_converter("value"),
    Property(
        "header.converter",
        Type.CLASS,
        "org.apache.kafka.connect.storage.SimpleHeaderConverter",
        "What writes record headers as bytes.",
        LOW,
        validator=HEADER_CONVERTER,
    ),
    without_effect(
        "header.converter.plugin.version", Type.STRING, None, "Version of the header converter plugin.", _PLUGINS
    ),
)

TRANSFORMS: Final = (
    *in_group(
        "Transforms",
        Property("transforms", Type.LIST, "", "Names of the transforms, in the order in which they apply.", LOW),
    ),
    *in_group(
        "Predicates", Property("predicates", Type.LIST, "", "Names of the predicates that transforms refer to.", LOW)
    ),
)

DEAD_LETTERS: Final = "errors.deadletterqueue."
ERROR_POLICY: Final = (
    Property(
        "errors.retry.timeout",
        Type.LONG,
        "0",
        "How long a stage that failed for the moment is tried again, in milliseconds. 0: never; -1: without end.",
        validator=between(-1, unit="milliseconds"),
    ),
    Property(
        "errors.retry.delay.max.ms",
        Type.LONG,
        "60000",
        "Longest pause between such attempts, in milliseconds; the first is 300.",
        validator=between(1, unit="milliseconds"),
    ),
    Property(
        "errors.tolerance",
        Type.STRING,
        "none",
        "Whether a record that cannot be converted or transformed stops the task (none) or is given up (all).",
        choices=("none", "all"),
    ),
    Property("errors.log.enable", Type.BOOLEAN, "false", "Whether records that are given up are logged."),
    Property(
        "errors.log.include.messages",
        Type.BOOLEAN,
        "false",
        "Whether such log lines show the beginning of the record's key and value.",
    ),
    Property(
        f"{DEAD_LETTERS}topic.name",
        Type.STRING,
        "",
        "Topic that takes the records that are given up; without it they are dropped.",
    ),
    Property(
        f"{DEAD_LETTERS}topic.replication.factor",
        Type.INT,
        "3",
        "Replicas of that topic, if it has to be created.",
        validator=between(1),
    ),
    Property(
        f"{DEAD_LETTERS}context.headers.enable",
        Type.BOOLEAN,
        "false",
        "Whether headers of its records say what failed, and where.",
        Importance.MEDIUM,
    ),
)
"""What happens with records that cannot be converted or transformed, by Connect's names; those of dead letters hold for sinks."""


def of_source(row: Property) -> Property:
    """Return a row of `ERROR_POLICY` as it holds for sources, which in Connect have no dead letters."""
    if row.name == f"{DEAD_LETTERS}topic.name":
        return replace(row, validator=TOPIC_PART)
    if row.name == f"{DEAD_LETTERS}topic.replication.factor":
        reason = "that of a source is created as topic.creation.default.* says"
        return replace(row, status=Status.WITHOUT_EFFECT, reason=reason)
    return row


ERRORS: Final = in_group(
    "Error Handling",
    *map(of_source, ERROR_POLICY),
    Property(
        "errors.max.retries",
        Type.INT,
        "-1",
        "How often in a row a lost database or broker is tried again before the connector stops. -1: without end; 0: never.",
        validator=between(-1),
    ),
    Property(
        "retriable.restart.connector.wait.ms",
        Type.LONG,
        "10000",
        "Longest pause before a new attempt, in milliseconds; the first attempts come sooner.",
        validator=between(1, unit="milliseconds"),
    ),
)

EXACTLY_ONCE: Final = in_group(
    "Exactly Once Support",
    Property(
        "exactly.once.support",
        Type.STRING,
        "requested",
        "Delivery is exactly once either way; both words are accepted.",
        LOW,
        choices=("requested", "required"),
    ),
    Property(
        "transaction.boundary",
        Type.STRING,
        "poll",
        "Where Kafka transactions end: after a whole number of source transactions, grouped by the limits of transaction.max.*.",
        LOW,
        choices=("poll",),
        planned=("interval", "connector"),
    ),
    planned(
        "transaction.boundary.interval.ms",
        Type.LONG,
        None,
        "Length of a Kafka transaction when cut by time, in milliseconds.",
    ),
)


def _another_converter(side: str) -> Prefix:
    """Return the prefix of a converter whose properties are not in this table."""
    return Prefix(
        f"{side}.converter.",
        f"Properties of a {side} converter other than JSON.",
        lambda raw: not is_json(raw.get(f"{side}.converter", "json")),
    )


PREFIXES: Final = (
    _another_converter("key"),
    _another_converter("value"),
    Prefix("transforms.", "Properties of the transforms."),
    Prefix("predicates.", "Properties of the predicates."),
    Prefix("header.converter.", "Properties of the header converter."),
)
