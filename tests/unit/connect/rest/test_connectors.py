"""What REST itself decides about connectors; the expected answers were given by a worker of Kafka Connect 4.3.1."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from cdc.connect.herder import NotFound, State
from cdc.connect.rest.settings import RestSettings
from tests.unit.connect.rest.conversation import FILE
from tests.unit.connect.rest.fake import Kept

ODD = ['sp a/c"é中%?#', "a%2Fb", "..", "{x}", "'quoted'", "a;b=c&d+e", "🐘", "line\nbreak", "%"]


@pytest.mark.parametrize("name", ODD)
async def test_a_connector_with_odd_characters_in_its_name_can_be_reached(talker, herder, name):
    created = await talker.ask("POST", "/connectors", {"name": name, "config": FILE})
    path = f"/connectors/{quote(name, safe='')}"
    assert (created.status, created.body["config"]["name"]) == (201, name)
    if name != "..":  # clients and proxies shorten such a path
        assert created.headers["Location"].endswith(path)
        assert (await talker.ask("GET", f"{path}/status")).body["name"] == name
        assert (await talker.ask("DELETE", path)).status == 204
        assert herder.kept == {}


async def test_a_new_connector_comes_with_its_address(talk_to):
    talker = await talk_to(RestSettings(advertised_host="worker"))
    answer = await talker.ask("POST", "/connectors", {"name": "a b", "config": FILE}, {"Host": "worker:8083"})
    assert answer.headers["Location"] == "http://worker:8083/connectors/a%20b"
    assert answer.headers["Content-Type"] == "application/json"


async def test_putting_a_configuration_says_whether_the_connector_is_new(talker):
    first = await talker.ask("PUT", "/connectors/a/config", FILE)
    second = await talker.ask("PUT", "/connectors/a/config", {**FILE, "file": "other.txt"})
    assert (first.status, "Location" in first.headers) == (201, True)
    assert (second.status, "Location" in second.headers) == (200, False)
    assert second.body["config"] == {**FILE, "file": "other.txt", "name": "a"}


@pytest.mark.parametrize(
    ("word", "state"), [("RUNNING", "RUNNING"), ("paused", "PAUSED"), ("Stopped", "STOPPED"), (None, "RUNNING")]
)
async def test_a_connector_starts_in_the_state_that_was_asked_for(talker, word, state):
    await talker.ask("POST", "/connectors", {"name": "a", "config": FILE, "initial_state": word})
    assert (await talker.ask("GET", "/connectors/a/status")).body["connector"]["state"] == state


async def test_numbers_and_booleans_become_texts_as_they_were_written(talker):
    body = '{"name": 5, "config": {"connector.class": "FileStreamSource", "topic": "t", "a": 1.50, "b": 1e3, "c": -0, "d": true,'
    answer = await talker.ask("POST", "/connectors", body + '"e": 12345678901234567890123}}')
    assert answer.body["name"] == "5"
    assert answer.body["config"] == {
        "connector.class": "FileStreamSource",
        "topic": "t",
        "a": "1.50",
        "b": "1e3",
        "c": "-0",
        "d": "true",
        "e": "12345678901234567890123",
        "name": "5",
    }


async def test_the_last_of_two_equal_properties_counts(talker):
    answer = await talker.ask("POST", "/connectors", '{"name":"x","name":"y","config":{"a":1,"a":2,"topic":"t"}}')
    assert answer.status == 400  # the herder's: there is no class
    body = '{"name":"x","name":"y","config":{"a":1,"a":2,"topic":"t","connector.class":"FileStreamSource"}}'
    answer = await talker.ask("POST", "/connectors", body)
    assert (answer.body["name"], answer.body["config"]["a"]) == ("y", "2")


async def test_blanks_around_a_name_are_cut_off(talker):
    assert (await talker.ask("POST", "/connectors", {"name": "  a ", "config": FILE})).body["name"] == "a"


async def test_a_patch_removes_what_is_null_and_changes_the_rest(talker, herder):
    herder.kept["a"] = Kept({**FILE, "name": "a", "x": "1"})
    answer = await talker.ask("PATCH", "/connectors/a/config", {"x": None, "batch.size": 7, "y": False})
    assert answer.body["config"] == {**FILE, "name": "a", "batch.size": "7", "y": "false"}


async def test_a_patch_cannot_rename_a_connector(talker, herder):
    herder.kept["a"] = Kept({**FILE, "name": "a"})
    for name, text in (("b", "b"), (None, "None")):
        answer = await talker.ask("PATCH", "/connectors/a/config", {"name": name})
        assert answer.status == 400
        assert answer.message == f"Connector name configuration ({text}) doesn't match connector name in the URL (a)"


@pytest.mark.parametrize(
    ("expand", "parts"),
    [("?expand=status", {"status"}), ("?expand=info&expand=status", {"info", "status"}), ("?expand=bogus", set())],
)
async def test_a_list_can_be_expanded(talker, herder, expand, parts):
    herder.kept["a"] = Kept(FILE)
    answer = await talker.ask("GET", f"/connectors{expand}")
    assert set(answer.body["a"]) == parts


async def test_a_connector_that_is_deleted_during_a_list_is_left_out(talker, herder, monkeypatch):
    herder.kept.update(a=Kept(FILE), b=Kept(FILE))
    status = herder.status

    async def deleted(name):
        if name == "a":
            raise NotFound("Connector a not found")
        return await status(name)

    monkeypatch.setattr(herder, "status", deleted)
    assert list((await talker.ask("GET", "/connectors?expand=status")).body) == ["b"]


@pytest.mark.parametrize(
    ("query", "call", "status"),
    [
        ("", "include_tasks=False only_failed=False", 204),
        ("?includeTasks=True&onlyFailed=False", "include_tasks=True only_failed=False", 202),
        ("?onlyFailed=true", "include_tasks=False only_failed=True", 202),
        ("?includeTasks=maybe", "include_tasks=False only_failed=False", 204),
    ],
)
async def test_a_restart_does_as_asked(talker, herder, query, call, status):
    herder.kept["a"] = Kept(FILE)
    answer = await talker.ask("POST", f"/connectors/a/restart{query}")
    assert (answer.status, herder.calls) == (status, [f"restart a {call}"])
    assert answer.body is None or answer.body["connector"]["state"] == "RESTARTING"


async def test_why_a_task_failed_is_told_as_its_trace(talker, herder):
    herder.kept["a"] = Kept(FILE, State.FAILED, trace="the file in.txt cannot be read")
    answer = await talker.ask("GET", "/connectors/a/status")
    assert answer.body["tasks"][0]["trace"] == "the file in.txt cannot be read"
    assert "trace" not in answer.body["connector"]


@pytest.mark.parametrize("task", ["x", "1_0", "99999999999", "%201", "1.0"])
async def test_what_is_no_number_of_a_task_is_no_path(talker, herder, task):
    herder.kept["a"] = Kept(FILE)
    answer = await talker.ask("GET", f"/connectors/a/tasks/{task}/status")
    assert (answer.status, answer.message) == (404, "HTTP 404 Not Found")


async def test_a_task_that_is_not_there_is_named(talker, herder):
    herder.kept["a"] = Kept(FILE)
    assert (await talker.ask("GET", "/connectors/a/tasks/-1/status")).message == "No status found for task a--1"


async def test_the_endpoint_that_connect_4_removed_is_not_there(talker, herder):
    herder.kept["a"] = Kept(FILE)
    assert (await talker.ask("GET", "/connectors/a/tasks-config")).message == "HTTP 404 Not Found"


@pytest.mark.parametrize("path", ["", "/config", "/status", "/tasks", "/topics", "/offsets"])
async def test_a_connector_that_is_not_there_is_named(talker, path):
    answer = await talker.ask("GET", f"/connectors/nope{path}")
    assert (answer.status, answer.message) == (404, "Connector nope not found")
