"""Values that the log left out, read again on a real server: what is published when rows are there, changed, gone or not to be seen yet."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from contextlib import closing
from typing import Any

import pytest

from cdc.config.columns import ColumnRules, Hash, KeyColumns
from cdc.config.filters import NameFilter
from cdc.config.post_processors import ReselectSettings
from cdc.config.secret import Secret
from cdc.config.snapshot import SnapshotMode
from cdc.errors import SourceRefused
from cdc.model.change import ChangeEvent, read_event
from cdc.model.event import UNAVAILABLE
from cdc.sources.postgres.source import PostgresLog
from cdc.testing.conformance.source import read
from cdc.testing.servers import PostgresServer
from tests.integration.postgres_log import settings
from tests.integration.test_postgres_columns import changes, seen
from tests.support.connector import until
from tests.support.database import Database, created

LARGE = "repeat(md5('a'), 200)"
ITEM = (
    "create table item (id int primary key, n int, big text, other text);"
    " alter table item alter big set storage external, alter other set storage external"
)
UNAVAILABLE_ONLY = ReselectSettings(nulls=False)


async def test_unchanged_values_are_read_again_for_the_columns_that_are_wanted(database):
    database.execute(ITEM)
    database.execute(f"insert into item select g, 0, {LARGE} || g, {LARGE} from generate_series(1, 1200) g")
    wanted = ReselectSettings(NameFilter.parse(r"public\.item:big"))
    found = await seen(database, "update item set n = id", 2400, reselect=wanted)
    large = "0cc175b9c0f1b6a831c399e269772661" * 200
    assert [(after(e)["id"], after(e)["big"], after(e)["other"]) for e in found.of("u")] == [
        (number, f"{large}{number}", UNAVAILABLE) for number in range(1, 1201)
    ]
    assert {len(table.row_columns) for table in found.tables} == {4}


async def test_rows_are_found_by_keys_of_any_type(database):
    database.execute("create type color as enum ('red', 'blue'); create domain code as char(5)")
    database.execute(
        'create table "a%b" (c color, d code, n numeric(6,2), t timestamptz, b bytea, v text, primary key (c, d, n, t, b));'
        ' alter table "a%b" alter v set storage external, add m int'
    )
    database.execute(
        f"insert into \"a%b\" values ('blue', 'x', 1.5, '2024-02-29 12:00+02', '\\x00ff', {LARGE}),"
        " ('red', 'x', 1.5, '2024-02-29 12:00+02', '\\x00ff', 'other')"
    )
    found = await seen(database, 'update "a%b" set m = 1', 4, reselect=UNAVAILABLE_ONLY)
    assert {len(after(e)["v"]) for e in found.of("u")} == {6400, 5}


async def test_masked_values_that_are_read_again_are_masked(database):
    database.execute(ITEM)
    database.execute(f"insert into item values (1, 0, {LARGE}, 'x')")
    rules = changes((".*big", Hash("sha256", Secret("salt"), serialized=False)))
    found = await seen(database, "update item set n = 1", 2, columns=rules, reselect=UNAVAILABLE_ONLY)
    assert after(found.of("u")[0])["big"] == after(found.of("r")[0])["big"]


async def test_nulls_are_read_again_unless_that_is_switched_off(database):
    database.execute(ITEM)
    statements = "insert into item values (1, 0); update item set other = 'later'"
    for nulls, expected in ((True, "later"), (False, None)):
        found = await seen(database, statements, 2, reselect=ReselectSettings(nulls=nulls))
        assert after(found.of("c")[0]) == {"id": 1, "n": 0, "big": None, "other": expected}
        database.execute(
            "truncate item; select pg_drop_replication_slot(slot_name) from pg_replication_slots where database = current_database()"
        )


async def test_a_row_that_is_gone_is_published_as_the_log_has_it(database, caplog):
    database.execute(ITEM)
    database.execute(f"insert into item values (1, 0, {LARGE}, null), (2, 0, {LARGE}, null)")
    statements = "update item set n = 1; delete from item where id = 1"
    found = await seen(database, statements, 5, reselect=UNAVAILABLE_ONLY)
    assert [(after(e)["id"], after(e)["big"] is UNAVAILABLE) for e in found.of("u")] == [(1, True), (2, False)]
    assert "the row of public.item with the key (1) is gone, and published as the log has it" in caplog.text


async def test_a_row_that_is_gone_stops_the_source_where_that_is_wanted(database):
    database.execute(ITEM)
    database.execute(f"insert into item values (1, 0, {LARGE})")
    statements = "update item set n = 1; delete from item"
    with pytest.raises(SourceRefused, match=r"the row of public.item with the key \(1\) is gone"):
        await seen(database, statements, 4, reselect=ReselectSettings(fail=True))


async def test_a_table_that_cannot_be_read_any_more(database, caplog):
    database.execute(ITEM)
    database.execute(f"insert into item values (1, 0, {LARGE})")
    statements = "update item set n = 1; alter table item drop big"
    found = await seen(database, statements, 1, snapshot_mode=SnapshotMode.NO_DATA, reselect=UNAVAILABLE_ONLY)
    assert "values of public.item cannot be read again" in caplog.text
    assert after(found.of("u")[0])["big"] is UNAVAILABLE


async def test_rows_are_found_by_the_record_key_where_that_is_wanted(database):
    database.execute(
        "create table item (id int primary key, code text not null unique, n int, big text);"
        " alter table item alter big set storage external"
    )
    database.execute(f"insert into item values (1, 'a', 0, {LARGE})")
    rules = ColumnRules(NameFilter.parse("", ".*id"), keys=KeyColumns.parse("public.item:code"))
    for by_key in (True, False):
        wanted = ReselectSettings(nulls=False, use_event_key=by_key)
        found = await seen(database, "update item set n = 1", 2, columns=rules, reselect=wanted)
        assert (found.of("u")[0].key, len(after(found.of("u")[0])["big"])) == ({"code": "a"}, 6400)
        database.execute(
            "select pg_drop_replication_slot(slot_name) from pg_replication_slots where database = current_database()"
        )


async def test_nothing_is_read_before_the_transaction_can_be_seen():
    """A server that waits for a synchronous standby sends a commit before it shows it: a null would become what was there before."""
    with PostgresServer() as server:
        database = created(server.address)
        database.execute(ITEM)
        database.execute("insert into item values (1, 0, 'old', 'x')")
        source = PostgresLog(settings(database, reselect=ReselectSettings(NameFilter.parse(".*:big"))))
        try:
            await source.start(None)
            reading = asyncio.create_task(read(source, lambda found: any("u" in ops(batch) for batch in found.batches)))
            await asyncio.to_thread(until, lambda: streams(database), "streaming")
            synchronous(database, "nobody")
            writer = threading.Thread(target=database.execute, args=("update item set big = null",))
            writer.start()
            await asyncio.to_thread(until, lambda: reads_again(database), "a SELECT of the source")
            synchronous(database, "")
            await asyncio.to_thread(writer.join)
            batches = (await reading).batches
        finally:
            await source.stop()
        (event,) = [read_event(batch, at) for batch in batches for at in range(len(batch)) if ops(batch)[at] == "u"]
        assert after(event)["big"] is None


def after(event: ChangeEvent) -> Mapping[str, Any]:
    assert event.after is not None
    return event.after


def ops(batch):
    return [batch.row(at)[0] for at in range(len(batch))]


def streams(database: Database) -> bool:
    return bool(database.execute("select count(*) from pg_stat_replication where state = 'streaming'")[0][0])


def reads_again(database: Database) -> bool:
    return bool(
        database.execute("select count(*) from pg_stat_activity where query like 'select wanted.number%'")[0][0]
    )


def synchronous(database: Database, names: str) -> None:
    with closing(database.connect()) as connection:
        connection.autocommit = True
        connection.execute(f"alter system set synchronous_standby_names = '{names}'".encode())
        connection.execute(b"select pg_reload_conf()")
