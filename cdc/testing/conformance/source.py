"""What every `Source` must do.

Subclass `SourceConformance` as a test class and say what the log is:

    class TestMySource(SourceConformance):
        @pytest.fixture
        def world(self, tmp_path):
            return MyWorld(tmp_path)

`world` is a `SourceWorld`: one table with a key, and sources whose batches are cut after three rows.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Protocol

from cdc.errors import SourceLost
from cdc.model.batch import ChangeBatch
from cdc.model.position import Offset, Position
from cdc.sources.base import Source

#: An operation (`insert`, `update` or `delete`), the id and the name: what is done to one row.
Statement = tuple[str, int, str]
#: What must come of it: the operation's letter, the id, and the name (of a deleted row none).
Event = tuple[str, int, str | None]

LETTERS = {"insert": "c", "update": "u", "delete": "d"}
PATIENCE_SECONDS = 20.0
BATCH_ROWS = 3


class SourceWorld(Protocol):
    """A database with the table `item (id bigint primary key, name text)`, empty at first, and its log."""

    def source(self) -> Source:
        """Return a new source of that table, not started, as a new process would make it; batches end at 3 rows."""

    async def commit(self, *statements: Statement) -> None:
        """Run the statements in one transaction, and commit it."""


@dataclass
class Reading:
    """What one source has delivered."""

    batches: list[ChangeBatch] = field(default_factory=list)

    @property
    def events(self) -> list[Event]:
        """The changes in order, tombstones left out."""
        return [event for batch in self.batches for event in events_of(batch)]

    @property
    def offsets(self) -> list[Offset]:
        """The offset behind each batch."""
        return [batch.position.offset() for batch in self.batches]


def events_of(batch: ChangeBatch) -> list[Event]:
    """Return the changes of a batch, tombstones left out."""
    found: list[Event] = []
    for index in range(len(batch)):
        op, _, _, after, key, *_ = batch.row(index)
        if op:
            found.append((op, key[0] if key else -1, None if after is None else str(after[1])))
    return found


def expected(*transactions: tuple[Statement, ...]) -> list[Event]:
    """Return what must come of transactions."""
    statements = [statement for transaction in transactions for statement in transaction]
    return [(LETTERS[verb], number, None if verb == "delete" else name) for verb, number, name in statements]


async def read(source: Source, enough: Callable[[Reading], bool]) -> Reading:
    """Read a started source until there is enough; keeps it alive meanwhile, and leaves it running."""
    reading = Reading()
    alive = asyncio.create_task(source.keep_alive())
    try:
        async with asyncio.timeout(PATIENCE_SECONDS), aclosing(source.batches()) as batches:  # type: ignore[type-var]
            async for batch in batches:
                reading.batches.append(batch)
                if enough(reading):
                    break
    except TimeoutError as error:
        raise AssertionError(f"only {reading.events} came within {PATIENCE_SECONDS} s") from error
    finally:
        alive.cancel()
        await asyncio.gather(alive, return_exceptions=True)
    return reading


async def read_from(world: SourceWorld, offset: Offset | None, enough: Callable[[Reading], bool]) -> Reading:
    """Start a new source at an offset, read it until there is enough, and stop it."""
    source = world.source()
    try:
        await source.start(offset)
        return await read(source, enough)
    finally:
        await source.stop()


def events(number: int) -> Callable[[Reading], bool]:
    """Enough is so many changes, and the end of a transaction."""
    return lambda reading: len(reading.events) >= number and reading.batches[-1].boundary


def snapshot_done(reading: Reading) -> bool:
    """Enough is the snapshot."""
    return "snapshot" not in reading.offsets[-1]


HISTORY: tuple[tuple[Statement, ...], ...] = (
    (("insert", 1, "a"),),
    tuple(("insert", number, f"n{number}") for number in range(10, 18)),
    (("update", 1, "b"), ("delete", 10, ""), ("insert", 2, "c")),
    (("delete", 1, ""),),
    tuple(("update", number, "x" * number) for number in range(11, 18)),
    (("insert", 1, "again"),),
)


class SourceConformance:
    """The tests; see the module for how to use it."""

    async def begun(self, world: SourceWorld) -> Offset:
        """Take the snapshot of the empty table, and return the offset behind it."""
        return (await read_from(world, None, snapshot_done)).offsets[-1]

    async def played(self, world: SourceWorld) -> tuple[Offset, Reading]:
        """Commit the history behind a snapshot, and read it all."""
        offset = await self.begun(world)
        for transaction in HISTORY:
            await world.commit(*transaction)
        return offset, await read_from(world, offset, events(len(expected(*HISTORY))))

    async def test_the_partition_is_the_same_for_every_source(self, world: SourceWorld) -> None:
        one, other = world.source().partition, world.source().partition
        assert one == other
        assert isinstance(one, Mapping)
        assert all(isinstance(text, str) for item in one.items() for text in item)

    async def test_without_offset_a_snapshot_comes_first(self, world: SourceWorld) -> None:
        await world.commit(*(("insert", number, f"n{number}") for number in range(8)))
        await world.commit(("update", 3, "new"), ("delete", 7, ""))
        reading = await read_from(world, None, snapshot_done)
        names = {number: "new" if number == 3 else f"n{number}" for number in range(7)}
        assert sorted(reading.events) == [("r", number, name) for number, name in names.items()]
        assert [batch.boundary for batch in reading.batches] == [False] * (len(reading.batches) - 1) + [True]
        assert ["snapshot" in offset for offset in reading.offsets[:-1]] == [True] * (len(reading.batches) - 1)

    async def test_a_snapshot_of_nothing_has_a_position(self, world: SourceWorld) -> None:
        reading = await read_from(world, None, snapshot_done)
        assert reading.events == []
        assert reading.batches[-1].boundary

    async def test_an_unfinished_snapshot_begins_again(self, world: SourceWorld) -> None:
        await world.commit(*(("insert", number, "x") for number in range(8)))
        part = await read_from(world, None, lambda reading: True)
        offset = part.offsets[-1] if "snapshot" in part.offsets[-1] else None
        reading = await read_from(world, offset, snapshot_done)
        assert sorted(reading.events) == [("r", number, "x") for number in range(8)]

    async def test_changes_come_in_the_order_of_the_commits(self, world: SourceWorld) -> None:
        _, reading = await self.played(world)
        assert reading.events == expected(*HISTORY)

    async def test_what_commits_while_the_snapshot_is_read_comes_once(self, world: SourceWorld) -> None:
        await world.commit(("insert", 1, "before"))
        source = world.source()
        try:
            await source.start(None)
            await world.commit(("insert", 2, "after the start"))
            reading = await read(source, lambda reading: snapshot_done(reading) and len(reading.events) >= 2)
            assert sorted(number for _, number, _ in reading.events) == [1, 2]
        finally:
            await source.stop()

    async def test_transactions_say_which_rows_are_theirs(self, world: SourceWorld) -> None:
        _, reading = await self.played(world)
        sizes, rows = [], 0
        for batch in reading.batches:
            start = 0
            for transaction in batch.transactions:
                sizes.append(rows + transaction.rows - start)
                start, rows = transaction.rows, 0
            rows += len(batch) - start
        tombstones = [sum(verb == "delete" for verb, *_ in transaction) for transaction in HISTORY]
        assert [size for size in sizes if size] == [
            len(statements) + extra for statements, extra in zip(HISTORY, tombstones, strict=True)
        ]
        identities = [transaction.id for batch in reading.batches for transaction in batch.transactions]
        assert len(set(identities)) == len(identities)

    async def test_a_large_transaction_is_cut(self, world: SourceWorld) -> None:
        _, reading = await self.played(world)
        parts = [batch for batch in reading.batches if not batch.boundary]
        assert len(parts) >= 4, "8 and 7 rows do not fit 3"
        for batch, following in pairwise(reading.batches):
            assert batch.boundary == (following.continues == 0)
            if following.continues and following.boundary:
                assert len(following.transactions) == 1
                assert following.transactions[0].rows == len(following), "nothing stands behind its end"

    async def test_every_position_can_be_resumed_from(self, world: SourceWorld) -> None:
        _, reading = await self.played(world)
        done = 0
        for batch, offset in zip(reading.batches, reading.offsets, strict=True):
            done += len(events_of(batch))
            rest = expected(*HISTORY)[done:]
            if rest:
                stored = json.loads(json.dumps(dict(offset)))
                assert (await read_from(world, stored, events(len(rest)))).events == rest

    async def test_what_is_not_acknowledged_comes_again(self, world: SourceWorld) -> None:
        offset, reading = await self.played(world)
        assert (await read_from(world, offset, events(len(reading.events)))).events == reading.events

    async def test_what_was_acknowledged_may_be_forgotten_but_never_in_silence(self, world: SourceWorld) -> None:
        offset = await self.begun(world)
        await world.commit(("insert", 1, "a"))
        source = world.source()
        await source.start(offset)
        position: Position = (await read(source, events(1))).batches[-1].position
        source.acknowledge(position)
        source.acknowledge(position)
        await source.stop()
        await self._refuses(world, offset)
        await world.commit(("insert", 2, "b"))
        assert (await read_from(world, position.offset(), events(1))).events == [("c", 2, "b")]

    async def _refuses(self, world: SourceWorld, offset: Offset) -> None:
        """Wait until the acknowledgement has arrived: then nothing can begin before it."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                source = world.source()
                try:
                    await source.start(offset)
                except SourceLost:
                    return
                finally:
                    await source.stop()
                await asyncio.sleep(0.02)

    async def test_a_position_is_a_json_object(self, world: SourceWorld) -> None:
        _, reading = await self.played(world)
        for offset in reading.offsets:
            assert json.loads(json.dumps(dict(offset))) == offset

    async def test_it_can_be_stopped_at_any_time(self, world: SourceWorld) -> None:
        source = world.source()
        await source.stop()
        await source.start(None)
        await source.stop()
        await source.stop()
        assert (await read_from(world, None, snapshot_done)).events == []

    async def test_keeping_alive_ends_by_cancellation_only(self, world: SourceWorld) -> None:
        source = world.source()
        await source.start(None)
        alive = asyncio.create_task(source.keep_alive())
        await asyncio.sleep(0.05)
        assert not alive.done()
        alive.cancel()
        (ended,) = await asyncio.gather(alive, return_exceptions=True)
        assert isinstance(ended, asyncio.CancelledError)
        await source.stop()
