"""The connector of a database whose log is read, as the runtime sees it: the same for every database."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from typing import ClassVar

from cdc.config.definition import Definition
from cdc.config.property import Problem
from cdc.errors import ConfigError
from cdc.model.position import Offset, Position
from cdc.sources.connector import Properties, SourceTask


class LogConnector:
    """A `SourceConnector` whose changes come as compiled batches; it reads one log, so it has one task."""

    version: ClassVar[str] = version("cdc-stream")
    #: All properties, those that the runtime gives to every connector included.
    definition: ClassVar[Definition]
    #: Reads the position of a stored offset; raises CdcError for one that the source cannot start from.
    position: ClassVar[Callable[[Offset], Position]]
    task: ClassVar[type[SourceTask] | None] = None

    def __init__(self) -> None:
        self._properties: Properties = {}

    async def validate(self, properties: Properties) -> Sequence[Problem]:
        """See `SourceConnector.validate`; the server is looked at when the task starts."""
        return ()

    async def start(self, properties: Properties) -> None:
        """See `SourceConnector.start`."""
        self._properties = properties

    async def task_configs(self, max_tasks: int) -> Sequence[Properties]:
        """See `SourceConnector.task_configs`."""
        return [self._properties]

    async def alter_offsets(
        self, properties: Properties, offsets: Sequence[tuple[Mapping[str, str], Offset | None]]
    ) -> bool:
        """See `SourceConnector.alter_offsets`: the partition must be the connector's own, the offset one that it can start from."""
        wanted = {"server": properties.get("topic.prefix", "")}
        for partition, offset in offsets:
            if dict(partition) != wanted:
                raise ConfigError(
                    f"the partition {dict(partition)} is not this connector's", f"Its only partition is {wanted}."
                )
            if offset is not None:
                type(self).position(offset)
        return True

    async def stop(self) -> None:
        """See `SourceConnector.stop`."""
