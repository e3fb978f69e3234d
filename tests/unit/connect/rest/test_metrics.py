"""What a scraper, a probe and a person without credentials get from the application."""

from __future__ import annotations

import pytest
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client.parser import text_string_to_metric_families

from cdc.connect.herder import ConnectorType, InstanceStatus, State
from cdc.connect.metrics.watched import RunningConnector
from cdc.connect.rest.server import app
from cdc.connect.rest.settings import RestSettings
from cdc.connect.task_run import TaskRun
from cdc.metrics.counters import Startups
from tests.unit.connect.rest.conversation import GUARDED, TOKEN
from tests.unit.connect.rest.fake import FakeHerder

TOKENS = {"Authorization": f"Bearer {TOKEN}"}


class WatchedHerder(FakeHerder):
    """Shows one connector with one task, whose state the test sets."""

    def __init__(self) -> None:
        super().__init__()
        self.task = TaskRun("shop-0", "1", "worker:8083", lambda: None, State.RUNNING)  # type: ignore[arg-type, return-value]

    def runs(self):
        status = InstanceStatus(State.RUNNING, "worker:8083", "1")
        return {"shop": RunningConnector(ConnectorType.SOURCE, "postgres", status, {0: self.task})}

    def startups(self):
        return Startups()


@pytest.fixture
def herder():
    return WatchedHerder()


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ({}, "text/plain; version=0.0.4; charset=utf-8"),
        ({"Accept": "application/openmetrics-text; version=1.0.0"}, "application/openmetrics-text; version=1.0.0"),
    ],
)
async def test_metrics_come_in_the_format_that_is_accepted(herder, accept, content_type):
    async with (
        TestClient(TestServer(app(herder, RestSettings()))) as client,
        client.get("/metrics", headers=accept) as answer,
    ):
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith(content_type)
        names = {family.name for family in text_string_to_metric_families(await answer.text())}
    assert {"kafka_connect_worker_connector_count", "kafka_connect_connector_task_status"} <= names


async def test_metrics_need_the_credentials_that_everything_needs(talk_to):
    talker = await talk_to(GUARDED)
    assert (await talker.ask("GET", "/metrics")).status == 401


async def test_a_worker_whose_tasks_run_is_healthy(talker):
    answer = await talker.ask("GET", "/health")
    message = "Worker has completed startup and is ready to handle requests."
    assert (answer.status, answer.body) == (200, {"status": "healthy", "message": message})


async def test_a_worker_that_has_not_started_is_not_ready_but_alive(talker, herder):
    herder.ready = False
    answer = await talker.ask("GET", "/health")
    assert (answer.status, answer.body["status"]) == (503, "starting")
    assert (await talker.ask("GET", "/health/live")).status == 200


async def test_a_failed_task_makes_the_worker_unhealthy_and_leaves_it_alive(talker, herder):
    herder.task.state, herder.task.trace = State.FAILED, "the slot is gone. Make a new one."
    answer = await talker.ask("GET", "/health")
    message = "Task 0 of connector shop is FAILED: the slot is gone. Make a new one."
    assert (answer.status, answer.body) == (503, {"status": "unhealthy", "message": message})
    assert (await talker.ask("GET", "/health/live")).status == 200


async def test_who_gives_no_credentials_learns_that_a_task_has_failed_and_not_why(talk_to, herder):
    herder.task.state, herder.task.trace = State.FAILED, "table payroll is gone."
    talker = await talk_to(GUARDED)
    told = (await talker.ask("GET", "/health")).body["message"]
    assert told == "Task 0 of connector shop is FAILED."
    told = (await talker.ask("GET", "/health", headers=TOKENS)).body["message"]
    assert told == "Task 0 of connector shop is FAILED: table payroll is gone."


async def test_many_troubles_are_told_in_a_message_that_can_be_read(talker, herder):
    herder.task.state = State.FAILED
    run = herder.runs()["shop"]
    herder.runs = lambda: {f"shop{number}": run for number in range(12)}
    message = (await talker.ask("GET", "/health")).body["message"]
    assert message.startswith("Task 0 of connector shop0 is FAILED; task 0 of connector shop1 is FAILED; ")
    assert message.endswith("; task 0 of connector shop9 is FAILED; and 2 more.")
