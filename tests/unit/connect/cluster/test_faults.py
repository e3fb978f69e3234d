"""What must not go wrong in a cluster when plugins, people or workers do their worst."""

import asyncio
import logging
from collections import Counter

import pytest

from cdc.connect.cluster.configs import connector_records, task_records
from cdc.connect.cluster.statuses import task_status
from cdc.connect.herder import (
    Conflict,
    ConnectorOffset,
    InstanceStatus,
    NotLeader,
    State,
    TargetState,
    TaskId,
)
from cdc.errors import ConfigError, Fenced, KafkaUnavailable
from tests.support.memory_workers import Cluster, clustered, ids, until, until_state


@pytest.fixture
async def three():
    async with clustered(3) as cluster:
        yield cluster


@pytest.fixture
async def one():
    async with clustered(1) as cluster:
        yield cluster


def alive(cluster: Cluster) -> bool:
    return not any(task.done() for task in cluster.tasks.values())


async def ticks(number=200):
    """Let everything go on that does not wait for time to pass."""
    for _ in range(number):
        await asyncio.sleep(0)


async def until_status(herder, name, holds):
    async with asyncio.timeout(30):
        while not holds(await herder.status(name)):
            await asyncio.sleep(0)


@pytest.mark.parametrize("text", ["no file \udcff", "x" * 5_000_000], ids=["no Unicode", "huge"])
async def test_whatever_a_failed_task_says_fits_into_a_status_and_an_answer(three, text):
    three.world.errors[TaskId("a", 0)] = ValueError(text)
    await three.put("a", 1)
    for herder in three.herders.values():
        await until_status(herder, "a", lambda status: [t.state for t in status.tasks.values()] == [State.FAILED])
        trace = (await herder.status("a")).tasks[0].trace
        assert trace.startswith("ValueError: ")
        assert len(trace.encode()) < 100_000
    assert alive(three)


@pytest.mark.parametrize("value", [3, None, "\ud800"], ids=["number", "None", "no Unicode"])
async def test_a_connector_whose_task_configurations_are_no_texts_fails_by_itself(three, value):
    three.world.divides["a"] = [{"tasks.max": "1", "task": value}]
    await three.put("a", 1)
    await three.put("b", 1)
    await until_state(three.leader, "a", State.FAILED)
    await three.settled(*ids("b", 1))
    written = len(three.memory.configs.records)
    await ticks()
    assert len(three.memory.configs.records) == written
    assert alive(three)


@pytest.mark.parametrize("error", [SystemExit(3), asyncio.CancelledError(), RecursionError("too deep")], ids=repr)
async def test_a_connector_that_ends_the_process_or_cancels_itself_as_it_starts_fails_by_itself(three, error):
    three.world.refuses["a"] = error
    await three.put("a", 1)
    await three.put("b", 1)
    await until_state(three.leader, "a", State.FAILED)
    await three.settled(*ids("b", 1))
    assert alive(three)


@pytest.mark.parametrize("error", [SystemExit(3), asyncio.CancelledError(), ValueError("no")], ids=repr)
async def test_a_connector_that_fails_as_it_stops_is_let_go(three, error):
    three.world.stubborn["a"] = error
    await three.put("a", 1)
    await three.settled(*ids("a", 1))
    await three.put("a", 2)
    await three.settled(*ids("a", 2))
    assert alive(three)


async def test_a_connector_that_hangs_as_it_starts_holds_up_no_other(three):
    three.world.held["a"] = asyncio.Event()
    await three.put("a", 1)
    await until(lambda: three.world.asked["a"])
    await three.put("b", 2)
    await three.settled(*ids("b", 2))
    await three.put("a", 2)
    three.world.held["a"].set()
    await three.settled(*ids("a", 2), *ids("b", 2))


async def test_a_connector_that_hangs_as_it_starts_does_not_run_on_a_worker_that_leads_no_more(three):
    three.world.held["a"] = asyncio.Event()
    await three.put("a", 1)
    await until(lambda: three.world.asked["a"] == 1)
    former = three.links[0].member
    await former.member.lost()
    former.leave()
    await until(lambda: three.world.asked["a"] == 2)
    three.world.held["a"].set()
    await three.settled(*ids("a", 1))
    await until(lambda: three.world.connectors["a"] == 1)


async def test_a_connector_that_cannot_be_fenced_for_now_holds_up_no_other_and_is_tried_again(three, caplog):
    await three.put("a", 1)
    await three.settled(*ids("a", 1))
    three.world.unfenceable_names["a"] = KafkaUnavailable("no broker answers", "Wait.")
    three.world.held["b"] = asyncio.Event()
    await three.put("b", 1)
    await until(lambda: three.world.asked["b"])
    await three.put("a", 2)
    await until(lambda: "the tasks of connector a cannot be given out now: no broker answers" in caplog.text)
    three.world.held["b"].set()
    await three.settled(*ids("b", 1))
    assert three.world.asked["b"] == 1
    three.world.unfenceable_names.clear()
    await three.settled(*ids("a", 2), *ids("b", 1))


async def test_a_stopped_connector_that_cannot_be_fenced_is_not_tried_again_and_again(three):
    await three.put("a", 2)
    await three.settled(*ids("a", 2))
    three.world.unfenceable = ConfigError("the secret cannot be fetched", "Mend it.")
    await three.leader.set_target("a", TargetState.STOPPED)
    await until(lambda: three.world.fence_attempts > 1)
    tried = three.world.fence_attempts
    await ticks()
    assert three.world.fence_attempts == tried
    assert (await three.leader.status("a")).connector.state is State.STOPPED
    assert (await three.leader.status("a")).connector.trace == "the *** cannot be fetched. Mend it."
    with pytest.raises(Conflict):
        await three.leader.alter_offsets("a", [])
    three.world.unfenceable = None
    await three.leader.restart("a", include_tasks=False, only_failed=False)
    await offsets_altered(three)


async def offsets_altered(cluster, name="a"):
    wanted = [ConnectorOffset({"p": "1"}, {"o": 1})]
    async with asyncio.timeout(30):
        while True:
            try:
                return await cluster.leader.alter_offsets(name, wanted)
            except Conflict:
                await asyncio.sleep(0)


async def test_offsets_of_a_connector_that_was_created_stopped_can_be_set_before_it_starts(three):
    await three.leader.put_connector("a", {"tasks.max": "2"}, replace=False, target=TargetState.STOPPED)
    assert "altered successfully" in await offsets_altered(three)
    await three.leader.set_target("a", TargetState.STARTED)
    await three.settled(*ids("a", 2))


async def test_a_connector_is_not_started_while_its_offsets_are_changed(three):
    await three.leader.put_connector("a", {"tasks.max": "1"}, replace=False, target=TargetState.STOPPED)
    await offsets_altered(three)
    three.world.slow_offsets = asyncio.Event()
    altering = asyncio.create_task(three.leader.alter_offsets("a", []))
    await until(lambda: three.world.altering)
    for change in (
        three.leader.set_target("a", TargetState.STARTED),
        three.leader.put_connector("a", {"tasks.max": "2"}, replace=True),
        three.leader.reset_offsets("a"),
    ):
        with pytest.raises(Conflict, match="offsets of connector a are being changed"):
            await change
    three.world.slow_offsets.set()
    await altering
    await three.leader.set_target("a", TargetState.STARTED)
    await three.settled(*ids("a", 1))


async def test_the_tasks_of_a_worker_that_died_are_unassigned_until_they_run_elsewhere(three):
    await three.put("a", 3)
    await three.settled(*ids("a", 3))
    for herder in three.herders.values():
        await until_status(herder, "a", lambda status: all(t.state is State.RUNNING for t in status.tasks.values()))
    number = next(number for number, herder in three.herders.items() if herder is not three.leader)
    await three.leader.set_target("a", TargetState.STOPPED)
    said = [record for record in three.memory.statuses.records if f"w{number}:1" in str(record.value)]
    await three.settled()
    await three.kill(number)
    three.memory.statuses.append([(record.key, record.value) for record in said])  # its last words
    await offsets_altered(three)
    told = three.leader._member.statuses.tasks("a")
    assert {task.instance.state for task in told.values()} == {State.UNASSIGNED}


async def test_a_worker_takes_back_what_its_former_life_has_said(three):
    await three.put("a", 1)
    await three.settled(*ids("a", 1))
    other = next(number for number, host in enumerate(three.world.hosts) if not host.running)
    stale = InstanceStatus(State.RUNNING, f"w{other}:1", "1.0")
    three.memory.statuses.append([task_status(TaskId("a", 7), stale, 99)])
    await until(lambda: three.leader._member.statuses.tasks("a")[7].instance.state is State.UNASSIGNED)


async def test_the_status_of_a_running_task_that_somebody_removed_is_told_again(three):
    await three.put("a", 1)
    await three.settled(*ids("a", 1))
    for herder in three.herders.values():
        await until_status(herder, "a", lambda status: status.tasks[0].state is State.RUNNING)
    three.memory.statuses.append([("status-task-a-0", None)])
    assert not three.leader._member.statuses.tasks("a")
    for herder in three.herders.values():
        await until(lambda herder=herder: 0 in herder._member.statuses.tasks("a"))
        assert herder._member.statuses.tasks("a")[0].instance.state is State.RUNNING


async def test_a_task_runs_again_before_the_leader_has_said_that_it_ended_with_its_worker(three):
    await three.put("a", 1)
    await three.settled(*ids("a", 1))
    said = three.memory.statuses.records
    await until(lambda: any(record.key == "status-task-a-0" for record in said))
    own = next(f"w{number}:1" for number, host in enumerate(three.world.hosts) if host.running)
    three.memory.statuses.append([task_status(TaskId("a", 0), InstanceStatus(State.UNASSIGNED, own, "1.0"), 1)])
    for herder in three.herders.values():
        await until(lambda herder=herder: herder._member.statuses.tasks("a")[0].instance.state is State.RUNNING)


async def test_a_leader_that_was_shut_out_shuts_nobody_out_until_it_is_told_to_lead(three):
    await three.put("a", 1)
    await three.settled(*ids("a", 1))
    leader = three.leader
    three.memory.group.held = True
    newer = three.memory.links().config_writer()
    await newer.start()
    with pytest.raises((NotLeader, Fenced)):
        await leader.put_connector("b", {"tasks.max": "1"}, replace=False)
    three.memory.configs.append(task_records("z", []))  # whatever wakes it
    await ticks()
    await newer.write([("connector-c", b'{"properties": {"tasks.max": "1"}}')])
    three.memory.group.release()
    await three.settled(*ids("a", 1), *ids("c", 1))


async def test_a_leader_that_could_not_read_what_it_wrote_writes_nothing_before_it_has_read_it(one):
    leader, log = one.leader._member.leader, one.leader._member._config_log
    read_to_end, asked = log.read_to_end, []

    async def unreadable(*_):
        raise KafkaUnavailable("the end was not reached", "Try again.")

    async def readable(*seconds):
        asked.append("read")
        await read_to_end(*seconds)

    def nothing():
        asked.append("compose")
        return ()

    log.read_to_end = unreadable
    with pytest.raises(KafkaUnavailable):
        await leader.write(lambda: connector_records("a", {"tasks.max": "1"}, None))
    log.read_to_end = readable
    await leader.write(nothing)
    assert asked[:2] == ["read", "compose"]


async def test_two_workers_of_one_address_are_told(caplog):
    async with clustered(1) as cluster:
        await cluster.add(1, url="http://w0:1/")
        await until(lambda: "2 workers of the cluster say that their REST API is at http://w0:1/" in caplog.text)
        assert alive(cluster)


async def test_a_person_who_patches_what_another_has_just_changed_is_told(one):
    await one.put("a", 1)
    one.world.slow_check = asyncio.Event()
    patching = asyncio.create_task(one.leader.patch_connector("a", {"colour": "red"}))
    await until(lambda: one.world.checking)
    one.world.slow_check, slow = None, one.world.slow_check
    await one.put("a", 2)
    slow.set()
    with pytest.raises(Conflict, match="another configuration meanwhile"):
        await patching
    assert (await one.leader.connector("a")).config == {"tasks.max": "2"}
    await one.settled(*ids("a", 2))


async def test_a_worker_that_has_not_joined_does_not_say_that_there_are_no_connectors(one):
    await one.put("a", 1)
    one.memory.group.held = True
    herder = await one.add(1, wait=False)
    with pytest.raises(Conflict, match="has not joined"):
        await herder.connectors()
    one.memory.group.release()


async def test_a_task_that_hangs_as_it_ends_holds_up_no_other(one):
    one.world.hanging[TaskId("a", 0)] = asyncio.Event()
    await one.put("a", 1)
    await one.settled(*ids("a", 1))
    await one.leader.delete_connector("a")
    await until(lambda: one.world.hung)
    await one.put("b", 2)
    await until(lambda: one.world.running() == Counter([*ids("a", 1), *ids("b", 2)]))
    one.world.hanging[TaskId("a", 0)].set()
    await one.settled(*ids("b", 2))


async def test_a_worker_ends_all_its_tasks_before_it_leaves_also_those_that_it_is_just_stopping(three):
    await three.put("a", 3)
    await three.settled(*ids("a", 3))
    number = next(number for number, herder in three.herders.items() if herder is not three.leader)
    host, member = three.world.hosts[number], three.links[number].member
    task = next(iter(host.running))
    held = three.world.hanging[task] = asyncio.Event()
    left = []
    leave = member.leave

    def leaving():
        left.append(set(host.running))
        leave()

    member.leave = leaving
    await three.put("a", 3, colour="red")
    await until(lambda: three.world.hung)
    ending = asyncio.create_task(three.end(number))
    await ticks()
    assert not left
    held.set()
    await ending
    assert left == [set()]


async def test_a_worker_that_cannot_read_the_configurations_still_gives_up_what_is_to_run_elsewhere(three):
    await three.put("a", 6)
    await three.settled(*ids("a", 6))
    number = next(number for number, herder in three.herders.items() if herder is not three.leader)
    three.links[number].configs.blind = True
    three.memory.configs.append(connector_records("b", {"tasks.max": "1"}, TargetState.STOPPED))
    for newer in (3, 4, 5):
        await three.add(newer)
    await until(lambda: three.placed() == [1] * 6)


async def test_a_connector_stops_as_the_worker_ends_but_does_not_keep_it_from_leaving(one, caplog):
    caplog.set_level(logging.ERROR)
    await one.put("a", 1)
    await one.settled(*ids("a", 1))
    one.world.slow_stop["a"] = asyncio.Event()
    async with asyncio.timeout(20):
        await one.end(0)
    assert not one.memory.group.members
