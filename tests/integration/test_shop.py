"""The shop on a real server: its ledger says what is in the database, whatever happens to the connection."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from typing import Any

import psycopg
import pymysql
import pytest

from cdc.testing.servers import MySqlServer, PostgresServer
from cdc.testing.shop.inventory import fill, present_rows
from cdc.testing.shop.ledger import Ledger
from cdc.testing.shop.premises import Premises
from cdc.testing.shop.schema import TABLES
from cdc.testing.shop.writer import ShopWriter
from tests.support.database import Database
from tests.support.mysql_database import MySqlDatabase

UNTHROTTLED = 1e6


@pytest.fixture(params=["postgres", "mysql"])
async def premises(request):
    premises = Premises.on(request.getfixturevalue(request.param))
    await premises.create()
    yield premises
    await premises.remove()


def database(premises):
    kind = {"postgres": Database, "mysql": MySqlDatabase}[premises.server.name]
    return kind(premises.server.host, premises.server.port, premises.server.user, premises.name)


async def test_the_shop_is_filled_and_its_ledger_begins_with_every_row(premises):
    ledger = Ledger()
    stock = await fill(premises.url, ledger)
    assert ledger.rows == await present_rows(premises.url)
    assert 20_000 < ledger.committed == len(ledger.rows) < 60_000
    assert {table for table, _ in ledger.rows} == set(TABLES)
    assert stock.placed
    assert stock.paid
    assert all(order.payment for order in stock.shipped)


async def test_the_ledger_holds_what_has_committed(premises):
    ledger = Ledger()
    writer = ShopWriter(premises.url, await fill(premises.url, ledger), ledger, UNTHROTTLED)
    await writing_for(writer, lambda: writer.transactions > 200 and writer.rolled_back > 2)
    assert ledger.rows == await present_rows(premises.url)


async def writing_for(writer, enough):
    async with asyncio.TaskGroup() as group:
        task = group.create_task(writer.run())
        while not enough():
            await asyncio.sleep(0.01)
        writer.stop()
        await task


async def test_a_commit_in_doubt_is_decided_by_the_database(premises, caplog):
    """The writer's session is ended again and again, at any moment; what has committed is known all the same."""
    ledger = Ledger()
    writer = ShopWriter(premises.url, await fill(premises.url, ledger), ledger, UNTHROTTLED)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(writer.run())
        while len(caplog.records) < 8:
            await asyncio.sleep(random.uniform(0.02, 0.2))
            await asyncio.to_thread(end_sessions, database(premises))
        reached = writer.transactions
        while writer.transactions < reached + 20:
            await asyncio.sleep(0.01)
        writer.stop()
        await task
    assert ledger.rows == await present_rows(premises.url)


def end_sessions(database):
    if isinstance(database, MySqlDatabase):
        sessions = "select id from information_schema.processlist where db = %s and id <> connection_id()"
        for (session,) in database.execute(sessions, database.name):
            with suppress(pymysql.err.OperationalError):  # it ended by itself just now
                database.execute("kill %s", session)
        return
    with suppress(psycopg.errors.AdminShutdown):
        database.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s and pid <> pg_backend_pid()",
            database.name,
        )


@pytest.mark.parametrize("premises", ["postgres"], indirect=True)
async def test_a_commit_that_succeeds_while_its_answer_is_lost_is_entered(premises, monkeypatch):
    ledger = Ledger()
    writer = ShopWriter(premises.url, await fill(premises.url, ledger), ledger, UNTHROTTLED)
    before = ledger.committed
    commit = psycopg.AsyncConnection.wait
    lost: list[psycopg.AsyncConnection[Any]] = []

    async def lose_an_answer(connection, generator, **options):
        result = await commit(connection, generator, **options)
        finished = connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
        if finished and writer._ledger.committed == before and getattr(connection, "seen_open", False) and not lost:
            lost.append(connection)
            raise psycopg.OperationalError("the answer is lost")
        connection.seen_open = not finished
        return result

    monkeypatch.setattr(psycopg.AsyncConnection, "wait", lose_an_answer)
    await writing_for(writer, lambda: writer.transactions > 3)
    assert lost
    assert ledger.rows == await present_rows(premises.url)


@pytest.mark.parametrize("premises", ["mysql"], indirect=True)
async def test_a_commit_of_mysql_that_succeeds_while_its_answer_is_lost_is_entered(premises, monkeypatch):
    ledger = Ledger()
    writer = ShopWriter(premises.url, await fill(premises.url, ledger), ledger, UNTHROTTLED)
    commit = pymysql.Connection.commit
    lost: list[pymysql.Connection[Any]] = []

    def lose_an_answer(connection):
        commit(connection)
        if not lost:
            lost.append(connection)
            raise pymysql.err.OperationalError(2013, "the answer is lost")

    monkeypatch.setattr(pymysql.Connection, "commit", lose_an_answer)
    await writing_for(writer, lambda: writer.transactions > 3)
    assert lost
    assert ledger.rows == await present_rows(premises.url)


@pytest.mark.parametrize("kind", [PostgresServer, MySqlServer])
async def test_the_writer_waits_for_a_database_that_is_gone(caplog, kind):
    with kind() as server:
        premises, ledger = Premises.on(server.address), Ledger()
        await premises.create()
        writer = ShopWriter(premises.url, await fill(premises.url, ledger), ledger, UNTHROTTLED)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(writer.run())
            await asyncio.sleep(0.5)
            await asyncio.to_thread(server.kill)
            await asyncio.sleep(1)
            await asyncio.to_thread(server.start)
            reached = writer.transactions
            while writer.transactions < reached + 20:
                await asyncio.sleep(0.01)
            writer.stop()
            await task
        assert ledger.rows == await present_rows(premises.url)
        assert len(caplog.records) <= 3, "one warning for the break and one for the wait"


async def test_premises_in_mysql_leave_nothing_behind(mysql):
    premises = Premises.on(mysql)
    await premises.create()
    await premises.remove()
    server = MySqlDatabase(mysql.host, mysql.port, mysql.user, "mysql")
    assert not server.execute("show databases like %s", premises.name)


async def test_premises_leave_nothing_behind(postgres):
    premises = Premises.on(postgres)
    await premises.create()
    database(premises).execute("select pg_create_logical_replication_slot(%s, 'pgoutput')", premises.name)
    await premises.remove()
    server = Database(postgres.host, postgres.port, postgres.user, "postgres")
    assert not server.execute("select 1 from pg_database where datname = %s", premises.name)
    assert not server.execute("select 1 from pg_replication_slots where slot_name = %s", premises.name)
