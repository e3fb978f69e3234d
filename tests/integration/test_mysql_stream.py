"""Transactions of real servers through the whole stream: every change once, from wherever it goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing

import pytest

from cdc.config.beside import BesideSettings
from cdc.errors import LogDiverged, LogPurged
from cdc.sources.mysql.binlog.place import FilePosition
from cdc.sources.mysql.protocol.dump import BinlogStream
from cdc.testing.servers import MariaDbServer, MySqlServer
from cdc.testing.servers.mysql import BinlogServer
from tests.support import binlog
from tests.support.mysql_database import MySqlDatabase, created, dropped
from tests.support.mysql_stream import Seen, StreamedLog, moved

NO_GTIDS = {"gtid-mode": "OFF", "enforce-gtid-consistency": "OFF"}
#: Long events are compressed, short ones are not.
COMPRESSED = {"log-bin-compress": "ON", "log-bin-compress-min-len": "100"}
SERVERS = {
    "mysql": (MySqlServer, {}),
    "mysql without GTIDs": (MySqlServer, NO_GTIDS),
    "mariadb": (MariaDbServer, COMPRESSED),
}
TABLES = (
    "create table t (id int primary key, v varchar(2000)); create table u (id int, w varchar(20));"
    "create table m (id int) engine = myisam"
)
MARKS = BesideSettings(transactions=True)


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest) -> Iterator[BinlogServer]:
    """A server of its own: its log is nobody else's, and as short as can be."""
    kind, options = SERVERS[request.param]
    with kind(options=options) as found:
        yield found


@pytest.fixture
def database(server: BinlogServer) -> Iterator[MySqlDatabase]:
    fresh = created(server.address)
    fresh.execute(TABLES)
    yield fresh
    dropped(fresh)


def is_mariadb(database: MySqlDatabase) -> bool:
    return "MariaDB" in str(database.execute("select version()")[0][0])


def run(database: MySqlDatabase, *statements: str) -> None:
    """Run statements one after the other on a connection of its own; NAME is the database's."""
    with closing(database.connect()) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement.replace("NAME", database.name))


def rows(first: int, count: int, text: str = "x") -> str:
    return ", ".join(f"({number}, '{text * 60}')" for number in range(first, first + count))


async def check_each_cut(log: StreamedLog, expected: list[tuple[str, str, object]]) -> None:
    """Cut behind every row, and go on from each cut: at once, and with a new stream behind every second row."""
    whole = await log.read(keep=True)
    assert [change.brief for change in whole.changes] == expected
    cut = await log.read(rows=1)
    assert cut.changes == whole.changes
    for place in cut.cuts:
        rest = await log.read(place.offset)
        assert rest.changes == whole.changes[place.changes :], place
    await check_chain(log, whole.changes, 2)


async def check_chain(log: StreamedLog, whole: list[Seen], size: int) -> None:
    """Read one batch by one stream, the next by another, and so on."""
    offset = log.begin.offset()
    found = list[Seen]()
    while len(found) < len(whole):
        step = await log.read(offset, rows=size, first=True)
        found += step.changes
        offset = step.cuts[-1].offset
    assert found == whole


def ids(op: str, table: str, first: int, count: int) -> list[tuple[str, str, object]]:
    return [(op, table, number) for number in range(first, first + count)]


class TestTransactions:
    async def test_every_change_comes_once_from_wherever_the_stream_goes_on(self, database):
        log = await StreamedLog.of(database)
        run(
            database,
            f"insert into t values {rows(1, 5)}",
            "begin",
            f"insert into t values {rows(6, 3)}",
            "insert into u values (1, 'a'), (2, 'b')",
            "update t set v = 'y' where id <= 3",
            "delete from t where id = 4",
            "update t set id = 100 where id = 5",
            "commit",
            "insert into m values (1), (2)",
            "update t straight_join u on t.id = u.id set t.v = 'z', u.w = 'z'",
        )
        expected = [
            *ids("c", "t", 1, 8),
            *ids("c", "u", 1, 2),
            *ids("u", "t", 1, 3),
            ("d", "t", 4),
            ("d", "t", 5),
            ("c", "t", 100),
            *ids("c", "m", 1, 2),
            *ids("u", "t", 1, 2),
            *ids("u", "u", 1, 2),
        ]
        await check_each_cut(log, expected)

    async def test_places_in_the_log_do_as_well_as_gtids(self, database):
        log = await StreamedLog.of(database, by_place=True)
        run(database, f"insert into t values {rows(1, 5)}", "delete from t where id < 3")
        await check_each_cut(log, [*ids("c", "t", 1, 5), *ids("d", "t", 1, 2)])

    async def test_a_batch_ends_at_a_size_also(self, database):
        log = await StreamedLog.of(database)
        run(database, f"insert into t values {rows(1, 30)}")
        found = await log.read(size=500, keep=True)
        assert [change.brief for change in found.changes] == ids("c", "t", 1, 30)
        assert len(found.cuts) > 3
        assert [cut.boundary for cut in found.cuts][-1]

    async def test_a_batch_with_the_end_of_a_split_transaction_holds_nothing_else(self, database):
        log = await StreamedLog.of(database)
        run(database, f"insert into t values {rows(1, 5)}", f"insert into t values {rows(6, 2)}")
        found = await log.read(rows=3, keep=True)
        assert [size for size, _, _ in found.batches if size] == [3, 2, 2]
        assert [boundary for size, boundary, _ in found.batches if size] == [False, True, True]

    async def test_another_server_goes_on_by_the_number_of_rows(self, database):
        if is_mariadb(database) or database.execute("select @@gtid_mode")[0][0] != "ON":
            pytest.skip("only MySQL's GTIDs go on at another server")
        log = await StreamedLog.of(database)
        run(database, "begin", f"insert into t values {rows(1, 4)}", "update t set v = 'y'", "commit")
        whole = await log.read(keep=True)
        for cut in (await log.read(rows=1)).cuts:
            rest = await log.read(moved(cut, "00000000-0000-0000-0000-000000000001"))
            assert rest.changes == whole.changes[cut.changes :]

    async def test_changes_are_numbered_through_whatever_cuts_there_are(self, database):
        log = await StreamedLog.of(database, beside=MARKS)
        run(
            database,
            "begin",
            f"insert into t values {rows(1, 3)}",
            "insert into u values (1, 'a'), (2, 'b')",
            "commit",
            "insert into u values (3, 'c')",
        )
        whole = await log.read(keep=True)
        assert [(change.numbers or ("",))[1:] for change in whole.changes] == [
            (1, 1),
            (2, 2),
            (3, 3),
            (4, 1),
            (5, 2),
            (1, 1),
        ]
        statuses = [aside.value["status"] for aside in whole.asides if "status" in aside.value]
        assert statuses == ["BEGIN", "END", "BEGIN", "END"]
        for cut in (await log.read(rows=1)).cuts:
            rest = await log.read(cut.offset)
            assert rest.changes == whole.changes[cut.changes :]
        await check_chain(log, whole.changes, 1)


class TestStatements:
    async def test_definitions_follow_the_statements_in_midstream(self, database):
        log = await StreamedLog.of(database)
        run(
            database,
            "insert into t values (1, 'a'), (2, 'b')",
            "alter table t add column n int default 7 first",
            "insert into t values (3, 3, 'c')",
            "truncate table u",
            "drop table u",
            "create table u (other int, id int primary key)",
            "insert into u values (4, 5), (6, 7)",
            "create table c as select id, v from t",
            "alter table c rename to d",
            "insert into d values (9, 'z')",
        )
        expected = [
            *ids("c", "t", 1, 3),
            ("t", "u", None),
            ("c", "u", 5),
            ("c", "u", 7),
            *ids("c", "c", 1, 3),
            ("c", "d", 9),
        ]
        await check_each_cut(log, expected)

    async def test_what_was_rolled_back_to_a_savepoint_is_not_published(self, database):
        log = await StreamedLog.of(database)
        run(
            database,
            "begin",
            "insert into t values (1, 'a')",
            "savepoint `a b`",
            "insert into t values (2, 'b')",
            "create temporary table tt (i int) engine = innodb",
            "rollback to `a b`",
            "insert into t values (3, 'c')",
            "drop temporary table tt",
            "commit",
            "begin",
            "insert into t values (4, 'a')",
            "create temporary table tt (i int) engine = innodb",
            "drop temporary table tt",
            "rollback",
            "insert into t values (5, 'a')",
        )
        found = await log.read(keep=True)
        assert [change.brief for change in found.changes] == [("c", "t", 1), ("c", "t", 3), ("c", "t", 5)]


class TestXa:
    BEGIN = (
        "xa start 'NAME1'",
        "insert into t values (1, 'a'), (2, 'b')",
        "insert into u values (1, 'c')",
        "xa end 'NAME1'",
    )

    async def test_what_is_prepared_comes_when_it_commits(self, database):
        log = await StreamedLog.of(database)
        run(database, *self.BEGIN, "xa prepare 'NAME1'")
        run(database, "insert into t values (10, 'x'), (11, 'x')")
        run(database, "xa start 'NAME2'", "insert into t values (20, 'a')", "xa end 'NAME2'", "xa prepare 'NAME2'")
        run(database, "insert into t values (12, 'x')", "xa commit 'NAME1'")
        run(database, "insert into t values (13, 'x')", "xa rollback 'NAME2'", "insert into t values (14, 'x')")
        expected = [*ids("c", "t", 10, 3), *ids("c", "t", 1, 2), ("c", "u", 1), *ids("c", "t", 13, 2)]
        await check_each_cut(log, expected)

    async def test_by_places_too(self, database):
        log = await StreamedLog.of(database, by_place=True)
        run(database, *self.BEGIN, "xa prepare 'NAME1'")
        run(database, "insert into t values (10, 'x'), (11, 'x')", "flush binary logs")
        run(database, "insert into t values (12, 'x')", "xa commit 'NAME1'", "flush binary logs")
        run(database, "insert into t values (13, 'x'), (14, 'x')")
        expected = [*ids("c", "t", 10, 3), *ids("c", "t", 1, 2), ("c", "u", 1), *ids("c", "t", 13, 2)]
        await check_each_cut(log, expected)

    async def test_one_phase_is_a_commit(self, database):
        log = await StreamedLog.of(database)
        run(database, *self.BEGIN, "xa commit 'NAME1' one phase", "insert into t values (3, 'x')")
        await check_each_cut(log, [*ids("c", "t", 1, 2), ("c", "u", 1), ("c", "t", 3)])


class TestMySql:
    @pytest.fixture
    def mysql(self, database: MySqlDatabase) -> MySqlDatabase:
        if is_mariadb(database):
            pytest.skip("MariaDB has none of this")
        return database

    async def test_compressed_transactions(self, mysql):
        log = await StreamedLog.of(mysql)
        on = "set session binlog_transaction_compression = on"
        run(
            mysql,
            on,
            "begin",
            f"insert into t values {rows(1, 4)}",
            "update t set v = repeat('y', 100) where id < 3",
            "commit",
            "insert into t values (5, 'x')",
        )
        run(mysql, on, *TestXa.BEGIN[:1], f"insert into t values {rows(6, 3)}", "xa end 'NAME1'", "xa prepare 'NAME1'")
        run(mysql, "insert into t values (10, 'x')", "xa commit 'NAME1'")
        expected = [
            *ids("c", "t", 1, 4),
            *ids("u", "t", 1, 2),
            ("c", "t", 5),
            ("c", "t", 10),
            *ids("c", "t", 6, 3),
        ]
        await check_each_cut(log, expected)

    async def test_minimal_images_and_partial_json(self, mysql):
        mysql.execute("create table j (id int primary key, d json, n int)")
        log = await StreamedLog.of(mysql)
        run(mysql, f'insert into j values (1, \'{{"a": "{"x" * 100}", "b": 1}}\', 1)')
        run(mysql, "set session binlog_row_value_options = PARTIAL_JSON", "update j set d = json_set(d, '$.b', 2)")
        run(mysql, "set session binlog_row_image = MINIMAL", "update j set n = 2", "delete from j")
        await check_each_cut(log, [("c", "j", 1), ("u", "j", 1), ("u", "j", 1), ("d", "j", 1)])

    async def test_tagged_gtids(self, mysql):
        if mysql.execute("select @@gtid_mode")[0][0] != "ON":
            pytest.skip("needs GTIDs")
        log = await StreamedLog.of(mysql)
        run(mysql, "set gtid_next = 'AUTOMATIC:tag'", "insert into t values (1, 'a'), (2, 'b')")
        run(mysql, "insert into t values (3, 'a'), (4, 'b')")
        run(mysql, "set gtid_next = 'AUTOMATIC:tag'", "insert into t values (5, 'a')")
        await check_each_cut(log, ids("c", "t", 1, 5))
        found = await log.read()
        assert found.cuts[-1].offset["gtids"] == mysql.execute("select @@gtid_executed")[0][0].replace("\n", "")


SEMI_SYNC = {
    MySqlServer: ("install plugin rpl_semi_sync_source soname 'semisync_source.so'", "rpl_semi_sync_source"),
    MariaDbServer: ("select 1", "rpl_semi_sync_master"),
}


@pytest.mark.parametrize("kind", SEMI_SYNC)
async def test_the_stream_is_no_semi_synchronous_replica(kind):
    """The source asks nobody who did not offer it for replies, and sends him no headers that ask for them."""
    install, name = SEMI_SYNC[kind]
    with kind() as own:
        database = created(own.address)
        database.execute(install)
        database.execute(f"set global {name}_enabled = 1; set global {name}_timeout = 200")
        database.execute(TABLES)
        log = await StreamedLog.of(database)
        run(database, f"insert into t values {rows(1, 3)}")
        async with await BinlogStream.open(binlog.endpoint(database), binlog.settings()) as stream:
            await stream.start(FilePosition(log.begin.file, log.begin.pos))
            assert (await stream.read()).events
            assert database.execute(f"show status like '{name}_clients'")[0][1] == "0"
        assert [change.brief for change in (await log.read()).changes] == ids("c", "t", 1, 3)


async def test_a_log_that_was_reset_meanwhile_is_named(server):
    """Nothing is read from a log that began anew under the same names."""
    database = created(server.address)
    database.execute(TABLES)
    run(database, *[f"insert into t values {rows(at, 50)}" for at in range(0, 500, 50)])
    log = await StreamedLog.of(database)
    modern = not is_mariadb(database)
    database.execute("reset binary logs and gtids" if modern else "reset master")
    with pytest.raises((LogDiverged, LogPurged)) as raised:
        await log.read()
    assert "Take a new snapshot" in raised.value.sentence()


async def test_a_log_that_was_reset_and_has_grown_past_the_stored_place_is_named(server):
    """Without GTIDs the stored place exists again, and what was written before it would be passed over."""
    database = created(server.address)
    database.execute(TABLES)
    reset = "reset master" if is_mariadb(database) else "reset binary logs and gtids"
    write = [f"insert into t values {rows(1, 50)}", "delete from t"]
    run(database, reset)
    log = await StreamedLog.of(database, by_place=True)
    run(database, *write)
    read = await log.read()
    assert (await log.read(read.cuts[-1].offset)).changes == []
    await asyncio.sleep(1.1)  # that of a file is told in whole seconds
    run(database, reset, *write, *write)
    with pytest.raises(LogDiverged, match="was begun at") as raised:
        await log.read(read.cuts[-1].offset)
    assert "was it reset" in raised.value.sentence()
