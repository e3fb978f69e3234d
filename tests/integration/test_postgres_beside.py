"""What stands beside the rows, on a real server: messages, heartbeats, origins, first statements, slots that come and go."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from typing import Any

import pytest

from cdc.config.beside import BesideSettings
from cdc.config.snapshot import SnapshotMode
from cdc.errors import SourceRefused
from cdc.model.batch import ChangeBatch
from cdc.sources.postgres.protocol.connection import connect
from cdc.sources.postgres.server.heartbeat import HeartbeatAction
from cdc.sources.postgres.source import PostgresLog
from tests.integration.postgres_log import settings
from tests.support.connector import InThread, SlotView, properties
from tests.support.database import Database

PATIENCE = 40


class Reader:
    """A source that streams, and what it has read."""

    def __init__(self, source: PostgresLog) -> None:
        self.source = source
        self.batches: list[ChangeBatch] = []
        self._following = source.batches()

    @property
    def messages(self) -> list[str]:
        """The prefixes of the messages so far."""
        values: list[Any] = [aside.record.value for batch in self.batches for aside in batch.asides]
        return [value["message"]["prefix"] for value in values if "message" in value]

    @property
    def rows(self) -> list[Any]:
        return [batch.row(at)[3] for batch in self.batches for at in range(len(batch))]

    async def until(self, lsn: int) -> None:
        """Read until the position has come so far."""
        async with asyncio.timeout(PATIENCE):
            while not self.batches or self.batches[-1].position.lsn < lsn:
                self.batches.append(await anext(self._following))


@asynccontextmanager
async def reading(database: Database, stored: Any = None, **options: Any) -> AsyncIterator[Reader]:
    source = PostgresLog(settings(database, snapshot_mode=SnapshotMode.NO_DATA, **options))
    try:
        await source.start(stored)
        reader = Reader(source)
        await reader.until(0)
        yield reader
    finally:
        await source.stop()


def flushed(database: Database) -> int:
    """Return the end of the log, all of which the server sends now."""
    query = "select (pg_current_wal_insert_lsn() - '0/0')::bigint from pg_logical_emit_message(true, 'end', '')"
    return int(database.execute(query)[0][0])


class TestMessages:
    async def test_those_of_a_transaction_come_if_it_commits_and_the_others_at_once(self, database):
        async with reading(database) as reader:
            database.execute("select pg_logical_emit_message(true, 'kept', 'x')")
            with closing(database.connect(autocommit=False)) as session:
                session.execute("select pg_logical_emit_message(true, 'undone', 'x')")
                session.execute("select pg_logical_emit_message(false, 'alone', 'x')")
                session.rollback()
            await reader.until(flushed(database))
            assert reader.messages[:2] == ["kept", "alone"]

    async def test_a_position_behind_a_message_does_not_bring_it_again(self, database):
        async with reading(database) as reader:
            for number in range(3):
                database.execute("select pg_logical_emit_message(false, %s, 'x')", f"m{number}")
            await reader.until(flushed(database))
            positions = {
                batch.asides[-1].record.value["message"]["prefix"]: batch.position.offset()  # type: ignore[index]
                for batch in reader.batches
                if batch.asides
            }
            assert reader.messages[:3] == ["m0", "m1", "m2"]
        for prefix, stored in positions.items():
            following = reader.messages[reader.messages.index(prefix) + 1 :]
            async with reading(database, stored) as again:
                await again.until(flushed(database))
                assert again.messages[: len(following)] == following


class TestHeartbeats:
    async def test_a_message_in_the_log_moves_the_position_of_an_idle_database_and_is_not_published(self, database):
        wanted = BesideSettings(heartbeat_interval=0.05, heartbeat_message="beat")
        action = HeartbeatAction(settings(database, beside=wanted))
        async with reading(database, beside=wanted) as reader:
            begun = reader.batches[-1].position.lsn
            beating = asyncio.create_task(action.run(lambda: True))
            await reader.until(begun + 1)
            beating.cancel()
            assert reader.messages == []
            assert reader.rows == []

    async def test_a_statement_that_fails_is_said_once_until_it_works(self, database, caplog):
        wanted = BesideSettings(heartbeat_interval=0.02, heartbeat_query="update hb set n = n + 1")
        action = HeartbeatAction(settings(database, beside=wanted))
        with caplog.at_level(logging.WARNING):
            beating = asyncio.create_task(action.run(lambda: True))
            async with asyncio.timeout(PATIENCE):
                while not caplog.records:
                    await asyncio.sleep(0.02)
                database.execute("create table hb (n int); insert into hb values (0)")
                while database.execute("select n from hb") < [(3,)]:
                    await asyncio.sleep(0.02)
            beating.cancel()
        assert ['relation "hb" does not exist' in record.getMessage() for record in caplog.records] == [True]


@pytest.mark.parametrize(("local_only", "expected"), [(False, [(1,), (2,)]), (True, [(2,)])])
async def test_what_another_server_brought_is_left_out_if_only_local_changes_are_wanted(database, local_only, expected):
    database.execute("create table item (id int primary key)")
    origin = f"origin_{database.name}"
    async with reading(database, local_only=local_only) as reader:
        with closing(database.connect()) as session:
            session.execute("select pg_replication_origin_create(%s)", (origin,))
            try:
                session.execute("select pg_replication_origin_session_setup(%s)", (origin,))
                session.execute("insert into item values (1)")
                session.execute("select pg_replication_origin_session_reset()")
                session.execute("insert into item values (2)")
            finally:
                session.execute("select pg_replication_origin_drop(%s)", (origin,))
        await reader.until(flushed(database))
        assert reader.rows == expected


class TestFirstStatements:
    async def test_they_run_on_a_connection_before_anything_else(self, database):
        found = settings(database, initial_statements=("set work_mem = '123kB'", "set application_name = 'a;b'"))
        connection = await connect(found)
        try:
            cursor = await connection.execute("select current_setting('work_mem'), current_setting('application_name')")
            assert await cursor.fetchone() == ("123kB", "a;b")
        finally:
            await connection.close()

    async def test_one_that_the_server_refuses_is_an_error_with_its_words(self, database):
        with pytest.raises(SourceRefused, match="syntax error"):
            await connect(settings(database, initial_statements=("selekt 1",)))


async def test_a_slot_that_sends_prepared_transactions_before_their_commit_is_refused(database):
    name = database.name
    database.execute("select pg_create_logical_replication_slot(%s, 'pgoutput', false, true)", name)
    with pytest.raises(SourceRefused, match=f"slot {name} was created with two_phase") as caught:
        async with reading(database):
            pass
    assert "without two_phase" in caught.value.remedy


@pytest.mark.parametrize(("dropped", "left"), [("true", 0), ("false", 1)])
def test_a_slot_goes_with_its_connector_on_request(database, kafka, topic_prefix, dropped, left):
    connector = InThread(properties(database, kafka.url, topic_prefix, slot_drop_on_stop=dropped))
    connector.start()
    SlotView(database, topic_prefix).wait_until_streaming(connector)
    connector.stop()
    found = database.execute("select count(*) from pg_replication_slots where slot_name = %s", topic_prefix)
    assert found == [(left,)]
    assert not connector.failure
