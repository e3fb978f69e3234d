"""When a snapshot is taken, of what, and whether streaming follows: on a real server."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

import pytest

from cdc.config.filters import NameFilter
from cdc.config.snapshot import SnapshotMode, SnapshotPolicy, SnapshotSettings, TableOrder
from cdc.errors import SourceLost, SourceRefused, SourceUnavailable
from cdc.model.position import Offset
from cdc.sources.postgres.source import PostgresLog
from cdc.testing.conformance.source import Reading, read, snapshot_done
from tests.integration.postgres_log import settings
from tests.integration.test_postgres_snapshot import rows_of
from tests.support.database import Database

PATIENCE_SECONDS = 60


def slots(database: Database) -> list[Any]:
    return database.execute("select 1 from pg_replication_slots where slot_name = %s", database.name)


def drop_slot(database: Database) -> None:
    database.execute("select pg_drop_replication_slot(%s)", database.name)


async def run(database: Database, offset: Offset | None, rows: int, **options: Any) -> Reading:
    """Run a new source from an offset until so many rows have come, and the snapshot, if there is one, is complete."""
    source = PostgresLog(settings(database, **options))
    try:
        await source.start(offset)
        return await read(source, lambda reading: len(rows_of(reading)) >= rows and snapshot_done(reading))
    finally:
        await source.stop()


async def ended(database: Database, offset: Offset | None, **options: Any) -> Reading:
    """Run a new source to its own end."""
    source, reading = PostgresLog(settings(database, **options)), Reading()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await source.start(offset)
            async for batch in source.batches():
                reading.batches.append(batch)
    finally:
        await source.stop()
    return reading


def prepare(database: Database) -> None:
    database.execute("create table item (id int primary key); insert into item values (1), (2)")


class TestAlways:
    async def test_each_start_reads_all_rows_and_what_they_hold_is_not_streamed_again(self, database):
        prepare(database)
        first = await run(database, None, 2, snapshot_mode=SnapshotMode.ALWAYS)
        database.execute("insert into item values (3)")
        database.execute("delete from item where id = 1")
        source = PostgresLog(settings(database, snapshot_mode=SnapshotMode.ALWAYS))
        await source.start(first.offsets[-1])
        assert source.takes_snapshot
        again = await read(source, snapshot_done)
        await source.stop()
        assert sorted(rows_of(again)) == [("r", "item", (2,)), ("r", "item", (3,))]
        database.execute("insert into item values (4)")
        rest = await run(database, again.offsets[-1], 1)
        assert rows_of(rest) == [("c", "item", (4,))]

    async def test_an_outage_is_no_start(self, database):
        prepare(database)
        first = await run(database, None, 2, snapshot_mode=SnapshotMode.ALWAYS)
        source = PostgresLog(settings(database, snapshot_mode=SnapshotMode.ALWAYS), resumed=True)
        await source.start(first.offsets[-1])
        await source.stop()
        assert not source.takes_snapshot

    async def test_a_lost_slot_is_made_again(self, database):
        prepare(database)
        first = await run(database, None, 2)
        drop_slot(database)
        again = await run(database, first.offsets[-1], 2, snapshot_mode=SnapshotMode.ALWAYS)
        assert [op for op, *_ in rows_of(again)] == ["r", "r"]


class TestWhenNeeded:
    OPTIONS: ClassVar = {"snapshot_mode": SnapshotMode.WHEN_NEEDED}

    async def test_a_good_offset_is_gone_on_from(self, database):
        prepare(database)
        first = await run(database, None, 2, **self.OPTIONS)
        database.execute("insert into item values (3)")
        again = await run(database, first.offsets[-1], 1, **self.OPTIONS)
        assert [rows_of(first), rows_of(again)] == [
            [("r", "item", (1,)), ("r", "item", (2,))],
            [("c", "item", (3,))],
        ]

    async def test_a_slot_that_is_gone_leads_to_a_new_snapshot_which_says_why(self, database, caplog):
        prepare(database)
        first = await run(database, None, 2, **self.OPTIONS)
        drop_slot(database)
        database.execute("insert into item values (3)")
        again = await run(database, first.offsets[-1], 3, **self.OPTIONS)
        assert sorted(rows_of(again)) == [("r", "item", (number,)) for number in (1, 2, 3)]
        assert f"slot {database.name} does not exist" in caplog.text
        assert "A new snapshot is taken" in caplog.text

    async def test_a_slot_that_was_made_anew_leads_to_a_new_snapshot_and_nothing_comes_twice(self, database):
        prepare(database)
        first = await run(database, None, 2, **self.OPTIONS)
        drop_slot(database)
        database.execute("insert into item values (3)")
        database.execute("select pg_create_logical_replication_slot(%s, 'pgoutput')", database.name)
        database.execute("insert into item values (4)")
        again = await run(database, first.offsets[-1], 4, **self.OPTIONS)
        database.execute("insert into item values (5)")
        rest = await run(database, again.offsets[-1], 1, **self.OPTIONS)
        assert sorted(rows_of(again) + rows_of(rest)) == [
            ("c", "item", (5,)),
            *(("r", "item", (number,)) for number in (1, 2, 3, 4)),
        ]

    async def test_without_it_the_loss_is_an_error(self, database):
        prepare(database)
        first = await run(database, None, 2)
        drop_slot(database)
        with pytest.raises(SourceLost):
            await run(database, first.offsets[-1], 1)


class TestInitialOnly:
    OPTIONS: ClassVar = {"snapshot_mode": SnapshotMode.INITIAL_ONLY}

    async def test_it_reads_all_rows_and_ends_without_a_slot(self, database):
        prepare(database)
        reading = await ended(database, None, **self.OPTIONS)
        assert rows_of(reading) == [("r", "item", (1,)), ("r", "item", (2,))]
        assert snapshot_done(reading)
        assert not slots(database), "a slot that nobody reads keeps the log for ever"

    async def test_after_that_it_does_nothing(self, database):
        prepare(database)
        first = await ended(database, None, **self.OPTIONS)
        assert rows_of(await ended(database, first.offsets[-1], **self.OPTIONS)) == []

    async def test_with_a_slot_made_before_streaming_can_go_on_from_it(self, database):
        prepare(database)
        database.execute("select pg_create_logical_replication_slot(%s, 'pgoutput')", database.name)
        database.execute("insert into item values (3)")
        first = await ended(database, None, **self.OPTIONS)
        database.execute("insert into item values (4)")
        rest = await run(database, first.offsets[-1], 1)
        assert sorted(rows_of(first) + rows_of(rest)) == [
            ("c", "item", (4,)),
            *(("r", "item", (number,)) for number in (1, 2, 3)),
        ]


class TestConfigurationBased:
    async def test_rows_without_streaming(self, database):
        prepare(database)
        chosen = SnapshotSettings(configured=SnapshotPolicy(streams=False))
        reading = await ended(database, None, snapshot_mode=SnapshotMode.CONFIGURATION_BASED, snapshot=chosen)
        assert len(rows_of(reading)) == 2

    async def test_streaming_without_rows(self, database):
        prepare(database)
        chosen = SnapshotSettings(configured=SnapshotPolicy(at_first=False))
        source = PostgresLog(settings(database, snapshot_mode=SnapshotMode.CONFIGURATION_BASED, snapshot=chosen))
        await source.start(None)
        database.execute("insert into item values (3)")
        reading = await read(source, lambda reading: bool(rows_of(reading)))
        await source.stop()
        assert rows_of(reading) == [("c", "item", (3,))]


class TestWhatIsRead:
    async def test_only_the_tables_that_are_wanted_and_changes_of_all(self, database):
        database.execute("create table a (id int primary key); insert into a values (1)")
        database.execute("create table b (id int primary key); insert into b values (2)")
        source = PostgresLog(settings(database, snapshot=SnapshotSettings(include=NameFilter.parse(r"public\.b"))))
        await source.start(None)
        database.execute("insert into a values (3)")
        reading = await read(source, lambda reading: len(rows_of(reading)) == 2)
        await source.stop()
        assert rows_of(reading) == [("r", "b", (2,)), ("c", "a", (3,))]

    async def test_a_statement_of_ones_own_with_its_order(self, database):
        database.execute("create table item (id int primary key, name text)")
        database.execute("insert into item select n, 'n' || n from generate_series(1, 9) n")
        statement = "select name, id from item -- {braces} and 100 %\n where id % 3 = 0 order by id desc;"
        chosen = SnapshotSettings(selects={"public.item": statement})
        reading = await run(database, None, 3, snapshot=chosen)
        assert [row for *_, row in rows_of(reading)] == [(9, "n9"), (6, "n6"), (3, "n3")]

    async def test_a_statement_that_lacks_a_column_is_refused(self, database):
        database.execute("create table item (id int primary key, name text)")
        chosen = SnapshotSettings(selects={"public.item": "select id from item"})
        with pytest.raises(
            SourceRefused, match=r'snapshot\.select\.statement\.overrides.*column "name" does not exist'
        ):
            await run(database, None, 1, snapshot=chosen)

    @pytest.mark.parametrize(
        ("order", "tables"), [(TableOrder.ASCENDING, ["b", "c", "a"]), (TableOrder.DESCENDING, ["a", "c", "b"])]
    )
    async def test_large_tables_first_or_last(self, database, order, tables):
        for name, count in (("a", 300), ("b", 1), ("c", 20)):
            database.execute(f"create table {name} (id int primary key)".encode())
            database.execute(f"insert into {name} select generate_series(1, {count})".encode())
            database.execute(f"analyze {name}".encode())
        reading = await run(database, None, 321, snapshot=SnapshotSettings(order=order))
        assert list(dict.fromkeys(table for _, table, _ in rows_of(reading))) == tables


class TestLocks:
    async def test_definitions_cannot_change_until_the_snapshot_is_complete(self, database):
        prepare(database)
        source = PostgresLog(settings(database, snapshot=SnapshotSettings(locks=True)))
        await source.start(None)
        batches = source.batches()
        await anext(batches)
        with database.connect() as other:
            other.execute("set lock_timeout = '50ms'")
            with pytest.raises(Exception, match="lock timeout"):
                other.execute("alter table item add note text")
            other.execute("insert into item values (3)")
        await anext(batches)
        database.execute("alter table item add note text")
        await source.stop()

    async def test_a_table_that_others_have_locked_is_named(self, database):
        prepare(database)
        source = PostgresLog(settings(database, snapshot=SnapshotSettings(locks=True, lock_timeout=0.05)))
        await source.start(None)
        with database.connect(autocommit=False) as other:
            other.execute("lock table item")
            with pytest.raises(SourceUnavailable, match=r"locked for 0\.05 s \(public\.item\)"):
                await anext(source.batches())
        await source.stop()


async def test_the_pauses_lie_before_the_snapshot_and_behind_it(database, monkeypatch):
    prepare(database)
    steps: list[object] = []
    sleep = asyncio.sleep

    async def noted(seconds: float) -> None:
        if seconds in {7.0, 9.0}:
            steps.append(seconds)
        else:
            await sleep(seconds)

    source = PostgresLog(settings(database, snapshot=SnapshotSettings(delay=7.0, streaming_delay=9.0)))
    await source.start(None)
    monkeypatch.setattr("cdc.sources.postgres.source.asyncio.sleep", noted)
    batches = source.batches()
    for _ in range(2):
        steps.append(len(await anext(batches)))
    await source.stop()
    assert steps == [7.0, 2, 9.0, 0]
