"""The heart of the PostgreSQL source on every version that is supported, each by a server of its own.

The oldest and the newest are tested whole, those between by one test; `make reliability` tests them whole too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from unittest import mock

import psycopg
import pytest

from cdc.config.settings import PublicationAutocreate
from cdc.config.snapshot import SnapshotMode
from cdc.errors import PublicationDropped, PublicationRecreated, SourceLost, SourceRefused
from cdc.model.event import ABSENT, UNAVAILABLE
from cdc.model.position import Offset
from cdc.sources.postgres.server import planning
from cdc.sources.postgres.source import PostgresLog
from cdc.testing.conformance.source import Reading, SourceConformance, read, snapshot_done
from cdc.testing.servers import Address, PostgresServer
from tests.integration.postgres_log import PostgresWorld, settings, small_batches
from tests.support.database import Database

VERSIONS = (14, 15, 16, 17, 18)
BETWEEN = VERSIONS[1:-1]
Row = tuple[str, str, Any, Any]


def servers(*versions: int, without: tuple[int, ...] = ()) -> pytest.MarkDecorator:
    """Run a test on a server of each version; on those in `without` only `make reliability` does."""
    cases = [pytest.param(each, marks=pytest.mark.reliability if each in without else ()) for each in versions]
    return pytest.mark.parametrize("postgres", cases, indirect=True, ids="PostgreSQL {}".format)


all_versions = servers(*VERSIONS)
ends = servers(*VERSIONS, without=BETWEEN)
from_15_on = servers(*VERSIONS[1:], without=BETWEEN)
only_18 = servers(18)


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Iterator[Address]:
    """A server of the version that the test is for, instead of the session's."""
    with PostgresServer(version=request.param) as server:
        yield server.address


def version_of(database: Database) -> int:
    """Return the server's major version, as it says it."""
    return int(database.execute("select current_setting('server_version_num')::int / 10000")[0][0])


class Reader:
    """Reads on from where the last reading ended, each time by a new source: every reading is a restart with resume."""

    def __init__(self, database: Database, **options: Any) -> None:
        self.settings = settings(database, skipped_operations="", **options)
        self.offset: Offset | None = None

    async def snapshot(self) -> list[Row]:
        """Return the rows of the snapshot."""
        return self._rows(await self._read(snapshot_done))

    async def rows(self, count: int) -> list[Row]:
        """Return so many rows that were committed behind the last reading."""
        return self._rows(
            await self._read(lambda reading: len(self._rows(reading)) >= count and reading.batches[-1].boundary)
        )

    async def _read(self, enough: Any) -> Reading:
        source = PostgresLog(self.settings)
        try:
            await source.start(self.offset)
            reading = await read(source, enough)
        finally:
            await source.stop()
        self.offset = reading.offsets[-1]
        return reading

    def _rows(self, reading: Reading) -> list[Row]:
        found = [batch.row(index) for batch in reading.batches for index in range(len(batch))]
        return [(op, table.id.table, before, after) for op, table, before, after, *_ in found if op]


@all_versions
async def test_snapshot_and_stream_go_on_from_each_other(database):
    database.execute("create table item (id int primary key, name text, tags text[], price numeric(8,2))")
    database.execute("insert into item values (1, 'a', '{x,null}', 1.50)")
    reader = Reader(database)
    (read_row,) = await reader.snapshot()
    database.execute("insert into item values (2, 'a', '{x,null}', 1.50)")
    database.execute("update item set name = 'b' where id = 2")
    (created, updated) = await reader.rows(2)
    database.execute("update item set id = 3 where id = 2")
    database.execute("delete from item where id = 1")
    database.execute("truncate item")
    gone = await reader.rows(4)
    assert (read_row[0], created[0], updated[0]) == ("r", "c", "u")
    assert read_row[3][0] == 1
    assert created[3][0] == 2
    assert read_row[3][1:] == created[3][1:], "snapshot and stream give the same values"
    assert updated[3][:2] == (2, "b")
    assert [(op, before and before[0], after and after[0]) for op, _, before, after in gone] == [
        ("d", 2, None),
        ("c", None, 3),
        ("d", 1, None),
        ("t", None, None),
    ]


@ends
class TestContract(SourceConformance):
    @pytest.fixture
    def world(self, database):
        with small_batches():
            yield PostgresWorld(database)


@ends
class TestRows:
    async def test_unchanged_large_values(self, database):
        database.execute("create table item (id int primary key, big text, note text)")
        database.execute("alter table item alter big set storage external")
        reader = Reader(database)
        await reader.snapshot()
        database.execute("insert into item values (1, repeat('x', 5000), 'a'); update item set note = 'b'")
        assert (await reader.rows(2))[1] == ("u", "item", None, (1, UNAVAILABLE, "b"))
        database.execute("alter table item replica identity full; update item set note = 'c'")
        assert await reader.rows(1) == [("u", "item", (1, "x" * 5000, "b"), (1, "x" * 5000, "c"))]

    async def test_old_rows_by_an_index(self, database):
        database.execute("create table item (id int primary key, code text not null unique)")
        database.execute("alter table item replica identity using index item_code_key")
        reader = Reader(database)
        await reader.snapshot()
        database.execute("insert into item values (1, 'a'); update item set code = 'b'")
        assert await reader.rows(3) == [
            ("c", "item", None, (1, "a")),
            ("d", "item", (ABSENT, "a"), None),
            ("c", "item", None, (1, "b")),
        ]

    async def test_definitions_that_change(self, database):
        database.execute("create table item (id int primary key, name text)")
        reader = Reader(database)
        await reader.snapshot()
        database.execute("insert into item values (1, 'a')")
        database.execute("alter table item add column extra int default 7")
        database.execute("insert into item values (2, 'b')")
        database.execute("alter table item drop column name")
        database.execute("insert into item values (3, 9)")
        database.execute("alter table item alter extra type text using extra::text || '!'")
        database.execute("insert into item values (4, 'x')")
        assert [after for *_, after in await reader.rows(4)] == [(1, "a"), (2, "b", 7), (3, 9), (4, "x")]

    async def test_a_transaction_that_the_server_spills(self, database):
        """With 64 kB for its changes the server writes them to disk, and would stream them if it were asked."""
        database.execute("create table item (id int primary key, name text)")
        database.execute(f"alter database {database.name} set logical_decoding_work_mem = '64kB'".encode())
        reader = Reader(database)
        await reader.snapshot()
        with database.connect(autocommit=False) as connection:
            connection.execute("insert into item select n, repeat('x', 100) from generate_series(1, 2000) n")
            connection.execute("savepoint s; insert into item select generate_series(3001, 5000); rollback to s")
            connection.execute("insert into item values (2001, 'y')")
        assert [after[0] for *_, after in await reader.rows(2001)] == list(range(1, 2002))

    async def test_a_prepared_transaction_comes_when_it_commits(self, database):
        database.execute("create table item (id int primary key)")
        reader = Reader(database)
        await reader.snapshot()
        with database.connect() as connection:
            connection.execute("begin; insert into item values (1)")
            connection.execute(f"prepare transaction '{database.name}'".encode())
            database.execute("insert into item values (2)")
            assert await reader.rows(1) == [("c", "item", None, (2,))]
            connection.execute(f"commit prepared '{database.name}'".encode())
        assert await reader.rows(1) == [("c", "item", None, (1,))]

    async def test_partitions_under_the_name_of_their_root(self, database):
        database.execute("create table item (id int primary key, name text) partition by range (id)")
        database.execute("create table item_low partition of item for values from (0) to (10)")
        database.execute("insert into item values (1, 'a')")
        database.execute(
            f"create publication {database.name} for table item with (publish_via_partition_root)".encode()
        )
        reader = Reader(database)
        assert await reader.snapshot() == [("r", "item", None, (1, "a"))]
        database.execute("update item set name = 'b'")
        assert await reader.rows(1) == [("u", "item", None, (1, "b"))]

    async def test_generated_columns_are_in_the_snapshot_and_not_in_the_stream(self, database):
        """As with Debezium: the log does not have them."""
        virtual = ", v int generated always as (id + 1) virtual" if version_of(database) >= 18 else ""
        columns = f"(id int primary key, g int generated always as (id * 2) stored, name text{virtual})"
        database.execute(f"create table item {columns}".encode())
        database.execute("insert into item values (1, default, 'a')")
        reader = Reader(database)
        generated = (2,) if version_of(database) >= 18 else ()
        assert await reader.snapshot() == [("r", "item", None, (1, 2, "a", *generated))]
        database.execute("update item set name = 'b'")
        assert await reader.rows(1) == [("u", "item", None, (1, "b"))]


@only_18
async def test_generated_columns_that_are_published(database):
    columns = "(id int primary key, g int generated always as (id * 2) stored, v int generated always as (id + 1))"
    database.execute(f"create table item {columns}".encode())
    database.execute("insert into item values (1)")
    database.execute(
        f"create publication {database.name} for all tables with (publish_generated_columns = stored)".encode()
    )
    reader = Reader(database)
    assert await reader.snapshot() == [("r", "item", None, (1, 2, 2))]
    database.execute("update item set id = 4")
    assert await reader.rows(2) == [("d", "item", (1, ABSENT), None), ("c", "item", None, (4, 8))]


def recreate(database: Database, meanwhile: str) -> None:
    """Drop the publication, execute a statement, and create the publication again."""
    database.execute(f"drop publication {database.name}")
    database.execute(meanwhile)
    database.execute(f"create publication {database.name} for all tables")


@ends
class TestPublication:
    async def test_of_all_tables(self, database):
        database.execute("create table item (id int primary key)")
        await Reader(database, publication_autocreate=PublicationAutocreate.ALL_TABLES).snapshot()
        query = "select puballtables from pg_publication where pubname = %s"
        assert database.execute(query, database.name) == [(True,)]

    async def test_of_the_tables_that_the_filters_pass(self, database):
        database.execute("create table item (id int primary key); create table other (id int primary key)")
        database.execute("create table more (id int primary key)")
        for include, published in (("public.item", ["item"]), (r"public\.(item|more)", ["item", "more"])):
            mode = PublicationAutocreate.FILTERED
            await Reader(database, include=include, publication_autocreate=mode).snapshot()
            query = "select tablename from pg_publication_tables where pubname = %s order by 1"
            assert [name for (name,) in database.execute(query, database.name)] == published

    async def test_one_that_was_dropped_is_not_created_again_behind_a_gap(self, database):
        database.execute("create table item (id int primary key)")
        reader = Reader(database)
        await reader.snapshot()
        database.execute(f"drop publication {database.name}".encode())
        database.execute("insert into item values (1)")
        with pytest.raises(PublicationDropped, match="does not send what was written since it was dropped"):
            await reader.rows(1)

    async def test_one_that_was_dropped_and_made_anew_is_noticed(self, database):
        database.execute("create table item (id int primary key)")
        reader = Reader(database)
        await reader.snapshot()
        recreate(database, "insert into item values (1)")
        with pytest.raises(PublicationRecreated, match="was dropped and created anew") as caught:
            await reader.rows(1)
        assert f"pg_drop_replication_slot('{database.name}')" in caught.value.remedy

    async def test_the_server_does_not_send_what_was_written_while_there_was_none(self, database):
        """What the error says, seen with the server's own functions: 18 leaves it out, and earlier versions end there."""
        database.execute("create table item (id int primary key)")
        await Reader(database).snapshot()
        recreate(database, "insert into item values (1)")
        database.execute("insert into item values (2)")
        query = (
            "select count(*) from pg_logical_slot_peek_binary_changes(%s, null, null, 'proto_version', '1', 'publication_names', %s) "
            "where get_byte(data, 0) = ascii('I')"
        )
        if version_of(database) >= 18:
            assert database.execute(query, database.name, database.name) == [(1,)]
        else:
            with pytest.raises(psycopg.errors.UndefinedObject, match="does not exist"):
                database.execute(query, database.name, database.name)

    async def test_a_new_snapshot_stands_for_the_gap_where_that_is_asked_for(self, database):
        database.execute("create table item (id int primary key)")
        reader = Reader(database, snapshot_mode=SnapshotMode.WHEN_NEEDED)
        await reader.snapshot()
        recreate(database, "insert into item values (1)")
        assert await reader.snapshot() == [("r", "item", None, (1,))]
        database.execute("insert into item values (2)")
        assert await reader.rows(1) == [("c", "item", None, (2,))]

    @pytest.mark.parametrize("anew", [False, True])
    async def test_one_that_is_dropped_under_a_running_stream(self, database, anew):
        """PostgreSQL 18 sends nothing more, in silence; the publication is looked at besides."""
        database.execute("create table item (id int primary key)")
        reader = Reader(database)
        await reader.snapshot()
        source = PostgresLog(reader.settings)
        await source.start(reader.offset)
        batches = source.batches()
        try:
            await anext(batches)
            database.execute(f"drop publication {database.name}".encode())
            if anew:
                database.execute(f"create publication {database.name} for all tables".encode())
            with pytest.raises(PublicationRecreated if anew else PublicationDropped):
                async with asyncio.timeout(60):
                    await source.keep_alive()
        finally:
            await source.stop()

    @pytest.mark.parametrize("mode", [SnapshotMode.INITIAL, SnapshotMode.NO_DATA])
    async def test_one_that_is_younger_than_the_slot(self, database, mode):
        """PostgreSQL 18 leaves out what was written before; others end the stream with an error each time."""
        database.execute("create table item (id int primary key)")
        database.execute("select pg_create_logical_replication_slot(%s, 'pgoutput')", database.name)
        database.execute("insert into item values (1)")
        reader = Reader(database, snapshot_mode=mode)
        if version_of(database) >= 18 and mode is SnapshotMode.INITIAL:
            assert await reader.snapshot() == [("r", "item", None, (1,))]
        else:
            with pytest.raises(SourceRefused, match="was created before publication") as caught:
                await reader.snapshot()
            assert f"pg_drop_replication_slot('{database.name}')" in caught.value.remedy
            database.execute("select pg_drop_replication_slot(%s)", database.name)
            await reader.snapshot()
        database.execute("insert into item values (2)")
        assert await reader.rows(1) == [("c", "item", None, (2,))]

    async def test_one_that_was_made_by_hand_behind_the_slot(self, database):
        database.execute("create table item (id int primary key)")
        database.execute("select pg_create_logical_replication_slot(%s, 'pgoutput')", database.name)
        database.execute("insert into item values (1)")
        database.execute(f"create publication {database.name} for all tables".encode())
        database.execute("insert into item values (2)")
        reader = Reader(database, snapshot_mode=SnapshotMode.NO_DATA)
        if version_of(database) >= 18:
            assert await reader.rows(1) == [("c", "item", None, (2,))]
        else:
            with pytest.raises(SourceLost, match=r"publication \S+ does not exist") as caught:
                await reader.rows(1)
            assert "older than its publication" in caught.value.remedy


@from_15_on
async def test_a_publication_of_some_columns_and_rows(database):
    database.execute("create table item (id int primary key, hidden int, name text)")
    database.execute("insert into item values (1, 1, 'a'), (-1, 1, 'a')")
    database.execute(f"create publication {database.name} for table item (id, name) where (id > 0)".encode())
    reader = Reader(database)
    assert await reader.snapshot() == [("r", "item", None, (1, "a"))]
    database.execute("insert into item values (2, 2, 'b'), (-2, 2, 'b')")
    assert await reader.rows(1) == [("c", "item", None, (2, "b"))]


@ends
class TestServer:
    async def test_the_slot_lives_on_and_decodes_by_pgoutput(self, database):
        database.execute("create table item (id int primary key)")
        await Reader(database).snapshot()
        query = "select plugin, slot_type, temporary, database from pg_replication_slots where slot_name = %s"
        assert database.execute(query, database.name) == [("pgoutput", "logical", False, database.name)]

    async def test_keeps_the_slot_on_standbys_from_17_on(self, database):
        database.execute("create table item (id int primary key)")
        reader = Reader(database, slot_failover=True)
        if version_of(database) < 17:
            with pytest.raises(SourceRefused, match="needs PostgreSQL 17 or later"):
                await reader.snapshot()
        else:
            await reader.snapshot()
            query = "select failover from pg_replication_slots where slot_name = %s"
            assert database.execute(query, database.name) == [(True,)]

    @pytest.mark.parametrize(
        ("role", "remedy"), [("login", "ALTER ROLE … REPLICATION"), ("login replication", "Let its owner do it")]
    )
    async def test_says_which_right_is_missing(self, database, role, remedy):
        """Each version has its own words for it."""
        name = f"reader_{database.name}"
        database.execute("create table item (id int primary key)")
        database.execute(f"create role {name} {role}".encode())
        source = PostgresLog(replace(settings(database), user=name))
        try:
            with pytest.raises(SourceRefused) as caught:
                await source.start(None)
        finally:
            await source.stop()
            database.execute(f"drop role {name}".encode())
        assert remedy in caught.value.remedy

    async def test_is_refused_when_it_is_too_old(self, database):
        with (
            mock.patch.object(planning, "OLDEST", 190000),
            pytest.raises(SourceRefused, match=f"the server is PostgreSQL {version_of(database)}, and"),
        ):
            await Reader(database).snapshot()
