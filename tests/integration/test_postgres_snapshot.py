"""The snapshot on a real server: every row once, and streaming from exactly there, while others write."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import pytest

from cdc.config.snapshot import SnapshotMode
from cdc.errors import SourceUnavailable
from cdc.model.batch import ChangeBatch
from cdc.model.position import Offset
from cdc.snapshot.progress import SnapshotProgress
from cdc.sources.postgres.protocol import copy_stream
from cdc.sources.postgres.source import PostgresLog
from cdc.testing.conformance.source import Reading, read, snapshot_done
from tests.integration.postgres_log import settings, small_batches
from tests.support.database import Database
from tests.unit.sources.postgres.copy_text import write_row
from tests.unit.sources.postgres.stream import sources


def changed(batch: ChangeBatch) -> list[tuple[str, str, Any]]:
    """Return (op, table, new row) of every row."""
    return [(op, of.id.table, after) for op, of, _, after, *_ in map(batch.row, range(len(batch)))]


async def snapshot_of(database: Database, **options: Any) -> Reading:
    """Take a snapshot with a new source."""
    source = PostgresLog(settings(database, **options))
    try:
        await source.start(None)
        return await read(source, snapshot_done)
    finally:
        await source.stop()


def rows_of(reading: Reading) -> list[tuple[str, str, Any]]:
    return [row for batch in reading.batches for row in changed(batch)]


class Writer:
    """Inserts ascending ids and updates one row, each in a transaction, in threads of its own, until it is stopped."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self.inserted: list[int] = []

    def _write(self, worker: int) -> None:
        with self._database.connect(autocommit=False) as connection:
            number = worker
            while not self._stop.is_set():
                connection.execute("insert into item values (%s, 0)", (number,))
                connection.execute("update item set version = version + 1 where id = %s", (-worker,))
                connection.commit()
                with self._lock:
                    self.inserted.append(number)
                number += 10

    @contextmanager
    def running(self, workers: int = 3) -> Iterator[None]:
        """Write inside the block."""
        threads = [threading.Thread(target=self._write, args=(worker,)) for worker in range(1, workers + 1)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()


def check(reading: Reading, writer: Writer) -> None:
    """Every inserted row came once, as a read or as a create; the versions of a row have no gap behind the snapshot's."""
    rows = rows_of(reading)
    arrived = [row[0] for op, _, row in rows if row[0] > 0 and op in "rc"]
    assert sorted(arrived) == sorted(writer.inserted)
    for worker in (1, 2, 3):
        versions = [row[1] for _, _, row in rows if row[0] == -worker]
        assert versions == list(range(versions[0], versions[0] + len(versions))), "a gap, or an overlap"
        assert versions[-1] == sum(1 for number in writer.inserted if number % 10 == worker)


class TestWhileOthersWrite:
    """No gap and no overlap between snapshot and stream."""

    def prepare(self, database: Database) -> None:
        database.execute("create table item (id int primary key, version int)")
        database.execute("insert into item select -n, 0 from generate_series(1, 3) n")
        database.execute("create table other (id int primary key); insert into other select generate_series(1, 5000)")

    async def race(
        self, database: Database, before_start: Callable[[], object] = lambda: None
    ) -> tuple[Reading, Writer]:
        writer, source = Writer(database), PostgresLog(settings(database, include="public.item"))
        with writer.running():
            await asyncio.sleep(0.2)
            before_start()
            await asyncio.sleep(0.1)
            await source.start(None)
            reading = await read(source, lambda reading: snapshot_done(reading) and len(rows_of(reading)) > 300)
        await source.stop()
        rest = await self.rest(database, reading, set(writer.inserted))
        return Reading(reading.batches + rest.batches), writer

    async def rest(self, database: Database, before: Reading, wanted: set[int]) -> Reading:
        """Read on with a new source, until every id has come."""
        seen = {row[0] for _, _, row in rows_of(before)}
        source = PostgresLog(settings(database, include="public.item"))
        await source.start(before.offsets[-1])
        reading = await read(source, lambda more: wanted <= seen | {row[0] for _, _, row in rows_of(more)})
        await source.stop()
        return reading

    async def test_with_a_new_slot(self, database):
        self.prepare(database)
        reading, writer = await self.race(database)
        check(reading, writer)

    async def test_with_a_slot_that_was_there_before(self, database):
        """The slot streams again what the snapshot has seen; it is told apart by transaction ids."""
        self.prepare(database)

        def create() -> None:
            database.execute("create publication p0 for table item")
            database.execute("select pg_create_logical_replication_slot(%s, 'pgoutput')", database.name)

        reading, writer = await self.race(database, create)
        assert any(batch.position.visibility for batch in reading.batches)
        check(reading, writer)

    async def test_a_transaction_that_began_before_the_snapshot_and_ends_after_it(self, database):
        self.prepare(database)
        database.execute("select pg_create_logical_replication_slot(%s, 'pgoutput')", database.name)
        with database.connect(autocommit=False) as late:
            late.execute("insert into item values (1, 0)")
            database.execute("insert into item values (2, 0)")
            source = PostgresLog(settings(database, include="public.item"))
            await source.start(None)
            database.execute("insert into item values (3, 0)")
            iterator = source.batches()
            batch = await anext(iterator)
            assert sorted(row[0] for _, _, row in changed(batch)) == [-3, -2, -1, 2, 3]
            late.commit()
            database.execute("insert into item values (4, 0)")
            streamed: list[Any] = []
            async with asyncio.timeout(10):
                while len(streamed) < 2:
                    streamed += [row[0] for _, _, row in changed(await anext(iterator))]
            assert streamed == [1, 4]
            await source.stop()

    async def test_a_table_that_is_created_while_the_slot_waits_for_others(self, database):
        """CREATE_REPLICATION_SLOT waits for transactions that run; what commits meanwhile belongs to the snapshot."""
        self.prepare(database)
        with database.connect(autocommit=False) as running:
            running.execute("insert into other values (-1)")
            source = PostgresLog(settings(database))
            starting = asyncio.create_task(source.start(None))
            async with asyncio.timeout(10):
                while not database.execute("select 1 from pg_replication_slots where slot_name = %s", database.name):
                    await asyncio.sleep(0.02)
            database.execute("create table late (id int primary key); insert into late values (7)")
            running.commit()
            await starting
        reading = await read(source, snapshot_done)
        await source.stop()
        assert ("r", "late", (7,)) in rows_of(reading)


async def exhausted(batches: AsyncIterator[ChangeBatch]) -> None:
    async with asyncio.timeout(20):
        async for _ in batches:
            pass


def rebuilt(*readings: Reading) -> dict[str, set[Any]]:
    """Return the rows of each table as a reader of all events has them, who keeps the newest of each key."""
    tables: dict[str, dict[Any, Any]] = {}
    for reading in readings:
        for batch in reading.batches:
            for _, of, before, after, *_ in map(batch.row, range(len(batch))):
                row = after or before
                if row is not None:
                    tables.setdefault(of.id.table, {})[row[0]] = after
    return {name: {row for row in rows.values() if row is not None} for name, rows in tables.items()}


def contents(database: Database) -> dict[str, set[Any]]:
    """Return the rows of the tables a, b and c."""
    with database.connect() as connection:
        return {table: set(connection.execute(f"select * from {table}".encode())) for table in "abc"}


class TestInterrupted:
    async def interrupted(self, database: Database, enough: Callable[[Reading], bool]) -> Reading:
        """Take a part of a snapshot."""
        source = PostgresLog(settings(database))
        await source.start(None)
        part = await read(source, enough)
        await source.stop()
        assert not part.batches[-1].boundary
        return part

    async def rest(self, database: Database, offset: Offset) -> Reading:
        """Go on from an offset, up to a row that is inserted into table c once the snapshot is complete."""
        written = False

        def enough(reading: Reading) -> bool:
            nonlocal written
            if snapshot_done(reading) and not written:
                database.execute("insert into c values (0, 0)")
                written = True
            return written and ("c", "c", (0, 0)) in rows_of(reading)

        source = PostgresLog(settings(database))
        await source.start(offset)
        try:
            return await read(source, enough)
        finally:
            await source.stop()

    def prepare(self, database: Database) -> None:
        with database.connect() as connection:
            for table in "abc":
                connection.execute(f"create table {table} (id int primary key, version int)".encode())
                connection.execute(f"alter table {table} replica identity full".encode())
                connection.execute(f"insert into {table} select n, 0 from generate_series(1, 100) n".encode())

    async def test_a_table_that_is_published_in_part_is_read_again_and_what_was_deleted_meanwhile_is_reported(
        self, database
    ):
        self.prepare(database)
        with small_batches():
            part = await self.interrupted(database, lambda reading: True)
            database.execute("update a set version = 1 where id <= 50; delete from a where id = 1")
            database.execute("insert into c values (-1, 0)")
            reading = await self.rest(database, part.offsets[-1])
        rows = rows_of(reading)
        read_again = [row for op, table, row in rows if (op, table) == ("r", "a")]
        assert sorted(read_again) == [(number, int(number <= 50)) for number in range(2, 101)]
        assert ("d", "a", None) in rows, "the first part may have held the row"
        assert rows.count(("r", "c", (-1, 0))) == 1, "seen by the second view, which alone has read its table"
        assert ("c", "c", (-1, 0)) not in rows
        assert rebuilt(part, reading) == contents(database)

    async def test_tables_that_are_complete_are_not_read_again_and_their_changes_follow(self, database, caplog):
        self.prepare(database)
        with small_batches():
            part = await self.interrupted(
                database, lambda reading: any(table == "b" for _, table, _ in rows_of(reading))
            )
            with database.connect(autocommit=False) as late:
                late.execute("update a set version = 5 where id = 5; update b set version = 5 where id = 5")
                late.execute("update c set version = 5 where id = 5")
                with database.connect(autocommit=False) as seen:
                    for table in "abc":
                        seen.execute(f"update {table} set version = 1 where id > 50".encode())
                        seen.execute(f"delete from {table} where id = 1".encode())
                    seen.commit()
                source = PostgresLog(settings(database))
                await source.start(part.offsets[-1])
                again = await read(source, snapshot_done)
                await source.stop()
                late.commit()
            rest = await self.rest(database, again.offsets[-1])
        assert "Complete, and not read again: public.a." in caplog.text
        assert {table for _, table, _ in rows_of(again)} == {"b", "c"}
        of = Counter((op, table) for op, table, _ in rows_of(rest))
        assert (of["u", "a"], of["d", "a"]) == (51, 1), "of the first view's table, all that came behind it"
        assert (of["u", "c"], of["d", "c"]) == (1, 0), "of the others, what the second view has not seen"
        assert rebuilt(part, again, rest) == contents(database)
        assert "snapshot_parts" in rest.offsets[0]

    async def test_once_the_log_is_past_the_second_view_nothing_of_it_is_kept(self, database):
        self.prepare(database)
        with small_batches():
            part = await self.interrupted(database, lambda reading: True)
            reading = await self.rest(database, part.offsets[-1])
            database.execute("delete from c where id = 0")
            after = await self.rest(database, reading.offsets[-1])
        assert "snapshot_parts" not in after.offsets[-1]

    async def test_twice(self, database):
        self.prepare(database)
        with small_batches():
            part = await self.interrupted(
                database, lambda reading: any(table == "b" for _, table, _ in rows_of(reading))
            )
            database.execute("delete from a where id = 2; delete from b where id = 2; delete from c where id = 2")
            source = PostgresLog(settings(database))
            await source.start(part.offsets[-1])
            second = await read(source, lambda reading: any(table == "c" for _, table, _ in rows_of(reading)))
            await source.stop()
            assert "snapshot" in second.offsets[-1]
            database.execute("delete from a where id = 3; delete from b where id = 3; delete from c where id = 3")
            reading = await self.rest(database, second.offsets[-1])
        assert {table for op, table, _ in rows_of(reading) if op == "r"} == {"c"}
        assert rebuilt(part, second, reading) == contents(database)

    async def test_a_connection_that_breaks_in_the_middle(self, database):
        database.execute("create table item (id int primary key, pad text)")
        database.execute("insert into item select n, repeat('x', 1000) from generate_series(1, 50000) n")
        with small_batches():
            source = PostgresLog(settings(database))
            await source.start(None)
            iterator = source.batches()
            await anext(iterator)
            database.execute("select pg_terminate_backend(pid) from pg_stat_activity where query like 'copy %%'")
            with pytest.raises(SourceUnavailable):
                await exhausted(iterator)
            await source.stop()


class TestWhatIsRead:
    async def test_values_of_every_kind_pass_the_copy_format(self, database):
        """A value that COPY escapes must come as it is; the oracle is the driver that wrote it."""
        database.execute("create table nasty (id int primary key, value text)")
        values = [
            None,
            "",
            "\\N",
            "\\",
            "\t",
            "\n\r\b\f\v",
            "a\\tb",
            "\\.",
            "Grüße 東京 😀",
            "x" * 1_000_000,
            "\\\\\n" * 1000,
        ]
        with database.connect() as connection:
            for number, value in enumerate(values):
                connection.execute("insert into nasty values (%s, %s)", (number, value))
            with connection.cursor().copy("copy (select value from nasty order by id) to stdout") as copy:
                assert [bytes(line) for line in copy] == [write_row([value]) for value in values], (
                    "the oracle of the unit tests"
                )
        reading = await snapshot_of(database)
        assert sorted(row for _, _, row in rows_of(reading)) == list(enumerate(values))

    async def test_tables_in_order_with_filters(self, database):
        database.execute(
            "create table b (id int primary key); create table a (id int primary key); create table c (id int)"
        )
        database.execute("insert into a values (1); insert into b values (2); insert into c values (3)")
        reading = await snapshot_of(database, include="public.a,public.b")
        assert rows_of(reading) == [("r", "a", (1,)), ("r", "b", (2,))]

    async def test_row_filters_and_column_lists_of_the_publication(self, database):
        database.execute("create table item (id int primary key, secret text, name text)")
        database.execute("insert into item values (1, 's', 'a'), (2, 's', 'b')")
        name = database.name
        database.execute(f"create publication {name} for table item (id, name) where (id > 1)".encode())
        reading = await snapshot_of(database)
        assert rows_of(reading) == [("r", "item", (2, "b"))]

    async def test_a_table_shows_the_rows_of_its_children_as_to_every_select(self, database):
        database.execute("create table parent (id int primary key); create table child () inherits (parent)")
        database.execute("insert into parent values (1); insert into child values (2)")
        found = [(table, row) for _, table, row in rows_of(await snapshot_of(database))]
        assert found == [("child", (2,)), ("parent", (1,)), ("parent", (2,))]

    @pytest.mark.parametrize(("via_root", "under"), [(False, "part1"), (True, "parted")])
    async def test_each_row_of_a_partition_once_where_the_stream_shows_it(self, database, via_root, under):
        database.execute("create table parted (id int primary key) partition by range (id)")
        database.execute("create table part1 partition of parted for values from (0) to (10)")
        database.execute("insert into parted values (5)")
        reading = await snapshot_of(database, publish_via_root=via_root)
        assert rows_of(reading) == [("r", under, (5,))]

    async def test_unlogged_tables_are_read_and_the_log_says_that_nothing_will_follow(self, database, caplog):
        database.execute("create unlogged table item (id int primary key); insert into item values (1)")
        database.execute("create unlogged table other (id int primary key)")
        assert rows_of(await snapshot_of(database, include="public.item")) == [("r", "item", (1,))]
        told = [record.getMessage() for record in caplog.records if "unlogged" in record.getMessage()]
        assert told == ["table public.item is unlogged: a snapshot reads it, but its changes are never in the log"]

    async def test_no_data_reads_nothing(self, database):
        database.execute("create table item (id int primary key); insert into item values (1)")
        source = PostgresLog(settings(database, snapshot_mode=SnapshotMode.NO_DATA))
        await source.start(None)
        first = await anext(source.batches())
        assert (len(first), "snapshot" in first.position.offset()) == (0, False)
        await source.stop()

    async def test_odd_names(self, database):
        database.execute(
            'create schema "Od d"; create table "Od d"."sel""ect" ("Id" int primary key, "%s" text, "a.b" int)'
        )
        database.execute("""insert into "Od d"."sel""ect" values (1, 'x', 2)""")
        (row,) = rows_of(await snapshot_of(database))
        assert row == ("r", 'sel"ect', (1, "x", 2))

    async def test_a_generated_column_is_read(self, database):
        database.execute("create table item (id int primary key, twice int generated always as (id * 2) stored)")
        database.execute("insert into item values (4)")
        reading = await snapshot_of(database)
        assert rows_of(reading) in ([("r", "item", (4, 8))], [("r", "item", (4,))])


class TestMarkers:
    @pytest.mark.parametrize("read_limit", [1, 2, 2000])
    async def test_they_do_not_depend_on_how_the_rows_arrive(self, database, read_limit):
        for table, count in (("a", 3), ("b", 0), ("c", 1), ("d", 2), ("e", 2)):
            database.execute(f"create table {table} (id int primary key)".encode())
            database.execute(f"insert into {table} select generate_series(1, {count})".encode())
        with mock.patch.object(copy_stream, "READ_LIMIT", read_limit):
            reading = await snapshot_of(database)
        (batch,) = reading.batches
        found = [(of, source["snapshot"]) for (_, of, _), source in zip(changed(batch), sources(batch), strict=True)]
        assert found == [
            ("a", "first"),
            ("a", "true"),
            ("a", "last_in_data_collection"),
            ("c", "last_in_data_collection"),
            ("d", "first_in_data_collection"),
            ("d", "last_in_data_collection"),
            ("e", "first_in_data_collection"),
            ("e", "last"),
        ]

    @pytest.mark.parametrize(("count", "markers"), [(1, ["last"]), (2, ["first", "last"])])
    async def test_of_a_single_table(self, database, count, markers):
        database.execute("create table a (id int primary key)")
        database.execute("insert into a select generate_series(1, %s)", count)
        (batch,) = (await snapshot_of(database)).batches
        assert [source["snapshot"] for source in sources(batch)] == markers

    async def test_progress(self, database):
        database.execute("create table a (id int primary key); insert into a select generate_series(1, 100); analyze a")
        source = PostgresLog(settings(database))
        await source.start(None)
        assert source.progress is None
        iterator = source.batches()
        seen: list[SnapshotProgress | None] = []
        async for batch in iterator:
            seen.append(source.progress)
            if batch.boundary:
                break
        assert seen[-1] is not None
        assert (seen[-1].table, seen[-1].rows, seen[-1].estimated_rows, seen[-1].tables) == ("public.a", 100, 100, 1)
        await anext(iterator)
        assert source.progress is None
        await source.stop()
