"""What only MariaDB has, read from real servers: with the names of columns in the log, and without them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from ipaddress import IPv6Address

import pytest

from cdc.errors import StatementLogged
from cdc.testing.servers import MariaDbServer
from tests.integration.test_mysql_doctor import server_report
from tests.integration.test_mysql_stream import ids, run
from tests.support.mysql_connector import config
from tests.support.mysql_database import MySqlDatabase, created, dropped
from tests.support.mysql_stream import StreamedLog

#: ALTER TABLE of two phases stands in the log twice: when it begins, and when it has succeeded or failed.
BARE = {"binlog-row-metadata": "NO_LOG", "binlog-alter-two-phase": "ON"}
COMPRESSED = {"log-bin-compress": "ON", "log-bin-compress-min-len": "10"}
SERVERS = {"full": COMPRESSED, "bare": BARE}


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest) -> Iterator[MariaDbServer]:
    with MariaDbServer(options=SERVERS[request.param]) as found:
        yield found


@pytest.fixture
def database(server: MariaDbServer) -> Iterator[MySqlDatabase]:
    fresh = created(server.address)
    yield fresh
    dropped(fresh)


async def seen(database: MySqlDatabase, *statements: str) -> list[tuple[str, str, object]]:
    """Return operation, table and id of what statements change."""
    log = await StreamedLog.of(database)
    run(database, *statements)
    return [change.brief for change in (await log.read(keep=True)).changes]


async def test_uuids_and_addresses_come_as_a_select_shows_them(database):
    database.execute("create table t (id int primary key, u uuid, a inet6, b inet4 not null default '1.2.3.4')")
    log = await StreamedLog.of(database)
    chance = random.Random(5)
    # Groups of zeros in all places, and what looks like an address of version 4.
    values = [int("".join(chance.choice(("0000", "0000", "ffff", "00ab")) for _ in range(8)), 16) for _ in range(300)]
    values += [0, 1, 0x10000, 0xFFFF << 32, (0xFFFF << 32) + 1, 0xFFFE << 32, 1 << 112, 0x0000FFFF00000000 << 64]
    rows = ", ".join(
        f"({at}, uuid(), '{IPv6Address(value)}', '{at % 256}.0.{at // 256}.0')" for at, value in enumerate(values)
    )
    run(database, f"insert into t values {rows}", "insert into t (id) values (1000)")
    found = [tuple((change.after or {}).values()) for change in (await log.read()).changes]
    assert found == database.execute("select * from t order by id")


async def test_unique_keys_on_long_values_hide_a_column(database):
    database.execute("create table t (id int primary key, b blob, c varchar(20), unique (b), unique (c))")
    log = await StreamedLog.of(database)
    run(database, "insert into t values (1, 'a', 'x')", "update t set b = 'b'", "alter table t add unique d (b, c)")
    run(database, "insert into t values (2, 'c', 'y')", "alter table t drop index d", "delete from t where id = 1")
    changes = (await log.read(keep=True)).changes
    assert [change.op for change in changes] == ["c", "u", "c", "d"]
    assert changes[1].after == {"id": 1, "b": b"b", "c": "x"}
    assert all(set(change.after or change.before or ()) == {"id", "b", "c"} for change in changes)


PERIOD = (
    ", s timestamp(6) generated always as row start, e timestamp(6) generated always as row end,"
    " period for system_time (s, e)"
)


class TestSystemVersioning:
    @pytest.mark.parametrize("columns", ["", PERIOD], ids=["hidden", "named"])
    async def test_what_is_published_is_what_a_select_shows(self, database, columns):
        database.execute(f"create table t (id int primary key, v int{columns}) with system versioning")
        statements = (
            "insert into t (id, v) values (1, 1), (2, 2), (3, 3)",
            "update t set v = 9 where id < 3",
            "delete from t where id = 2",
            "replace into t (id, v) values (3, 4)",
            "insert into t (id, v) values (2, 5)",
            "update t set id = 7 where id = 1",
        )
        found = await seen(database, *statements)
        left = {}
        for op, _, key in found:
            left[key] = op
        assert {key for key, op in left.items() if op != "d"} == {2, 3, 7}
        assert found[:6] == [*ids("c", "t", 1, 3), *ids("u", "t", 1, 2), ("d", "t", 2)]

    async def test_the_last_record_of_a_key_has_its_present_values(self, database):
        database.execute("create table t (id int primary key, v int) with system versioning")
        log = await StreamedLog.of(database)
        run(database, "insert into t values (1, 1)", "update t set v = 2", "update t set v = 3")
        changes = (await log.read()).changes
        assert [(change.op, (change.after or {})["v"]) for change in changes] == [("c", 1), ("u", 2), ("u", 3)]

    async def test_it_comes_and_goes(self, database):
        database.execute("create table t (id int primary key, v int)")
        found = await seen(
            database,
            "insert into t values (1, 1)",
            "set system_versioning_alter_history = keep",
            "alter table t add system versioning",
            "update t set v = 2",
            "alter table t add column w int",
            "insert into t values (2, 2, 2)",
            "delete from t where id = 1",
            "alter table t drop system versioning",
            "insert into t values (3, 3, 3)",
        )
        assert found == [("c", "t", 1), ("u", "t", 1), ("c", "t", 2), ("d", "t", 1), ("c", "t", 3)]

    @pytest.mark.parametrize(("left_out", "expected"), [("u", "cd"), ("d", "cu"), ("c", "ud")])
    async def test_operations_are_left_out_by_what_they_do(self, database, left_out, expected):
        database.execute("create table t (id int primary key, v int) with system versioning")
        log = await StreamedLog.of(database, skipped_operations=left_out)
        run(database, "insert into t values (1, 1)", "update t set v = 2", "delete from t")
        assert "".join(change.op for change in (await log.read()).changes) == expected

    async def test_going_on_inside_a_transaction_leaves_out_the_same(self, database):
        database.execute("create table t (id int primary key, v int) with system versioning")
        log = await StreamedLog.of(database)
        run(
            database,
            "insert into t values (1, 1), (2, 2), (3, 3)",
            "begin",
            "update t set v = 9",
            "delete from t",
            "commit",
        )
        whole = await log.read(keep=True)
        assert [change.op for change in whole.changes] == ["c"] * 3 + ["u"] * 3 + ["d"] * 3
        for place in (await log.read(rows=1)).cuts:
            assert (await log.read(place.offset)).changes == whole.changes[place.changes :]

    async def test_a_table_versioned_by_transactions_is_logged_by_statements(self, database):
        period = PERIOD.replace("timestamp(6)", "bigint unsigned")
        database.execute(f"create table t (id int primary key{period}) with system versioning")
        with pytest.raises(StatementLogged, match="insert into t"):
            await seen(database, "insert into t (id) values (1)")


async def test_sequences_are_left_out(database):
    database.execute("create table t (id int primary key)")
    found = await seen(
        database,
        "create sequence s start with 5 increment by 2 cache 3",
        "insert into t values (nextval(s))",
        "alter sequence s restart 50",
        "insert into t values (nextval(s))",
        "select setval(s, 100)",
        "rename table s to r",
        "drop sequence r",
    )
    assert found == [("c", "t", 5), ("c", "t", 50)]


async def test_alter_table_of_two_phases_is_done_once(database):
    database.execute("create table t (id int primary key, v int)")
    log = await StreamedLog.of(database)
    run(database, "insert into t values (1, 1), (2, 1)", "alter table t add column w int first, algorithm = instant")
    with pytest.raises(Exception, match="Duplicate entry"):
        run(database, "alter table t add unique (v)")
    run(database, "insert into t values (3, 3, 3)", "alter table t drop column v, algorithm = nocopy")
    run(database, "insert into t values (4, 4)")
    found = await log.read(keep=True)
    assert [change.after for change in found.changes][2:] == [{"w": 3, "id": 3, "v": 3}, {"w": 4, "id": 4}]
    told = [aside["ddl"] for aside in map(_told, found.asides) if aside]
    assert [ddl.partition(" t ")[2][:8] for ddl in told] == ["add colu", "drop col"]


def _told(record: object) -> dict[str, str]:
    value = getattr(record, "value", None)
    return value if isinstance(value, dict) and "ddl" in value else {}


async def test_domains_go_on_each_by_itself(database):
    database.execute("create table t (id int primary key)")
    log = await StreamedLog.of(database)
    run(database, "insert into t values (1)", "set gtid_domain_id = 7", "insert into t values (2), (3)")
    run(
        database,
        "insert into t values (4)",
        "set gtid_domain_id = 9",
        "begin",
        "insert into t values (5), (6)",
        "commit",
    )
    whole = await log.read(keep=True)
    assert [change.brief for change in whole.changes] == ids("c", "t", 1, 6)
    for place in (await log.read(rows=1)).cuts:
        assert (await log.read(place.offset)).changes == whole.changes[place.changes :]
    assert {gtid.split("-")[0] for gtid in str(whole.cuts[-1].offset["gtids"]).split(",")} >= {"0", "7", "9"}


async def test_the_statement_of_rows_is_told(database):
    database.execute("create table t (id int primary key, v text compressed, b varchar(3000) compressed)")
    log = await StreamedLog.of(database, include_query=True)
    run(database, "insert into t values (1, repeat('x', 500), ''), (2, null, repeat('y', 500))")
    assert [change.after for change in (await log.read()).changes] == [
        {"id": 1, "v": "x" * 500, "b": ""},
        {"id": 2, "v": None, "b": "y" * 500},
    ]


async def test_the_doctor_knows_the_server(database):
    database.execute("create table item (id int primary key)")
    found = await server_report(config(database, "127.0.0.1:1"))
    facts = [finding.fact for finding in found.findings if finding.level == "error"]
    assert facts == []
    assert any("binlog_row_metadata" in finding.fact for finding in found.findings)
    assert "REPLICATION SLAVE" in " ".join(found.sql)
