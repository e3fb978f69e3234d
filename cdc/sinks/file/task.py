"""The task of the file sink."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeVar

from cdc.errors import ConversionError
from cdc.model.connect_record import SinkRecord, TopicPartition
from cdc.sinks.base import Offsets, SinkTaskContext
from cdc.sinks.file.definition import FileSinkSettings, LineFormat
from cdc.sinks.file.lines import line_of
from cdc.sinks.file.output import OutputFile

log = logging.getLogger(__name__)

T = TypeVar("T")


class FileStreamSinkTask:
    """A `SinkTask`: each record becomes a line of the file, once, whatever crashes.

    The file and the offsets that it holds are made durable together, by a journal beside the file (`.<name>.journal`). A task that is
    started cuts off what was written after that, and asks for the records behind those offsets.

    One process has the file. A worker that hangs keeps it until it ends or lets go; the task that takes over is started again until
    then, since FileInUse is a RetryLater.
    """

    def __init__(self) -> None:
        self._context: SinkTaskContext | None = None
        self._format = LineFormat.RAW
        self._output: OutputFile | None = None
        self._working: asyncio.Future[Any] | None = None
        self._given_up: dict[TopicPartition, int] = {}

    async def start(self, context: SinkTaskContext) -> None:
        """Open the file; see `SinkTask.start`.

        Raises:
            ConfigError: the configuration cannot be used.
            FileInUse: another task or process has the file now.
            SinkError: the file cannot be written, or is not as it was left.
        """
        settings = FileSinkSettings.of(context.properties)
        self._context, self._format = context, settings.format
        self._output = OutputFile(settings.file, settings.connector)
        await self._in_thread(self._output.open)

    async def open(self, partitions: Collection[TopicPartition]) -> None:
        """See `SinkTask.open`; reading goes on behind what the file holds."""
        held = self._need_output().offsets
        if wanted := {where: held[where] for where in partitions if where in held}:
            self._need_context().seek(wanted)

    async def put(self, records: Sequence[SinkRecord]) -> None:
        """Write records to the file; those that it holds already are left out. See `SinkTask.put`.

        Raises:
            RetryLater: the disk is full.
            SinkError: the file cannot be written.
        """
        await self._settled()
        output = self._need_output()
        missing = [record for record in records if record.original_offset >= output.offsets.get(_where(record), 0)]
        if len(missing) < len(records):
            log.warning("%d records came again that the file holds already; left out", len(records) - len(missing))
        if missing:
            lines, failed = await self._in_thread(lambda: _lines(missing, self._format))
            await self._report(failed)
            behind = {_where(record): record.original_offset + 1 for record in missing}
            await self._in_thread(lambda: output.append(lines, behind))

    async def flush(self, offsets: Offsets) -> None:
        """See `SinkTask.flush`; raises RetryLater when the disk is full, SinkError."""
        output = self._need_output()
        await self._in_thread(lambda: output.commit(offsets))

    async def pre_commit(self, offsets: Offsets) -> Offsets:
        """See `SinkTask.pre_commit`."""
        await self.flush(offsets)
        return offsets

    async def close(self, partitions: Collection[TopicPartition]) -> None:
        """See `SinkTask.close`; what the file holds is remembered."""

    async def stop(self) -> None:
        """See `SinkTask.stop`."""
        await self._settled()
        if self._output is not None:
            self._output.close()

    async def _report(self, failed: Sequence[tuple[SinkRecord, ConversionError]]) -> None:
        """Give up records that cannot be written; each once, also when `put` comes again with them."""
        for record, error in failed:
            if record.original_offset >= self._given_up.get(_where(record), 0):
                await self._need_context().report(record, error)
                self._given_up[_where(record)] = record.original_offset + 1

    async def _in_thread(self, work: Callable[[], T]) -> T:
        """Run blocking work. It goes on when the caller is cancelled, and whatever comes next waits for its end."""
        await self._settled()
        working = asyncio.get_running_loop().run_in_executor(None, work)
        self._working = working
        return await asyncio.shield(working)

    async def _settled(self) -> None:
        if self._working is not None:
            await asyncio.wait([self._working])
            self._working.exception()  # was raised where it was waited for, unless that was cancelled

    def _need_output(self) -> OutputFile:
        if self._output is None:
            raise RuntimeError("the task was not started")
        return self._output

    def _need_context(self) -> SinkTaskContext:
        if self._context is None:
            raise RuntimeError("the task was not started")
        return self._context


def _where(record: SinkRecord) -> TopicPartition:
    return TopicPartition(record.original_topic, record.original_partition)


def _lines(
    records: Sequence[SinkRecord], form: LineFormat
) -> tuple[bytes, Sequence[tuple[SinkRecord, ConversionError]]]:
    """Return the lines of the records, and the records that have none."""
    lines: list[bytes] = []
    failed: list[tuple[SinkRecord, ConversionError]] = []
    for record in records:
        try:
            lines.append(line_of(record, form))
        except ConversionError as error:
            failed.append((record, error))
    return b"".join(lines), failed
