"""What is known about a written file: up to where it is whole, and which records it holds."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from cdc.errors import SinkError
from cdc.model.connect_record import TopicPartition


@dataclass(frozen=True, slots=True)
class Journal:
    """One state of the file, kept beside it as JSON.

    The first `length` bytes are whole, and end with content of the checksum `mark`. `offsets` are the records that come next, by
    partition; they count for `connector` alone, since another one reads with another consumer group.
    """

    connector: str
    length: int
    mark: str
    offsets: Mapping[TopicPartition, int] = field(default_factory=dict)


def journal_path(file: Path) -> Path:
    """Return where the journal of a file is: beside it, hidden."""
    return file.with_name(f".{file.name}.journal")


def load(path: Path) -> Journal | None:
    """Return the journal, or None when there is none; raises SinkError for a damaged one, OSError."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        return _parsed(orjson.loads(content))
    except (ValueError, KeyError, TypeError) as error:
        raise SinkError(
            f"The journal {path} cannot be read: it is damaged",
            "Restore it. If you remove it, the connector appends to the file as it is, from the consumer group's offsets on.",
        ) from error


def store(path: Path, journal: Journal) -> None:
    """Replace the journal as a whole, and make that durable; raises OSError, and the old one is there then."""
    beside = path.with_name(f"{path.name}.new")
    with beside.open("wb") as file:
        file.write(_shown(journal))
        file.flush()
        os.fsync(file.fileno())
    beside.rename(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _shown(journal: Journal) -> bytes:
    offsets = [
        {"topic": where.topic, "partition": where.partition, "offset": offset}
        for where, offset in sorted(journal.offsets.items())
    ]
    content = {
        "connector": journal.connector,
        "length": journal.length,
        "mark": journal.mark,
        "offsets": offsets,
    }
    return orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _parsed(content: dict[str, Any]) -> Journal:
    offsets = {
        TopicPartition(str(entry["topic"]), int(entry["partition"])): int(entry["offset"])
        for entry in content["offsets"]
    }
    return Journal(str(content["connector"]), int(content["length"]), str(content["mark"]), offsets)
