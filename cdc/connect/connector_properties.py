"""The properties that the runtime gives to every connector, and which properties of the Kafka client a connector may set.

Names, types, defaults, groups and order are Kafka Connect's (`ConnectorConfig`, `SourceConnectorConfig` and `SinkConnectorConfig` of
`connect-runtime` 4.3). The dead letter queue of sources is ours.

**Overrides.** Whoever may create a connector can set properties of its Kafka clients, and in Java some of those run code or open files and
addresses: CVE-2023-25194 (a login module), CVE-2025-27817 (an address of OAuth). So there is a list of what is let through; everything
else is refused, also what nobody has thought of yet.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from cdc.config import connect, kafka
from cdc.config.definition import Config, Definition, Prefix, Rule
from cdc.config.property import (
    REQUIRED,
    Importance,
    Problem,
    Property,
    Status,
    Type,
    Validator,
    in_group,
    nearest,
)
from cdc.config.regex import RegexError, compile_java
from cdc.config.validators import PATTERNS, PRINTABLE, TOPIC_PART, between, only
from cdc.config.worker import CLIENTS, TABLES, check_client

HIGH: Final = Importance.HIGH
MEDIUM: Final = Importance.MEDIUM
LOW: Final = Importance.LOW

COMMON: Final = "Common"
TRANSFORMS: Final = "Transforms"
PREDICATES: Final = "Predicates"
ERRORS: Final = "Error Handling"
TOPIC_CREATION: Final = "Topic Creation"
EXACTLY_ONCE: Final = "Exactly Once Support"
OFFSETS: Final = "offsets.topic"

DEAD_LETTERS: Final = "errors.deadletterqueue."


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
            reason="no connector makes more",
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
    *in_group(
        ERRORS,
        Property(
            "errors.retry.timeout",
            Type.LONG,
            "0",
            "How long an operation that failed is tried again, in milliseconds; 0: not at all, -1: without end.",
            validator=between(-1),
        ),
        Property(
            "errors.retry.delay.max.ms",
            Type.LONG,
            "60000",
            "Longest pause between such attempts, in milliseconds.",
            validator=between(0),
        ),
        Property(
            "errors.tolerance",
            Type.STRING,
            "none",
            "Whether a record that cannot be converted or transformed fails the task (none) or is left out (all).",
            choices=("none", "all"),
        ),
        Property("errors.log.enable", Type.BOOLEAN, "false", "Whether errors that are tolerated are logged."),
        Property("errors.log.include.messages", Type.BOOLEAN, "false", "Whether such lines show the record."),
    ),
)

_DEAD_LETTERS: Final = in_group(
    ERRORS,
    Property(
        f"{DEAD_LETTERS}topic.name",
        Type.STRING,
        "",
        "Topic for the records that are left out; none if it is empty.",
        validator=TOPIC_PART,
    ),
    Property(
        f"{DEAD_LETTERS}topic.replication.factor",
        Type.INT,
        "3",
        "Replicas of that topic when it is created; -1 is the broker's default.",
        validator=Validator("-1, or 1 and more", lambda n: "" if n == -1 or n >= 1 else "is out of range"),
    ),
    Property(
        f"{DEAD_LETTERS}context.headers.enable",
        Type.BOOLEAN,
        "false",
        "Whether its records say in headers what failed, where and why.",
    ),
)


def _from_run(name: str) -> Property:
    """Return a row that holds for `cdc-stream run` alike, with the importance that Connect gives it."""
    row = next(each for each in connect.EXACTLY_ONCE if each.name == name)
    return replace(row, importance=LOW if name.endswith(".ms") else MEDIUM)


_SOURCE: Final = (
    *in_group(
        TOPIC_CREATION,
        Property(
            "topic.creation.groups",
            Type.LIST,
            "",
            "Names of groups of topics that are created with settings of their own, under topic.creation.<group>.",
            LOW,
        ),
    ),
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
    *(Prefix(f"{client}.override.", f"Properties of the connector's {client}.") for client in CLIENTS),
)

_EVERY_CLIENT: Final = (
    "bootstrap.servers",
    "client.id",
    "metadata.max.age.ms",
    "request.timeout.ms",
    "sasl.jaas.config",
    "sasl.mechanism",
    "sasl.password",
    "sasl.username",
    "security.protocol",
    "ssl.endpoint.identification.algorithm",
    "ssl.key.password",
    "ssl.keystore.certificate.chain",
    "ssl.keystore.key",
    "ssl.keystore.type",
    "ssl.truststore.certificates",
    "ssl.truststore.type",
)

ALLOWED: Final[Mapping[str, frozenset[str]]] = {
    "producer": frozenset(
        (
            *_EVERY_CLIENT,
            "acks",
            "batch.size",
            "buffer.memory",
            "compression.type",
            "delivery.timeout.ms",
            "enable.idempotence",
            "linger.ms",
            "max.block.ms",
            "max.in.flight.requests.per.connection",
            "max.request.size",
            "retries",
            "transaction.timeout.ms",
        )
    ),
    "consumer": frozenset(
        (
            *_EVERY_CLIENT,
            "auto.offset.reset",
            "fetch.max.bytes",
            "fetch.max.wait.ms",
            "fetch.min.bytes",
            "group.id",
            "heartbeat.interval.ms",
            "isolation.level",
            "max.partition.fetch.bytes",
            "max.poll.interval.ms",
            "max.poll.records",
            "session.timeout.ms",
        )
    ),
    "admin": frozenset(_EVERY_CLIENT),
}
"""By client, the properties that a connector may set: none of them names code, a file or an address but the brokers'."""

_PRINCIPAL: Final = frozenset(
    ("sasl.jaas.config", "sasl.mechanism", "sasl.password", "sasl.username", "security.protocol")
)

_DANGERS: Final = (
    (r".*(?:class|classes|reporters|providers|assignors?|\.strategy)", "it names code to be run (CVE-2023-25194)"),
    (r".*url(?:\..*)?|.*\.oauthbearer\..*", "it names an address or a file to be opened (CVE-2025-27817)"),
    (r".*(?:location|\.file|\.files|\.path)", "it names a file on the worker's machine"),
)


def client_overrides(policy: str = "All") -> Rule:
    """Return the rule that a connector sets only what it may of its Kafka clients.

    `policy` is that of the worker (`connector.client.config.override.policy`): All is all that is on the list, Principal what makes the
    login, None nothing.
    """

    def rule(config: Config) -> Iterator[Problem]:
        for client in CLIENTS:
            prefix = f"{client}.override."
            for name, text in config.beneath(prefix).items():
                yield from _override_problems(policy, client, prefix, name, text)

    return rule


def _override_problems(policy: str, client: str, prefix: str, name: str, text: str) -> Iterator[Problem]:
    label = prefix + name
    if name not in ALLOWED[client]:
        yield _refused(label, prefix, name, ALLOWED[client])
    elif policy == "None" or (policy == "Principal" and name not in _PRINCIPAL):
        fact = f"The '{policy}' policy does not allow '{label}' to be overridden in the connector configuration"
        yield Problem(label, fact, "Remove it, or change connector.client.config.override.policy of the worker.")
    else:
        yield from check_client(label, name, text, TABLES[client])


def _refused(label: str, prefix: str, name: str, allowed: Iterable[str]) -> Problem:
    """Return the problem that a property is not on the list, with the reason if it is a known danger."""
    danger = next((why for pattern, why in _DANGERS if re.fullmatch(pattern, name)), "")
    if danger:
        return Problem(
            label, f"{label} is refused: {danger}", "Remove it; what all connectors need, the worker can set."
        )
    near = nearest(name, sorted(allowed))
    remedy = f"Did you mean {prefix}{near}?" if near else "Remove it."
    return Problem(label, f"{label} is not among the properties that a connector may set", remedy)


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


def topic_groups(config: Config) -> Iterator[Problem]:
    """Yield what is wrong with the settings of topics to be created: of `default`, and of each group."""
    groups = config.list("topic.creation.groups")
    for name, text in config.beneath("topic.creation.").items():
        group, _, setting = name.partition(".")
        if name in ("groups", "enable"):
            continue
        if group not in (*groups, "default"):
            near = nearest(group, [*groups, "default"])
            remedy = f"Did you mean topic.creation.{near}.{setting}?" if near else "Add it there, or remove this."
            yield Problem(f"topic.creation.{name}", f"topic.creation.groups does not name {group!r}", remedy)
        elif setting in _OF_TOPICS:
            yield from _check_setting(replace(_OF_TOPICS[setting], name=f"topic.creation.{name}"), text)
    for group in groups:
        if not config.beneath(f"topic.creation.{group}.").get("include", "").strip():
            name = f"topic.creation.{group}.include"
            yield Problem(
                name, f"{name} is not set", "Set it to regular expressions for the names of the group's topics."
            )


_OF_TOPICS: Final = {
    **{
        name: next(each for each in kafka.TOPIC_CREATION if each.name == f"topic.creation.default.{name}")
        for name in ("partitions", "replication.factor")
    },
    **{
        name: Property(name, Type.STRING, "", "Names of topics.", validator=PATTERNS) for name in ("include", "exclude")
    },
}


def _check_setting(row: Property, text: str) -> Iterator[Problem]:
    try:
        row.read(text)
    except ValueError as error:
        yield Problem(row.name, f"{row.name} = {row.show(text)} {error}", row.hint(text))


def for_source(own: Definition, policy: str = "All") -> Definition:
    """Return the properties of a source connector: the runtime's, then its own; of two with one name the runtime's."""
    rows = (*_COMMON, *_DEAD_LETTERS, *_SOURCE)
    prefixes = (*_PREFIXES, Prefix("topic.creation.", "Settings of topics that are created."))
    return _joined(rows, prefixes, (client_overrides(policy), topic_groups), own)


def for_sink(own: Definition, policy: str = "All") -> Definition:
    """Return the properties of a sink connector: the runtime's, then its own; of two with one name the runtime's."""
    rows = (*_COMMON, *_SINK, *_DEAD_LETTERS)
    return _joined(rows, _PREFIXES, (client_overrides(policy), topics_to_read), own)


def for_pipeline(own: Definition, policy: str = "All") -> Definition:
    """Return the properties of a source whose table has those of the runtime already, with the rule about overrides.

    It is for checking: a property of the Kafka client under `producer.override.` is not one of the table's here, but one that the rule
    lets through or not.
    """
    overrides = tuple(each for each in _PREFIXES if each.name.endswith(".override."))
    return _joined((), overrides, (client_overrides(policy),), own)


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
