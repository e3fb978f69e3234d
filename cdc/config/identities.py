"""The replica identities that a connector gives to tables: `replica.identity.autoset.values`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from cdc.config.filters import NameList, pattern_fault

_PART: Final = re.compile(
    r"\s*(?P<tables>[^\s:]+):(?:(?P<word>DEFAULT|FULL|NOTHING)|INDEX\s+(?P<index>\S+))\s*", re.IGNORECASE
)
_LETTERS: Final = {"DEFAULT": "d", "FULL": "f", "NOTHING": "n"}


@dataclass(frozen=True, slots=True)
class ReplicaIdentity:
    """What the log carries of old rows; `letter` is that of pg_class.relreplident (d, f, n or i), `index` the index of an i."""

    letter: str
    index: str = ""


@dataclass(frozen=True, slots=True)
class ReplicaIdentities:
    """Identities by table; the first whose pattern matches `schema.table` holds."""

    rules: tuple[tuple[NameList, ReplicaIdentity], ...] = ()

    @classmethod
    def parse(cls, text: str) -> ReplicaIdentities:
        """Return what a text says: `table:FULL,table:INDEX name`; raises ValueError as `identity_fault` says."""
        if fault := identity_fault(text):
            raise ValueError(fault)
        return cls(tuple((NameList.parse(found["tables"]), _identity(found)) for found in _parts(text) if found))

    def choose(self, table: str) -> ReplicaIdentity | None:
        """Return the identity that a table shall have; None when nothing is said of it."""
        return next((identity for names, identity in self.rules if names.matches(table)), None)


def identity_fault(text: str) -> str:
    """Return what is wrong with the text of the property, as a verb phrase; "" when nothing is."""
    for part in filter(str.strip, text.split(",")):
        found = _PART.fullmatch(part)
        if found is None:
            return f"holds {part.strip()!r}, which is not table:DEFAULT, table:FULL, table:NOTHING or table:INDEX name"
        if fault := pattern_fault(found["tables"]):
            return fault
    return ""


def _parts(text: str) -> Iterator[re.Match[str] | None]:
    return map(_PART.fullmatch, filter(str.strip, text.split(",")))


def _identity(found: re.Match[str]) -> ReplicaIdentity:
    return ReplicaIdentity("i", found["index"]) if found["index"] else ReplicaIdentity(_LETTERS[found["word"].upper()])
