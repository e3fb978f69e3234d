"""The shop at work in a thread, and whether a reader of Kafka finds what it has committed: each change once, in order for its key."""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import zip_longest

from cdc.testing.servers import Address
from cdc.testing.shop.events import read_event
from cdc.testing.shop.inventory import fill, present_rows
from cdc.testing.shop.ledger import Change, Ledger, Row
from cdc.testing.shop.premises import Premises
from cdc.testing.shop.writer import ShopWriter
from tests.support.connector import until
from tests.support.kafka_reader import read_committed

#: Transactions a second; one writer comes to some hundreds.
RATE = 1000.0
SHOWN = 10

#: What a reader sees of a key: operation and version; a tombstone is ("-", -1).
Seen = tuple[str, int]
TOMBSTONE: Seen = ("-", -1)


class Journal(Ledger):
    """A ledger that keeps all changes in the order in which they were committed; those of the beginning are in `first`."""

    def __init__(self) -> None:
        super().__init__()
        self.first: dict[Row, int] = {}
        self.changes: list[Change] = []

    def begin(self, rows: Iterable[tuple[Row, int]]) -> None:
        """See `Ledger.begin`."""
        kept = list(rows)
        super().begin(kept)
        self.first.update(kept)

    def commit(self, changes: Iterable[Change]) -> None:
        """See `Ledger.commit`."""
        kept = list(changes)
        super().commit(kept)
        self.changes += kept


class Shop:
    """A shop with one writer, whose commits have one order; it works from `open` to the end of the `writing` context."""

    def __init__(self, server: Address) -> None:
        self.premises = Premises.on(server)
        self.journal = Journal()

    def open(self) -> None:
        """Create and fill the database."""
        asyncio.run(self._open())

    async def _open(self) -> None:
        await self.premises.create()
        self._stock = await fill(self.premises.url, self.journal)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Change the shop until the context ends; an error of the writer's comes out there."""
        errors: list[BaseException] = []
        started, loop = threading.Event(), asyncio.new_event_loop()

        async def work() -> None:
            writer = ShopWriter(self.premises.url, self._stock, self.journal, RATE)
            self._stop = writer.stop
            started.set()
            await writer.run()

        def run() -> None:
            try:
                loop.run_until_complete(work())
            except BaseException as error:  # noqa: BLE001 - raised below, in the thread of the test
                errors.append(error)
                started.set()
            finally:
                loop.close()

        thread = threading.Thread(target=run)
        thread.start()
        started.wait()
        try:
            yield
        finally:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._stop)
            thread.join()
        if errors:
            raise errors[0]

    def wait_for(self, changes: int) -> None:
        """Wait until the shop has committed so many changes more."""
        wanted = len(self.journal.changes) + changes
        until(lambda: len(self.journal.changes) >= wanted, f"{changes} changes", 60)

    def close(self) -> None:
        """Drop the database."""
        asyncio.run(self.premises.remove())

    def faults(self, servers: str) -> list[str]:
        """Return what is missing, doubled, out of order or different in Kafka; the shop must have ended.

        Changes up to the first one that was streamed must be in the snapshot, all others behind it.
        """
        seen = _seen(servers, self.premises.topics)
        streamed = {
            (row, seen_as) for row, events in seen.items() for seen_as in events if seen_as[0] not in {"r", "-"}
        }
        cut = next((n for n, change in enumerate(self.journal.changes) if _told(change) in streamed), None)
        wanted = _expected(self.journal, len(self.journal.changes) if cut is None else cut)
        lines = [
            f"{row}: {_first_difference(wanted.get(row, []), seen.get(row, []))}"
            for row in {**wanted, **seen}
            if wanted.get(row, []) != seen.get(row, [])
        ]
        rebuilt = {row: events[-1][1] for row, events in seen.items() if events[-1] != TOMBSTONE}
        if rebuilt != asyncio.run(present_rows(self.premises.url)):
            lines.append("the rows rebuilt from the topics are not those of the tables")
        return [f"{len(lines)} faults", *lines[:SHOWN]] if lines else []

    def delivered(self, servers: str) -> bool:
        """Whether the last change has arrived."""
        last = self.journal.changes[-1]
        topic = next(each for each in self.premises.topics if each.endswith(f".{last.table}"))
        return _told(last)[1] in _seen(servers, [topic]).get((last.table, last.key), [])


def _told(change: Change) -> tuple[Row, Seen]:
    return (change.table, change.key), (change.op, change.version)


def _expected(journal: Journal, cut: int) -> dict[Row, list[Seen]]:
    """Return what a reader must see of each key: its row at the cut of the snapshot, and the changes since."""
    rows = dict(journal.first)
    for change in journal.changes[:cut]:
        if change.op == "d":
            del rows[change.table, change.key]
        else:
            rows[change.table, change.key] = change.version
    found: dict[Row, list[Seen]] = defaultdict(list)
    for row, version in rows.items():
        found[row].append(("r", version))
    for row, seen in map(_told, journal.changes[cut:]):
        found[row] += [seen, TOMBSTONE] if seen[0] == "d" else [seen]
    return dict(found)


def _seen(servers: str, topics: Sequence[str]) -> Mapping[Row, list[Seen]]:
    found: dict[Row, list[Seen]] = defaultdict(list)
    keys: dict[tuple[str, bytes], Row] = {}
    for record in read_committed(servers, *topics, timeout=120):
        raw = (record.topic, record.key or b"")
        if record.value is None:
            found[keys[raw]].append(TOMBSTONE)
            continue
        change = read_event(record.topic, record.value).change
        row = keys.setdefault(raw, (change.table, change.key))
        found[row].append((change.op, change.version))
    return found


def _first_difference(wanted: Sequence[Seen], got: Sequence[Seen]) -> str:
    for number, (one, other) in enumerate(zip_longest(wanted, got)):
        if one != other:
            return f"event {number} is {other}, and was committed as {one}"
    return ""
