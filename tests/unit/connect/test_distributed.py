import asyncio

import pytest

from cdc.connect.cluster.configs import connector_records, task_records
from cdc.connect.herder import (
    Conflict,
    ConnectorOffset,
    NotFound,
    NotLeader,
    RequestError,
    State,
    TargetState,
    TaskId,
)
from cdc.connect.loggers import Loggers
from cdc.errors import ConfigError, Fenced, KafkaRefused
from tests.support.memory_workers import clustered, ids, until, until_state


@pytest.fixture
async def three():
    async with clustered(3) as cluster:
        yield cluster


async def test_tasks_are_spread_and_every_worker_tells_where_they_run(three):
    await three.put("a", 4)
    await three.put("b", 2)
    await three.settled(*ids("a", 4), *ids("b", 2))
    assert three.placed() == [2, 2, 2]
    for herder in three.herders.values():
        assert await herder.connectors() == ["a", "b"]
        async with asyncio.timeout(5):
            while {task.state for task in (await herder.status("a")).tasks.values()} != {State.RUNNING}:
                await asyncio.sleep(0)
        status = await herder.status("a")
        where = {id: f"w{n}:1" for n, host in enumerate(three.world.hosts) for id in host.running}  # noqa: A001
        assert {id: status.tasks[id.task].worker_id for id in ids("a", 4)} == {id: where[id] for id in ids("a", 4)}  # noqa: A001
        assert (await herder.connector("a")).tasks == tuple(ids("a", 4))
        assert [task.config["task"] for task in await herder.tasks("a")] == ["0", "1", "2", "3"]


async def test_only_the_leader_changes_anything_and_others_name_it(three):
    follower = next(herder for herder in three.herders.values() if herder is not three.leader)
    for change in (
        follower.put_connector("a", {"tasks.max": "1"}, replace=False),
        follower.delete_connector("a"),
        follower.set_target("a", TargetState.PAUSED),
        follower.restart("a", include_tasks=True, only_failed=False),
        follower.restart_task(TaskId("a", 0)),
        follower.alter_offsets("a", []),
        follower.reset_offsets("a"),
        follower.patch_connector("a", {}),
        follower.set_cluster_level("root", "DEBUG"),
    ):
        with pytest.raises(NotLeader) as refused:
            await change
        assert refused.value.leader_url == f"http://{three.leader.worker_id}/"


async def test_a_level_for_the_cluster_is_set_on_each_worker_that_runs_and_on_none_that_comes_later(three, monkeypatch):
    told = []

    def listen(number):
        def heard(logger, level):
            told.append((number, logger, level))

        monkeypatch.setattr(three.herders[number].loggers, "set_level", heard)

    for number in three.herders:
        listen(number)
    await three.leader.set_cluster_level("cdc.test", "debug")
    await until(lambda: len(told) == 3)
    assert sorted(told) == [(number, "cdc.test", "DEBUG") for number in range(3)]
    with monkeypatch.context() as patched:
        patched.setattr(Loggers, "set_level", lambda _, *told_late: told.append((3, *told_late)))
        await three.add(3)
    await three.put("a", 1)
    await three.settled(*ids("a", 1))
    assert len(told) == 3


async def test_a_worker_that_joins_takes_over_only_its_share(three):
    await three.put("a", 6)
    await three.settled(*ids("a", 6))
    await three.add(3)
    await until(lambda: three.placed() == [1, 1, 2, 2])
    await three.settled(*ids("a", 6))
    assert sum(three.world.starts.values()) == 7


async def test_the_tasks_of_a_worker_that_leaves_run_elsewhere_and_no_others_move(three):
    await three.put("a", 6)
    await three.settled(*ids("a", 6))
    await three.end(1)
    await three.settled(*ids("a", 6))
    assert three.placed() == [0, 3, 3]
    assert sum(three.world.starts.values()) == 8


async def test_when_the_leader_goes_another_leads_and_the_tasks_go_on(three):
    await three.put("a", 3)
    await three.settled(*ids("a", 3))
    former = three.leader
    await three.end(next(number for number, herder in three.herders.items() if herder is former))
    await until(lambda: any(herder._member.leader.leading for herder in three.herders.values()))
    await three.settled(*ids("a", 3))
    await three.put("b", 1)
    await three.settled(*ids("a", 3), *ids("b", 1))
    await until(lambda: three.world.connectors == {"a": 1, "b": 1})


async def test_a_worker_that_was_thrown_out_ends_its_tasks_and_comes_back(three):
    await three.put("a", 6)
    await three.settled(*ids("a", 6))
    number = next(number for number, herder in three.herders.items() if herder is not three.leader)
    member, host = three.links[number].member, three.world.hosts[number]
    await member.member.lost()
    assert not host.running
    member.leave()
    await until(lambda: three.placed() == [0, 3, 3])
    three.memory.group.members.append(member)
    three.memory.group.change()
    await until(lambda: three.placed() == [2, 2, 2])
    await three.settled(*ids("a", 6))


async def test_a_leader_that_was_shut_out_writes_nothing(three):
    leader = three.leader
    await three.put("a", 1)
    await three.settled(*ids("a", 1))
    await three.memory.links().config_writer().start()  # a newer leader
    written = len(three.memory.configs.records)
    formed = three.memory.group.generation
    with pytest.raises(NotLeader):
        await leader.put_connector("b", {"tasks.max": "1"}, replace=False)
    assert len(three.memory.configs.records) == written
    await until(lambda: three.memory.group.generation > formed)  # it has asked who leads


@pytest.mark.parametrize("refusal", [ConfigError, KafkaRefused])
async def test_all_former_tasks_are_shut_out_before_new_ones_start(three, refusal):
    await three.put("a", 3)
    await three.settled(*ids("a", 3))
    started = sum(three.world.starts.values())
    three.world.unfenceable = refusal("the secret cannot be fetched", "Mend it.")
    await three.put("a", 2)
    await until(lambda: not three.world.running())
    await until_state(three.leader, "a", State.FAILED)
    assert (await three.leader.status("a")).connector.trace == "the *** cannot be fetched. Mend it."
    assert sum(three.world.starts.values()) == started
    three.world.unfenceable = None
    await three.leader.restart("a", include_tasks=False, only_failed=False)
    await three.settled(*ids("a", 2))
    assert three.world.fences == [("a", 0), ("a", 3)]


async def test_a_task_that_was_given_elsewhere_as_it_started_does_not_run(three):
    await three.put("a", 1)
    await three.settled(*ids("a", 1))
    host = next(host for host in three.world.hosts if host.running)
    member = three.links[three.world.hosts.index(host)].member.member
    entry = member.configs.connectors["a"]
    work = host.work(
        TaskId("a", 0), entry.config, entry.tasks[0], member._verifier(TaskId("a", 0), member._plans()[TaskId("a", 0)])
    )
    await work.verify()
    three.memory.configs.append(task_records("a", entry.tasks))
    with pytest.raises(Fenced, match="Task a-0 is not to run here any more"):
        await work.verify()


async def test_a_task_that_was_shut_out_by_mistake_starts_again_but_not_for_ever(three):
    await three.put("a", 1)
    await three.settled(*ids("a", 1))
    host = next(host for host in three.world.hosts if host.running)
    host.fenced.add(TaskId("a", 0))
    await until(lambda: three.world.starts[TaskId("a", 0)] == 2)
    host.fenced.add(TaskId("a", 0))
    await until(lambda: not host.running)
    async with asyncio.timeout(5):
        while (await three.leader.status("a")).tasks[0].state is not State.FAILED:
            await asyncio.sleep(0)
    assert three.world.starts[TaskId("a", 0)] == 2


async def test_pause_resume_and_stop_reach_all_tasks(three):
    await three.put("a", 3)
    await three.settled(*ids("a", 3))
    await three.leader.set_target("a", TargetState.PAUSED)
    await three.settled()
    for herder in three.herders.values():
        async with asyncio.timeout(5):
            while {task.state for task in (await herder.status("a")).tasks.values()} != {State.PAUSED}:
                await asyncio.sleep(0)
    await three.leader.set_target("a", TargetState.STARTED)
    await three.settled(*ids("a", 3))
    await three.leader.set_target("a", TargetState.STOPPED)
    await three.settled()
    await until_state(three.leader, "a", State.STOPPED)
    async with asyncio.timeout(5):
        while await three.leader.tasks("a"):
            await asyncio.sleep(0)
    assert not (await three.leader.status("a")).tasks
    await three.leader.set_target("a", TargetState.STARTED)
    await three.settled(*ids("a", 3))


async def test_another_configuration_replaces_all_tasks(three):
    await three.put("a", 2)
    await three.settled(*ids("a", 2))
    await three.put("a", 4, colour="blue")
    await three.settled(*ids("a", 4))
    assert three.world.starts[TaskId("a", 0)] == 2
    assert {task.config["colour"] for task in await three.leader.tasks("a")} == {"blue"}


async def test_tasks_do_not_run_under_a_configuration_that_the_connector_refuses(three):
    await three.put("a", 2)
    await three.settled(*ids("a", 2))
    three.world.refuses["a"] = ConfigError("no such table", "Create it.")
    await three.put("a", 2, table="t")
    await three.settled()
    await until_state(three.leader, "a", State.FAILED)
    del three.world.refuses["a"]
    await three.leader.restart("a", include_tasks=False, only_failed=True)
    await three.settled(*ids("a", 2))


async def test_a_failed_task_is_told_everywhere_and_restarted_by_request(three):
    for host in three.world.hosts:
        host.failing.add(TaskId("a", 1))
    await three.put("a", 2)
    await three.settled(TaskId("a", 0))
    for herder in three.herders.values():
        async with asyncio.timeout(5):
            while (await herder.status("a")).tasks[1].state is not State.FAILED:
                await asyncio.sleep(0)
        assert (await herder.status("a")).tasks[1].trace == "the log is gone. Begin anew."
    for host in three.world.hosts:
        host.failing.clear()
    coming = await three.leader.restart("a", include_tasks=True, only_failed=True)
    assert {number: task.state for number, task in coming.tasks.items()} == {0: State.RUNNING, 1: State.RESTARTING}
    await three.settled(*ids("a", 2))
    assert three.world.starts == {TaskId("a", 0): 1, TaskId("a", 1): 1}
    await three.leader.restart_task(TaskId("a", 0))
    await until(lambda: three.world.starts[TaskId("a", 0)] == 2)
    with pytest.raises(NotFound):
        await three.leader.restart_task(TaskId("a", 7))


async def test_a_deleted_connector_leaves_nothing_behind(three):
    await three.put("a", 2)
    await three.settled(*ids("a", 2))
    await three.leader.delete_connector("a")
    await three.settled()
    for herder in three.herders.values():
        assert not await herder.connectors()
        with pytest.raises(NotFound):
            await herder.status("a")
        await until(lambda herder=herder: not herder._member.statuses.names())
    with pytest.raises(NotFound):
        await three.leader.delete_connector("a")
    await three.put("a", 1)
    await three.settled(*ids("a", 1))


async def test_a_connector_is_created_once_and_in_the_state_that_is_asked_for(three):
    await three.leader.put_connector("a", {"tasks.max": "1"}, replace=False, target=TargetState.PAUSED)
    await until_state(three.leader, "a", State.PAUSED)
    with pytest.raises(Conflict, match="Connector a already exists"):
        await three.leader.put_connector("a", {"tasks.max": "1"}, replace=False)
    with pytest.raises(RequestError, match="invalid"):
        await three.leader.put_connector("b", {}, replace=False)
    assert await three.leader.connectors() == ["a"]
    info = await three.leader.patch_connector("a", {"tasks.max": "2", "colour": "red"})
    assert info.config == {"tasks.max": "2", "colour": "red"}
    assert not three.world.running()


async def test_topics_are_told_everywhere_until_they_are_forgotten(three):
    await three.put("a", 2)
    await three.settled(*ids("a", 2))
    for herder in three.herders.values():
        async with asyncio.timeout(5):
            while await herder.topics("a") != ["topic-0", "topic-1"]:
                await asyncio.sleep(0.01)
    await next(iter(three.herders.values())).reset_topics("a")
    for herder in three.herders.values():
        assert await herder.topics("a") == []


async def test_offsets_are_changed_when_everything_has_stopped(three):
    await three.put("a", 2)
    await three.settled(*ids("a", 2))
    wanted = [ConnectorOffset({"p": "1"}, {"o": 1})]
    with pytest.raises(RequestError, match="must be in the STOPPED state"):
        await three.leader.alter_offsets("a", wanted)
    await three.leader.set_target("a", TargetState.STOPPED)
    async with asyncio.timeout(5):
        while True:
            try:
                assert "altered successfully" in await three.leader.alter_offsets("a", wanted)
                break
            except RequestError:
                await asyncio.sleep(0)
    assert not three.world.running()
    assert three.world.fences == [("a", 0), ("a", 2)]
    assert await three.leader.offsets("a") == wanted
    assert "manually reset" in await three.leader.reset_offsets("a")
    assert await three.leader.offsets("a") == []


async def test_a_new_cluster_takes_up_what_was_configured():
    async with clustered(1) as cluster:
        await cluster.put("a", 2)
        await cluster.settled(*ids("a", 2))
        await cluster.end(0)
        assert not cluster.world.running()
        await cluster.add(1)
        await cluster.settled(*ids("a", 2))
        assert await cluster.leader.connectors() == ["a"]


async def test_tasks_end_before_the_worker_leaves_the_group_and_that_is_told(three):
    await three.put("a", 3)
    await three.settled(*ids("a", 3))
    number = next(number for number, herder in three.herders.items() if herder is not three.leader)
    host = three.world.hosts[number]
    left = []
    leave = three.links[number].member.leave

    def leaving():
        left.append(set(host.running))
        leave()

    three.links[number].member.leave = leaving
    await three.end(number)
    assert left == [set()]
    assert any(b'"UNASSIGNED"' in (record.value or b"") for record in three.memory.statuses.records)


async def test_a_config_log_that_cannot_be_read_starts_nothing_new(three):
    number = next(number for number, herder in three.herders.items() if herder is not three.leader)
    three.links[number].configs.blind = True
    await three.put("a", 3)
    await until(lambda: len(three.world.running()) == 2)
    assert not three.world.hosts[number].running
    three.links[number].configs.blind = False
    three.memory.configs.append(connector_records("b", {"tasks.max": "1"}, TargetState.STOPPED))
    await three.settled(*ids("a", 3))


async def test_a_worker_shows_what_runs_on_it_and_how_it_stands_in_the_group(three):
    await three.put("a", 3)
    await three.settled(*ids("a", 3))
    shown = [herder.runs() for herder in three.herders.values()]
    assert sorted(len(runs["a"].tasks) for runs in shown) == [1, 1, 1]
    assert [
        runs["a"].status
        for herder, runs in zip(three.herders.values(), shown, strict=True)
        if herder is not three.leader
    ] == [None, None]
    assert three.leader.runs()["a"].status.state is State.RUNNING
    for herder in three.herders.values():
        rebalances = herder.rebalances()
        assert rebalances.leader == f"http://{three.leader.worker_id}/"
        assert rebalances.epoch == three.memory.group.generation
        assert not rebalances.rebalancing
        assert rebalances.completed >= 2
        assert 0 <= rebalances.since < 60
