"""An offset store in a file."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import orjson

from cdc.errors import CdcError, ConfigError
from cdc.offsets.base import SourceOffset, SourcePartition


class FileOffsetStore:
    """Keeps offsets in a JSON file of the form that Kafka Connect's REST API shows: {"offsets": [{"partition": …, "offset": …}]}.

    The file is replaced as a whole (written beside, synced, renamed, folder synced), so it is never half written. It does not fence:
    two processes must not use one file.
    """

    def __init__(self, path: Path | str) -> None:
        self._path = Path(path)

    async def load(self, partition: SourcePartition) -> SourceOffset | None:
        """Return the newest offset of the partition, or None when there is none.

        Raises:
            ConfigError: the file cannot be read, or is no such file.
        """
        for entry in await asyncio.to_thread(self._read):
            if entry["partition"] == dict(partition):
                found: SourceOffset = entry["offset"]
                return found
        return None

    async def store(self, partition: SourcePartition, offset: SourceOffset | None) -> None:
        """Make this the newest offset of the partition; None removes it.

        Raises:
            ConfigError: the file cannot be read.
            CdcError: it cannot be written.
        """
        await asyncio.to_thread(self._replace, partition, offset)

    def _replace(self, partition: SourcePartition, offset: SourceOffset | None) -> None:
        entries = [entry for entry in self._read() if entry["partition"] != dict(partition)]
        if offset is not None:
            entries.append({"partition": dict(partition), "offset": dict(offset)})
        try:
            self._write(orjson.dumps({"offsets": entries}, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        except OSError as error:
            fact = f"The offset file {self._path} cannot be written: {error.strerror}"
            raise CdcError(fact, "Check the rights and the free space of its folder.") from error

    def _read(self) -> list[dict[str, Any]]:
        try:
            content = orjson.loads(self._path.read_bytes())
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as error:
            raise self._unreadable(str(error)) from error
        entries = content.get("offsets") if isinstance(content, dict) else None
        if not isinstance(entries, list) or not all(map(_is_entry, entries)):
            raise self._unreadable("it has no list of partitions and offsets")
        return entries

    def _unreadable(self, why: str) -> ConfigError:
        fact = f"The offset file {self._path} cannot be used: {why}"
        return ConfigError(fact, "Restore it from a backup; if you delete it, the stream begins anew with a snapshot.")

    def _write(self, content: bytes) -> None:
        beside = self._path.with_name(f"{self._path.name}.new")
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.rename(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _is_entry(entry: object) -> bool:
    return (
        isinstance(entry, dict) and isinstance(entry.get("partition"), dict) and isinstance(entry.get("offset"), dict)
    )
