"""What people get wrong with MySQL: one sentence with the value and the remedy, no traceback, exit code 1, within seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from cdc.config.connector import ConnectorConfig
from cdc.connect.connector_offsets import store_source_offsets
from cdc.testing.servers import MySqlServer
from cdc.testing.servers.process import free_port
from tests.support.mysql_connector import config
from tests.support.mysql_database import MySqlDatabase
from tests.support.refusal import refusal

PASSWORD = "correct-horse"
FOREIGN = f"{'1' * 8}-1111-1111-1111-{'1' * 12}:1-5"


@pytest.fixture
def run(mysql_database, kafka, tmp_path):
    """Run a connector that must end by itself; `more` are properties, with `_` for `.`."""
    mysql_database.execute("create table item (id int primary key)")
    return lambda **more: refusal(tmp_path, config(mysql_database, kafka.url, **more))


@pytest.fixture
def run_on(kafka, tmp_path, topic_prefix):
    """As `run`, on a server of the test's own."""

    def run(server: MySqlServer, **more: str):
        where = MySqlDatabase("127.0.0.1", server.port, "root", "shop")
        names = {"name": topic_prefix, "topic_prefix": topic_prefix, "offset_storage_topic": f"{topic_prefix}.offsets"}
        names["schema_history_internal_kafka_topic"] = f"{topic_prefix}.history"
        return refusal(tmp_path, config(where, kafka.url, **{**names, **more}))

    return run


@pytest.fixture(scope="module")
def strict() -> Iterator[MySqlServer]:
    """A server that logs by row, with users that may do too little; its formats are changed by tests."""
    with MySqlServer() as server:
        server.execute("create database shop; create table shop.item (id int primary key)")
        server.execute(f"create user only_login identified by '{PASSWORD}'; grant select on shop.* to only_login")
        server.execute(f"create user no_slave identified by '{PASSWORD}'; grant select on shop.* to no_slave")
        server.execute("grant replication client, reload on *.* to no_slave")
        yield server


def test_host_that_does_not_exist(run):
    end = run(database_hostname="no-such-host.invalid")
    assert end.code == 1
    assert "no-such-host.invalid" in end.line
    assert "Check database.hostname." in end.line


def test_port_where_nothing_listens(run):
    port = str(free_port())
    end = run(database_port=port)
    assert end.code == 1
    assert f":{port}" in end.line
    assert "Check database.hostname and database.port, and that the server runs." in end.line


def test_wrong_password(run_on, strict):
    end = run_on(strict, database_user="only_login", database_password="wrong-" + PASSWORD)
    assert end.code == 1
    assert "Access denied for user 'only_login'" in end.line
    assert "Check database.user and database.password." in end.line
    assert PASSWORD not in end.output


def test_user_who_may_not_see_the_binlog(run_on, strict):
    end = run_on(strict, database_user="only_login", database_password=PASSWORD)
    assert end.code == 1
    assert "only_login" in end.line
    assert "GRANT REPLICATION CLIENT, REPLICATION SLAVE ON *.* TO only_login" in end.line


def test_user_without_replication_slave(run_on, strict):
    end = run_on(strict, database_user="no_slave", database_password=PASSWORD)
    assert end.code == 1
    assert "no_slave" in end.line
    assert "REPLICATION SLAVE" in end.line


@pytest.mark.parametrize("log_format", ["STATEMENT", "MIXED"])
def test_binlog_of_statements(run_on, strict, log_format):
    strict.execute(f"set global binlog_format = {log_format}")
    end = run_on(strict)
    strict.execute("set global binlog_format = ROW")
    assert end.code == 1
    assert f"is {log_format}" in end.line
    assert "SET GLOBAL binlog_format = ROW" in end.line


def test_server_without_a_binlog(run_on):
    with MySqlServer(options={"skip-log-bin": None}) as server:
        server.execute("create database shop; create table shop.item (id int primary key)")
        end = run_on(server)
    assert end.code == 1
    assert "writes no binlog" in end.line
    assert "log_bin" in end.line


def test_server_id_that_is_in_use(run, mysql_database):
    number = str(mysql_database.execute("select @@server_id")[0][0])
    end = run(database_server_id=number)
    assert end.code == 1
    assert f"the server id {number} is that of the server itself" in end.line
    assert "database.server.id" in end.line


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ({"file": "binlog.000001", "pos": 900_000_000}, "the file ends at"),
        ({"file": "binlog.900000", "pos": 4}, "has no binlog file binlog.900000"),
        ({"file": "binlog.000001", "pos": 4, "gtids": FOREIGN}, "has never had the transactions"),
    ],
)
def test_position_that_the_log_does_not_have(run_on, strict, kafka, topic_prefix, place, words):
    where = MySqlDatabase("127.0.0.1", strict.port, "root", "shop")
    given = config(where, kafka.url, name=topic_prefix, topic_prefix=topic_prefix)
    given["offset.storage.topic"] = f"{topic_prefix}.offsets"
    settings = ConnectorConfig.from_raw(given)
    asyncio.run(store_source_offsets(settings.kafka, topic_prefix, [({"server": topic_prefix}, place)]))
    end = run_on(strict)
    assert end.code == 1
    assert words in end.line
    assert "Take a new snapshot" in end.line
