"""Positions by MariaDB's global transaction identifiers: the last transaction of each replication domain.

Text: MariaDB's manual, "Global Transaction ID". Within a domain numbers ascend, so the last one stands for all before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from cdc.errors import ConfigError

PATTERN = re.compile(r"\s*(\d{1,10})-(\d{1,10})-(\d{1,20})\s*")
REMEDY = "Write it as the server does (SELECT @@gtid_binlog_pos), as in 0-1-100,1-1-20."


class MariaDbGtid(NamedTuple):
    """One transaction: its domain, the server that wrote it, and its number within the domain."""

    domain: int
    server: int
    number: int

    def __str__(self) -> str:
        return f"{self.domain}-{self.server}-{self.number}"

    @classmethod
    def parse(cls, text: str) -> MariaDbGtid:
        """Return the transaction that `text` names; raises ConfigError for anything else."""
        match = PATTERN.fullmatch(text)
        found = cls(*map(int, match.groups())) if match else None
        if found is None or max(found.domain, found.server) >= 1 << 32 or found.number >= 1 << 64:
            raise ConfigError(f"'{text.strip()}' is not a GTID of MariaDB", REMEDY)
        return found


class MariaDbGtidSet:
    """All transactions up to a last one in each domain.

    `add` changes it; operators return new sets: `|` is the later of each domain, `&` the earlier, `-` the domains in which the left one is
    ahead, `<=` tells that nothing is ahead. Not hashable, for it can change.
    """

    __slots__ = ("_last",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, gtids: Iterable[MariaDbGtid] = ()) -> None:
        self._last: dict[int, MariaDbGtid] = {}
        for gtid in gtids:
            self.add(gtid)

    @classmethod
    def parse(cls, text: str) -> MariaDbGtidSet:
        """Read the server's text; raises ConfigError for anything else, and if a domain is there twice."""
        gtids = [MariaDbGtid.parse(part) for part in text.split(",")] if text.strip() else []
        result = cls(gtids)
        if len(result._last) != len(gtids):
            raise ConfigError(f"the GTID position '{text}' has a domain twice", REMEDY)
        return result

    def add(self, gtid: MariaDbGtid) -> None:
        """Move the domain of `gtid` on to it; one that is not later than what is there changes nothing."""
        last = self._last.get(gtid.domain)
        if last is None or gtid.number > last.number:
            self._last[gtid.domain] = gtid

    def copy(self) -> MariaDbGtidSet:
        """Return a position that changes by itself."""
        return MariaDbGtidSet(self)

    def __iter__(self) -> Iterator[MariaDbGtid]:
        return iter(sorted(self._last.values()))

    def __contains__(self, gtid: MariaDbGtid) -> bool:
        last = self._last.get(gtid.domain)
        return last is not None and gtid.number <= last.number

    def __or__(self, other: MariaDbGtidSet) -> MariaDbGtidSet:
        return MariaDbGtidSet((*self, *other))

    def __and__(self, other: MariaDbGtidSet) -> MariaDbGtidSet:
        return MariaDbGtidSet((*(each for each in self if each in other), *(each for each in other if each in self)))

    def __sub__(self, other: MariaDbGtidSet) -> MariaDbGtidSet:
        return MariaDbGtidSet(each for each in self if each not in other)

    def __le__(self, other: MariaDbGtidSet) -> bool:
        return not self - other

    def __bool__(self) -> bool:
        return bool(self._last)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MariaDbGtidSet) and self._last == other._last

    def __str__(self) -> str:
        return ",".join(map(str, self))

    def __repr__(self) -> str:
        return f"MariaDbGtidSet.parse({str(self)!r})"
