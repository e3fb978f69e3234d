"""Which tables are captured: Debezium's lists of regular expressions over names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from cdc.config.definition import Config
from cdc.config.property import LONGEST_SHOWN, Problem
from cdc.config.regex import RegexError, compile_java
from cdc.errors import ConfigError

#: The schemas that PostgreSQL has of its own.
POSTGRES_SYSTEM: Final = frozenset({"pg_catalog", "information_schema", "pg_toast"})


def split_patterns(text: str) -> tuple[str, ...]:
    r"""Return the regular expressions of a comma-separated list, trimmed; `\\,` stands for a comma inside one."""
    parts = re.findall(r"(?:\\.|[^,\\]|\\\Z)+", text, re.DOTALL)
    return tuple(part.strip().replace("\\,", ",") for part in parts if part.strip())


def pattern_fault(text: str) -> str:
    """Return what is wrong with a list of regular expressions, as a verb phrase; "" when all compile."""
    for pattern in split_patterns(text):
        try:
            compile_java(pattern)
        except RegexError as error:
            return f"holds the pattern {pattern[:LONGEST_SHOWN]!r}, which cannot be used: {error}"
    return ""


def one_list_each(config: Config, pairs: Iterable[tuple[str, str]]) -> Iterable[Problem]:
    """Yield a problem for each pair of properties, one that includes and one that excludes, of which both are set."""
    for include, exclude in pairs:
        if config.is_set(include) and config.is_set(exclude):
            yield Problem(exclude, f"{include} and {exclude} are both set", "Keep one of them.")


def list_names(*kinds: str) -> tuple[tuple[str, str], ...]:
    """Return the names of the two lists of each kind of name."""
    return tuple((f"{kind}.include.list", f"{kind}.exclude.list") for kind in kinds)


@dataclass(frozen=True, slots=True)
class Guardrail:
    """How many tables there may be at a start, 0 for any number, and whether more are refused."""

    most: int = 0
    refuses: bool = False

    @classmethod
    def from_config(cls, config: Config) -> Guardrail:
        """Return what `guardrail.collections.*` say."""
        action = config.string("guardrail.collections.limit.action")
        return cls(config.integer("guardrail.collections.max"), action == "fail")


@dataclass(frozen=True, slots=True)
class NameFilter:
    """A list of names to include, or one to exclude, or neither: then every name passes.

    A pattern must match the whole name; upper and lower case of ASCII letters are the same.
    """

    include: tuple[re.Pattern[str], ...] = ()
    exclude: tuple[re.Pattern[str], ...] = ()

    @classmethod
    def parse(cls, include: str = "", exclude: str = "", what: str = "table") -> NameFilter:
        """Return the filter for the texts of `<what>.include.list` and `<what>.exclude.list`.

        Raises:
            ConfigError: both are given, or a pattern does not compile.
        """
        if include.strip() and exclude.strip():
            raise ConfigError(f"{what}.include.list and {what}.exclude.list are both set", "Keep one of them.")
        for name, text in (("include", include), ("exclude", exclude)):
            if fault := pattern_fault(text):
                raise ConfigError(f"{what}.{name}.list {fault}", "Correct the regular expression.")
        return cls(_compiled(split_patterns(include)), _compiled(split_patterns(exclude)))

    @classmethod
    def from_config(cls, config: Config, what: str) -> NameFilter:
        """Return the filter of `<what>.include.list` and `<what>.exclude.list`; raises what `parse` raises."""
        return cls.parse(config.string(f"{what}.include.list"), config.string(f"{what}.exclude.list"), what)

    def matches(self, name: str) -> bool:
        """Whether the name passes."""
        if self.include:
            return any(pattern.fullmatch(name) for pattern in self.include)
        return not any(pattern.fullmatch(name) for pattern in self.exclude)

    def place(self, name: str) -> int:
        """Return which pattern of the include list lets the name pass, from 0; 0 also without such a list."""
        return next((place for place, pattern in enumerate(self.include) if pattern.fullmatch(name)), 0)


@dataclass(frozen=True, slots=True)
class NameList:
    """The names that one of some regular expressions matches as a whole; without any, no name."""

    patterns: tuple[re.Pattern[str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> NameList:
        """Return the list for a comma-separated text; raises RegexError for a pattern that cannot be used."""
        return cls(_compiled(split_patterns(text)))

    def matches(self, name: str) -> bool:
        """Whether the name is meant."""
        return any(pattern.fullmatch(name) for pattern in self.patterns)


@dataclass(frozen=True, slots=True)
class TableFilter:
    """The tables that a connector captures: the schema must pass its filter, and `schema.table` its own.

    The server's own schemas, `system`, never pass.
    """

    schemas: NameFilter = field(default_factory=NameFilter)
    tables: NameFilter = field(default_factory=NameFilter)
    system: frozenset[str] = POSTGRES_SYSTEM

    def matches(self, schema: str, table: str) -> bool:
        """Whether changes of this table are wanted."""
        return schema not in self.system and self.schemas.matches(schema) and self.tables.matches(f"{schema}.{table}")

    def place(self, schema: str, table: str) -> int:
        """Return the table's place in the order of the include list, which is the order of a snapshot; several may share one."""
        return self.tables.place(f"{schema}.{table}")


def _compiled(patterns: Iterable[str]) -> tuple[re.Pattern[str], ...]:
    return tuple(compile_java(pattern) for pattern in patterns)
