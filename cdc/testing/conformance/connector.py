"""What every connector must do, whichever way its records go; see `source_connector` and `sink_connector`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Protocol

from cdc.config.property import Problem
from cdc.errors import CdcError
from cdc.testing.conformance.loop import LONGEST_HOLD, longest_hold
from cdc.testing.conformance.plugin import assert_documented, assert_remedy

ODD = "?"
MOST_TASKS = (1, 2, 3, 16)


class ConnectorWorld(Protocol):
    """A connector, and configurations and offsets for it."""

    @property
    def connector(self) -> type[Any]:
        """The class."""

    @property
    def properties(self) -> Mapping[str, str]:
        """A configuration that it can run with, `name` included."""

    @property
    def offsets(self) -> Any:
        """Offsets that may be stored for it, as `alter_offsets` takes them."""

    @property
    def unusable(self) -> Sequence[Any]:
        """Offsets that may not, each as `alter_offsets` takes them."""


def configurations(world: ConnectorWorld) -> Iterator[dict[str, str]]:
    """Yield what people may give: nothing, the defaults, and each property left out, blank and with an odd value."""
    yield {}
    rows = world.connector.definition.properties
    yield {row.name: row.default for row in rows if isinstance(row.default, str) and not row.is_template}
    for name in world.properties:
        yield {other: text for other, text in world.properties.items() if other != name}
        yield {**world.properties, name: " "}
        yield {**world.properties, name: ODD}


class ConnectorConformance:
    """The tests that sources and sinks share."""

    task_members: ClassVar[Sequence[str]]
    may_lack_task: ClassVar[bool]

    def removed(self, offsets: Any) -> Any:
        """Return the request to remove these offsets."""
        raise NotImplementedError

    async def started(self, world: ConnectorWorld) -> Any:
        """Return a new connector that was started."""
        connector = world.connector()
        await connector.start(dict(world.properties))
        return connector

    async def configs(self, world: ConnectorWorld, most: int) -> list[dict[str, str]]:
        """Return the configurations of at most so many tasks, from a new connector."""
        connector = await self.started(world)
        try:
            return [dict(config) for config in await connector.task_configs(most)]
        finally:
            await connector.stop()

    def test_it_says_its_version(self, world: ConnectorWorld) -> None:
        version = world.connector.version
        assert isinstance(version, str)
        assert version.strip()

    def test_its_properties_are_documented(self, world: ConnectorWorld) -> None:
        assert_documented(world.connector.definition)

    def test_its_task_is_made_without_arguments(self, world: ConnectorWorld) -> None:
        task = world.connector.task
        if task is None:
            assert self.may_lack_task, "a sink has no other way than a task"
            return
        made = task()
        assert not [name for name in self.task_members if not callable(getattr(made, name, None))]

    def test_its_properties_take_the_configuration(self, world: ConnectorWorld) -> None:
        definition = world.connector.definition
        own = {name: text for name, text in world.properties.items() if definition.find(name)}
        assert own, "there is no property of the connector in it"
        assert not definition.examine(own)[1]

    async def test_a_configuration_that_it_can_run_with_has_no_problems(self, world: ConnectorWorld) -> None:
        assert not await world.connector().validate(dict(world.properties))

    async def test_every_configuration_is_answered_with_problems(self, world: ConnectorWorld) -> None:
        for given in configurations(world):
            for problem in await world.connector().validate(given):
                assert isinstance(problem, Problem), given
                assert problem.name, given
                assert problem.fact, given
                assert problem.remedy, given

    async def test_configurations_stay_as_they_are(self, world: ConnectorWorld) -> None:
        given = dict(world.properties)
        connector = world.connector()
        await connector.validate(given)
        await connector.start(given)
        await connector.task_configs(1)
        await connector.stop()
        assert given == dict(world.properties)

    async def test_there_is_a_task_and_never_more_than_asked_for(self, world: ConnectorWorld) -> None:
        for most in MOST_TASKS:
            assert 1 <= len(await self.configs(world, most)) <= most

    async def test_tasks_are_configured_by_texts(self, world: ConnectorWorld) -> None:
        for config in await self.configs(world, MOST_TASKS[-1]):
            assert all(isinstance(text, str) for item in config.items() for text in item), config

    async def test_the_same_work_is_divided_in_the_same_way(self, world: ConnectorWorld) -> None:
        for most in MOST_TASKS:
            connector = await self.started(world)
            first = [dict(config) for config in await connector.task_configs(most)]
            again = [dict(config) for config in await connector.task_configs(most)]
            await connector.stop()
            assert first == again == await self.configs(world, most)

    async def test_it_can_be_stopped_without_start_and_after_one_that_failed(self, world: ConnectorWorld) -> None:
        await world.connector().stop()
        connector = world.connector()
        try:
            await connector.start({})
        except CdcError as error:
            assert_remedy(error)
        await connector.stop()

    async def test_offsets_that_it_can_use_are_taken_before_it_is_started(self, world: ConnectorWorld) -> None:
        properties = dict(world.properties)
        assert world.offsets, "give an example"
        for offsets in (world.offsets, self.removed(world.offsets), type(world.offsets)()):
            assert isinstance(await world.connector().alter_offsets(properties, offsets), bool)

    async def test_offsets_that_it_cannot_use_are_refused_with_a_remedy(self, world: ConnectorWorld) -> None:
        assert world.unusable, "give an example"
        for offsets in world.unusable:
            try:
                await world.connector().alter_offsets(dict(world.properties), offsets)
            except CdcError as error:
                assert_remedy(error)
            else:
                raise AssertionError(f"{offsets} were taken")

    async def test_it_leaves_the_loop_to_others(self, world: ConnectorWorld) -> None:
        async def life() -> None:
            await world.connector().validate(dict(world.properties))
            await world.connector().alter_offsets(dict(world.properties), world.offsets)
            await (await self.started(world)).task_configs(1)
            await (await self.started(world)).stop()

        assert await longest_hold(life) < LONGEST_HOLD
