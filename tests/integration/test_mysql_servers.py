"""MySQL and MariaDB of the kit: ready for change capture, survive a kill with their data, and leave nothing behind."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pymysql
import pytest

from cdc.testing.servers import Address, MariaDbServer, MySqlServer, ServerError
from cdc.testing.servers.certificates import Certificates, issue, make_authority
from cdc.testing.servers.mysql import BinlogServer
from tests.support.mysql_database import MySqlDatabase, created, dropped

KINDS = [MySqlServer, MariaDbServer]


def query(address: Address, statement: str, **options: Any) -> list[tuple[Any, ...]]:
    whose = {"host": address.host, "port": address.port, "user": address.user, "autocommit": True}
    with closing(pymysql.connect(**{**whose, **options})) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())


def refuses(address: Address) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((address.host, address.port)) != 0


@pytest.fixture(scope="module", params=KINDS, ids=["mysql", "mariadb"])
def own(request: pytest.FixtureRequest) -> Iterator[BinlogServer]:
    """A server that a test may stop and kill."""
    with request.param() as server:
        yield server


def test_the_log_has_whole_rows_with_their_names(own):
    names = "@@log_bin, @@binlog_format, @@binlog_row_image, @@binlog_row_metadata, @@time_zone"
    assert query(own.address, f"select {names}") == [(1, "ROW", "FULL", "FULL", "+00:00")]


def test_mysql_writes_gtids(mysql):
    assert query(mysql, "select @@gtid_mode, @@enforce_gtid_consistency") == [("ON", "ON")]


def test_mariadb_takes_only_gtids_in_order(mariadb):
    assert query(mariadb, "select @@gtid_strict_mode, @@log_slave_updates") == [(1, 1)]


def test_the_version_is_the_one_that_is_announced(mysql, mariadb):
    assert query(mysql, "select version()")[0][0].startswith("9.7.")
    assert query(mariadb, "select version()")[0][0].startswith("10.11.")


def test_root_listens_where_it_says_with_the_pid_it_says(own):
    address = own.address
    assert query(address, "select current_user(), @@port") == [("root@localhost", address.port)]
    assert (own.folder / "pid").read_text().strip() == str(address.pid)


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_port_and_committed_rows_are_kept_when_ended_and_started_again(own, end):
    before = own.address
    query(before, f"create table mysql.kept_{end} select 1 as id")
    getattr(own, end)()
    assert refuses(before)
    after = own.start()
    assert query(after, f"select * from mysql.kept_{end}") == [(1,)]
    assert (after.port, after.data) == (before.port, before.data)
    assert after.pid != before.pid


def test_sql_runs_through_the_socket(own):
    assert own.execute("select 1, 'ü'; select @@port") == f"1\tü\n{own.port}"
    with pytest.raises(ServerError, match="doesn't exist"):
        own.execute("select * from no_such_table")


def test_each_server_has_its_own_identity(own):
    with type(own)() as other:
        assert query(own.address, "select @@server_id") != query(other.address, "select @@server_id")
        variable = "server_uuid" if isinstance(own, MySqlServer) else "server_uid"
        assert query(own.address, f"select @@{variable}") != query(other.address, f"select @@{variable}")


def test_options_are_taken_over_those_of_the_kit():
    options = {"gtid-mode": "OFF", "skip-log-bin": None, "default-time-zone": "+02:00"}
    with MySqlServer(options=options) as server:
        assert query(server.address, "select @@gtid_mode, @@log_bin, @@time_zone") == [("OFF", 0, "+02:00")]


def test_a_failure_to_start_shows_the_end_of_the_log():
    with pytest.raises(ServerError, match="unknown variable 'no-such-option=1'"):
        MySqlServer(options={"no-such-option": "1"}).__enter__()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory) -> Certificates:
    folder = tmp_path_factory.mktemp("certificates")
    make_authority(folder)
    issue(folder, "client")
    return issue(folder, "server")


@pytest.mark.parametrize("kind", KINDS)
def test_tls_with_certificates_of_the_test(kind, certificates):
    verified = {"ssl_ca": str(certificates.authority), "ssl_verify_cert": True, "ssl_verify_identity": True}
    files = certificates.authority.parent
    client = {"ssl_cert": str(files / "client.crt"), "ssl_key": str(files / "client.key")}
    with kind(certificates=certificates) as server:
        (cipher,) = query(server.address, "show status like 'Ssl_cipher'", **verified)
        assert cipher[1] != ""
        server.execute("create user reader@'%' identified by 'correct' require x509")
        reader = {"user": "reader", "password": "correct", **verified}
        assert query(server.address, "select 1", **reader, **client) == [(1,)]
        with pytest.raises(pymysql.OperationalError, match="Access denied"):
            query(server.address, "select 1", **reader)


@pytest.mark.parametrize("kind", KINDS)
async def test_context_removes_process_and_data(kind):
    async with kind() as server:
        address = server.address
        assert Path(f"/proc/{address.pid}").exists()
    assert not Path(f"/proc/{address.pid}").exists()
    assert not Path(address.data).parent.exists()


@pytest.fixture(params=["mysql_database", "mariadb_database"])
def any_database(request: pytest.FixtureRequest) -> MySqlDatabase:
    found: MySqlDatabase = request.getfixturevalue(request.param)
    return found


async def test_a_test_has_an_empty_database_of_its_own(any_database):
    assert await any_database.run("show tables") == []
    await any_database.run("create table a (id int primary key); insert into a values (1), (2)")
    assert await any_database.run("select id from a where id > %s", 1) == [(2,)]


def test_a_database_is_dropped_whoever_uses_it(mysql, mariadb):
    for server in (mysql, mariadb):
        database = created(server)
        database.execute("create table a (id int primary key)")
        with closing(database.connect(autocommit=False)) as reader, reader.cursor() as cursor:
            cursor.execute("select * from a")
            name = f"'{database.name}', 'b'"
            with closing(database.connect()) as writer, writer.cursor() as writing:
                writing.execute(f"xa start {name}")
                writing.execute("insert into a values (1)")
                writing.execute(f"xa end {name}")
                writing.execute(f"xa prepare {name}")
            dropped(database)
        assert query(server, f"show databases like '{database.name}'") == []
        assert database.name not in str(query(server, "xa recover"))
