"""The task of the file source: lines as records."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cdc.config.definition import Config
from cdc.errors import ConfigError, ConversionError
from cdc.model.connect_record import SourceRecord
from cdc.model.schema import STRING
from cdc.sources.connector import Properties, SourceTaskContext
from cdc.sources.file.definition import DEFINITION, NO_FILE
from cdc.sources.file.position import FilePosition
from cdc.sources.file.reader import FileReader, PlacedLine

#: How long `poll` waits when no line is complete, and how long a renamed file must be quiet before it is left, in seconds.
IDLE_SECONDS: Final = 0.25
GRACE_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class FileSourceSettings:
    """What the properties mean."""

    file: str
    topic: str
    batch_size: int

    @property
    def partition(self) -> Mapping[str, str]:
        """The source partition, Connect's: the path as it was given."""
        return {"filename": self.file}

    @classmethod
    def of(cls, properties: Properties) -> FileSourceSettings:
        """Read the source's own properties; raises ConfigError."""
        config: Config = DEFINITION.parse({name: text for name, text in properties.items() if DEFINITION.find(name)})
        if not config.string("file"):
            raise ConfigError(NO_FILE.fact, NO_FILE.remedy)
        return cls(config.string("file"), config.string("topic"), config.integer("batch.size"))


class FileStreamSourceTask:
    """A `SourceTask`: each whole line of the file becomes a record, once.

    The value is the line as a STRING, without its end; there is no key. Source partition and offset are Connect's:
    `{"filename": path}` and `{"position": bytes}`, to which `inode` and `fingerprint` are added.

    Bytes that are not UTF-8 cannot be a Kafka string. They are never replaced: the lines before them are delivered, then `poll` raises
    ConversionError with the file, the byte, and the position to go on behind that line.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        idle_seconds: float = IDLE_SECONDS,
        grace_seconds: float = GRACE_SECONDS,
    ) -> None:
        self._clock = clock
        self._idle_seconds = idle_seconds
        self._grace_seconds = grace_seconds
        self._settings: FileSourceSettings | None = None
        self._reader: FileReader | None = None
        self._reading: asyncio.Future[Sequence[PlacedLine]] | None = None
        self._read: Sequence[PlacedLine] = ()

    async def start(self, context: SourceTaskContext) -> None:
        """See `SourceTask.start`; the file need not be there yet."""
        settings = FileSourceSettings.of(context.properties)
        stored = await context.offset(settings.partition)
        position = None if stored is None else FilePosition.from_offset(stored)
        self._settings = settings
        self._reader = FileReader(Path(settings.file), position, self._clock, self._grace_seconds)

    async def poll(self) -> Sequence[SourceRecord]:
        """Return the next lines, `batch.size` at most; waits a little when there are none. See `SourceTask.poll`.

        Raises:
            ConversionError: the next line is not UTF-8, or too long.
            SourceError: the file cannot be read.
        """
        if self._reader is None or self._settings is None:
            raise RuntimeError("the task was not started")
        if not self._read:
            self._read = await self._next_lines(self._reader, self._settings.batch_size)
        if not self._read:
            await asyncio.sleep(self._idle_seconds)
            return ()
        records = _records(self._read, self._settings)
        self._read = self._read[len(records) :]
        return records

    async def commit(self) -> None:
        """See `SourceTask.commit`; nothing is kept for committed lines."""

    async def stop(self) -> None:
        """See `SourceTask.stop`."""
        if self._reading is not None:
            await asyncio.wait([self._reading])
            self._reading.exception()  # was raised by `poll`, unless that was cancelled
        if self._reader is not None:
            self._reader.close()

    async def _next_lines(self, reader: FileReader, limit: int) -> Sequence[PlacedLine]:
        """Read in a thread. A cancelled call leaves what the thread reads to the next one."""
        if self._reading is None:
            self._reading = asyncio.get_running_loop().run_in_executor(None, reader.lines, limit)
        lines = await asyncio.shield(self._reading)
        self._reading = None
        return lines


def _records(lines: Sequence[PlacedLine], settings: FileSourceSettings) -> Sequence[SourceRecord]:
    """Make records of the lines before the first that is not UTF-8; raises ConversionError if that is the first."""
    records: list[SourceRecord] = []
    for line in lines:
        try:
            records.append(_record(line, settings))
        except UnicodeDecodeError as error:
            if records:
                break
            raise _not_utf8(line, error) from error
    return records


def _record(line: PlacedLine, settings: FileSourceSettings) -> SourceRecord:
    return SourceRecord(
        topic=settings.topic,
        value=line.text.decode(),
        value_schema=STRING,
        source_partition=settings.partition,
        source_offset=line.position.offset(),
    )


def _not_utf8(line: PlacedLine, error: UnicodeDecodeError) -> ConversionError:
    bad = line.text[error.start]
    # The whole offset: the line may stand in a file that was renamed, which the position alone does not find.
    behind = json.dumps(dict(line.position.offset()))
    return ConversionError(
        f"{line.file} is not UTF-8 at byte {line.start + error.start} (0x{bad:02x}), in the line that begins at byte {line.start}",
        f"Correct the file. To leave the line out, stop the connector and store the offset behind it, {behind}, "
        "with PATCH /connectors/…/offsets.",
    )
