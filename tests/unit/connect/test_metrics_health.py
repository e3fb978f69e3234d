"""When a worker is well, and what it says when it is not."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from cdc.connect.herder import ConnectorType, InstanceStatus, State
from cdc.connect.metrics.health import Health
from cdc.connect.metrics.watched import RunningConnector
from cdc.connect.task_run import TaskRun
from cdc.metrics.counters import Startups
from cdc.pipeline.status import PipelineStatus
from cdc.pipeline.status import State as Doing


class Herder:
    """Shows one connector, `shop`, with one task."""

    def __init__(self) -> None:
        self.progress = PipelineStatus(state=Doing.STREAMING, limit=60)
        self.task = TaskRun("shop-0", "1", "worker:8083", lambda: work, State.RUNNING)
        work = self.task._work = SimpleNamespace(status=self.progress, topics=set())
        self.status = InstanceStatus(State.RUNNING, "worker:8083", "1")

    def runs(self):
        return {"shop": RunningConnector(ConnectorType.SOURCE, "postgres", self.status, {0: self.task})}

    def startups(self):
        return Startups()


@pytest.fixture
def herder():
    return Herder()


def troubles(herder, at, **options):
    return Health(herder, clock=lambda: at).troubles(**options)


def test_a_herder_that_shows_nothing_has_no_trouble():
    assert troubles(object(), 0) == []


def test_who_runs_without_anything_in_the_way_is_well(herder):
    assert troubles(herder, 1_000_000) == []


@pytest.mark.parametrize("state", [State.PAUSED, State.UNASSIGNED, State.STOPPED])
def test_who_does_not_run_is_well_whatever_was_in_the_way(herder, state):
    herder.progress.wait("the server is gone", 0)
    herder.task.state = state
    assert troubles(herder, 1000) == []


def test_a_failed_task_is_named_with_the_first_line_of_why(herder):
    herder.task.state, herder.task.trace = State.FAILED, "the slot is gone. Make a new one.\nTraceback …"
    assert troubles(herder, 0) == ["task 0 of connector shop is FAILED: the slot is gone. Make a new one"]
    assert troubles(herder, 0, detailed=False) == ["task 0 of connector shop is FAILED"]


def test_a_failed_connector_is_named(herder):
    herder.status = InstanceStatus(State.FAILED, "worker:8083", "1", "no such file.")
    assert troubles(herder, 0) == ["connector shop is FAILED: no such file"]


def test_an_outage_is_no_stall_for_half_a_minute_and_then_it_is_until_it_is_over(herder):
    herder.progress.wait("the server at db:5432 is gone", 100)
    herder.progress.wait("the server at db:5432 is gone", 120)
    assert troubles(herder, 130) == []
    assert troubles(herder, 145) == [
        "task 0 of connector shop has been waiting for 45 s: the server at db:5432 is gone"
    ]
    assert troubles(herder, 145, detailed=False) == ["task 0 of connector shop has been waiting for 45 s"]
    herder.progress.start(150)
    herder.progress.work()
    assert troubles(herder, 1000) == []


def test_the_bound_of_a_stall_can_be_chosen(herder):
    herder.progress.wait("gone", 0)
    assert Health(herder, stall=300, clock=lambda: 299).troubles() == []
    assert len(Health(herder, stall=300, clock=lambda: 301).troubles()) == 1


def test_what_was_read_and_is_not_stored_within_the_time_of_a_transaction_is_a_stall(herder):
    herder.progress.read(5, 10, 0)
    assert troubles(herder, 65) == []
    assert troubles(herder, 75) == ["task 0 of connector shop has stored nothing of what it has read for 65 s"]


def test_secrets_stay_hidden(herder):
    herder.task.hide = lambda text: text.replace("s3cr3t", "***")
    herder.progress.wait("login with s3cr3t was refused", 0)
    assert troubles(herder, 40) == ["task 0 of connector shop has been waiting for 40 s: login with *** was refused"]
