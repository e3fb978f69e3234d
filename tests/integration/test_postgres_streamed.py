"""Transactions that a real server streams before they end: published when they commit, without what was undone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
import pytest
from psycopg import sql

from cdc.config.snapshot import SnapshotMode
from cdc.sources.postgres.source import PostgresLog
from tests.integration.postgres_log import settings
from tests.integration.test_postgres_beside import Reader, flushed
from tests.support.database import Database

PATIENCE = 60
#: Rows of half a kilobyte: some of them are more than the 64 kB that the server keeps of a transaction that it streams.
FILL = "insert into item select g, repeat('x', 500) from generate_series(%s::int, %s::int) g"


@pytest.fixture
def streaming_database(database):
    database.execute(
        sql.SQL("alter database {} set logical_decoding_work_mem = '64kB'").format(sql.Identifier(database.name))
    )
    database.execute("create table item (id int primary key, filler text)")
    return database


@contextmanager
def session(database: Database) -> Iterator[psycopg.Connection[Any]]:
    with closing(database.connect(autocommit=False)) as connection:
        yield connection


def numbers(reader: Reader) -> list[int]:
    return [row[0] for row in reader.rows]


async def streamed(database: Database) -> None:
    """Wait until the server says that it has streamed a transaction."""
    query = "select stream_txns from pg_stat_replication_slots where slot_name = %s"
    async with asyncio.timeout(PATIENCE):
        while database.execute(query, database.name) in ([], [(0,)]):
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("memory", [1 << 25, 10_000], ids=["in memory", "in a file"])
async def test_it_comes_at_its_commit_without_what_was_undone_and_others_come_before_it(streaming_database, memory):
    database = streaming_database
    source = PostgresLog(settings(database, snapshot_mode=SnapshotMode.NO_DATA, stream_open=True, queue_bytes=memory))
    try:
        await source.start(None)
        reader = Reader(source)
        await reader.until(0)
        with session(database) as long:
            long.execute(FILL, (1, 1000))
            long.execute("savepoint part")
            long.execute(FILL, (1001, 2000))
            long.execute("rollback to savepoint part")
            long.execute("savepoint kept")
            long.execute(FILL, (2001, 3000))
            long.execute("release savepoint kept")
            database.execute("insert into item values (-1, 'beside')")
            await reader.until(flushed(database))
            assert numbers(reader) == [-1]
            long.commit()
        await reader.until(flushed(database))
        assert numbers(reader) == [-1, *range(1, 1001), *range(2001, 3001)]
        await streamed(database)
    finally:
        await source.stop()


async def test_one_that_is_undone_leaves_nothing(streaming_database):
    database = streaming_database
    source = PostgresLog(settings(database, snapshot_mode=SnapshotMode.NO_DATA, stream_open=True))
    try:
        await source.start(None)
        reader = Reader(source)
        await reader.until(0)
        with session(database) as long:
            long.execute(FILL, (1, 1000))
            await reader.until(flushed(database))
            long.rollback()
        database.execute("insert into item values (-1, 'behind')")
        await reader.until(flushed(database))
        assert numbers(reader) == [-1]
        await streamed(database)
    finally:
        await source.stop()


@pytest.mark.parametrize(("word", "expected"), [("commit", [-1, *range(1, 1001)]), ("rollback", [-1])])
async def test_a_prepared_one_comes_when_it_commits_and_never_when_it_is_rolled_back(
    streaming_database, word, expected
):
    database = streaming_database
    source = PostgresLog(settings(database, snapshot_mode=SnapshotMode.NO_DATA, stream_open=True))
    gid = sql.Literal(database.name)
    try:
        await source.start(None)
        reader = Reader(source)
        await reader.until(0)
        with closing(database.connect()) as long:
            long.execute("begin")
            long.execute(FILL, (1, 1000))
            long.execute(sql.SQL("prepare transaction {}").format(gid))
        database.execute("insert into item values (-1, 'behind')")
        await reader.until(flushed(database))
        assert numbers(reader) == [-1]
        database.execute(sql.SQL("{} prepared {}").format(sql.SQL(word), gid))
        await reader.until(flushed(database))
        assert numbers(reader) == expected
    finally:
        await source.stop()
