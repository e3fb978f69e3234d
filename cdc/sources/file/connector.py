"""The file source as the runtime sees it: Connect's `org.apache.kafka.connect.file.FileStreamSourceConnector`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import ClassVar

from cdc.config.definition import Definition
from cdc.config.property import Problem
from cdc.errors import ConfigError
from cdc.model.position import Offset
from cdc.sources.connector import Properties, SourceTask
from cdc.sources.file.definition import DEFINITION, NO_FILE
from cdc.sources.file.position import FilePosition
from cdc.sources.file.task import FileStreamSourceTask


class FileStreamSourceConnector:
    """A `SourceConnector` with one task, since one file is one stream."""

    version: ClassVar[str] = version("cdc-stream")
    definition: ClassVar[Definition] = DEFINITION
    task: ClassVar[type[SourceTask]] = FileStreamSourceTask

    def __init__(self) -> None:
        self._properties: Properties = {}

    async def validate(self, properties: Properties) -> Sequence[Problem]:
        """See `SourceConnector.validate`; the file need not be there, so it is not looked at."""
        return () if properties.get("file", "").strip() else (NO_FILE,)

    async def start(self, properties: Properties) -> None:
        """See `SourceConnector.start`."""
        self._properties = properties

    async def task_configs(self, max_tasks: int) -> Sequence[Properties]:
        """See `SourceConnector.task_configs`."""
        return [dict(self._properties)]

    async def alter_offsets(
        self, properties: Properties, offsets: Sequence[tuple[Mapping[str, str], Offset | None]]
    ) -> bool:
        """See `SourceConnector.alter_offsets`. A position is checked against the file when the task starts.

        As in Connect the partition may be that of a file which the connector read under another configuration, and anything
        may be removed.
        """
        for partition, offset in offsets:
            if offset is not None:
                _check_partition(partition)
                FilePosition.from_offset(offset)
        return True

    async def stop(self) -> None:
        """See `SourceConnector.stop`."""


def _check_partition(partition: Mapping[str, str]) -> None:
    if set(partition) != {"filename"} or not isinstance(partition["filename"], str):
        raise ConfigError(
            f"the partition {dict(partition)} is none of a file source", 'Give {"filename": "…"}, the path of the file.'
        )
