"""The PostgreSQL source on a real server: the contract of every source, and what is PostgreSQL's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from cdc.config.settings import PublicationAutocreate
from cdc.config.snapshot import SnapshotMode
from cdc.errors import SlotInUse, SourceLost, SourceRefused, SourceUnavailable
from cdc.model.batch import ChangeBatch
from cdc.model.event import ABSENT, UNAVAILABLE
from cdc.sources.postgres.source import PostgresLog
from cdc.sources.postgres.wal.position import PostgresPosition
from cdc.testing.conformance.source import Reading, SourceConformance, read
from tests.integration.postgres_log import PostgresWorld, settings, small_batches
from tests.support.connector import until
from tests.support.database import Database
from tests.unit.sources.postgres.stream import sources

Row = tuple[str, str, Any, Any]


class TestContract(SourceConformance):
    @pytest.fixture
    def world(self, database):
        with small_batches():
            yield PostgresWorld(database)


def rows_of(batch: ChangeBatch) -> list[Row]:
    """Return (op, table, before, after) of every row but tombstones."""
    rows = map(batch.row, range(len(batch)))
    return [(op, table.id.table, before, after) for op, table, before, after, *_ in rows if op]


class Stream:
    """A source that streams."""

    def __init__(self, source: PostgresLog) -> None:
        self.source = source
        self._batches = source.batches()
        self.last = ChangeBatch()

    async def next(self) -> ChangeBatch:
        async with asyncio.timeout(20):
            self.last = await anext(self._batches)
        return self.last

    async def rows(self, count: int) -> list[Row]:
        """Read until there are so many rows."""
        found: list[Row] = []
        while len(found) < count:
            found += rows_of(await self.next())
        return found

    async def until(self, lsn: int) -> None:
        """Read until the position has come so far."""
        while self.last.position is None or self.last.position.lsn < lsn:
            await self.next()


@asynccontextmanager
async def streaming(
    database: Database, stored: PostgresPosition | None = None, **options: Any
) -> AsyncIterator[Stream]:
    """Stream from now on, without a snapshot."""
    source = PostgresLog(settings(database, snapshot_mode=SnapshotMode.NO_DATA, **options))
    try:
        await source.start(stored.offset() if stored else None)
        stream = Stream(source)
        await stream.next()
        yield stream
    finally:
        await source.stop()


def confirmed(database: Database) -> int:
    query = "select (confirmed_flush_lsn - '0/0')::bigint from pg_replication_slots where slot_name = %s"
    return int(database.execute(query, database.name)[0][0])


def written(database: Database) -> int:
    """Return the end of the log."""
    return int(database.execute("select (pg_current_wal_lsn() - '0/0')::bigint")[0][0])


class TestRows:
    async def test_operations_by_the_default_identity(self, database):
        database.execute("create table item (id int primary key, name text)")
        async with streaming(database) as stream:
            database.execute("insert into item values (1, 'a'); update item set name = null")
            database.execute("update item set id = 2; delete from item")
            assert await stream.rows(5) == [
                ("c", "item", None, (1, "a")),
                ("u", "item", None, (1, None)),
                ("d", "item", (1, ABSENT), None),
                ("c", "item", None, (2, None)),
                ("d", "item", (2, ABSENT), None),
            ]

    async def test_whole_old_rows(self, database):
        database.execute("create table item (id int primary key, name text); alter table item replica identity full")
        async with streaming(database) as stream:
            database.execute("insert into item values (1, 'a'); update item set name = null; update item set id = 2")
            database.execute("delete from item")
            assert await stream.rows(5) == [
                ("c", "item", None, (1, "a")),
                ("u", "item", (1, "a"), (1, None)),
                ("d", "item", (1, None), None),
                ("c", "item", None, (2, None)),
                ("d", "item", (2, None), None),
            ]

    async def test_old_rows_by_an_index(self, database):
        database.execute("create table item (id int primary key, code text not null unique, name text)")
        database.execute("alter table item replica identity using index item_code_key")
        async with streaming(database) as stream:
            database.execute("insert into item values (1, 'a', 'x'); update item set code = 'b'; delete from item")
            found = await stream.rows(4)
            assert [row[0] for row in found] == ["c", "d", "c", "d"]
            assert found[3] == ("d", "item", (ABSENT, "b", ABSENT), None)

    async def test_a_value_of_a_megabyte(self, database):
        database.execute("create table item (id int primary key, big text, note text)")
        big = "Grüße\t\\\n" * 130_000
        async with streaming(database) as stream:
            with database.connect() as connection:
                connection.execute("insert into item values (1, %s, 'a')", (big,))
                connection.execute("update item set note = 'b'")
            assert await stream.rows(2) == [
                ("c", "item", None, (1, big, "a")),
                ("u", "item", None, (1, UNAVAILABLE, "b")),
            ]

    async def test_an_unchanged_large_value_comes_from_the_old_row(self, database):
        database.execute("create table item (id int primary key, big text, note text)")
        database.execute("alter table item replica identity full; alter table item alter big set storage external")
        async with streaming(database) as stream:
            database.execute("insert into item values (1, repeat('x', 5000), 'a'); update item set note = 'b'")
            assert (await stream.rows(2))[1] == ("u", "item", (1, "x" * 5000, "a"), (1, "x" * 5000, "b"))

    async def test_what_was_rolled_back_does_not_come(self, database):
        database.execute("create table item (id int primary key)")
        async with streaming(database) as stream:
            with database.connect(autocommit=False) as connection:
                connection.execute("insert into item values (1)")
                connection.rollback()
                connection.execute("insert into item values (2)")
                connection.execute("savepoint s; insert into item values (3)")
                connection.execute("rollback to s; insert into item values (4)")
                connection.execute("savepoint s2; insert into item values (5); release s2")
            assert [after for *_, after in await stream.rows(3)] == [(2,), (4,), (5,)]
            assert [len(batch) for batch in [stream.last]] == [3]

    async def test_commits_decide_the_order_and_not_writes(self, database):
        database.execute("create table item (id int primary key)")
        async with streaming(database) as stream:
            with database.connect(autocommit=False) as late, database.connect(autocommit=False) as early:
                late.execute("insert into item values (1)")
                early.execute("insert into item values (2)")
                late.execute("insert into item values (3)")
                early.commit()
                late.commit()
            assert [after for *_, after in await stream.rows(3)] == [(2,), (1,), (3,)]

    async def test_a_prepared_transaction_comes_when_it_commits(self, database):
        database.execute("create table item (id int primary key)")
        async with streaming(database) as stream:
            with database.connect() as connection:
                connection.execute("begin")
                connection.execute("insert into item values (1)")
                connection.execute("prepare transaction 'p1'")
                connection.execute("insert into item values (2)")
                assert [after for *_, after in await stream.rows(1)] == [(2,)]
                connection.execute("commit prepared 'p1'")
            assert [after for *_, after in await stream.rows(1)] == [(1,)]

    async def test_truncates_come_when_they_are_asked_for(self, database):
        database.execute("create table a (id int primary key); create table b (id int primary key)")
        async with streaming(database, skipped_operations="") as stream:
            database.execute("truncate a, b")
            assert await stream.rows(2) == [("t", "a", None, None), ("t", "b", None, None)]

    async def test_truncates_are_left_out(self, database):
        database.execute("create table item (id int primary key)")
        async with streaming(database) as stream:
            database.execute("truncate item")
            database.execute("insert into item values (1)")
            assert [op for op, *_ in await stream.rows(1)] == ["c"]

    async def test_the_origin_of_replicated_changes(self, database):
        database.execute("create table item (id int primary key)")
        name = f"origin {database.name}"
        async with streaming(database) as stream:
            with database.connect(autocommit=False) as connection:
                connection.execute("select pg_replication_origin_create(%s)", (name,))
                connection.execute("select pg_replication_origin_session_setup(%s)", (name,))
                connection.execute("select pg_replication_origin_xact_setup('0/2A', now())")
                connection.execute("insert into item values (1)")
            await stream.rows(1)
            (source,) = sources(stream.last)
            assert (source["origin"], source["origin_lsn"]) == (name, 42)
        database.execute("select pg_replication_origin_drop(%s)", name)


class TestDefinitionsThatChange:
    async def test_between_rows(self, database):
        database.execute("create table item (id int primary key, name text)")
        async with streaming(database) as stream:
            database.execute("insert into item values (1, 'a')")
            database.execute("alter table item add column extra int default 7")
            database.execute("insert into item values (2, 'b')")
            database.execute("alter table item drop column name")
            database.execute("insert into item values (3, 9)")
            database.execute("alter table item alter extra type text using extra::text || '!'")
            database.execute("insert into item values (4, 'x')")
            database.execute("alter table item rename column extra to renamed")
            database.execute("update item set renamed = 'y' where id = 4")
            found: list[tuple[list[str], Any]] = []
            while len(found) < 5:
                batch = await stream.next()
                for index in range(len(batch)):
                    _, table, _, after, *_ = batch.row(index)
                    found.append(([column.name for column in table.columns], after))
            assert found == [
                (["id", "name"], (1, "a")),
                (["id", "name", "extra"], (2, "b", 7)),
                (["id", "extra"], (3, 9)),
                (["id", "extra"], (4, "x")),
                (["id", "renamed"], (4, "y")),
            ]

    async def test_inside_a_transaction(self, database):
        database.execute("create table item (id int primary key)")
        async with streaming(database) as stream:
            with database.connect(autocommit=False) as connection:
                connection.execute("insert into item values (1)")
                connection.execute("alter table item add column name text")
                connection.execute("insert into item values (2, 'b')")
                connection.execute("create table fresh (id int primary key)")
                connection.execute("insert into fresh values (3)")
            assert await stream.rows(3) == [
                ("c", "item", None, (1,)),
                ("c", "item", None, (2, "b")),
                ("c", "fresh", None, (3,)),
            ]

    async def test_a_table_that_is_gone_when_its_rows_are_read(self, database):
        database.execute("create table item (id bigint primary key, name text not null)")
        async with streaming(database) as stream:
            position = stream.last.position
        database.execute("insert into item values (1, 'a')")
        database.execute("drop table item")
        async with streaming(database, position) as stream:
            assert await stream.rows(1) == [("c", "item", None, (1, "a"))]

    async def test_the_identity_changes(self, database):
        """Old rows carry the columns of the identity under which they were written, whatever it is now."""
        database.execute("create table item (id int primary key, code text not null unique)")
        async with streaming(database) as stream:
            position = stream.last.position
        database.execute("insert into item values (1, 'a'); update item set id = 2")
        database.execute("alter table item replica identity using index item_code_key")
        database.execute("update item set code = 'b'")
        async with streaming(database, position) as stream:
            assert await stream.rows(5) == [
                ("c", "item", None, (1, "a")),
                ("d", "item", (1, ABSENT), None),
                ("c", "item", None, (2, "a")),
                ("d", "item", (ABSENT, "a"), None),
                ("c", "item", None, (2, "b")),
            ]


class TestPosition:
    async def test_the_slot_is_confirmed_only_by_an_acknowledgement(self, database):
        database.execute("create table item (id int primary key)")
        async with streaming(database, status_update_interval=0.05) as stream:
            begin = confirmed(database)
            database.execute("insert into item values (1)")
            await stream.rows(1)
            await asyncio.sleep(0.3)
            assert confirmed(database) == begin
            stream.source.acknowledge(stream.last.position)
            async with asyncio.timeout(10):
                while confirmed(database) != stream.last.position.lsn:
                    await asyncio.sleep(0.02)
            stream.source.acknowledge(PostgresPosition(begin))
            await asyncio.sleep(0.2)
            assert confirmed(database) == stream.last.position.lsn

    async def test_it_moves_on_while_only_others_write(self, database, postgres):
        """An idle database beside a busy one must not keep the server from recycling its log."""
        database.execute("create table item (id int primary key)")
        maintenance = Database(postgres.host, postgres.port, postgres.user, "postgres")
        async with streaming(database) as stream:
            alive = asyncio.create_task(stream.source.keep_alive())
            begin = stream.last.position.lsn
            for _ in range(3):
                maintenance.execute("select pg_logical_emit_message(true, 'noise', repeat('x', 100000))")
                end = written(maintenance)
                async with asyncio.timeout(15):
                    while stream.last.position.lsn < end:
                        await stream.next()
                        stream.source.acknowledge(stream.last.position)
            assert stream.last.position.lsn > begin + 300_000
            async with asyncio.timeout(10):
                while confirmed(database) < end:
                    await asyncio.sleep(0.02)
            alive.cancel()

    async def test_lag_is_what_is_not_acknowledged(self, database):
        database.execute("create table item (id int primary key)")
        async with streaming(database) as stream:
            database.execute("insert into item select generate_series(1, 1000)")
            await stream.rows(1000)
            assert (stream.source.lag or 0) > 50_000
            stream.source.acknowledge(stream.last.position)
            assert stream.source.lag == 0

    async def test_a_part_of_a_transaction_is_resumed_after_other_commits(self, database):
        database.execute("create table item (id int primary key)")
        with small_batches(10):
            async with streaming(database) as stream:
                database.execute("insert into item select generate_series(1, 95)")
                database.execute("insert into item values (100)")
                await stream.rows(30)
                position = stream.last.position
                assert position.partial is not None
                assert position.partial[1] == 30
            async with streaming(database, position) as stream:
                assert replace(stream.last.position, slot=position.slot) == position, "the slot itself has moved on"
                assert [after for *_, after in await stream.rows(66)] == [(n,) for n in [*range(31, 96), 100]]
                assert stream.last.position.partial is None


class TestConnection:
    async def test_an_idle_stream_answers_the_server(self, database):
        """The server ends a session that is silent for wal_sender_timeout; asked in time, it must be answered at once."""
        database.execute("create table item (id int primary key)")
        database.execute(f"alter database {database.name} set wal_sender_timeout = '1s'".encode())
        async with streaming(database, status_update_interval=3600.0) as stream:
            reading = asyncio.create_task(stream.rows(1))
            await asyncio.sleep(1.8)
            assert not reading.done()
            database.execute("insert into item values (1)")
            assert await reading == [("c", "item", None, (1,))]

    async def test_a_reader_that_waits_is_kept_alive(self, database):
        """While the publisher is stuck nothing is read, so nothing can be answered: the timer keeps the session."""
        database.execute("create table item (id int primary key)")
        database.execute(f"alter database {database.name} set wal_sender_timeout = '1s'".encode())
        async with streaming(database, status_update_interval=0.2) as stream:
            alive = asyncio.create_task(stream.source.keep_alive())
            await asyncio.sleep(1.8)
            database.execute("insert into item values (1)")
            assert await stream.rows(1) == [("c", "item", None, (1,))]
            alive.cancel()

    async def test_a_session_that_the_server_ends(self, database):
        async with streaming(database) as stream:
            query = "select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = %s"
            database.execute(query, database.name)
            with pytest.raises(SourceUnavailable):
                await stream.rows(1)

    async def test_a_slot_in_use_is_waited_for(self, database):
        with small_batches():
            async with streaming(database) as first:
                second = PostgresLog(settings(database))
                starting = asyncio.create_task(second.start(first.last.position.offset()))
                await asyncio.sleep(0.3)
                assert not starting.done()
                await first.source.stop()
                async with asyncio.timeout(10):
                    await starting
                    assert len(await anext(second.batches())) == 0
                await second.stop()

    async def test_a_slot_that_stays_in_use(self, database):
        with small_batches():
            async with streaming(database) as first:
                second = PostgresLog(settings(database, slot_max_retries=1, slot_retry_delay=0.2))
                with pytest.raises(SlotInUse, match=r"active for PID \d+"):
                    await second.start(first.last.position.offset())
                await second.stop()


class TestRefusals:
    """What must not be read over in silence."""

    async def start(self, database: Database, stored: PostgresPosition | None = None, **options: Any) -> None:
        source = PostgresLog(settings(database, **options))
        try:
            await source.start(stored.offset() if stored else None)
        finally:
            await source.stop()

    async def position(self, database: Database) -> PostgresPosition:
        async with streaming(database) as stream:
            found: PostgresPosition = stream.last.position
        return found

    @staticmethod
    async def drop(database):
        """Drop the slot as soon as the server has noticed that its reader is gone."""
        free = "select active_pid is null from pg_replication_slots where slot_name = %s"
        await asyncio.to_thread(until, lambda: database.execute(free, database.name) == [(True,)], "a free slot")
        database.execute("select pg_drop_replication_slot(%s)", database.name)

    async def test_a_slot_that_was_dropped(self, database):
        position = await self.position(database)
        await self.drop(database)
        with pytest.raises(SourceLost, match="does not exist"):
            await self.start(database, position)

    async def test_a_slot_that_was_created_anew(self, database):
        position = await self.position(database)
        await self.drop(database)
        database.execute("create table item (id int primary key); insert into item values (1)")
        database.execute("select pg_create_logical_replication_slot(%s, 'pgoutput')", database.name)
        with pytest.raises(SourceLost, match="ahead of the stored offset"):
            await self.start(database, position)

    async def test_a_slot_that_somebody_else_has_read(self, database):
        database.execute("create table item (id int primary key)")
        position = await self.position(database)
        database.execute("insert into item values (1)")
        database.execute("select pg_replication_slot_advance(%s, pg_current_wal_lsn())", database.name)
        with pytest.raises(SourceLost, match="ahead of the stored offset"):
            await self.start(database, position)

    async def test_another_server(self, database):
        position = await self.position(database)
        other = PostgresPosition(position.lsn, "1234567890", position.timeline)
        with pytest.raises(SourceLost, match="system identifier 1234567890"):
            await self.start(database, other)

    async def test_a_log_that_ends_before_the_offset(self, database):
        position = await self.position(database)
        with pytest.raises(SourceLost, match="behind the end of the server's log"):
            await self.start(database, PostgresPosition(position.lsn + (1 << 40), position.system_id))

    async def test_a_slot_of_another_plugin(self, database):
        database.execute("select pg_create_logical_replication_slot(%s, 'test_decoding')", database.name)
        with pytest.raises(SourceRefused, match="plugin test_decoding, not pgoutput"):
            await self.start(database)

    async def test_a_physical_slot(self, database):
        database.execute("select pg_create_physical_replication_slot(%s)", database.name)
        try:
            with pytest.raises(SourceRefused, match="physical"):
                await self.start(database)
        finally:
            database.execute("select pg_drop_replication_slot(%s)", database.name)

    async def test_a_publication_that_may_not_be_created(self, database):
        with pytest.raises(SourceRefused, match=r"publication .* does not exist"):
            await self.start(database, publication_autocreate=PublicationAutocreate.DISABLED)


async def test_batches_stay_small_whatever_a_transaction_holds(database):
    """100,000 rows in one transaction come in batches of bounded size."""
    database.execute("create table item (id int primary key, pad text)")
    source = PostgresLog(settings(database, snapshot_mode=SnapshotMode.NO_DATA, queue_bytes=2_000_000))
    await source.start(None)
    database.execute("insert into item select n, repeat('x', 100) from generate_series(1, 100000) n")
    seen: list[tuple[int, int]] = []

    def enough(reading: Reading) -> bool:
        batch = reading.batches.pop()
        seen.append((len(batch), batch.size))
        return sum(rows for rows, _ in seen) == 100_000

    await read(source, enough)
    await source.stop()
    assert max(rows for rows, _ in seen) <= 5000
    assert max(size for _, size in seen) < 2_000_000
