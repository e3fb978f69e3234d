"""What a worker tells of its tasks: what may not have been written, or was contradicted meanwhile, is written again."""

import asyncio
import json

import pytest

from cdc.connect.cluster.reporter import Report, StatusReporter, Subject
from cdc.connect.cluster.statuses import StatusState
from cdc.connect.herder import InstanceStatus, State, TaskId
from cdc.errors import KafkaUnavailable

TASK = TaskId("a", 0)
PAUSED = InstanceStatus(State.PAUSED, "one:1", "1")


class Writer:
    """Writes, and then fails if it is to, as one whose answer is lost."""

    def __init__(self, world) -> None:
        self.world = world

    async def start(self):
        pass

    async def write(self, records):
        self.world.states += [json.loads(value)["state"] if value else None for _, value in records]
        if self.world.meanwhile is not None:
            self.world.meanwhile()
        if self.world.fails:
            raise KafkaUnavailable("no answer", "Wait.")

    async def close(self):
        pass


class World:
    def __init__(self) -> None:
        self.states: list[str | None] = []
        self.fails = False
        self.meanwhile = None
        self.statuses: dict[Subject, InstanceStatus] = {TASK: PAUSED}
        self.reporter = StatusReporter(
            lambda: Writer(self), lambda: Report(5, dict(self.statuses)), StatusState(), lambda: 0
        )


@pytest.fixture
def world():
    return World()


async def test_a_status_is_told_once(world):
    await world.reporter.flush()
    await world.reporter.flush()
    assert world.states == ["PAUSED"]


async def test_a_task_that_is_back_after_its_end_may_have_been_told_is_told_again(world):
    await world.reporter.flush()
    world.statuses, world.fails = {}, True
    with pytest.raises(KafkaUnavailable):
        await world.reporter.flush()
    world.statuses, world.fails = {TASK: PAUSED}, False
    await world.reporter.flush()
    assert world.states == ["PAUSED", "UNASSIGNED", "PAUSED"]


@pytest.mark.parametrize("contradiction", ["doubt", "forget"])
async def test_what_is_contradicted_while_it_is_written_is_told_again(world, contradiction):
    arguments = [TASK] if contradiction == "doubt" else []
    world.meanwhile = lambda: getattr(world.reporter, contradiction)(*arguments)
    await world.reporter.flush()
    world.meanwhile = None
    await world.reporter.flush()
    await world.reporter.flush()
    assert world.states == ["PAUSED", "PAUSED"]


async def test_a_worker_whose_statuses_cannot_be_written_tries_again(world):
    world.fails = True
    running = asyncio.create_task(world.reporter.run())
    async with asyncio.timeout(30):
        while not world.states:
            await asyncio.sleep(0)
        world.fails = False
        while len(world.states) < 2:
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.wait({running})
    assert world.states == ["PAUSED", "PAUSED"]
