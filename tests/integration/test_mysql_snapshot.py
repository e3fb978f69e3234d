"""The snapshot on real servers: every row once, and streaming from exactly there, while others write."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any
from unittest import mock

import pytest

from cdc.config.columns import ColumnRules
from cdc.config.filters import Guardrail, NameFilter
from cdc.config.history import HistorySettings
from cdc.config.mysql_settings import Locking
from cdc.config.snapshot import SnapshotMode, SnapshotSettings, TableOrder
from cdc.errors import SourceRefused, SourceUnavailable
from cdc.history.memory import MemorySchemaHistory
from cdc.model.batch import ChangeBatch
from cdc.sources.mysql.protocol.connection import Connection
from cdc.sources.mysql.schema.source_info import SOURCE_VARIABLES
from cdc.sources.mysql.snapshot import locks as snapshot_locks
from cdc.sources.mysql.snapshot import parts as snapshot_parts
from cdc.sources.mysql.snapshot import snapshot as snapshot_module
from cdc.sources.mysql.snapshot import view as snapshot_view
from cdc.sources.mysql.snapshot.parts import PartReader
from cdc.sources.mysql.source import MySqlLog
from cdc.testing.conformance.source import Reading, snapshot_done
from tests.integration.mysql_log import read_log, settings, small_batches
from tests.support.mysql_database import MySqlDatabase


@pytest.fixture(params=["mysql_database", "mariadb_database"])
def database(request):
    return request.getfixturevalue(request.param)


def changed(batch: ChangeBatch) -> list[tuple[str, str, Any]]:
    """Return (op, table, new row) of every row."""
    return [(op, of.id.table, after) for op, of, _, after, *_ in map(batch.row, range(len(batch)))]


def rows_of(reading: Reading) -> list[tuple[str, str, Any]]:
    return [row for batch in reading.batches for row in changed(batch)]


def markers(reading: Reading) -> list[tuple[str, int, str]]:
    """Return (table, first column, marker) of every row."""
    found = []
    for batch in reading.batches:
        for op, table, _, after, _, _, source in map(batch.row, range(len(batch))):
            assert op == "r"
            assert after is not None
            assert source is not None
            found.append((table.id.table, after[0], next(each for each in source if each in MARKERS)))
    return found


FOUR = SnapshotSettings(threads=4, ranges_per_thread=2)
MARKERS = ("first", "true", "first_in_data_collection", "last_in_data_collection", "last")


def rebuilt(reading: Reading) -> set[tuple[Any, ...]]:
    """Return the rows of one table, whose first column is its key, that all changes lead to."""
    return set({row[0]: row for _, _, row in rows_of(reading) if row is not None}.values())


class Writer:
    """Inserts ascending ids and updates one row, each in a transaction, in threads of its own, until it is stopped."""

    def __init__(self, database: MySqlDatabase) -> None:
        self._database = database
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self.inserted: list[int] = []

    def _write(self, worker: int) -> None:
        with closing(self._database.connect(autocommit=False)) as connection, connection.cursor() as cursor:
            number = worker
            while not self._stop.is_set():
                cursor.execute("insert into item values (%s, 0)", (number,))
                cursor.execute("update item set version = version + 1 where id = %s", (-worker,))
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
    assert any(op == "r" and row[0] > 0 for op, _, row in rows), "the snapshot was taken before anything was written"
    arrived = [row[0] for op, _, row in rows if row[0] > 0 and op in "rc"]
    assert sorted(arrived) == sorted(writer.inserted)
    for worker in (1, 2, 3):
        versions = [row[1] for _, _, row in rows if row[0] == -worker]
        assert versions == list(range(versions[0], versions[0] + len(versions))), "a gap, or an overlap"
        assert versions[-1] == sum(1 for number in writer.inserted if number % 10 == worker)


@contextmanager
def slow_views() -> Iterator[None]:
    """Leave the writers time between the opening of a view and what is asked next: where no lock is held, they use it."""

    async def opened(connections: Sequence[Connection]) -> None:
        for connection in connections:
            await snapshot_view.open_view([connection])
            await asyncio.sleep(0.05)

    with mock.patch.object(snapshot_module, "open_view", opened):
        yield


async def begun(writer: Writer) -> None:
    """Wait until something was written."""
    async with asyncio.timeout(30):
        while len(writer.inserted) < 20:
            await asyncio.sleep(0.01)


class TestWhileOthersWrite:
    """No gap and no overlap between snapshot and stream."""

    async def race(self, database: MySqlDatabase, **options: Any) -> tuple[Reading, Writer]:
        database.execute("create table item (id int primary key, version int)")
        database.execute("insert into item values (-1, 0), (-2, 0), (-3, 0)")
        chosen, history, writer = settings(database, **options), MemorySchemaHistory(), Writer(database)
        with writer.running(), small_batches(), slow_views():
            await begun(writer)
            reading = await read_log(
                chosen, lambda got: snapshot_done(got) and sum(op == "c" for op, *_ in rows_of(got)) > 100, history
            )
        seen = {row[0] for _, _, row in rows_of(reading)}
        wanted = set(writer.inserted)
        rest = await read_log(
            chosen,
            lambda more: wanted <= seen | {row[0] for _, _, row in rows_of(more)},
            history,
            reading.offsets[-1],
        )
        return Reading(reading.batches + rest.batches), writer

    @pytest.mark.parametrize("locking", [Locking.MINIMAL, Locking.MINIMAL_AT_LEAST_ONCE, Locking.EXTENDED])
    async def test_every_change_comes_once(self, database, locking):
        check(*await self.race(database, locking=locking))

    async def test_several_connections_see_the_same_moment(self, database):
        with mock.patch.object(snapshot_parts, "RANGE_ROWS", 1):
            check(*await self.race(database, snapshot=FOUR))

    async def test_captured_tables_alone_are_locked_where_the_user_may_no_more(self, database):
        with user(database, "replication client, replication slave on *.*", "select, lock tables on {}.*") as name:
            check(*await self.race(database, user=name, snapshot=FOUR))

    @pytest.mark.parametrize("snapshot", [SnapshotSettings(), FOUR])
    async def test_a_backup_lock_of_mariadb_stops_commits(self, mariadb_database, snapshot):
        check(*await self.race(mariadb_database, locking=Locking.MINIMAL_PERCONA, snapshot=snapshot))

    async def test_mariadb_tells_the_place_of_a_view_without_any_lock(self, mariadb_database):
        """A new file of the log has no events that are too large for the server to find a place by."""
        mariadb_database.execute("flush binary logs")
        check(*await self.race(mariadb_database, locking=Locking.NONE))

    async def test_without_a_lock_nothing_is_lost(self, database):
        reading, writer = await self.race(database, locking=Locking.NONE)
        arrived = {row[0] for op, _, row in rows_of(reading) if row[0] > 0 and op in "rc"}
        assert arrived == set(writer.inserted)
        assert rebuilt(reading) == set(database.execute("select id, version from item"))


async def test_rows_have_the_markers_of_their_place(database):
    for table, count in (("a", 3), ("b", 0), ("c", 1), ("d", 2)):
        database.execute(f"create table {table} (id int primary key)")
        for number in range(count):
            database.execute(f"insert into {table} values ({number})")
    database.execute("create view e as select * from a")
    with small_batches():
        reading = await read_log(settings(database), snapshot_done)
    assert markers(reading) == [
        ("a", 0, "first"),
        ("a", 1, "true"),
        ("a", 2, "last_in_data_collection"),
        ("c", 0, "last_in_data_collection"),
        ("d", 0, "first_in_data_collection"),
        ("d", 1, "last"),
    ]
    assert [batch.boundary for batch in reading.batches] == [False] * (len(reading.batches) - 1) + [True]
    assert [batch.position.snapshot for batch in reading.batches] == [not batch.boundary for batch in reading.batches]


async def taken(database: MySqlDatabase, keeps: MemorySchemaHistory | None = None, **options: Any) -> Reading:
    """Take a snapshot with a new source, and keep its history."""
    return await read_log(settings(database, **options), snapshot_done, keeps)


class TestParts:
    async def test_a_large_table_is_read_in_ranges_of_its_key(self, database):
        database.execute("create table item (id bigint primary key, pad text)")
        database.execute("create table other (a varchar(10) primary key)")
        database.execute("create table keyless (a int)")
        numbers = [*range(-50, 900, 3), 5_000, 2**62]
        database.execute(f"insert into item values {', '.join(f'({number}, 1)' for number in numbers)}")
        database.execute("insert into other values ('a'), ('b'), ('c'); insert into keyless values (1), (1), (null)")
        database.execute("analyze table item, other, keyless")
        with (
            mock.patch.object(snapshot_parts, "RANGE_ROWS", 1),
            mock.patch.object(snapshot_parts, "range_conditions", wraps=snapshot_parts.range_conditions) as cut,
        ):
            reading = await taken(database, snapshot=FOUR)
        assert cut.call_count == 1
        rows = Counter((table, row[0]) for _, table, row in rows_of(reading))
        others = {("other", "a"): 1, ("other", "b"): 1, ("other", "c"): 1, ("keyless", 1): 2, ("keyless", None): 1}
        assert rows == {**others, **{("item", number): 1 for number in numbers}}

    async def test_only_captured_columns_are_selected(self, database):
        database.execute("create table item (id int primary key, secret int, name text)")
        database.execute("insert into item values (1, 2, 'x')")
        columns = ColumnRules(published=NameFilter.parse("", f"{database.name}.item.(id|secret)", "column"))
        with mock.patch.object(PartReader, "read", autospec=True, side_effect=PartReader.read) as read:
            reading = await taken(database, columns=columns)
        assert [row[0] for *_, row in rows_of(reading)] == ["x"]
        assert "secret" not in read.call_args.args[2].query
        (row,) = [batch.row(0) for batch in reading.batches if len(batch)]
        assert row[4] == (1,)

    async def test_a_statement_of_the_configuration_chooses_rows(self, database):
        database.execute("create table item (id int primary key, name text); create table other (id int primary key)")
        database.execute("insert into item values (1, 'a'), (2, 'b'); insert into other values (7)")
        own = {f"{database.name}.item": f"select * from {database.name}.item where id > 1;"}
        reading = await taken(database, snapshot=SnapshotSettings(selects=own))
        assert rows_of(reading) == [("r", "item", (2, "b")), ("r", "other", (7,))]

    async def test_a_statement_that_cannot_be_read_is_named(self, database):
        database.execute("create table item (id int primary key, name text)")
        own = {f"{database.name}.item": "select 1 as id"}
        with pytest.raises(SourceRefused, match=r"snapshot.select.statement.overrides.test_\w+.item cannot be read"):
            await taken(database, snapshot=SnapshotSettings(selects=own))

    async def test_only_tables_of_the_list_are_read_in_its_order(self, database):
        for table in ("a", "b", "c"):
            database.execute(f"create table {table} (id int primary key); insert into {table} values (1)")
        include = ",".join(f"{database.name}.{table}" for table in ("c", "a", "b"))
        chosen = SnapshotSettings(include=NameFilter.parse(f"{database.name}.[ac]"))
        reading = await taken(database, include=include, snapshot=chosen)
        assert [table for _, table, _ in rows_of(reading)] == ["c", "a"]

    @pytest.mark.parametrize("order", [TableOrder.ASCENDING, TableOrder.DESCENDING])
    async def test_tables_in_the_order_of_their_size(self, database, order):
        for table, count in (("a", 40), ("b", 4), ("c", 400)):
            database.execute(f"create table {table} (id int primary key)")
            database.execute(f"insert into {table} values {', '.join(f'({number})' for number in range(count))}")
        database.execute("set session lock_wait_timeout = 30; analyze table a, b, c")
        reading = await taken(database, snapshot=SnapshotSettings(order=order))
        found = list(dict.fromkeys(table for _, table, _ in rows_of(reading)))
        assert found == ["b", "a", "c"][:: 1 if order is TableOrder.ASCENDING else -1]


class TestDefinitions:
    def ddl(self, reading: Reading, database: str = "") -> list[tuple[str, str]]:
        """Return (first words of the statement, marker) of every record of schema changes, or of those about a database."""
        values: list[Any] = [aside.record.value for batch in reading.batches for aside in batch.asides]
        found = [value for value in values if database in ("", value["databaseName"])]
        return [(" ".join(value["ddl"].split()[:2]), value["source"]["snapshot"]) for value in found]

    async def test_schema_changes_come_before_rows_and_of_all_tables(self, database):
        database.execute("create table item (id int primary key); create table other (id int primary key)")
        database.execute("insert into item values (1)")
        history = MemorySchemaHistory()
        reading = await taken(database, history, include=f"{database.name}.item")
        use = f"USE `{database.name}`"
        ours = ["DROP TABLE", "DROP TABLE", "DROP DATABASE", "CREATE DATABASE", use, "CREATE TABLE", "CREATE TABLE"]
        assert self.ddl(reading, database.name) == [(words, "true") for words in ours]
        known = [record.ddl async for record in history.records() if record.database == database.name]
        assert sum(each.startswith("CREATE TABLE") for each in known) == 2

    async def test_without_rows_the_last_definition_ends_the_snapshot(self, database):
        database.execute("create table zz (id int primary key); insert into zz values (1)")
        only = HistorySettings(only_tables=True)
        reading = await taken(database, snapshot_mode=SnapshotMode.NO_DATA, history=only)
        assert rows_of(reading) == []
        assert [marker for _, marker in self.ddl(reading)][-2:] == ["true", "last"]

    async def test_more_tables_than_the_guardrail_has_are_refused_at_the_start(self, database):
        database.execute("create table item (id int primary key); create table other (id int primary key)")
        only = HistorySettings(only_tables=True)
        with pytest.raises(SourceRefused, match="2 tables are in the schema history"):
            await taken(database, history=only, guardrail=Guardrail(1, refuses=True))
        reading = await taken(database, history=only, guardrail=Guardrail(2, refuses=True))
        assert rows_of(reading) == []

    async def test_definitions_alone_can_be_what_is_read(self, database):
        database.execute("create table item (id int primary key); insert into item values (1)")
        reading = await taken(database, snapshot_mode=SnapshotMode.CONFIGURATION_BASED)
        assert rows_of(reading) == []
        assert [marker for _, marker in self.ddl(reading)][-2:] == ["true", "last"]

    async def test_recovery_reads_definitions_anew_for_the_stored_offset(self, database):
        database.execute("create table item (id int primary key, name text)")
        stored = (await taken(database)).offsets[-1]
        database.execute("insert into item values (1, 'x')")
        history = MemorySchemaHistory()
        chosen = settings(database, snapshot_mode=SnapshotMode.RECOVERY)
        reading = await read_log(chosen, lambda got: bool(rows_of(got)), history, stored)
        assert rows_of(reading) == [("c", "item", (1, "x"))]
        assert all("snapshot" not in offset for offset in reading.offsets)
        again = await read_log(settings(database), lambda got: bool(rows_of(got)), history, stored)
        assert rows_of(again) == rows_of(reading)


class TestLocks:
    @pytest.mark.parametrize(
        ("server", "locking"),
        [
            ("mysql_database", Locking.MINIMAL),
            ("mysql_database", Locking.EXTENDED),
            ("mariadb_database", Locking.MINIMAL),
            ("mariadb_database", Locking.EXTENDED),
            ("mariadb_database", Locking.MINIMAL_PERCONA),
        ],
    )
    async def test_others_write_again_behind_the_lock(self, request, server, locking):
        database = request.getfixturevalue(server)
        database.execute("create table item (id int primary key); insert into item values (1), (2)")
        source = MySqlLog(settings(database, locking=locking), MemorySchemaHistory())
        await source.start(None)
        batches = source.batches()
        await anext(batches)
        waits = asyncio.create_task(database.run("insert into item values (3)"))
        if locking is not Locking.EXTENDED:
            await waits
        async for batch in batches:
            if batch.boundary:
                break
        await waits
        await source.stop()

    async def test_a_lock_that_others_hold_is_waited_for_and_then_given_up(self, database):
        database.execute("create table item (id int primary key); insert into item values (1)")
        with closing(database.connect()) as other, other.cursor() as cursor:
            cursor.execute("lock tables item write")
            with pytest.raises(SourceUnavailable, match="not had within 1 seconds") as raised:
                await taken(database, snapshot=SnapshotSettings(lock_timeout=1.0))
        assert "snapshot.lock.timeout.ms" in raised.value.sentence()

    async def test_without_reload_the_captured_tables_are_locked(self, database):
        database.execute("create table item (id int primary key); insert into item values (1)")
        with user(database, "replication client, replication slave on *.*", "select, lock tables on {}.*") as name:
            reading = await taken(database, user=name)
        assert rows_of(reading) == [("r", "item", (1,))]

    async def test_a_user_that_may_not_lock_is_told_what_to_grant(self, database):
        database.execute("create table item (id int primary key)")
        with (
            user(database, "replication client, replication slave on *.*", "select on {}.*") as name,
            pytest.raises(SourceRefused, match="may neither FLUSH TABLES WITH READ LOCK nor LOCK TABLES") as raised,
        ):
            await taken(database, user=name)
        assert f"GRANT RELOAD ON *.* TO {name}" in raised.value.sentence()

    async def test_one_connection_reads_under_a_lock_that_lets_commits_through(self, mysql_database):
        """As on Percona Server, by the lock of MySQL that is the most like its."""
        mysql_database.execute("create table item (id int primary key); insert into item values (1), (2)")
        with (
            mock.patch.object(snapshot_locks, "_PERCONA", ("LOCK INSTANCE FOR BACKUP",)),
            mock.patch.object(snapshot_locks.SnapshotLock, "_is_percona", mock.AsyncMock(return_value=True)),
            mock.patch.object(snapshot_module, "open_without_lock", wraps=snapshot_view.open_without_lock) as opened,
        ):
            reading = await taken(mysql_database, locking=Locking.MINIMAL_PERCONA, snapshot=FOUR)
        assert opened.call_count == 1
        assert [after[0] for _, _, after in rows_of(reading)] == [1, 2]

    async def test_a_server_without_backup_lock_is_refused(self, mysql_database):
        with pytest.raises(SourceRefused, match="has no backup lock") as raised:
            await taken(mysql_database, locking=Locking.MINIMAL_PERCONA)
        assert "snapshot.locking.mode=minimal" in raised.value.sentence()


@contextmanager
def user(database: MySqlDatabase, *grants: str) -> Iterator[str]:
    """Make a user with some rights; {} in a grant is the database."""
    name = f"u{database.name.removeprefix('test_')}"
    database.execute(f"create user {name}@'%'")
    try:
        for grant in grants:
            database.execute(f"grant {grant.format(database.name)} to {name}@'%'")
        yield name
    finally:
        database.execute(f"drop user {name}@'%'")


async def incomplete(batches: AsyncIterator[ChangeBatch]) -> None:
    """Read to the end; a snapshot that has lost its view must have no last batch."""
    async with asyncio.timeout(60):
        async for batch in batches:
            assert not batch.boundary


class TestInterruption:
    async def test_a_connection_that_breaks_ends_the_snapshot(self, database):
        """What was read up to there belongs to a view that is gone."""
        database.execute("create table item (id int primary key, pad longtext)")
        database.execute("insert into item values (0, repeat('x', 1000000))")
        for step in range(6):
            database.execute(f"insert into item select id + {2**step}, pad from item")
        source = MySqlLog(settings(database), MemorySchemaHistory())
        await source.start(None)
        batches = source.batches()
        await anext(batches)
        await anext(batches)
        reading = "select id from information_schema.processlist where info like 'SELECT `id`%%' and info like %s"
        ((session,),) = database.execute(reading, f"%{database.name}%")
        database.execute("kill %s", session)
        with pytest.raises(SourceUnavailable):
            await incomplete(batches)
        await source.stop()

    async def test_a_table_that_is_altered_before_it_is_read_begins_the_snapshot_anew(self, database):
        database.execute("create table item (id int primary key); insert into item values (1)")
        source = MySqlLog(settings(database), MemorySchemaHistory())
        await source.start(None)
        batches = source.batches()
        await anext(batches)
        database.execute("alter table item add column more int, algorithm = copy")
        with pytest.raises(SourceUnavailable, match="was changed while the snapshot was taken"):
            await incomplete(batches)
        await source.stop()

    async def test_a_table_that_takes_the_name_of_another_begins_the_snapshot_anew(self, database):
        """In the view, the copy that a tool makes of a table has only some of its rows."""
        database.execute("create table item (id int primary key); insert into item values (1), (2)")
        database.execute("create table copied (id int primary key); insert into copied values (1)")
        source = MySqlLog(settings(database), MemorySchemaHistory())
        await source.start(None)
        batches = source.batches()
        await anext(batches)
        database.execute("rename table item to old, copied to item")
        with pytest.raises(SourceUnavailable, match="was changed while the snapshot was taken"):
            await incomplete(batches)
        await source.stop()


class TestValues:
    """A row is the same in the snapshot and in the stream."""

    TYPES = (
        "id int primary key, t tinyint(1), u bigint unsigned, n decimal(20, 5), f float, g double, b bit(10), c char(5), v varchar(20)"
        " character set latin1, x blob, y varbinary(5), j json, d date, dt datetime(3), ts timestamp(6) null, tm time(2), yr year,"
        " e enum('a', 'b,c'), s set('x', 'y'), p point"
    )
    ROWS = (
        (
            "(1, 1, 18446744073709551615, -12345.67890, 0.1, 1e300, b'1000000001', 'a', 'éü', x'00ff', 'ab', '{\"k\": [1, 2.5, null, \"é\"]}',"
            " '2020-02-29', '2020-02-29 12:34:56.789', '2020-02-29 12:34:56.123456', '-12:34:56.78', 2020, 'b,c', 'x,y', point(1, 2))"
        ),
        "(2" + ", null" * 19 + ")",
    )

    async def test_of_many_types(self, database):
        database.execute(f"create table item ({self.TYPES})")
        database.execute(f"insert into item values {', '.join(self.ROWS)}")
        chosen, history = settings(database), MemorySchemaHistory()
        snapshot = await read_log(chosen, snapshot_done, history)
        database.execute(f"delete from item; insert into item values {', '.join(self.ROWS)}")
        stream = await read_log(
            chosen, lambda got: sum(op == "c" for op, *_ in rows_of(got)) == 2, history, snapshot.offsets[-1]
        )
        read = [row for op, _, row in rows_of(snapshot) if op == "r"]
        assert len(read) == 2
        assert read == [row for op, _, row in rows_of(stream) if op == "c"]

    async def test_the_source_block_has_the_place_and_the_time_of_the_snapshot(self, database):
        database.execute("create table item (id int primary key); insert into item values (1)")
        before = time.time_ns() // 1_000_000
        reading = await taken(database)
        (block,) = [batch.row(0)[6] for batch in reading.batches if len(batch)]
        assert block is not None
        source, last = dict(zip(SOURCE_VARIABLES, block, strict=True)), reading.offsets[-1]
        assert before <= source["ts_ms"] <= time.time_ns() // 1_000_000
        assert (source["file"], source["pos"]) == (last["file"], last["pos"])
        expected = {"snapshot": "last", "server_id": 0, "gtid": None, "row": 0, "thread": None, "query": None}
        assert {name: source[name] for name in expected} == expected
