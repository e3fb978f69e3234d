"""COPY's text format in plain Python, after the manual's page COPY: the oracle of the compiled decoder."""

from __future__ import annotations

from collections.abc import Sequence

ESCAPES = {"\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}
MEANINGS = {written[1]: meant for meant, written in ESCAPES.items()}


def write_row(values: Sequence[object]) -> bytes:
    """Return the line of a row."""
    return ("\t".join(map(_written, values)) + "\n").encode()


def _written(value: object) -> str:
    return "\\N" if value is None else "".join(ESCAPES.get(letter, letter) for letter in str(value))


def read_row(line: bytes) -> list[str | None]:
    """Return the values of a line."""
    return [None if field == "\\N" else _read(field) for field in line.decode().removesuffix("\n").split("\t")]


def _read(field: str) -> str:
    letters, found = iter(field), []
    for letter in letters:
        following = next(letters) if letter == "\\" else ""
        found.append(MEANINGS.get(following, following) if letter == "\\" else letter)
    return "".join(found)
