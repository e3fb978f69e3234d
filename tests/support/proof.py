"""Whether a reader of Kafka finds what a load has committed: each change once, in commit order for its key."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from tests.support.database import Database
from tests.support.kafka_reader import Read, read_committed
from tests.support.load import GONE, POTS, Event

#: What a reader sees of a key: operation and mark; a tombstone is ("-", "").
Seen = tuple[str, str]
TOMBSTONE: Seen = ("-", "")
#: The columns of `accounts`.
COLUMNS = ("id", "owner", "change", "note")
SHOWN = 10

Marks = dict[int, list[Seen]]


@dataclass(slots=True)
class Truth:
    """What the database says: the transactions of each writer in order, and the rows as they are now."""

    transactions: dict[int, list[list[Event]]]
    accounts: dict[int, dict[str, Any]]
    pots: dict[int, int]
    writers: dict[int, int]
    rows: int

    @classmethod
    def of(cls, database: Database, rows: int) -> Truth:
        """Read it; nothing may be written meanwhile."""
        transactions: dict[int, list[list[Event]]] = defaultdict(list)
        for writer, n, events in database.execute("select writer, n, events from history order by writer, n"):
            transactions[writer].append([tuple(event) for event in events])
            assert len(transactions[writer]) == n, f"transaction {n} of writer {writer} is not in the history"
        return cls(
            transactions,
            {row[0]: dict(zip(COLUMNS, row, strict=True)) for row in database.execute("select * from accounts")},
            {row[0]: row[1] for row in database.execute("select id, version from pots")},
            {row[0]: row[1] for row in database.execute("select id, n from writers")},
            rows,
        )


@dataclass(slots=True)
class Found:
    """What a reader found in the topics of the load."""

    accounts: Marks = field(default_factory=lambda: defaultdict(list))
    pots: Marks = field(default_factory=lambda: defaultdict(list))
    writers: Marks = field(default_factory=lambda: defaultdict(list))
    rebuilt: dict[int, dict[str, Any]] = field(default_factory=dict)
    records: int = 0

    @classmethod
    def of(cls, servers: str, prefix: str) -> Found:
        """Read the topics as `read_committed` to their ends."""
        found = cls()
        for name, marks, column in (
            ("accounts", found.accounts, "change"),
            ("pots", found.pots, "version"),
            ("writers", found.writers, "n"),
        ):
            for record in read_committed(servers, f"{prefix}.public.{name}", timeout=90):
                found._take(record, marks, column)
        return found

    def _take(self, record: Read, marks: Marks, column: str) -> None:
        self.records += 1
        key = orjson.loads(record.key or b"{}")["id"]
        if record.value is None:
            marks[key].append(TOMBSTONE)
            return
        value = orjson.loads(record.value)
        row = value["after"] or value["before"]
        marks[key].append((value["op"], str(row[column])))
        if column == "change" and value["after"] is None:
            self.rebuilt.pop(key, None)
        elif column == "change":
            self.rebuilt[key] = value["after"]


def faults(database: Database, servers: str, prefix: str, *, rows: int) -> list[str]:
    """Return what is missing, doubled, out of order or different; the load must have ended and be drained."""
    truth, found = Truth.of(database, rows), Found.of(servers, prefix)
    cut = {writer: int(seen[0][1]) if seen[:1] and seen[0][0] == "r" else 0 for writer, seen in found.writers.items()}
    lines = [*_counted(truth.writers, found.writers, "writer"), *_counted(truth.pots, found.pots, "pot")]
    lines += _different(_expected(truth, cut), found.accounts)
    lines += _pots_in_snapshot(truth, found, cut)
    if found.rebuilt != truth.accounts:
        keys = {**found.rebuilt, **truth.accounts}
        wrong = [key for key in keys if found.rebuilt.get(key) != truth.accounts.get(key)]
        lines.append(f"{len(wrong)} rows of the rebuilt table differ, such as {wrong[:SHOWN]}")
    return lines


def _counted(now: Mapping[int, int], found: Marks, what: str) -> Iterator[str]:
    """Yield where a counter does not go up by one from its first value to the present one."""
    for key, value in now.items():
        seen = [int(mark) for _, mark in found[key]]
        wanted = list(range(seen[0] if seen else 0, value + 1))
        if seen != wanted:
            yield f"{what} {key}: {len(seen)} values up to {value}, {_first_difference(wanted, seen)}"


def _expected(truth: Truth, cut: Mapping[int, int]) -> Marks:
    """Return what a reader must see of each account: its row at the cut of the snapshot, and the changes since."""
    state = dict.fromkeys(range(1, truth.rows + 1), "initial")
    for _, key, operation, change in _events(truth, "accounts", {writer: slice(end) for writer, end in cut.items()}):
        state[key] = GONE if operation == "d" else change
    marks: Marks = defaultdict(list)
    for key, change in state.items():
        if change != GONE:
            marks[key].append(("r", change))
    for _, key, operation, change in _events(truth, "accounts", {w: slice(end, None) for w, end in cut.items()}):
        marks[key] += [(operation, change), TOMBSTONE] if operation == "d" else [(operation, change)]
    return marks


def _events(truth: Truth, table: str, part: Mapping[int, slice]) -> Iterator[Event]:
    """Yield the changes of a table in those transactions; one writer after another, as a key belongs to one."""
    for writer, which in part.items():
        for events in truth.transactions.get(writer, [])[which]:
            yield from (event for event in events if event[0] == table)


def _pots_in_snapshot(truth: Truth, found: Found, cut: Mapping[int, int]) -> Iterator[str]:
    """Yield where the snapshot's version of a pot is not the number of changes that the writers had made by then."""
    made = Counter(event[1] for event in _events(truth, "pots", {writer: slice(end) for writer, end in cut.items()}))
    for pot in range(1, POTS + 1):
        first = found.pots[pot][:1]
        if first != [("r", str(made[pot]))]:
            yield f"pot {pot} begins with {first}, and the snapshot should have shown {made[pot]}"


def _different(wanted: Marks, got: Marks) -> Iterator[str]:
    wrong = [key for key in {**wanted, **got} if wanted.get(key, []) != got.get(key, [])]
    if wrong:
        yield f"{len(wrong)} keys of accounts differ"
    for key in wrong[:SHOWN]:
        yield f"account {key}: {_first_difference(wanted.get(key, []), got.get(key, []))}"


def _first_difference(wanted: list[Any], got: list[Any]) -> str:
    place = next((i for i, (a, b) in enumerate(zip(wanted, got, strict=False)) if a != b), min(len(wanted), len(got)))
    return f"{len(wanted)} wanted and {len(got)} found; from place {place}: wanted {wanted[place:][:4]}, found {got[place:][:4]}"
