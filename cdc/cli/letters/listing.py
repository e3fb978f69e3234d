"""`cdc-stream deadletters list`."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cdc.cli.letters.wording import one_line, show_note, show_time
from cdc.config.settings import KafkaSettings
from cdc.connect.dead_letter_reader import Letter, Selection, read_letters
from cdc.kafka.replays import Note, read_notes

COLUMNS: Final = ("letter", "time", "connector", "task", "origin", "stage", "error", "put back")
_NONE: Final = "-"


@dataclass(frozen=True, slots=True)
class Row:
    """What the list says of one letter, without its content."""

    place: tuple[int, int]
    cells: tuple[str, ...]
    document: dict[str, Any]

    @classmethod
    def of(cls, letter: Letter, note: Note | None) -> Row:
        """Return the row of a letter, and of the note about it if it was put back."""
        task = letter.errors.get("task.id", "")
        cells = (
            str(letter.place),
            show_time(letter.record.timestamp_ms),
            letter.connector,
            task,
            letter.origin,
            letter.stage,
            letter.problem,
            show_note(note),
        )
        return cls(letter.place, tuple(one_line(cell) or _NONE for cell in cells), _document(letter, note))


async def list_letters(
    settings: KafkaSettings, topic: str, selection: Selection, limit: int, *, as_json: bool = False
) -> None:
    """Print the chosen letters of a topic in order, of each partition the last `limit` if it is not 0.

    As a table on a terminal, elsewhere as lines with tabs between the columns; as JSON, an object a line.

    Raises:
        SinkError: as `read_letters` and `read_notes`.
    """
    rows = await _rows(settings, topic, selection, limit)
    if as_json:
        for row in rows:
            print(orjson.dumps(row.document).decode())
    elif sys.stdout.isatty():
        Console(highlight=False).print(table(rows))
    else:
        for row in rows:
            print("\t".join(row.cells))


async def _rows(settings: KafkaSettings, topic: str, selection: Selection, limit: int) -> list[Row]:
    notes = await read_notes(settings, topic)
    found: dict[int, deque[Row]] = {}
    async with aclosing(read_letters(settings, topic, selection)) as letters:
        async for letter in letters:
            last = found.setdefault(letter.record.partition, deque(maxlen=limit or None))
            last.append(Row.of(letter, notes.about(letter.record)))
    return sorted((row for rows in found.values() for row in rows), key=lambda row: row.place)


def table(rows: Iterable[Row]) -> Table:
    """Return the rows as a table for a terminal."""
    drawn = Table(box=None, header_style="bold", pad_edge=False)
    for name in COLUMNS:
        drawn.add_column(name, no_wrap=name == "letter", overflow="fold")
    for row in rows:
        drawn.add_row(*map(Text, row.cells))
    return drawn


def _document(letter: Letter, note: Note | None) -> dict[str, Any]:
    errors = letter.errors
    return {
        "partition": letter.record.partition,
        "offset": letter.record.offset,
        "time": show_time(letter.record.timestamp_ms) or None,
        "connector": letter.connector or None,
        "task": _number(errors.get("task.id")),
        "origin": _origin(letter),
        "stage": letter.stage or None,
        "exception": errors.get("exception.class.name"),
        "message": errors.get("exception.message"),
        "replayed": None if note is None else {"topic": note.topic, "time": show_time(note.time_ms)},
    }


def _origin(letter: Letter) -> dict[str, Any] | None:
    errors = letter.errors
    if letter.from_source:
        table = {"table": errors["source.table"]} if "source.table" in errors else {}
        told = {f"source_{name}": _json(errors.get(f"source.{name}")) for name in ("partition", "offset")}
        return {"topic": letter.topic, **table, **told}
    if not letter.topic:
        return None
    return {"topic": letter.topic, **{name: _number(errors.get(name)) for name in ("partition", "offset")}}


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() else None


def _json(text: str | None) -> Any:
    """Return what JSON says, or the text if it is none."""
    try:
        return orjson.loads(text or "null")
    except ValueError:
        return text
