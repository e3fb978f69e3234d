"""`cdc-stream deadletters show`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import aclosing
from typing import Final

from cdc.cli.letters.wording import printable, show_bytes, show_note, show_time
from cdc.config.settings import KafkaSettings
from cdc.connect.dead_letter_reader import Letter, Selection, read_letters
from cdc.kafka.replays import Note, read_notes

_TRACE: Final = "exception.stacktrace"


async def show_letters(settings: KafkaSettings, topic: str, selection: Selection) -> None:
    """Print all that the chosen letters hold.

    Raises:
        SinkError: as `read_letters` and `read_notes`.
    """
    notes = await read_notes(settings, topic)
    async with aclosing(read_letters(settings, topic, selection)) as letters:
        async for letter in letters:
            print("\n".join(describe(letter, notes.about(letter.record))), end="\n\n")


def describe(letter: Letter, note: Note | None) -> Iterator[str]:
    """Yield the lines about a letter; what has several lines stands indented below its name."""
    record = letter.record
    yield f"letter {letter.place} of topic {record.topic}"
    yield from _entry("time", show_time(record.timestamp_ms) or "-")
    yield from _entry("origin", printable(letter.origin) or "-")
    yield from _entry("put back", show_note(note) or "no")
    yield from _entry("key", show_bytes(record.key))
    yield from _entry("value", show_bytes(record.value))
    for name, value in letter.headers:
        yield from _entry(f"header {printable(name)}", show_bytes(value))
    for name, text in letter.errors.items():
        if name != _TRACE:
            yield from _entry(f"error {printable(name)}", printable(text))
    if _TRACE in letter.errors:
        yield from _entry("stack trace", printable(letter.errors[_TRACE]).rstrip() + "\n")


def _entry(name: str, text: str) -> Iterator[str]:
    if "\n" not in text:
        yield f"  {name}: {text}"
        return
    yield f"  {name}:"
    yield from (f"    {line}".rstrip() for line in text.rstrip("\n").split("\n"))
