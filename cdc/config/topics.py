"""How topics are named: Debezium's strategies, as properties and as settings.

Source: Debezium's documentation, "Connector properties", and `io.debezium.schema.AbstractRegexTopicNamingStrategy`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from cdc.config.definition import Config
from cdc.config.property import LONGEST_SHOWN, Importance, Problem, Property, Type
from cdc.config.regex import RegexError, compile_java
from cdc.config.replacement import Replacement
from cdc.config.validators import only

_LOW: Final = Importance.LOW
_STRATEGIES: Final = tuple(
    f"io.debezium.schema.{parts}{kind}TopicNamingStrategy"
    for parts in ("Schema", "Default")
    for kind in ("", "Unicode", "Regex")
)
_REGEX: Final = ("topic.regex", "topic.replacement")
_KEY: Final = ("topic.key.field.regex", "topic.key.field.replacement")


def _pattern_fault(pattern: str) -> str:
    try:
        compile_java(pattern)
    except RegexError as error:
        return f"is no regular expression that can be used ({pattern[:LONGEST_SHOWN]!r}): {error}"
    return ""


PATTERN: Final = only(_pattern_fault, "a regular expression of Java")


def naming_properties(strategy: str) -> tuple[Property, ...]:
    """Return the properties of topic names; `strategy` is the default of a connector, such as `SchemaTopicNamingStrategy`."""
    return (
        Property(
            "topic.naming.strategy",
            Type.CLASS,
            f"io.debezium.schema.{strategy}",
            "How topics are named, with an underscore for each character that Kafka does not allow. Schema: prefix, schema and table;"
            " Default: prefix, database and table, where PostgreSQL, whose connectors have one database, has prefix and table. Unicode puts a"
            " character's code, as _u0020, for such a character (and for the underscore); Regex sends tables to the topics that topic.regex says.",
            _LOW,
            choices=_STRATEGIES,
        ),
        Property(
            "topic.regex",
            Type.STRING,
            "",
            "With a Regex strategy: regular expression over whole topic names. Topics that it matches are named by topic.replacement"
            " instead, so that several tables may share one.",
            _LOW,
            validator=PATTERN,
        ),
        Property(
            "topic.replacement",
            Type.STRING,
            "",
            "With a Regex strategy: name of these topics, in which $1 stands for what the first group of topic.regex matched.",
            _LOW,
        ),
        Property(
            "topic.key.enforce.uniqueness",
            Type.BOOLEAN,
            "true",
            "With a Regex strategy: whether the record key has a field more that names the table, so that rows of several tables do not"
            " replace each other.",
            _LOW,
        ),
        Property(
            "topic.key.field.name",
            Type.STRING,
            "__dbz__physicalTableIdentifier",
            "With a Regex strategy: name of that field.",
            _LOW,
        ),
        Property(
            "topic.key.field.regex",
            Type.STRING,
            "",
            "With a Regex strategy: regular expression over the topic names that tables have without topic.regex, from which that field's"
            " value is made; if it is not set, or does not match, the name is the value.",
            _LOW,
            validator=PATTERN,
        ),
        Property(
            "topic.key.field.replacement",
            Type.STRING,
            "",
            "With a Regex strategy: that value, in which $1 stands for what the first group of topic.key.field.regex matched.",
            _LOW,
        ),
    )


@dataclass(frozen=True, slots=True)
class TopicNaming:
    """How the topics of tables are named.

    With `schemas`, names have the schema (MySQL: the database) between prefix and table. `route` says which of them become others.
    `key_field` is the field of the record key that names the table, "" for none, and `key_value` makes its value of the table's own name.
    """

    schemas: bool = True
    unicode: bool = False
    route: Replacement | None = None
    key_field: str = ""
    key_value: Replacement | None = None

    @classmethod
    def from_config(cls, config: Config, *, default_has_schemas: bool = False) -> TopicNaming:
        """Return what a configuration says; `default_has_schemas` is of a database whose Default strategy has our `schema` in its names."""
        strategy = config.string("topic.naming.strategy").rpartition(".")[2]
        schemas = strategy.startswith("Default") is default_has_schemas
        if "Regex" not in strategy:
            return cls(schemas, "Unicode" in strategy)
        unique = config.boolean("topic.key.enforce.uniqueness")
        return cls(
            schemas,
            route=_replacement(config, _REGEX),
            key_field=config.string("topic.key.field.name") if unique else "",
            key_value=_replacement(config, _KEY) if unique else None,
        )


def _replacement(config: Config, names: tuple[str, str]) -> Replacement | None:
    pattern, replacement = map(config.string, names)
    return Replacement.parse(pattern, replacement) if pattern else None


def usable_naming(config: Config) -> Iterable[Problem]:
    """Yield a problem for each part of a Regex strategy that is missing or cannot be used, and for parts without such a strategy."""
    if "Regex" not in config.string("topic.naming.strategy"):
        for name in (*_REGEX, *_KEY):
            if config.is_set(name):
                remedy = "Set it to io.debezium.schema.SchemaRegexTopicNamingStrategy, or remove these properties."
                yield Problem(name, f"{name} is set, and topic.naming.strategy is not one that reads it", remedy)
        return
    for name in _REGEX:
        if not config.is_set(name):
            yield Problem(name, f"{name} is not set, and topic.naming.strategy needs it", "Set it.")
    if not config.string("topic.key.field.name"):
        yield Problem("topic.key.field.name", "topic.key.field.name is empty", "Give the field a name.")
    yield from _usable(config, _REGEX, legal=r"[a-zA-Z0-9._-]*")
    yield from _usable(config, _KEY, legal=r"(?s:.*)")


def _usable(config: Config, names: tuple[str, str], legal: str) -> Iterable[Problem]:
    (pattern, replacement), name = map(config.string, names), names[1]
    if not pattern:
        return
    if not replacement and name != _REGEX[1]:
        yield Problem(name, f"{name} is not set, and {names[0]} is", "Set both, or neither.")
    try:
        texts = (part for part in Replacement.parse(pattern, replacement).parts if isinstance(part, str))
    except RegexError as error:
        yield Problem(name, f"{name} = {replacement[:LONGEST_SHOWN]!r} cannot be used: {error}", "Correct it.")
        return
    if not re.fullmatch(legal, "".join(texts)):
        fact = (
            f"{name} = {replacement[:LONGEST_SHOWN]!r} has characters that Kafka does not allow in the name of a topic"
        )
        yield Problem(name, fact, "Use letters, digits, dots, hyphens and underscores.")
