"""A conversation that was recorded with a worker of Kafka Connect 4.3.1, held again with ours over a fake herder."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from cdc.connect.herder import ConnectorOffset, PluginInfo
from tests.unit.connect.rest.conversation import Answer
from tests.unit.connect.rest.fake import Kept

RECORDING = [
    json.loads(line) for line in (Path(__file__).parents[3] / "golden" / "connect-rest.jsonl").read_text().splitlines()
]
OTHER = "pg_incremental_snapshot_read_only"
"""A connector that was there all the time."""
HERDERS_OWN = ("Failed to find any class", "Unexpected character", "Cannot invoke")
"""How texts begin that depend on the plugins, or on Java."""


def recorded(path: str) -> Any:
    return next(step["answer"] for step in RECORDING if step["path"] == path and step["status"] == 200)


@pytest.fixture
def worker(herder, levels):
    """The fake herder with what the recorded worker had before the first request."""
    other = recorded("/connectors?expand=status&expand=info")[OTHER]
    herder.kept[OTHER] = Kept(other["info"]["config"], version=other["status"]["connector"]["version"])
    plugins = recorded("/connector-plugins?connectorsOnly=false")
    herder.installed = [PluginInfo(each["class"], each["type"], each["version"]) for each in plugins]
    herder.definitions = recorded("/connector-plugins/FileStreamSource/config")
    herder.validation = recorded("/connector-plugins/FileStreamSource/config/validate")
    logging.root.setLevel(logging.INFO)
    return herder


def lines_arrive(herder) -> None:
    """Let the connector have read two lines, as the recorded one had when it was asked."""
    if "restcheck" in herder.kept:
        herder.kept["restcheck"].topics = ["rest-NAME"]
        herder.kept["restcheck"].offsets = [ConnectorOffset({"filename": "FOLDER/in.txt"}, {"position": 8})]


def expected_status(step: dict[str, Any]) -> int:
    """Return the recorded status; where Connect answered 500 to a mistake, 400 is ours."""
    return 400 if step["status"] == 500 else step["status"]


def compare(step: dict[str, Any], answer: Answer) -> None:
    request = f"{step['method']} {step['path']}"
    assert answer.status == expected_status(step), request
    wanted = step["answer"]
    if step["path"] == "/":
        wanted = {**wanted, "version": answer.body["version"], "commit": answer.body["commit"]}
    elif wanted and "message" in wanted and str(wanted["message"]).startswith(HERDERS_OWN):
        wanted = {"error_code": answer.status, "message": answer.body["message"]}
    assert answer.body == wanted, request


async def test_every_answer_of_the_recorded_conversation_is_given_again(worker, talker):
    for step in RECORDING:
        if step["path"].endswith("/topics"):
            lines_arrive(worker)
        compare(step, await talker.ask(step["method"], step["path"], step["body"]))


def test_the_recording_touches_every_group_of_endpoints():
    groups = {step["path"].partition("?")[0].split("/")[1] for step in RECORDING}
    assert groups >= {"", "connectors", "connector-plugins", "admin", "health"}
