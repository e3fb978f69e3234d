"""What a connector does with single columns: which ones it publishes, how their values are hidden, what their schemas tell, which are the key.

Names of columns are written `schema.table.column`. Sources: Debezium's documentation, "Connector properties"; its rules on which of two
properties wins are not followed where a value would leave in clear.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from cdc.config.definition import Config
from cdc.config.filters import NameFilter, NameList, pattern_fault
from cdc.config.property import Problem
from cdc.config.secret import Secret

TRUNCATE: Final = "column.truncate.to.<N>.chars"
MASK: Final = "column.mask.with.<N>.chars"
HASH: Final = "column.mask.hash.<algorithm>.with.salt.<salt>"
HASH_V2: Final = "column.mask.hash.v2.<algorithm>.with.salt.<salt>"

_LENGTH: Final = re.compile(r"column\.(truncate\.to|mask\.with)\.([0-9]+)\.chars")
_HASH: Final = re.compile(r"column\.mask\.hash\.(v2\.)?([^.]+)\.with\.salt\.(.+)")
_LONGEST: Final = 0x7FFFFFFF


@dataclass(frozen=True, slots=True)
class Truncation:
    """Text is cut after `length` characters as Java counts them (UTF-16 units), binary values after as many bytes."""

    length: int


@dataclass(frozen=True, slots=True)
class Mask:
    """Text, and null, is replaced by `length` asterisks."""

    length: int


@dataclass(frozen=True, slots=True)
class Hash:
    """Text is replaced by the hash of the salt and the text, in hex; `serialized` hashes what Java's serialisation makes of the text (v1)."""

    algorithm: str
    salt: Secret
    serialized: bool


Change = Mask | Hash | Truncation


@dataclass(frozen=True, slots=True)
class KeyColumns:
    """The key of the tables that a pattern matches: the columns, as patterns too, in the order in which they stand in the key."""

    columns: tuple[re.Pattern[str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> KeyColumns:
        """Return what `message.key.columns` says: `table:column,column;table:column`; raises ValueError as `key_fault` says."""
        if fault := key_fault(text):
            raise ValueError(fault)
        patterns = (NameList.parse(f"{table}.{column}") for table, columns in _key_parts(text) for column in columns)
        return cls(tuple(pattern for names in patterns for pattern in names.patterns))

    def choose(self, table: str, columns: Sequence[str]) -> list[str]:
        """Return the columns of a table that are its key, in order; none when no pattern matches."""
        found = (name for pattern in self.columns for name in columns if pattern.fullmatch(f"{table}.{name}"))
        return list(dict.fromkeys(found))


def key_fault(text: str) -> str:
    """Return what is wrong with the text of `message.key.columns`, as a verb phrase; "" when nothing is."""
    for part in filter(str.strip, text.split(";")):
        if not re.fullmatch(r"[^:]+:[^:,]+(,[^:,]+)*", part.strip()):
            return f"holds {part.strip()!r}, which is not table:column,column"
    patterns = (f"{table}.{column}" for table, columns in _key_parts(text) for column in columns)
    return next(filter(None, map(pattern_fault, patterns)), "")


def _key_parts(text: str) -> Iterator[tuple[str, list[str]]]:
    for part in filter(str.strip, text.split(";")):
        table, _, columns = part.strip().partition(":")
        yield table.strip(), [column.strip() for column in columns.split(",")]


@dataclass(frozen=True, slots=True)
class ColumnRules:
    """The rules of one connector.

    `published` passes the columns that values carry. `changes` are in order of precedence: of those that match a column the first holds.
    `propagated` and `propagated_types` (over `schema.table.type`) are columns whose schema tells the type in the database.
    """

    published: NameFilter = field(default_factory=NameFilter)
    changes: tuple[tuple[NameList, Change], ...] = ()
    propagated: NameList = field(default_factory=NameList)
    propagated_types: NameList = field(default_factory=NameList)
    keys: KeyColumns = field(default_factory=KeyColumns)

    @classmethod
    def from_config(cls, config: Config) -> ColumnRules:
        """Return the rules of a configuration that has been parsed."""
        return cls(
            NameFilter.parse(config.string("column.include.list"), config.string("column.exclude.list"), "column"),
            tuple(sorted(_changes(config), key=lambda rule: (Mask, Hash, Truncation).index(type(rule[1])))),
            NameList.parse(config.string("column.propagate.source.type")),
            NameList.parse(config.string("datatype.propagate.source.type")),
            KeyColumns.parse(config.string("message.key.columns")),
        )

    def change(self, column: str) -> Change | None:
        """Return what is done with the values of a column, None for nothing. What hides most comes first, however the properties stand."""
        return next((change for names, change in self.changes if names.matches(column)), None)

    def propagates(self, column: str, kind: str) -> bool:
        """Whether the schema of a column tells its type in the database; `kind` is `schema.table.type`."""
        return self.propagated.matches(column) or self.propagated_types.matches(kind)


def _changes(config: Config) -> Iterator[tuple[NameList, Change]]:
    for name, value in config.items():
        if found := _LENGTH.fullmatch(name):
            kind = Truncation if found[1] == "truncate.to" else Mask
            yield NameList.parse(str(value)), kind(int(found[2]))
        elif found := _HASH.fullmatch(name):
            hashing = Hash(digest_name(found[2]), Secret(found[3]), serialized=not found[1])
            yield NameList.parse(str(value)), hashing


def digest_name(algorithm: str) -> str:
    """Return hashlib's name of an algorithm that Java calls `SHA-256`, `SHA-512/256` or `SHA3-256`."""
    name = algorithm.lower().replace("/", "_")
    return "sha1" if name == "sha" else name.replace("-", "_" if name.startswith("sha3") else "")


def usable_names(config: Config) -> Iterable[Problem]:
    """Yield a problem for each name of a mask that says what cannot be done: a hash that is not known, a length beyond 31 bits."""
    for name in config:
        if (found := _HASH.fullmatch(name)) and not _is_known(digest_name(found[2])):
            # The name itself holds the salt.
            shown = HASH_V2 if found[1] else HASH
            yield Problem(shown, f"{shown}: the hash algorithm {found[2]!r} is not known", "Use SHA-256, for example.")
        elif (found := _LENGTH.fullmatch(name)) and int(found[2]) > _LONGEST:
            yield Problem(name, f"{name}: the length is out of range", f"Give at most {_LONGEST}.")


def _is_known(name: str) -> bool:
    try:
        return hashlib.new(name, usedforsecurity=False).digest_size > 0
    except ValueError:
        return False
