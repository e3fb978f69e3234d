"""The herder of one worker: which states connectors and tasks come into, and what is refused."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from cdc.connect.herder import (
    Conflict,
    ConnectorOffset,
    ConnectorType,
    Forbidden,
    NotFound,
    RequestError,
    State,
    TargetState,
    TaskId,
)
from cdc.connect.host import ConnectorHandle
from cdc.connect.standalone import StandaloneHerder
from cdc.errors import SourceLost

CONFIG = {"connector.class": "files", "tasks.max": "2"}


class Work:
    """Runs until it is cancelled; `fails` makes it fail at once."""

    def __init__(self, host, number) -> None:
        self.host, self.number = host, number
        self.topics = {f"topic-{number}"}

    async def run(self):
        if self.number in self.host.failing:
            raise SourceLost("the log is gone", "Begin anew.")
        self.host.running.append(self.number)
        try:
            await asyncio.Event().wait()
        finally:
            self.host.running.remove(self.number)


class Host:
    """Starts connectors of as many tasks as tasks.max says."""

    def __init__(self) -> None:
        self.running: list[int] = []
        self.failing: set[int] = set()
        self.refuses = None
        self.stopped = 0
        self.stored: dict[str, list[ConnectorOffset]] = {}

    async def check(self, name, config):
        if "connector.class" not in config:
            raise RequestError("Connector configuration is invalid")
        return ConnectorType.SOURCE

    def version(self, config):
        return "1.0"

    async def start_connector(self, name, config):
        if self.refuses is not None:
            raise self.refuses
        return ConnectorHandle(self, [config] * int(config["tasks.max"]))

    def work(self, id, config, task):  # noqa: A002
        return Work(self, id.task)

    def hide(self, name, text):
        return text.replace("secret", "***")

    async def stop(self):
        self.stopped += 1

    async def offsets(self, name, config):
        return self.stored.get(name, [])

    async def alter_offsets(self, name, config, offsets):
        self.stored[name] = offsets
        return True

    async def reset_offsets(self, name, config):
        self.stored.pop(name, None)
        return True


@asynccontextmanager
async def herding(host):
    herder = StandaloneHerder(host, "worker:8083")
    running = asyncio.create_task(herder.run())
    await herder.wait_until_ready()
    try:
        yield herder
    finally:
        running.cancel()
        await asyncio.wait({running})


@pytest.fixture
async def host():
    return Host()


@pytest.fixture
async def herder(host):
    async with herding(host) as herder:
        yield herder


async def settled(herder, happened):
    async with asyncio.timeout(5):
        while not happened():
            await asyncio.sleep(0)


async def states(herder, name="files"):
    status = await herder.status(name)
    return status.connector.state, [task.state for task in status.tasks.values()]


async def test_a_new_connector_runs_its_tasks_which_its_answer_does_not_show_yet(herder, host):
    created, info = await herder.put_connector("files", CONFIG, replace=False)
    assert (created, info.tasks, info.type) == (True, (), ConnectorType.SOURCE)
    assert (await herder.connector("files")).tasks == (TaskId("files", 0), TaskId("files", 1))
    await settled(herder, lambda: host.running == [0, 1])
    assert await states(herder) == (State.RUNNING, [State.RUNNING] * 2)
    assert await herder.connectors() == ["files"]
    assert await herder.topics("files") == ["topic-0", "topic-1"]


async def test_a_name_is_taken_once_unless_it_is_to_be_replaced(herder, host):
    await herder.put_connector("files", CONFIG, replace=False)
    with pytest.raises(Conflict, match="Connector files already exists"):
        await herder.put_connector("files", CONFIG, replace=False)
    created, info = await herder.put_connector("files", {**CONFIG, "tasks.max": "1"}, replace=True)
    assert (created, len(info.tasks)) == (False, 2)
    await settled(herder, lambda: host.running == [0])
    assert host.stopped == 1


async def test_an_invalid_configuration_changes_nothing(herder):
    await herder.put_connector("files", CONFIG, replace=False)
    with pytest.raises(RequestError, match="invalid"):
        await herder.put_connector("files", {}, replace=True)
    assert (await herder.connector("files")).config == CONFIG


async def test_a_patch_changes_adds_and_removes_properties(herder):
    await herder.put_connector("files", {**CONFIG, "file": "a"}, replace=False)
    info = await herder.patch_connector("files", {"tasks.max": "1", "file": None, "topic": "t"})
    assert info.config == {"connector.class": "files", "tasks.max": "1", "topic": "t"}


@pytest.mark.parametrize(
    "call",
    [
        lambda herder: herder.connector("no"),
        lambda herder: herder.delete_connector("no"),
        lambda herder: herder.status("no"),
        lambda herder: herder.set_target("no", TargetState.PAUSED),
        lambda herder: herder.patch_connector("no", {}),
        lambda herder: herder.offsets("no"),
        lambda herder: herder.restart("no", include_tasks=True, only_failed=False),
    ],
)
async def test_what_is_not_there_is_not_found(call, herder):
    with pytest.raises(NotFound, match="Connector no not found"):
        await call(herder)


async def test_a_paused_connector_does_nothing_until_it_is_resumed(herder, host):
    await herder.put_connector("files", CONFIG, replace=False)
    await settled(herder, lambda: host.running == [0, 1])
    await herder.set_target("files", TargetState.PAUSED)
    assert host.running == []
    assert await states(herder) == (State.PAUSED, [State.PAUSED] * 2)
    await herder.set_target("files", TargetState.STARTED)
    await settled(herder, lambda: host.running == [0, 1])
    assert await states(herder) == (State.RUNNING, [State.RUNNING] * 2)


async def test_a_stopped_connector_has_no_tasks_and_may_be_resumed_or_paused(herder, host):
    await herder.put_connector("files", CONFIG, replace=False)
    await herder.set_target("files", TargetState.STOPPED)
    assert (await states(herder), host.running, host.stopped) == ((State.STOPPED, []), [], 1)
    await herder.set_target("files", TargetState.PAUSED)
    assert await states(herder) == (State.PAUSED, [State.PAUSED] * 2)
    await herder.set_target("files", TargetState.STARTED)
    await settled(herder, lambda: host.running == [0, 1])


@pytest.mark.parametrize(
    ("target", "expected"),
    [(TargetState.STOPPED, (State.STOPPED, [])), (TargetState.PAUSED, (State.PAUSED, [State.PAUSED] * 2))],
)
async def test_a_connector_may_be_created_at_rest_and_stays_so_under_a_new_configuration(
    target, expected, herder, host
):
    await herder.put_connector("files", CONFIG, replace=False, target=target)
    assert await states(herder) == expected
    await herder.put_connector("files", CONFIG, replace=True)
    assert await states(herder) == expected
    assert host.running == []


async def test_a_failed_task_says_why_and_runs_again_when_it_is_restarted(herder, host):
    host.failing = {1}
    await herder.put_connector("files", CONFIG, replace=False)
    await settled(herder, lambda: host.running == [0])
    status = await herder.status("files")
    assert status.tasks[1].trace == "the log is gone. Begin anew."
    assert await states(herder) == (State.RUNNING, [State.RUNNING, State.FAILED])
    host.failing = set()
    await herder.restart_task(TaskId("files", 1))
    await settled(herder, lambda: host.running == [0, 1])
    with pytest.raises(NotFound):
        await herder.restart_task(TaskId("files", 7))


async def test_only_what_has_failed_is_restarted_when_that_is_asked_for(herder, host):
    host.failing = {1}
    await herder.put_connector("files", CONFIG, replace=False)
    await settled(herder, lambda: host.running == [0])
    host.failing = set()
    coming = await herder.restart("files", include_tasks=True, only_failed=True)
    assert coming.connector.state is State.RUNNING
    assert [task.state for task in coming.tasks.values()] == [State.RUNNING, State.RESTARTING]
    await settled(herder, lambda: host.running == [0, 1])


async def test_a_connector_that_cannot_start_is_failed_until_it_is_restarted(herder, host):
    host.refuses = SourceLost("the server is another one", "Look at it.")
    await herder.put_connector("files", CONFIG, replace=False)
    status = await herder.status("files")
    assert (status.connector.state, status.connector.trace) == (
        State.FAILED,
        "the server is another one. Look at it.",
    )
    host.refuses = None
    assert await herder.restart("files", include_tasks=False, only_failed=False) is None
    await settled(herder, lambda: host.running == [0, 1])
    assert await states(herder) == (State.RUNNING, [State.RUNNING] * 2)


async def test_a_connector_whose_plugin_raises_anything_fails_and_the_others_go_on(herder, host, caplog):
    await herder.put_connector("files", CONFIG, replace=False)
    host.refuses = ZeroDivisionError("division by zero")
    await herder.put_connector("broken", CONFIG, replace=False)
    status = await herder.status("broken")
    assert (status.connector.state, status.connector.trace) == (State.FAILED, "ZeroDivisionError: division by zero")
    assert "connector broken cannot be started" in caplog.text
    assert await states(herder) == (State.RUNNING, [State.RUNNING] * 2)


async def test_offsets_change_only_while_the_connector_is_stopped(herder):
    await herder.put_connector("files", CONFIG, replace=False)
    offsets = [ConnectorOffset({"filename": "a"}, {"position": 4})]
    for call in (herder.alter_offsets("files", offsets), herder.reset_offsets("files")):
        with pytest.raises(RequestError, match="must be in the STOPPED state") as caught:
            await call
        assert caught.value.status == 400
    await herder.set_target("files", TargetState.STOPPED)
    await herder.alter_offsets("files", offsets)
    assert await herder.offsets("files") == offsets
    await herder.reset_offsets("files")
    assert await herder.offsets("files") == []


async def test_a_task_that_was_replaced_meanwhile_is_not_started_by_a_restart_that_waited(herder, host):
    await herder.put_connector("files", CONFIG, replace=False)
    await settled(herder, lambda: host.running == [0, 1])
    async with herder._changing:
        waiting = [
            asyncio.create_task(herder.set_target("files", TargetState.STOPPED)),
            asyncio.create_task(herder.set_target("files", TargetState.STARTED)),
            asyncio.create_task(herder.restart_task(TaskId("files", 0))),
            asyncio.create_task(herder.restart("files", include_tasks=True, only_failed=False)),
        ]
        await asyncio.sleep(0)
    await asyncio.gather(*waiting)
    await settled(herder, lambda: sorted(host.running) == [0, 1])
    await herder.delete_connector("files")
    assert host.running == []


async def test_a_connector_that_does_not_stop_in_good_order_is_let_go(herder, host, caplog):
    async def refuse():
        raise ZeroDivisionError

    host.stop = refuse
    await herder.put_connector("files", CONFIG, replace=False)
    await herder.delete_connector("files")
    assert "connector files did not stop in good order" in caplog.text
    assert await herder.connectors() == []


async def test_topics_are_told_and_forgotten_only_where_the_worker_allows_it(host):
    herder = StandaloneHerder(host, "worker:8083", topic_tracking=False)
    with pytest.raises(Forbidden, match="Topic tracking is disabled") as caught:
        await herder.topics("files")
    assert caught.value.status == 403
    herder = StandaloneHerder(host, "worker:8083", topic_reset=False)
    with pytest.raises(Forbidden, match="reset is disabled"):
        await herder.reset_topics("files")


async def test_a_deleted_connector_ends_and_its_name_is_free(herder, host):
    await herder.put_connector("files", CONFIG, replace=False)
    await settled(herder, lambda: host.running == [0, 1])
    await herder.delete_connector("files")
    assert (host.running, host.stopped, await herder.connectors()) == ([], 1, [])
    await herder.put_connector("files", CONFIG, replace=False)


async def test_tasks_end_with_the_herder(host):
    async with herding(host) as herder:
        await herder.put_connector("files", CONFIG, replace=False)
        await settled(herder, lambda: host.running == [0, 1])
    assert (host.running, herder.ready) == ([], False)


async def test_a_connector_that_wants_to_end_the_process_fails_by_itself(herder, host):
    host.refuses = SystemExit(3)
    await herder.put_connector("a", {"connector.class": "C", "tasks.max": "1"}, replace=False)
    status = await herder.status("a")
    assert (status.connector.state, status.tasks) == (State.FAILED, {})
    assert "wanted to end the process (exit code 3)" in status.connector.trace
    host.refuses = None
    await herder.put_connector("b", {"connector.class": "C", "tasks.max": "1"}, replace=False)
    assert (await herder.status("b")).connector.state is State.RUNNING


async def test_a_level_for_the_cluster_is_set_on_the_one_worker_that_it_has(monkeypatch):
    told: list[tuple[str, str]] = []
    herder = StandaloneHerder(Host())  # type: ignore[arg-type]
    monkeypatch.setattr(herder.loggers, "set_level", lambda *level: told.append(level))
    await herder.set_cluster_level("cdc.test", "DEBUG")
    assert told == [("cdc.test", "DEBUG")]
