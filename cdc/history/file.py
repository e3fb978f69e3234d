"""A schema history in a file, one record a line, as Debezium's FileSchemaHistory writes it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from cdc.errors import CdcError, HistoryUnreadable
from cdc.history.records import HistoryRecord


class FileSchemaHistory:
    """Keeps records in a file; `record` returns when they are on the disk.

    A write that was cut off by a crash leaves an incomplete last line. Its records were not followed by an offset, so the source sends
    the statement again: the line is passed over, and taken away by the next write. Two processes must not use one file.
    """

    def __init__(self, path: Path | str) -> None:
        self._path = Path(path)

    async def record(self, records: Sequence[HistoryRecord]) -> None:
        """Add records at the end.

        Raises:
            CdcError: they could not be written.
        """
        lines = b"".join(record.encode() + b"\n" for record in records)
        try:
            await asyncio.to_thread(self._append, lines)
        except OSError as error:
            fact = f"The schema history {self._path} cannot be written: {error.strerror}"
            raise CdcError(fact, "Check the rights and the free space of its folder.") from error

    async def records(self) -> AsyncIterator[HistoryRecord]:
        """Yield all records, the oldest first; none if there is no file.

        Raises:
            HistoryUnreadable: the file cannot be read, or a line of it is no record.
        """
        for number, line in enumerate(await asyncio.to_thread(self._lines), 1):
            yield HistoryRecord.decode(line, f"line {number} of {self._path}")

    def _lines(self) -> list[bytes]:
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return []
        except OSError as error:
            fact = f"The schema history {self._path} cannot be read: {error.strerror}"
            raise HistoryUnreadable(fact, "Check the rights of the file and its folder.") from error
        return [line for line in content[: content.rfind(b"\n") + 1].split(b"\n") if line.strip()]

    def _append(self, lines: bytes) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        new = not self._path.exists()
        with self._path.open("ab+") as file:
            file.truncate(_whole(file.tell(), self._path))
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())
        if new:
            self._sync_folder()

    def _sync_folder(self) -> None:
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _whole(size: int, path: Path) -> int:
    """Return where the last whole line of the file ends."""
    with path.open("rb") as file:
        end = size
        while end > 0:
            begin = max(0, end - 65536)
            file.seek(begin)
            found = file.read(end - begin).rfind(b"\n")
            if found >= 0:
                return begin + found + 1
            end = begin
    return 0
