"""Several connections read one snapshot: each row once, all as of one moment, or not at all."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import pytest

from cdc.config.snapshot import SnapshotSettings
from cdc.errors import SourceUnavailable
from cdc.model.batch import ChangeBatch
from cdc.snapshot.readers import SerialReader
from cdc.snapshot.reading import Rows
from cdc.sources.postgres.protocol.connection import Connection
from cdc.sources.postgres.snapshot import parts as snapshot_parts
from cdc.sources.postgres.snapshot import view
from cdc.sources.postgres.source import PostgresLog
from cdc.testing.conformance.source import Reading, read, snapshot_done
from tests.integration.postgres_log import settings, small_batches
from tests.integration.test_postgres_snapshot import rows_of, snapshot_of
from tests.support.database import Database
from tests.unit.sources.postgres.stream import sources

FOUR = SnapshotSettings(threads=4, ranges_per_thread=2)
PATIENCE_SECONDS = 60


@contextmanager
def small_ranges() -> Iterator[None]:
    """Cut tables at every page."""
    with mock.patch.object(snapshot_parts, "RANGE_PAGES", 1):
        yield


@contextmanager
def late_readers(statement: str, database: Database) -> Iterator[None]:
    """Run a statement before each connection that reads is opened."""

    async def opened(*arguments: Any) -> Connection:
        database.execute(statement)
        return await view.open_pinned(*arguments)

    with mock.patch("cdc.sources.postgres.snapshot.readers.open_pinned", opened):
        yield


def readers(database: Database) -> list[int]:
    """Return the sessions that read the snapshot besides the one that holds the view."""
    found = database.execute(
        "select pid from pg_stat_activity where datname = %s and query like 'copy %%'", database.name
    )
    return [pid for (pid,) in found]


def markers_of(reading: Reading) -> list[str]:
    return [source["snapshot"] for batch in reading.batches for source in sources(batch)]


class TestOneMoment:
    async def test_each_row_comes_once_whatever_its_range(self, database):
        database.execute("create table item (id int, pad text)")  # without a key: a page has no need of one
        database.execute("insert into item select n, repeat('x', 500) from generate_series(1, 3000) n")
        database.execute("delete from item where id % 7 = 0")
        with small_ranges(), small_batches():
            reading = await snapshot_of(database, snapshot=FOUR)
        found = Counter(row[0] for *_, row in rows_of(reading))
        assert found == Counter(number for number in range(1, 3001) if number % 7)

    @pytest.mark.parametrize("options", [{}, {"publish_via_root": True}])
    async def test_rows_of_children_and_of_partitions_come_once_under_each_table_that_shows_them(
        self, database, options
    ):
        """A child may be larger than its parent, so that the parent's pages say nothing of where its rows are."""
        database.execute("create table parent (id int, pad text); create table child () inherits (parent)")
        database.execute("create table grandchild () inherits (child)")
        database.execute("create table parted (id int, pad text) partition by range (id)")
        for table, low, high in (("part1", 0, 1000), ("part2", 1000, 5000)):
            database.execute(f"create table {table} partition of parted for values from ({low}) to ({high})".encode())
        for table, low, high in (
            ("parent", 1, 500),
            ("child", 501, 2000),
            ("grandchild", 2001, 2500),
            ("parted", 1, 2500),
        ):
            rows = f"select n, repeat('x', 500) from generate_series({low}, {high}) n"
            database.execute(f"insert into {table} {rows}".encode())
        with small_ranges(), small_batches():
            reading = await snapshot_of(database, snapshot=FOUR, **options)
        shown = {"parent": (1, 2500), "child": (501, 2500), "grandchild": (2001, 2500)}
        parts = {"parted": (1, 2500)} if options else {"part1": (1, 999), "part2": (1000, 2500)}
        assert Counter((table, row[0]) for _, table, row in rows_of(reading)) == Counter(
            (table, number) for table, (low, high) in {**shown, **parts}.items() for number in range(low, high + 1)
        )

    async def test_a_table_that_others_inherit_from_is_read_at_once(self, database):
        database.execute("create table parent (id int, pad text); create table child () inherits (parent)")
        database.execute("create table alone (id int, pad text)")
        for table in ("parent", "child", "alone"):
            database.execute(f"insert into {table} select n, repeat('x', 500) from generate_series(1, 100) n".encode())
        with small_ranges(), mock.patch.object(snapshot_parts, "_copy", wraps=snapshot_parts._copy) as copied:
            await snapshot_of(database, snapshot=FOUR)
        ranges = Counter(call.args[1].name for call in copied.call_args_list)
        assert (ranges["parent"], ranges["child"] > 1, ranges["alone"] > 1) == (1, True, True)

    @pytest.mark.parametrize("slot", [False, True])
    async def test_what_is_written_meanwhile_is_streamed_and_not_read(self, database, slot):
        """Each connection begins only after a write that it must not see, with a new slot and with one that was there."""
        database.execute("create table item (id int primary key, version int)")
        database.execute("insert into item select n, 0 from generate_series(1, 2000) n")
        if slot:
            database.execute("select pg_create_logical_replication_slot(%s, 'pgoutput')", database.name)
        source = PostgresLog(settings(database, snapshot=FOUR))
        await source.start(None)
        with small_ranges(), late_readers("update item set version = version + 1", database):
            reading = await read(source, lambda reading: len(rows_of(reading)) >= 5 * 2000)
        await source.stop()
        rows = rows_of(reading)
        assert sorted(row for op, _, row in rows if op == "r") == [(number, 0) for number in range(1, 2001)]
        assert Counter(row[1] for op, _, row in rows if op == "u") == dict.fromkeys((1, 2, 3, 4), 2000)

    async def test_several_tables_at_once_with_the_same_markers_as_one_after_another(self, database):
        for table, count in (("a", 1), ("b", 0), ("c", 500), ("d", 2), ("e", 300)):
            database.execute(f"create table {table} (id int primary key)".encode())
            database.execute(f"insert into {table} select generate_series(1, {count})".encode())
        with small_ranges():
            reading = await snapshot_of(database, snapshot=FOUR)
        rows = [(table, row[0]) for _, table, row in rows_of(reading)]
        assert len(set(rows)) == len(rows) == 803
        markers = markers_of(reading)
        assert (markers[0], markers[-1]) == ("first", "last")
        firsts = {rows[at][0] for at, marker in enumerate(markers) if marker in {"first", "first_in_data_collection"}}
        lasts = [rows[at] for at, marker in enumerate(markers) if marker in {"last", "last_in_data_collection"}]
        places = {table: max(at for at, row in enumerate(rows) if row[0] == table) for table, _ in rows}
        assert firsts - {"a"} == {"c", "d", "e"}
        assert {table for table, _ in lasts} - {"a"} == {"c", "d", "e"}
        assert all(rows.index(row) == places[row[0]] for row in lasts), "no row of its table comes behind it"

    async def test_tables_that_end_one_right_after_another_lose_no_row(self, database):
        """Their last rows both wait for what follows, and nothing but the other table's end does."""

        class EndsLast(SerialReader[Connection]):
            async def rows(self) -> AsyncIterator[Rows]:
                found = [rows async for rows in super().rows()]
                for rows in sorted(found, key=lambda rows: not rows[1]):
                    yield rows

        for table in ("a", "b", "c"):
            database.execute(f"create table {table} (id int primary key); insert into {table} values (1), (2)".encode())
        with mock.patch("cdc.sources.postgres.snapshot.readers.SerialReader", EndsLast):
            reading = await snapshot_of(database)
        expected = [(table, (number,)) for table in ("a", "b", "c") for number in (1, 2)]
        assert sorted((table, row) for _, table, row in rows_of(reading)) == expected
        assert Counter(markers_of(reading)) == Counter(
            {"first": 1, "first_in_data_collection": 2, "last_in_data_collection": 2, "last": 1}
        )

    async def test_progress_by_table(self, database):
        database.execute("create table a (id int primary key); insert into a select generate_series(1, 100)")
        database.execute("create table b (id int primary key)")
        source = PostgresLog(settings(database, snapshot=FOUR))
        await source.start(None)
        batches = source.batches()
        await anext(batches)
        assert source.progress is not None
        assert source.progress.rows_by_table == {"public.a": 100, "public.b": 0}
        assert (source.progress.tables_done, source.progress.total_rows) == (2, 100)
        await source.stop()


async def incomplete(batches: AsyncIterator[ChangeBatch]) -> None:
    """Read to the end; a snapshot that has lost its view must have no last batch."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        async for batch in batches:
            assert not batch.boundary


class TestBrokenConnections:
    def prepare(self, database: Database) -> None:
        database.execute("create table item (id int primary key, version int, pad text)")
        database.execute("insert into item select n, 0, repeat('x', 1000) from generate_series(1, 20000) n")

    async def test_a_snapshot_that_lost_a_connection_is_taken_again_from_another_moment_whole(self, database):
        """No reader is replaced by one that sees more: a row of another moment among the others would be wrong for good."""
        self.prepare(database)
        with small_ranges(), small_batches():
            source = PostgresLog(settings(database, snapshot=FOUR))
            await source.start(None)
            batches = source.batches()
            await anext(batches)
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not (pids := readers(database)):
                    await asyncio.sleep(0.01)
            database.execute("update item set version = 1")
            database.execute("select pg_terminate_backend(%s)", pids[0])
            with pytest.raises(SourceUnavailable):
                await incomplete(batches)
            await source.stop()
        source = PostgresLog(settings(database, snapshot=FOUR))
        await source.start(None)
        reading = await read(source, snapshot_done)
        await source.stop()
        assert sorted(row[:2] for *_, row in rows_of(reading)) == [(number, 1) for number in range(1, 20001)]

    async def test_a_connection_that_would_see_another_moment_is_refused(self, database):
        self.prepare(database)
        source = PostgresLog(settings(database, snapshot=FOUR))
        await source.start(None)
        with (
            late_readers("update item set version = 1 where id = 1", database),
            mock.patch.object(view, "PIN", "select {}"),
            pytest.raises(SourceUnavailable, match="a connection of the snapshot sees"),
        ):
            await anext(source.batches())
        await source.stop()

    async def test_stopping_in_the_middle_leaves_no_session(self, database):
        self.prepare(database)
        with small_ranges(), small_batches():
            source = PostgresLog(settings(database, snapshot=FOUR))
            await source.start(None)
            await anext(source.batches())
            await source.stop()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while readers(database):
                await asyncio.sleep(0.01)


async def test_a_table_cannot_be_rewritten_while_its_ranges_are_read(database):
    """VACUUM FULL would move rows from one range into another; it waits."""
    database.execute("create table item (id int primary key); insert into item select generate_series(1, 5000)")
    source = PostgresLog(settings(database, snapshot=FOUR))
    await source.start(None)
    await anext(source.batches())
    with database.connect() as other:
        other.execute("set lock_timeout = '50ms'")
        with pytest.raises(Exception, match="lock timeout"):
            other.execute("vacuum full item")
    await source.stop()
