"""`PostgresSource` and the server's log: what it may recycle, and what it must keep."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from unittest import mock

import pytest

from cdc import FileOffsetStore, PostgresSource
from cdc.sources import transactions as transactions_module
from tests.support.database import Database

SECONDS = 20


def confirmed(database: Database) -> int:
    query = "select (confirmed_flush_lsn - '0/0')::bigint from pg_replication_slots where slot_name = %s"
    return int(database.execute(query, database.name)[0][0])


@pytest.fixture
def open_source(database, tmp_path):
    database.execute("create table item (id int primary key); insert into item values (1)")

    def source() -> PostgresSource:
        return PostgresSource(database.url, slot=database.name, offsets=FileOffsetStore(tmp_path / "offsets"))

    return source


async def following(source: PostgresSource, count: int):
    """Return the next transactions, not acknowledged."""
    found = []
    async with asyncio.timeout(SECONDS):
        async for transaction in source:
            found.append(transaction)
            if len(found) == count:
                return found
    raise AssertionError("the stream ended")


def ids(transactions) -> list[object]:
    return [change.key["id"] for transaction in transactions for change in transaction]


async def test_the_log_is_kept_from_the_first_transaction_that_is_not_acknowledged(open_source, database):
    async with open_source() as source:
        (snapshot,) = await following(source, 1)
        await snapshot.ack()
        for number in (2, 3, 4):
            database.execute("insert into item values (%s)", number)
        second, third, _ = await following(source, 3)
        await second.ack()
        await asyncio.sleep(0.2)
        assert confirmed(database) == second.position.lsn < third.position.lsn
    async with open_source() as source:
        assert ids(await following(source, 2)) == [3, 4]


async def test_an_acknowledgement_out_of_order_takes_nothing_back(open_source, database):
    async with open_source() as source:
        await (await following(source, 1))[0].ack()
        for number in (2, 3):
            database.execute("insert into item values (%s)", number)
        second, third = await following(source, 2)
        await third.ack()
        await second.ack()
        database.execute("insert into item values (4)")
    async with open_source() as source:
        assert ids(await following(source, 1)) == [4], "else the slot would stand ahead of the offset"


async def test_an_idle_table_does_not_keep_the_log_of_others(open_source, database, postgres):
    others = Database(postgres.host, postgres.port, postgres.user, "postgres")
    with mock.patch.object(transactions_module, "IDLE_SECONDS", 0.0):
        async with open_source() as source:
            await (await following(source, 1))[0].ack()
            reading = asyncio.create_task(following(source, 1))
            begin = confirmed(database)
            others.execute("select pg_logical_emit_message(true, 'noise', repeat('x', 100000))")
            async with asyncio.timeout(SECONDS):
                while confirmed(database) < begin + 100_000:
                    await asyncio.sleep(0.05)
            database.execute("insert into item values (2)")
            assert ids(await reading) == [2]
            assert confirmed(database) < (await reading)[0].position.lsn


async def test_a_loop_may_be_left_and_the_source_be_closed(open_source, database):
    async with open_source() as source, aclosing(aiter(source)) as transactions:
        async for _ in transactions:
            break
    assert database.execute("select active from pg_replication_slots where slot_name = %s", database.name) is not None
