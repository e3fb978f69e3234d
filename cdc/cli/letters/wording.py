"""Bytes, times and texts of letters, as a person can read them on a terminal."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from cdc.kafka.replays import Note


def show_time(milliseconds: int) -> str:
    """Return a time since the epoch in ISO 8601, UTC; "" for a negative one, which stands for none."""
    if milliseconds < 0:
        return ""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def show_note(note: Note | None) -> str:
    """Return when and where to a letter was put back; "" if it was not."""
    return f"{show_time(note.time_ms)} to {note.topic or 'nowhere'}" if note is not None else ""


def show_bytes(data: bytes | None) -> str:
    """Return bytes as the text that they are, JSON objects and arrays laid out; in hex if they are none, "null" for None."""
    if data is None:
        return "null"
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return f"hex {data.hex(' ')}"
    return printable(_laid_out(text) or text)


def printable(text: str) -> str:
    """Return a text in which nothing but line ends and tabs controls the terminal: letters may hold anything."""
    return "".join(each if each.isprintable() or each in "\n\t" else _escaped(each) for each in text)


def one_line(text: str) -> str:
    """Return a text without line ends and tabs."""
    return printable(" ".join(text.split()))


def _laid_out(text: str) -> str:
    """Return JSON over several lines, if that changes nothing else."""
    if not text.startswith(("{", "[")):
        return ""
    try:
        found = json.loads(text)
        compact = (json.dumps(found, ensure_ascii=False), json.dumps(found, ensure_ascii=False, separators=(",", ":")))
        return json.dumps(found, ensure_ascii=False, indent=2) if text in compact else ""
    except (ValueError, RecursionError):
        return ""


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()
