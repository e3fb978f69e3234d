"""The file sink as the runtime sees it: Connect's `org.apache.kafka.connect.file.FileStreamSinkConnector`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import ClassVar

from cdc.config.definition import Definition
from cdc.config.property import Problem
from cdc.errors import ConfigError
from cdc.model.connect_record import TopicPartition
from cdc.sinks.base import Properties, SinkTask
from cdc.sinks.file.definition import DEFINITION, FileSinkSettings
from cdc.sinks.file.journal import journal_path
from cdc.sinks.file.output import OutputFile
from cdc.sinks.file.task import FileStreamSinkTask


class FileStreamSinkConnector:
    """A `SinkConnector` with one task, whatever `tasks.max` says: one file has one writer."""

    version: ClassVar[str] = version("cdc-stream")
    definition: ClassVar[Definition] = DEFINITION
    task: ClassVar[type[SinkTask]] = FileStreamSinkTask

    def __init__(self) -> None:
        self._properties: Properties = {}

    async def validate(self, properties: Properties) -> Sequence[Problem]:
        """See `SinkConnector.validate`; the file is looked at when the task starts, where that runs."""
        return ()

    async def start(self, properties: Properties) -> None:
        """See `SinkConnector.start`."""
        self._properties = properties

    async def task_configs(self, max_tasks: int) -> Sequence[Properties]:
        """See `SinkConnector.task_configs`."""
        return [dict(self._properties)]

    async def alter_offsets(self, properties: Properties, offsets: Mapping[TopicPartition, int | None]) -> bool:
        """See `SinkConnector.alter_offsets`. The journal's offsets are changed also, as they count before the consumer group's.

        What stands in the file stays: records that are read again are appended again.
        """
        for where, offset in offsets.items():
            if offset is not None and offset < 0:
                raise ConfigError(
                    f"the offset {offset} of {where.topic}-{where.partition} is negative", "Give 0 or more."
                )
        settings = FileSinkSettings.of(properties)
        output = OutputFile(settings.file, settings.connector)
        if await asyncio.to_thread(journal_path(settings.file).exists):
            await asyncio.to_thread(_change, output, offsets)
        return True

    async def stop(self) -> None:
        """See `SinkConnector.stop`."""


def _change(output: OutputFile, offsets: Mapping[TopicPartition, int | None]) -> None:
    try:
        output.open()
        output.change(offsets)
    finally:
        output.close()
