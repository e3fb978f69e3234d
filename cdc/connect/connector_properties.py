"""The properties that the runtime gives to every connector.

Names, types, defaults, groups and order are Kafka Connect's (`ConnectorConfig`, `SourceConnectorConfig` and `SinkConnectorConfig` of
`connect-runtime` 4.3). The dead letter queue of sources is ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from cdc.config import connect, kafka
from cdc.config.definition import Config, Definition, Prefix, Rule
from cdc.config.property import REQUIRED, Importance, Problem, Property, Status, Type, in_group, nearest
from cdc.config.regex import RegexError, compile_java
from cdc.config.validators import PRINTABLE, TOPIC_PART, between, only
from cdc.config.worker_clients import CLIENTS
from cdc.connect.client_overrides import client_overrides
from cdc.connect.tolerance import SINK_ERRORS

HIGH: Final = Importance.HIGH
MEDIUM: Final = Importance.MEDIUM
LOW: Final = Importance.LOW

COMMON: Final = "Common"
TRANSFORMS: Final = "Transforms"
PREDICATES: Final = "Predicates"
OFFSETS: Final = "offsets.topic"

DEAD_LETTERS: Final = connect.DEAD_LETTERS
_GROUPS: Final = "topic.creation.groups"


@dataclass(frozen=True, slots=True)
class Look:
    """How a form shows a property: its place in its group, from 1, the width of its field, and its name for people."""

    order: int
    width: str
    display_name: str


LOOKS: Final[Mapping[str, Look]] = {
    "name": Look(1, "MEDIUM", "Connector name"),
    "connector.class": Look(2, "LONG", "Connector class"),
    "connector.plugin.version": Look(3, "MEDIUM", "Connector version"),
    "tasks.max": Look(4, "SHORT", "Tasks max"),
    "tasks.max.enforce": Look(5, "SHORT", "Enforce tasks max"),
    "key.converter": Look(6, "SHORT", "Key converter class"),
    "key.converter.plugin.version": Look(7, "SHORT", "Key converter version"),
    "value.converter": Look(8, "SHORT", "Value converter class"),
    "value.converter.plugin.version": Look(9, "SHORT", "Value converter version"),
    "header.converter": Look(10, "SHORT", "Header converter class"),
    "header.converter.plugin.version": Look(11, "SHORT", "Header converter version"),
    "transforms": Look(12, "LONG", "Transforms"),
    "predicates": Look(13, "LONG", "Predicates"),
    "config.action.reload": Look(14, "MEDIUM", "Reload Action"),
    "errors.retry.timeout": Look(1, "MEDIUM", "Retry Timeout for Errors"),
    "errors.retry.delay.max.ms": Look(2, "MEDIUM", "Maximum Delay Between Retries for Errors"),
    "errors.tolerance": Look(3, "SHORT", "Error Tolerance"),
    "errors.log.enable": Look(4, "SHORT", "Log Errors"),
    "errors.log.include.messages": Look(5, "SHORT", "Log Error Details"),
    f"{DEAD_LETTERS}topic.name": Look(6, "MEDIUM", "Dead Letter Queue Topic Name"),
    f"{DEAD_LETTERS}topic.replication.factor": Look(7, "MEDIUM", "Dead Letter Queue Topic Replication Factor"),
    f"{DEAD_LETTERS}context.headers.enable": Look(8, "MEDIUM", "Enable Error Context Headers"),
    "topic.creation.groups": Look(1, "LONG", "Topic Creation Groups"),
    "exactly.once.support": Look(2, "SHORT", "Exactly once support"),
    "transaction.boundary": Look(3, "SHORT", "Transaction Boundary"),
    "transaction.boundary.interval.ms": Look(4, "SHORT", "Transaction boundary interval"),
    "offsets.storage.topic": Look(1, "LONG", "Offsets topic"),
    "topics": Look(4, "LONG", "Topics"),
    "topics.regex": Look(4, "LONG", "Topics regex"),
}
"""How the properties of the runtime are shown, by name; `order` runs on from group to group where it does in Connect."""

_ONE_VERSION: Final = "there is one version of every plugin: the installed one"


def _regex_fault(pattern: str) -> str:
    try:
        compile_java(pattern)
    except RegexError as error:
        return f"cannot be used: {error}"
    return ""


def _idle(
    name: str, kind: Type, default: str | None, doc: str, *, reason: str, importance: Importance = LOW
) -> Property:
    """Return a property without effect, with the importance that it has in Connect."""
    return Property(name, kind, default, doc, importance, status=Status.WITHOUT_EFFECT, reason=reason)


def _converter(side: str, kind: str) -> tuple[Property, Property]:
    doc = f"What turns record {side}s into bytes and back, by the name of its class; by default the worker's."
    version = _idle(
        f"{side}.converter.plugin.version", Type.STRING, None, f"Version of the {kind}.", reason=_ONE_VERSION
    )
    return Property(f"{side}.converter", Type.CLASS, None, doc, LOW), version


_COMMON: Final = (
    *in_group(
        COMMON,
        Property(
            "name", Type.STRING, REQUIRED, "Name of the connector, unique in its cluster.", HIGH, validator=PRINTABLE
        ),
        Property(
            "connector.class",
            Type.STRING,
            REQUIRED,
            "Class of the connector: its full name, its simple name, or that without its last word: FileStreamSource.",
            HIGH,
        ),
        _idle(
            "connector.plugin.version",
            Type.STRING,
            None,
            "Version of the connector.",
            reason=_ONE_VERSION,
            importance=MEDIUM,
        ),
        Property("tasks.max", Type.INT, "1", "Largest number of tasks.", HIGH, validator=between(1)),
        _idle(
            "tasks.max.enforce",
            Type.BOOLEAN,
            "true",
            "Whether more tasks than tasks.max are an error.",
            reason="more tasks are always an error",
        ),
        *_converter("key", "key converter"),
        *_converter("value", "value converter"),
        *_converter("header", "header converter"),
    ),
    *in_group(
        TRANSFORMS,
        Property("transforms", Type.LIST, "", "Names of the transforms, in the order in which they apply.", LOW),
    ),
    *in_group(
        PREDICATES, Property("predicates", Type.LIST, "", "Names of the predicates that transforms refer to.", LOW)
    ),
    *in_group(
        COMMON,
        _idle(
            "config.action.reload",
            Type.STRING,
            "restart",
            "What happens when a provider has another value.",
            reason="values are fetched whenever a task starts",
        ),
    ),
    *(row for row in SINK_ERRORS if not row.name.startswith(DEAD_LETTERS)),
)


def _dead_letters() -> Iterator[Property]:
    for row in SINK_ERRORS:
        if row.name.startswith(DEAD_LETTERS):
            yield replace(row, validator=TOPIC_PART) if row.name.endswith("topic.name") else row


_DEAD_LETTERS: Final = tuple(_dead_letters())

_DEAD_LETTERS_OF_SOURCES: Final = tuple(map(connect.of_source, _DEAD_LETTERS))


def _from_run(name: str) -> Property:
    """Return a row that holds for `cdc-stream run` alike, with the importance that Connect gives it."""
    row = next(each for each in connect.EXACTLY_ONCE if each.name == name)
    return replace(row, importance=LOW if name.endswith(".ms") else MEDIUM)


_SOURCE: Final = (
    *(row for row in kafka.TOPIC_CREATION if row.name == _GROUPS),
    *(_from_run(name) for name in ("exactly.once.support", "transaction.boundary", "transaction.boundary.interval.ms")),
    *in_group(
        OFFSETS,
        Property(
            "offsets.storage.topic",
            Type.STRING,
            None,
            "Topic for the offsets of this connector, if it is not the worker's.",
            LOW,
            validator=TOPIC_PART,
        ),
    ),
)

_SINK: Final = in_group(
    COMMON,
    Property("topics", Type.LIST, "", "Topics to read, separated by commas.", HIGH),
    Property(
        "topics.regex",
        Type.STRING,
        "",
        "Regular expression of Java that matches the names of the topics to read, as a whole. Give this or topics.",
        HIGH,
        validator=only(_regex_fault, "a regular expression"),
    ),
)

_PREFIXES: Final = (
    *(Prefix(f"{side}.converter.", f"Properties of the {side} converter.") for side in ("key", "value", "header")),
    Prefix("transforms.", "Properties of the transforms, by their names."),
    Prefix("predicates.", "Properties of the predicates, by their names."),
)


def _overrides(used: str) -> tuple[Prefix, ...]:
    """Return the prefixes of the Kafka clients of a connector that has one of them."""
    return tuple(
        Prefix(
            f"{client}.override.",
            f"Properties of its {client}." if client == used else f"Checked, and without effect: it has no {client}.",
        )
        for client in CLIENTS
    )


def topics_to_read(config: Config) -> Iterator[Problem]:
    """Yield what is wrong with the topics of a sink; the words are Connect's."""
    topics, pattern = config.is_set("topics"), config.is_set("topics.regex")
    if topics == pattern:
        fact = (
            "topics and topics.regex are mutually exclusive options, but both are set"
            if topics
            else "Must configure one of topics or topics.regex"
        )
        yield from (Problem(name, fact, "Set one of them.") for name in ("topics", "topics.regex"))
    queue = config.string(f"{DEAD_LETTERS}topic.name")
    if queue:
        yield from _reads_its_dead_letters(queue, config.list("topics"), config.string("topics.regex"))


def _reads_its_dead_letters(queue: str, topics: tuple[str, ...], pattern: str) -> Iterator[Problem]:
    """Yield a problem if the dead letter queue is among what the sink reads: its letters would come back for ever."""
    start, end = f"The DLQ topic '{queue}' may not be", "consumed by the connector"
    remedy = "Give the dead letters a topic of their own."
    if queue in topics:
        fact = f"{start} included in the list of topics ('topics=[{', '.join(topics)}]') {end}"
        yield Problem("topics", fact, remedy)
    # Names of topics have case, which filters take no account of.
    if pattern and re.compile(compile_java(pattern).pattern, re.ASCII).fullmatch(queue):
        fact = f"{start} matched by the regex for the topics ('topics.regex={pattern}') {end}"
        yield Problem("topics.regex", fact, remedy)


TOPICS: Final = tuple(replace(row, group="") for row in kafka.TOPIC_CREATION if row.name != _GROUPS)
"""What a source may say of topics that are created, beside Kafka's settings of topics; Connect does not list these either."""

_TOPICS: Final = {row.name: row for row in TOPICS}


def created_topics(config: Config) -> Iterator[Problem]:
    """Yield what is wrong with the settings of topics to be created: those of `default`, since there are no groups yet."""
    for rest, text in config.beneath("topic.creation.").items():
        name = f"topic.creation.{rest}"
        if name in _TOPICS:
            yield from _check_setting(_TOPICS[name], text)
        elif not rest.startswith("default.") and name != _GROUPS:
            near = nearest(name, list(_TOPICS))
            remedy = f"Did you mean {near}?" if near else "Remove it; topic.creation.default.* holds for all topics."
            yield Problem(name, f"{name} is not supported yet", remedy)


def _check_setting(row: Property, text: str) -> Iterator[Problem]:
    try:
        row.read(text)
    except ValueError as error:
        yield Problem(row.name, f"{row.name} = {row.show(text)} {error}", row.hint(text))


def for_source(own: Definition, policy: str = "All") -> Definition:
    """Return the properties of a source connector: the runtime's, then its own; of two with one name the runtime's."""
    rows = (*_COMMON, *_DEAD_LETTERS_OF_SOURCES, *_SOURCE)
    prefixes = (
        *_PREFIXES,
        *_overrides("producer"),
        Prefix(
            "topic.creation.default.", "Settings of topics that are created, by Kafka's names, such as cleanup.policy."
        ),
        Prefix("topic.creation.", "Settings of the groups of topics, which are not supported yet."),
    )
    return _joined(rows, prefixes, (client_overrides(policy), created_topics), own)


def for_sink(own: Definition, policy: str = "All") -> Definition:
    """Return the properties of a sink connector: the runtime's, then its own; of two with one name the runtime's."""
    rows = (*_COMMON, *_SINK, *_DEAD_LETTERS)
    return _joined(rows, (*_PREFIXES, *_overrides("consumer")), (client_overrides(policy), topics_to_read), own)


def for_pipeline(own: Definition, policy: str = "All") -> Definition:
    """Return the properties of a source whose table has those of the runtime already, with the rule about overrides.

    It is for checking: a property of the Kafka client under `producer.override.` is not one of the table's here, but one that the rule
    lets through or not.
    """
    return _joined((), _overrides("producer"), (client_overrides(policy),), own)


def _joined(
    rows: tuple[Property, ...], prefixes: tuple[Prefix, ...], rules: tuple[Rule, ...], own: Definition
) -> Definition:
    taken = {each.name for each in rows}
    # An override must meet the rule about overrides, even if the connector's own table has a name for it.
    guarded = tuple(f"{client}.override." for client in CLIENTS)
    own_rows = (
        replace(each, also=tuple(name for name in each.also if name not in taken and not name.startswith(guarded)))
        for each in own.properties
        if each.name not in taken and not each.name.startswith(guarded)
    )
    return Definition(
        (*rows, *own_rows),
        prefixes=(*prefixes, *own.prefixes),
        list_prefixes=own.list_prefixes,
        renamed=own.renamed,
        rules=(*rules, *own.rules),
    )
