"""The suite of source connectors lets a good one pass, and each of its checks catches a broken one."""

from __future__ import annotations

import time
from typing import Any

import pytest

from cdc.config.definition import Definition
from cdc.config.property import REQUIRED, Problem, Property, Type
from cdc.errors import CdcError, ConfigError
from cdc.testing.conformance.loop import LONGEST_HOLD
from cdc.testing.conformance.source_connector import SourceConnectorConformance
from tests.unit.testing.conformance.suites import catches, checks

TABLES = Property("tables", Type.LIST, REQUIRED, "What to read.")
MISSING = Problem("tables", "tables is not set", "Set it.")


class Task:
    async def start(self, context): ...

    async def poll(self):
        return ()

    async def commit(self): ...

    async def stop(self): ...


class Tables:
    """A connector with a task for some of the tables each."""

    version = "1.0"
    definition = Definition([TABLES, Property("batch", Type.INT, "100", "How many rows at once.")])
    task: type | None = Task

    def __init__(self):
        self.properties = {}

    async def validate(self, properties):
        return () if properties.get("tables", "").strip(" ?") else (MISSING,)

    async def start(self, properties):
        if "tables" not in properties:
            raise ConfigError("tables is not set", "Set it.")
        self.properties = dict(properties)

    async def task_configs(self, max_tasks):
        tables = self.properties["tables"].split(",")
        shares = [tables[number::max_tasks] for number in range(min(max_tasks, len(tables)))]
        return [{**self.properties, "tables": ",".join(share)} for share in shares]

    async def alter_offsets(self, properties, offsets):
        for partition, offset in offsets:
            if offset is not None and partition["table"] not in properties["tables"]:
                raise ConfigError(f"{partition['table']} is none of tables", "Name one of them.")
        return True

    async def stop(self): ...


class World:
    def __init__(self, connector: Any) -> None:
        self.connector = connector
        self.properties = {"name": "shop", "tables": "orders,items,users"}
        self.offsets = [({"table": "orders"}, {"id": 5})]
        self.unusable = [[({"table": "absent"}, {"id": 5})]]


class TestAGoodConnector(SourceConnectorConformance):
    @pytest.fixture
    def world(self):
        return World(Tables)


class TestAConnectorWithoutTask(SourceConnectorConformance):
    @pytest.fixture
    def world(self):
        class WithoutTask(Tables):
            task = None

        return World(WithoutTask)


class WithoutVersion(Tables):
    version = " "


class WithoutDoc(Tables):
    definition = Definition([Property("tables", Type.LIST, REQUIRED, "")])


class WithAnOddDefault(Tables):
    definition = Definition([TABLES, Property("batch", Type.INT, "many", "How many rows at once.")])


class WithATaskThatCannotStop(Tables):
    class task:  # noqa: N801
        start = poll = commit = None


class WithATaskThatWantsArguments(Tables):
    class task(Task):  # noqa: N801
        def __init__(self, number): ...


class RefusingItsOwnExample(Tables):
    definition = Definition([Property("tables", Type.INT, REQUIRED, "What to read.")])


class FindingProblemsWhereNoneAre(Tables):
    async def validate(self, properties):
        return [MISSING]


class RaisingOnEmptyConfigurations(Tables):
    async def validate(self, properties):
        return () if properties["tables"] else (MISSING,)


class AnsweringWithTexts(Tables):
    async def validate(self, properties):
        return [each.fact for each in await super().validate(properties)]


class WithoutRemedies(Tables):
    async def validate(self, properties):
        return [Problem(each.name, each.fact, "") for each in await super().validate(properties)]


class ChangingWhatItIsGiven(Tables):
    async def start(self, properties):
        await super().start(properties)
        properties["tables"] += ",more"


class WithMoreTasksThanAsked(Tables):
    async def task_configs(self, max_tasks):
        return await super().task_configs(max_tasks + 1)


class WithoutTasks(Tables):
    async def task_configs(self, max_tasks):
        return []


class WithNumbersInTasks(Tables):
    async def task_configs(self, max_tasks):
        return [{**each, "number": number} for number, each in enumerate(await super().task_configs(max_tasks))]


class DividingByChance(Tables):
    calls = 0

    async def task_configs(self, max_tasks):
        DividingByChance.calls += 1
        found = await super().task_configs(max_tasks)
        return found[:: -1 if self.calls % 2 else 1]


class FailingOddly(Tables):
    async def start(self, properties):
        self.properties = {"tables": properties["tables"]}


class NotStoppingAfterAFailure(Tables):
    async def stop(self):
        if not self.properties:
            raise CdcError("it was not started", "Start it.")


class SayingNothingOfOffsets(Tables):
    async def alter_offsets(self, properties, offsets):
        await super().alter_offsets(properties, offsets)


class TakingAnyOffset(Tables):
    async def alter_offsets(self, properties, offsets):
        return True


class RefusingOffsetsWithoutRemedy(Tables):
    async def alter_offsets(self, properties, offsets):
        try:
            return await super().alter_offsets(properties, offsets)
        except CdcError as error:
            raise ConfigError(str(error)) from error


class NeedingAStartForOffsets(Tables):
    async def alter_offsets(self, properties, offsets):
        return await super().alter_offsets(self.properties, offsets)


class KeepingTheLoop(Tables):
    async def start(self, properties):
        await super().start(properties)
        time.sleep(1.1 * LONGEST_HOLD)


BROKEN = {
    WithoutVersion: "it_says_its_version",
    WithoutDoc: "its_properties_are_documented",
    WithAnOddDefault: "its_properties_are_documented",
    WithATaskThatCannotStop: "its_task_is_made_without_arguments",
    WithATaskThatWantsArguments: "its_task_is_made_without_arguments",
    RefusingItsOwnExample: "its_properties_take_the_configuration",
    FindingProblemsWhereNoneAre: "a_configuration_that_it_can_run_with_has_no_problems",
    RaisingOnEmptyConfigurations: "every_configuration_is_answered_with_problems",
    AnsweringWithTexts: "every_configuration_is_answered_with_problems",
    WithoutRemedies: "every_configuration_is_answered_with_problems",
    ChangingWhatItIsGiven: "configurations_stay_as_they_are",
    WithMoreTasksThanAsked: "there_is_a_task_and_never_more_than_asked_for",
    WithoutTasks: "there_is_a_task_and_never_more_than_asked_for",
    WithNumbersInTasks: "tasks_are_configured_by_texts",
    DividingByChance: "the_same_work_is_divided_in_the_same_way",
    FailingOddly: "it_can_be_stopped_without_start_and_after_one_that_failed",
    NotStoppingAfterAFailure: "it_can_be_stopped_without_start_and_after_one_that_failed",
    SayingNothingOfOffsets: "offsets_that_it_can_use_are_taken_before_it_is_started",
    NeedingAStartForOffsets: "offsets_that_it_can_use_are_taken_before_it_is_started",
    TakingAnyOffset: "offsets_that_it_cannot_use_are_refused_with_a_remedy",
    RefusingOffsetsWithoutRemedy: "offsets_that_it_cannot_use_are_refused_with_a_remedy",
    KeepingTheLoop: "it_leaves_the_loop_to_others",
}


@pytest.mark.parametrize(("broken", "check"), BROKEN.items(), ids=lambda each: getattr(each, "__name__", None))
async def test_a_broken_connector_is_caught(broken, check):
    assert await catches(SourceConnectorConformance, check, world=World(broken))


def test_every_check_has_caught_one():
    assert sorted(set(BROKEN.values())) == checks(SourceConnectorConformance)
