"""`cdc-stream offsets` for MySQL, with real servers at both ends."""

from __future__ import annotations

import json

import pytest

from tests.integration.test_offsets import Offsets
from tests.support.connector import Script
from tests.support.mysql_connector import config

FOREIGN = f"{'1' * 8}-1111-1111-1111-{'1' * 12}:1-5"


@pytest.fixture
def given(mysql_database, kafka):
    mysql_database.execute("create table item (id int primary key)")
    number = str(int(mysql_database.name[-6:], 16) + 100_000)
    return config(mysql_database, kafka.url, database_server_id=number)


@pytest.fixture
def offsets(given, tmp_path, monkeypatch, capsys):
    file = tmp_path / "offsets.json"
    file.write_text(json.dumps(given))
    return Offsets(file, monkeypatch, capsys)


@pytest.fixture
def executed(mysql_database):
    return lambda: str(mysql_database.execute("select @@gtid_executed")[0][0]).replace("\n", "")


def test_before_the_first_start_there_is_none(offsets, mysql_database):
    found = offsets.shown()
    assert found["offset"] is None
    assert found["server"]["uuid"] == mysql_database.execute("select @@server_uuid")[0][0]
    assert "stored offset: none" in offsets.said("show")


def test_a_set_of_gtids_is_a_place_to_go_on_from(offsets, executed, mysql_database):
    before = executed()
    offsets.said("set", before, "--yes")
    mysql_database.execute("insert into item values (1)")
    found = offsets.shown()
    assert found["position"]["gtids"] == before
    assert found["server"]["lag_transactions"] >= 1
    assert found["lost"] is None
    assert "the connector can go on" in offsets.said("show")


def test_a_place_in_a_file_is_one_too(offsets, mysql_database):
    ((file, position, *_),) = mysql_database.execute("show binary log status")
    assert f"is {file}:{position} now" in offsets.said("set", f"{file}:{position}", "--yes")
    found = offsets.shown()
    assert (found["position"]["file"], found["position"]["pos"], found["lost"]) == (file, position, None)


def test_what_the_server_never_had_is_said_when_it_is_set(offsets):
    done = offsets.run("set", FOREIGN, "--yes")
    assert done.code == 0
    assert "the connector cannot go on: LogDiverged" in done.stderr.replace("From there ", "")
    assert offsets.shown()["lost"]["error"] == "LogDiverged"
    offsets.said("reset", "--yes")
    assert offsets.shown()["offset"] is None


def test_what_is_no_place_is_refused(offsets):
    line = offsets.refusal("set", "0/16B3748", "--yes")
    assert "'0/16B3748' is no place in the binlog" in line
    assert "binlog.000003:4711" in line


def test_a_running_connector_is_shown_and_its_offset_left_alone(offsets, given, tmp_path, executed):
    script = Script(tmp_path, given)
    script.start()
    try:
        script.wait_for("streaming from")
        found = offsets.said("show")
        number = given["database.server.id"]
        assert f"the log is read under server id {number} by cdc-stream" in found
        assert "The connector seems to run" in offsets.refusal("set", executed(), "--yes")
    finally:
        script.kill()


@pytest.fixture
def of_mariadb(mariadb_database, kafka, tmp_path, monkeypatch, capsys):
    mariadb_database.execute("create table item (id int primary key)")
    number = str(int(mariadb_database.name[-6:], 16) + 100_000)
    file = tmp_path / "offsets.json"
    file.write_text(json.dumps(config(mariadb_database, kafka.url, database_server_id=number)))
    return Offsets(file, monkeypatch, capsys)


def test_gtids_of_mariadb_are_compared_by_their_domains(of_mariadb, mariadb_database):
    before = str(mariadb_database.execute("select @@gtid_binlog_pos")[0][0])
    of_mariadb.said("set", before, "--yes")
    mariadb_database.execute("insert into item values (1)")
    behind = str(mariadb_database.execute("select @@gtid_binlog_pos")[0][0])
    of_mariadb.said("set", behind, "--yes")
    of_mariadb.said("set", before, "--yes")
    found = of_mariadb.shown()
    assert (found["position"]["gtids"], found["lost"]) == (before, None)
    assert of_mariadb.run("set", "99-1-5", "--yes").code == 0
    assert of_mariadb.shown()["lost"]["error"] == "LogDiverged"
    of_mariadb.said("reset", "--yes")
    assert of_mariadb.shown()["offset"] is None
