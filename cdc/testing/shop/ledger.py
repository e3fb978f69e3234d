"""The account of what was committed: kept by the writer, independent of the log and of everything that reads it."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

Key = tuple[str | int, ...]
#: A table and the key of a row in it.
Row = tuple[str, Key]

EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one row.

    `op` is the envelope's: r for a row that the snapshot reads, c, u, d. `version` is the one that the change wrote, for d the one
    that it removed.
    """

    table: str
    key: Key
    op: str
    version: int

    def __str__(self) -> str:
        return f"{self.op} {self.table} {', '.join(map(str, self.key))} (version {self.version})"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was committed beside what was delivered, as multisets of changes.

    `missing` were committed and not delivered, `duplicated` were delivered more often than once, `foreign` were delivered and never
    committed; `examples` names a few of each.
    """

    committed: int
    delivered: int
    missing: int = 0
    duplicated: int = 0
    foreign: int = 0
    examples: tuple[str, ...] = field(default=(), repr=False)

    @property
    def exact(self) -> bool:
        """Whether everything was delivered exactly once, and nothing else."""
        return not (self.missing or self.duplicated or self.foreign)

    def line(self) -> str:
        """Return the comparison in one line."""
        text = f"committed {self.committed}, delivered {self.delivered}, missing {self.missing}, duplicated {self.duplicated}"
        return f"{text}, never committed {self.foreign}" if self.foreign else text


class Ledger:
    """What the shop has committed, set off against what was delivered.

    The two sides may come in any order. A change that was committed and delivered takes 8 bytes from then on, so that a shop can
    run for days.
    """

    def __init__(self) -> None:
        self.rows: dict[Row, int] = {}
        self.committed = 0
        self.delivered = 0
        self._open: dict[Change, int] = {}
        self._hashes = array("q")

    def begin(self, rows: Iterable[tuple[Row, int]]) -> None:
        """Note the rows, with their versions, that exist before the snapshot: each is to be delivered once, as a snapshot row."""
        for (table, key), version in rows:
            self.rows[table, key] = version
            self._note(Change(table, key, "r", version))

    def commit(self, changes: Iterable[Change]) -> None:
        """Note the changes of a transaction, in their order, after its commit succeeded."""
        for change in changes:
            if change.op == "d":
                del self.rows[change.table, change.key]
            else:
                self.rows[change.table, change.key] = change.version
            self._note(change)

    def deliver(self, change: Change) -> None:
        """Note a change that a reader has received."""
        self.delivered += 1
        self._settle(change, -1)

    def compare(self) -> Comparison:
        """Return how the two sides stand now."""
        missing = {change: count for change, count in self._open.items() if count > 0}
        surplus = {change: -count for change, count in self._open.items() if count < 0}
        known = set(self._hashes) if surplus else set()
        doubled = {change: count for change, count in surplus.items() if hash(change) in known}
        foreign = {change: count for change, count in surplus.items() if change not in doubled}
        return Comparison(
            self.committed,
            self.delivered,
            sum(missing.values()),
            sum(doubled.values()),
            sum(foreign.values()),
            tuple(_examples({"missing": missing, "duplicated": doubled, "never committed": foreign})),
        )

    def _note(self, change: Change) -> None:
        self.committed += 1
        self._hashes.append(hash(change))
        self._settle(change, 1)

    def _settle(self, change: Change, count: int) -> None:
        balance = self._open.get(change, 0) + count
        if balance:
            self._open[change] = balance
        else:
            self._open.pop(change, None)


def _examples(sides: dict[str, dict[Change, int]]) -> Iterator[str]:
    for name, changes in sides.items():
        for change in list(changes)[:EXAMPLES]:
            yield f"{name}: {change}"
