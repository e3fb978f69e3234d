"""Values that the binlog left out, or has as null, read again on real servers: rows that are there, changed, gone or not to be seen yet."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import Any

import pytest

from cdc.config.columns import ColumnRules, Hash, KeyColumns
from cdc.config.filters import NameFilter
from cdc.config.post_processors import ReselectSettings
from cdc.config.secret import Secret
from cdc.errors import SourceRefused
from cdc.history.memory import MemorySchemaHistory
from cdc.model.change import ChangeEvent, read_event
from cdc.model.event import ABSENT
from cdc.sources.columns.reselection import Written
from cdc.sources.mysql.protocol.connection import Connection
from cdc.sources.mysql.reselection.visibility import Visibility
from cdc.sources.mysql.server.log_end import find_log_end
from cdc.sources.mysql.snapshot.prepared_before import prepared_now
from cdc.sources.mysql.source import MySqlLog
from cdc.testing.conformance.source import Reading, read, snapshot_done
from cdc.testing.servers import MariaDbServer, MySqlServer
from tests.integration.mysql_log import settings
from tests.integration.test_postgres_columns import changes
from tests.support.binlog import endpoint
from tests.support.connector import until
from tests.support.mysql_database import MySqlDatabase, created
from tests.support.mysql_kinds import KINDS

ITEM = "create table item (id int primary key, n int, big text, other text)"
MINIMAL = "set binlog_row_image = 'MINIMAL'"
ABSENT_ONLY = ReselectSettings(nulls=False)
END = "insert into the_end values (1)"


@pytest.fixture(params=["mysql_database", "mariadb_database"])
def database(request: pytest.FixtureRequest) -> MySqlDatabase:
    found: MySqlDatabase = request.getfixturevalue(request.param)
    return found


async def again(
    database: MySqlDatabase, before: str, *statements: str, reselect: ReselectSettings = ABSENT_ONLY, **more: Any
) -> list[ChangeEvent]:
    """Return the events of statements that were all run before the stream came to them; a snapshot was taken behind `before`."""
    await database.run(f"create table the_end (id int primary key); {before}")
    history, chosen = MemorySchemaHistory(), settings(database, reselect=reselect, **more)
    stored = (await _read(MySqlLog(chosen, history), None, history)).offsets[-1]
    for statement in (*statements, END):
        await database.run(statement)
    found = events(await _read(MySqlLog(chosen, history), stored, history))
    return [event for event in found if event.table.table != "the_end"]


async def _read(source: MySqlLog, stored: Any, history: MemorySchemaHistory) -> Reading:
    try:
        await source.start(stored)
        found = await read(source, snapshot_done if stored is None else has_ended)
    finally:
        await source.stop()
    for batch in found.batches:
        await history.record(batch.history)
    return found


def has_ended(reading: Reading) -> bool:
    return any(event.table.table == "the_end" for event in events(reading))


def events(reading: Reading) -> list[ChangeEvent]:
    return [read_event(batch, at) for batch in reading.batches for at in range(len(batch)) if batch.row(at)[0]]


def after(event: ChangeEvent) -> Mapping[str, Any]:
    assert event.after is not None
    return event.after


def minimal(*statements: str) -> str:
    return "; ".join((MINIMAL, *statements))


async def test_what_a_minimal_image_leaves_out_is_read_again_for_the_columns_that_are_wanted(database):
    rows = ", ".join(f"({number}, 0, '{'x' * 2000}{number}', 'o')" for number in range(1, 301))
    found = await again(
        database,
        f"{ITEM}; insert into item values {rows}",
        minimal("update item set n = id", "update item set n = id + 1"),
        reselect=ReselectSettings(NameFilter.parse(r".*\.item:big"), nulls=False),
    )
    assert [(after(e)["id"], after(e)["n"], after(e)["big"], after(e)["other"]) for e in found] == [
        (number, number + more, f"{'x' * 2000}{number}", ABSENT) for more in (0, 1) for number in range(1, 301)
    ]
    assert {(e.before or {})["big"] for e in found} == {ABSENT}


async def test_what_a_minimal_image_of_an_insert_leaves_out_is_read_again(database):
    table = "create table item (id int primary key auto_increment, n int not null default 7, big text, other text)"
    found = await again(database, table, minimal("insert into item (big) values ('a'), ('b')"))
    assert [after(event) for event in found] == [
        {"id": number, "n": 7, "big": text, "other": None} for number, text in ((1, "a"), (2, "b"))
    ]


async def test_nulls_are_read_again_unless_that_is_switched_off(database):
    statements = "insert into item values (1, 0, null, null)", "update item set other = 'later'"
    found = await again(database, ITEM, *statements, reselect=ReselectSettings())
    assert after(found[0]) == {"id": 1, "n": 0, "big": None, "other": "later"}


async def test_nulls_stay_where_they_are_not_wanted(database):
    statements = "insert into item values (1, 0, null, null)", "update item set other = 'later'"
    found = await again(database, ITEM, *statements)
    assert after(found[0]) == {"id": 1, "n": 0, "big": None, "other": None}


async def test_a_row_that_is_gone_is_published_as_the_log_has_it(database, caplog):
    before = f"{ITEM}; insert into item values (1, 0, 'a', null), (2, 0, 'b', null)"
    found = await again(database, before, minimal("update item set n = 1", "delete from item where id = 1"))
    assert [(after(e)["id"], after(e)["big"]) for e in found if e.op == "u"] == [(1, ABSENT), (2, "b")]
    assert f"the row of {database.name}.item with the key (1) is gone, and published as the log has it" in caplog.text


async def test_a_row_that_is_gone_stops_the_source_where_that_is_wanted(database):
    before = f"{ITEM}; insert into item values (1, 0, 'a', null)"
    with pytest.raises(SourceRefused, match=r"item with the key \(1\) is gone") as raised:
        await again(
            database, before, minimal("update item set n = 1", "delete from item"), reselect=ReselectSettings(fail=True)
        )
    assert "reselect.error.handling.mode=warn" in raised.value.remedy


CHANGES = {
    "dropped": "alter table item drop big",
    "of another type": "alter table item modify big int",
    "key of another type": "alter table item modify id varchar(9)",
    "no table": "drop table item",
    "renamed": "rename table item to former",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_a_table_that_is_another_one_now_is_not_read(database, caplog, change):
    before = f"{ITEM}; insert into item values (1, 0, '7', 'x')"
    found = await again(database, before, minimal("update item set n = 1"), change)
    assert f"values of {database.name}.item cannot be read again" in caplog.text
    assert after(next(e for e in found if e.op == "u"))["big"] is ABSENT


async def test_a_table_that_is_another_one_now_stops_the_source_where_that_is_wanted(database):
    before = f"{ITEM}; insert into item values (1, 0, '7', 'x')"
    with pytest.raises(SourceRefused, match="the type of big is another one now"):
        await again(
            database,
            before,
            minimal("update item set n = 1"),
            "alter table item modify big int",
            reselect=ReselectSettings(fail=True),
        )


async def test_other_columns_may_change_and_rows_of_each_time_are_found_by_their_key(database):
    """The key is in another character set behind the ALTER, and the rows of both times are in one batch."""
    before = (
        "create table item (id varchar(9) character set latin1 primary key, n int, big varchar(20) character set latin1);"
        "insert into item values ('é', 0, 'café')"
    )
    convert = "alter table item modify id varchar(20) character set utf8mb4, modify big text"
    found = await again(database, before, minimal("update item set n = 1"), convert, minimal("update item set n = 2"))
    assert [(after(e)["id"], after(e)["n"], after(e)["big"]) for e in found if e.op == "u"] == [
        ("é", 1, "café"),
        ("é", 2, "café"),
    ]


KEYS = {
    "text": ("varchar(20)", ["'Ärger'", "''", "'it''s'", r"'a\\b'"]),
    "another character set": ("varchar(20) character set utf16", ["'Ä'", "'中'"]),
    "char": ("char(5) character set latin1", ["'é'", "''"]),
    "sjis": ("varchar(9) character set sjis", ["'表'", "'ソ'"]),
    "binary": ("binary(4)", ["x'61000000'", "x'00000000'", "x'ff27005c'"]),
    "varbinary": ("varbinary(9)", ["x''", "x'00'", "x'ff27'"]),
    "decimal": ("decimal(12,3)", ["-1.5", "0", "123456789.001"]),
    "unsigned": ("bigint unsigned", ["0", "18446744073709551615"]),
    "signed": ("mediumint", ["-8388608", "7"]),
    "double": ("double", ["-0.1", "1e300", "0"]),
    "float": ("float", ["0.1", "16777217"]),
    "bit": ("bit(12)", ["0", "2049"]),
    "year": ("year", ["0", "1901", "2000"]),
    "date": ("date", ["'0000-00-00'", "'1970-01-01'", "'2024-02-29'", "'2020-00-00'"]),
    "datetime": ("datetime(3)", ["'0000-00-00 00:00:00'", "'1000-01-01 23:59:59.999'", "'1970-01-01 00:00:00'"]),
    "timestamp": ("timestamp(6)", ["'0000-00-00 00:00:00'", "'2037-01-01 00:00:00.000001'", "'2001-01-01 01:01:01.5'"]),
    "time": ("time(2)", ["'-838:59:59'", "'-00:00:00.5'", "'00:00:01.01'", "'-00:00:01'"]),
    "times": ("time(6)", ["'-00:00:00.000001'", "'838:59:59'", "'0'"]),
    "enum": ("enum('a','zwölf','it''s')", ["'a'", "'zwölf'", "'it''s'"]),
    "set": ("set('x','y')", ["''", "'x,y'"]),
}
OF_MARIADB = {
    "uuid": ("uuid", ["'123e4567-e89b-12d3-a456-426655440000'"]),
    "inet6": ("inet6", ["'::1'", "'fe80::1'"]),
}


async def _check_keys(database: MySqlDatabase, kind: str, keys: Sequence[str]) -> None:
    values = ", ".join(f"({key}, {at % 2}, 0, 'v{at}')" for at, key in enumerate(keys))
    before = (
        f"set sql_mode = '', time_zone = '+05:00'; create table item (k {kind}, d int, n int, v text, primary key (k, d));"
        f" insert into item values {values}"
    )
    found = await again(database, before, minimal("set sql_mode = ''", "update item set n = 1"))
    assert sorted(after(event)["v"] for event in found) == [f"v{at}" for at in range(len(keys))]


@pytest.mark.parametrize(("kind", "keys"), KEYS.values(), ids=KEYS)
async def test_rows_are_found_by_keys_of_any_type(database, kind, keys):
    await _check_keys(database, kind, keys)


@pytest.mark.parametrize(("kind", "keys"), OF_MARIADB.values(), ids=OF_MARIADB)
async def test_rows_are_found_by_keys_of_the_types_of_mariadb(mariadb_database, kind, keys):
    await _check_keys(mariadb_database, kind, keys)


async def test_keys_that_are_equal_in_their_collation_are_one_row(database):
    before = "create table item (k varchar(9) primary key, n int, v text); insert into item values ('a', 0, 'v')"
    found = await again(database, before, minimal("update item set n = 1"), minimal("update item set k = 'A', n = 2"))
    assert [(event.op, after(event)["v"]) for event in found if event.op != "d"] == [("u", "v"), ("c", "v")]


async def test_rows_are_found_by_the_record_key_where_that_is_wanted(database):
    before = "create table item (id int primary key, code varchar(9) not null, v text); insert into item values (1, 'a', 'v')"
    rules = ColumnRules(NameFilter.parse("", ".*id"), keys=KeyColumns.parse(f"{database.name}.item:code"))
    wanted = ReselectSettings(nulls=False, use_event_key=True)
    statement = "set binlog_row_image = 'NOBLOB'; update item set id = 2"
    (found,) = await again(database, before, statement, reselect=wanted, columns=rules)
    assert (found.key, after(found)["v"]) == ({"code": "a"}, "v")


async def test_masked_values_that_are_read_again_are_masked(database):
    rules = changes((".*big", Hash("sha256", Secret("salt"), serialized=False)))
    before = f"{ITEM}; insert into item values (1, 0, 'secret', 'x')"
    statements = minimal("update item set n = 1"), "update item set n = 2"
    first, second = await again(database, before, *statements, columns=rules)
    assert after(first)["big"] == after(second)["big"] != "secret"


async def test_values_of_all_types_are_those_of_the_full_image(database):
    """Each column is left out by one update, and carried by the next."""
    chosen = random.Random(7)
    names = [f"c{at}" for at in range(len(KINDS))]
    kinds = list(KINDS.values())
    table = ", ".join(f"{name} {kind.name}" for name, kind in zip(names, kinds, strict=True))
    await database.run(f"create table item (id int primary key, n int, {table}, f float, g float(7,3), p point)")
    more = ", 0.1, 12.5, st_geomfromtext('point(1 2)')"
    for number in range(1, 6):
        values = [kind.value(chosen) for kind in kinds]
        marks = ", ".join(["%s"] * len(values))
        await database.run(f"set sql_mode = ''; insert into item values ({number}, 0, {marks}{more})", *values)
    found = await again(database, "select 1", minimal("update item set n = 1"), "update item set n = 2")
    left_out, whole = ([{**after(e), "n": 0} for e in found if after(e)["n"] == n] for n in (1, 2))
    assert left_out == whole
    assert len(whole) == 5


async def test_rows_of_a_distributed_transaction(database):
    xid = f"'{database.name}'"
    before = f"{ITEM}; insert into item values (1, 0, 'a', 'x')"
    statement = f"{MINIMAL}; xa start {xid}; update item set n = 1; xa end {xid}; xa prepare {xid}; xa commit {xid}"
    (found,) = await again(database, before, statement)
    assert after(found)["big"] == "a"


SEMI_SYNC = {
    MySqlServer: ("install plugin rpl_semi_sync_source soname 'semisync_source.so'", "rpl_semi_sync_source"),
    MariaDbServer: ("set global rpl_semi_sync_master_wait_point = 'AFTER_SYNC'", "rpl_semi_sync_master"),
}
XA = "xa start 'x'; update item set big = null; xa end 'x'; xa prepare 'x'"
WRITES = {
    "a transaction": ("select 1", "update item set big = null"),
    "a distributed transaction": (XA, "xa commit 'x'"),
}


@pytest.mark.parametrize("writes", WRITES.values(), ids=WRITES)
@pytest.mark.parametrize("kind", SEMI_SYNC)
async def test_nothing_is_read_before_the_transaction_can_be_seen(kind, writes, monkeypatch):
    """A server that waits for a replica has sent a transaction before it shows it: a null would become what was there before."""
    install, name = SEMI_SYNC[kind]
    prepare, commit = writes
    waits = asyncio.Event()
    wait = Visibility.wait

    async def noted(self: Visibility, written: Written) -> None:
        waits.set()
        await wait(self, written)

    monkeypatch.setattr(Visibility, "wait", noted)
    with kind() as own:
        database = created(own.address)
        database.execute(install)
        database.execute(f"set global {name}_timeout = 1000000; {ITEM}; insert into item values (1, 0, 'old', 'x')")
        with closing(database.connect()) as session, session.cursor() as cursor:
            for statement in prepare.split("; "):
                cursor.execute(statement)
            await _check_waits(database, name, lambda: cursor.execute(commit), waits)


async def _check_waits(database: MySqlDatabase, name: str, write: Callable[[], object], waits: asyncio.Event) -> None:
    """Let a session write while the server waits for a replica that is not there; what is read meanwhile is not taken."""
    wanted = ReselectSettings(NameFilter.parse(".*:big"))
    source = MySqlLog(settings(database, reselect=wanted), MemorySchemaHistory())
    writer = threading.Thread(target=write)
    try:
        await source.start(None)
        reading = asyncio.create_task(read(source, lambda found: any(e.op == "u" for e in events(found))))
        await asyncio.to_thread(until, lambda: streams(database), "streaming")
        database.execute(f"set global {name}_enabled = 1")
        writer.start()
        await waits.wait()
        try:
            assert database.execute("select big from item") == [("old",)]
            await asyncio.sleep(0.3)
            assert not reading.done()
        finally:
            database.execute(f"set global {name}_enabled = 0")
            await asyncio.to_thread(writer.join)
        found = await reading
    finally:
        await source.stop()
    (event,) = [event for event in events(found) if event.op == "u"]
    assert after(event)["big"] is None


ROUNDS = 150


def write_on(database: MySqlDatabase, row: int) -> None:
    """Let a row's text go through growing numbers, with null between two."""
    with closing(database.connect()) as session, session.cursor() as cursor:
        cursor.execute(MINIMAL)
        for number in range(1, ROUNDS + 1):
            for change in ("n = n + 1", "big = null", f"big = '{number}'"):
                cursor.execute(f"update item set {change} where id = {row}")


async def test_nothing_that_is_read_while_others_write_is_older_than_its_event(database):
    await database.run(f"{ITEM}; insert into item values (1, 0, '0', 'x'), (2, 0, '0', 'x'), (3, 0, '0', 'x')")
    source = MySqlLog(settings(database, reselect=ReselectSettings(NameFilter.parse(".*:big"))), MemorySchemaHistory())
    found: dict[int, list[str | None]] = {1: [], 2: [], 3: []}
    try:
        await source.start(None)
        coming = source.batches()
        while "snapshot" in (await anext(coming)).position.offset():
            pass
        writers = [threading.Thread(target=write_on, args=(database, row)) for row in found]
        for writer in writers:
            writer.start()
        while any(len(texts) < 3 * ROUNDS for texts in found.values()):
            for event in events(Reading([await anext(coming)])):
                if event.op == "u":
                    found[after(event)["id"]].append(after(event)["big"])
        for writer in writers:
            await asyncio.to_thread(writer.join)
    finally:
        await source.stop()
    for texts in found.values():
        for at, text in enumerate(texts):
            number, change = divmod(at, 3)
            # What the row had before the event: it was overwritten by the second change of each round.
            least = number if change == 0 else number + 1
            assert text is None or int(text) >= least, (at, text)
        assert texts[-1] == str(ROUNDS)


def streams(database: MySqlDatabase) -> bool:
    return bool(database.execute("select 1 from information_schema.processlist where command like 'Binlog Dump%%'"))


async def test_a_distributed_transaction_is_waited_for_until_it_is_not_prepared_any_more(database):
    """Its place in the log does not say that the engine has done it."""
    xid = f"'{database.name}', 'b', 1"
    await database.run(f"{ITEM}; xa start {xid}; insert into item (id) values (1); xa end {xid}; xa prepare {xid}")
    async with await Connection.open(endpoint(database)) as connection:
        visibility = Visibility(connection)
        visibility.ended = await prepared_now(connection)
        end = await find_log_end(connection)
        gtid = None if connection.mariadb else str(end.gtids)
        waiting = asyncio.create_task(visibility.wait({(gtid, end.position.file, 4)}))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        await database.run(f"xa commit {xid}")
        await asyncio.wait_for(waiting, 20)


async def test_a_server_without_gtids_is_refused_at_the_start():
    with MySqlServer(options={"gtid-mode": "OFF", "enforce-gtid-consistency": "OFF"}) as own:
        source = MySqlLog(settings(created(own.address), reselect=ABSENT_ONLY), MemorySchemaHistory())
        with pytest.raises(SourceRefused, match=r"gtid_mode of .* is OFF: columns are to be read again") as raised:
            await source.start(None)
        await source.stop()
    assert "Set gtid_mode=ON" in raised.value.remedy


async def test_rows_of_transactions_without_gtid_are_not_read_as_nothing_tells_when_they_can_be_seen(caplog):
    """They come where the stream went on by a place in the log, and GTIDs were switched off since."""
    with MySqlServer() as own:
        database = created(own.address)
        database.execute(f"{ITEM}; insert into item values (1, 0, 'a', 'x')")
        history, chosen = MemorySchemaHistory(), settings(database, reselect=ABSENT_ONLY)
        stored = (await _read(MySqlLog(chosen, history), None, history)).offsets[-1]
        source = MySqlLog(chosen, history)
        try:
            await source.start({name: value for name, value in stored.items() if name != "gtids"})
            coming = source.batches()
            await anext(coming)
            database.execute("set global gtid_mode = ON_PERMISSIVE; set global gtid_mode = OFF_PERMISSIVE")
            database.execute(minimal("update item set n = 2"))
            while not (found := events(Reading([await anext(coming)]))):
                pass
        finally:
            await source.stop()
    assert (after(found[0])["n"], after(found[0])["big"]) == (2, ABSENT)
    assert "a transaction has no GTID any more" in caplog.text


async def test_another_server_behind_the_same_name_is_refused(database, monkeypatch):
    await database.run(ITEM)
    source = MySqlLog(settings(database, reselect=ABSENT_ONLY), MemorySchemaHistory())
    try:
        await source.start(None)
        facts = source._need_facts()
        monkeypatch.setitem(facts.variables, "server_id", "77")
        with pytest.raises(Exception, match="the log is read from 77"):
            await read(source, lambda _: False)
    finally:
        await source.stop()
