"""`cdc-stream offsets`, with real servers at both ends: what it shows, and what becomes of an instance that still runs."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cdc.cli.app import main
from cdc.model.position import format_lsn, parse_lsn
from tests.support.connector import Script, SlotView, properties, until
from tests.support.kafka_reader import read_committed


@dataclass(frozen=True, slots=True)
class Done:
    """What a command came to."""

    code: int
    stdout: str
    stderr: str


class Offsets:
    """The command, for the configuration of a test's connector."""

    def __init__(self, file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._file = file
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def run(self, verb: str, *arguments: str) -> Done:
        self._monkeypatch.setattr(sys, "argv", ["cdc-stream", "offsets", verb, str(self._file), *arguments])
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        printed = self._capsys.readouterr()
        return Done(int(ended.value.code or 0), printed.out, printed.err)

    def said(self, verb: str, *arguments: str) -> str:
        """Run it, which must succeed, and return what it has printed."""
        done = self.run(verb, *arguments)
        assert done.code == 0, done.stderr
        return done.stdout

    def refusal(self, verb: str, *arguments: str) -> str:
        """Run it, which must fail, and return its one line of error."""
        done = self.run(verb, *arguments)
        assert done.code != 0, done.stdout
        (line,) = done.stderr.splitlines()
        return line

    def shown(self) -> Any:
        return json.loads(self.said("show", "--json"))


@pytest.fixture
def config(database, kafka, topic_prefix):
    database.execute("create table item (id int primary key)")
    return properties(database, kafka.url, topic_prefix, snapshot_mode="no_data")


@pytest.fixture
def offsets(config, tmp_path, monkeypatch, capsys):
    file = tmp_path / "offsets.json"
    file.write_text(json.dumps(config))
    return Offsets(file, monkeypatch, capsys)


@pytest.fixture
def running(config, database, topic_prefix, tmp_path):
    """The connector, which has published row 1 and still runs."""
    script = Script(tmp_path, config)
    script.start()
    script.wait_for("streaming from")
    view = SlotView(database, topic_prefix)
    before = view.confirmed()
    database.execute("insert into item values (1)")
    until(lambda: view.confirmed() > before, "acknowledging", 60)
    yield script
    script.kill()


@pytest.fixture
def stopped(running):
    """The connector, after it was stopped in good order."""
    running.stop()
    return running


def published(config: dict[str, str]) -> list[int]:
    topic = f"{config['topic.prefix']}.public.item"
    return [json.loads(each.value or b"")["after"]["id"] for each in read_committed(config["bootstrap.servers"], topic)]


def test_before_the_first_start_there_is_none(offsets):
    assert offsets.shown()["offset"] is None
    assert "stored offset: none" in offsets.said("show")
    assert "no offset of" in offsets.said("reset", "--yes")


def test_a_running_connector_is_shown_and_not_disturbed(offsets, running, config, database):
    found = offsets.shown()
    server = database.execute("select system_identifier::text from pg_control_system()")[0][0]
    pid, confirmed = database.execute(
        "select active_pid, confirmed_flush_lsn::text from pg_replication_slots where slot_name = %s",
        config["slot.name"],
    )[0]
    assert found["position"]["system_id"] == found["server"]["system_id"] == server
    assert found["position"]["slot"]["name"] == config["slot.name"]
    assert found["server"]["slot"]["active_pid"] == pid
    assert parse_lsn(found["server"]["slot"]["confirmed"]) <= parse_lsn(confirmed)
    assert found["lost"] is None
    assert "the connector can go on" in offsets.said("show")
    database.execute("insert into item values (2)")
    until(lambda: published(config) == [1, 2], "publishing row 2", 60)


def test_what_cannot_go_on_is_shown_by_name(offsets, stopped, config, database):
    database.execute("select pg_drop_replication_slot(%s)", config["slot.name"])
    assert offsets.shown()["lost"]["error"] == "SlotDropped"
    assert "the connector cannot go on: SlotDropped: " in offsets.said("show")


def test_after_a_reset_it_begins_anew(offsets, stopped, config, database):
    database.execute("select pg_drop_replication_slot(%s)", config["slot.name"])
    assert "is removed" in offsets.said("reset", "--yes")
    assert offsets.shown()["offset"] is None
    stopped.start()
    stopped.wait_for("created slot")


def test_set_to_where_the_slot_stands_it_goes_on_behind_the_gap(offsets, stopped, config, database):
    database.execute("insert into item values (2)")
    database.execute("select pg_replication_slot_advance(%s, pg_current_wal_lsn())", config["slot.name"])
    ((confirmed,),) = database.execute(
        "select confirmed_flush_lsn::text from pg_replication_slots where slot_name = %s", config["slot.name"]
    )
    # Which of the two it was cannot be told of a slot that had lived for seconds only.
    assert offsets.shown()["lost"]["error"] in {"SlotAdvanced", "SlotRecreated"}
    document = json.loads(offsets.said("set", "slot", "--yes", "--json"))
    assert document["after"]["lsn_proc"] == parse_lsn(confirmed)
    assert document["before"]["lsn_proc"] < parse_lsn(confirmed)
    stopped.start()
    stopped.wait_for("streaming from")
    database.execute("insert into item values (3)")
    until(lambda: published(config) == [1, 3], "publishing row 3", 60)


def test_an_offset_of_debezium_can_be_given_as_it_is(offsets, stopped):
    place = parse_lsn(offsets.shown()["position"]["lsn"])
    theirs = {"lsn_proc": place, "lsn_commit": place, "lsn": place, "txId": 7, "ts_usec": 1_700_000_000_000_000}
    offsets.said("set", json.dumps(theirs), "--yes")
    found = offsets.shown()
    assert found["offset"] == theirs
    assert found["position"]["lsn"] == format_lsn(place)
    assert found["lost"] is None


def test_a_place_from_which_it_could_not_go_on_is_said(offsets, stopped):
    done = offsets.run("set", "0/10", "--yes")
    assert done.code == 0
    assert "From there the connector cannot go on: " in done.stderr


def test_nothing_is_changed_under_a_connector_that_runs(offsets, running):
    before = offsets.shown()["offset"]
    assert "seems to run" in offsets.refusal("reset", "--yes")
    assert offsets.shown()["offset"] is not None
    assert before is not None


def test_an_instance_that_is_shut_out_ends(offsets, running, database):
    offsets.said("reset", "--yes", "--fence")
    database.execute("insert into item values (2)")
    assert running.process.wait(60) == 1
    assert "another instance" in running.output.lower()
    assert offsets.shown()["offset"] is None


def test_what_is_not_clear_is_refused(offsets, stopped):
    before = offsets.shown()["offset"]
    assert "Give --yes" in offsets.refusal("reset")
    assert "is no place in the log" in offsets.refusal("set", "here", "--yes")
    assert "names no log position" in offsets.refusal("set", "{}", "--yes")
    assert "is not JSON" in offsets.refusal("set", "{", "--yes")
    assert offsets.shown()["offset"] == before
