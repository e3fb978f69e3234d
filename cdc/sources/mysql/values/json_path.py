"""Paths into JSON documents, as MySQL writes them: `$.a[1]."b c"`.

Source: the MySQL manual, "JSON Path Syntax". Paths that the server writes have no wildcards and no `last`.
"""

from __future__ import annotations

import json
import re

from cdc.errors import DecodeError

Path = tuple[str | int, ...]
"""The legs of a path: a member's key or an element's index each."""

_LEG = re.compile(r'\[(?P<index>\d{1,9})\]|\.(?:(?P<quoted>"(?:[^"\\]|\\.)*")|(?P<name>[^."\[\]\s*]+))', re.DOTALL)


def parse_path(text: bytes) -> Path:
    """Return the legs of a path in UTF-8. Raises DecodeError."""
    try:
        path = text.decode()
    except UnicodeDecodeError as error:
        raise DecodeError("MySQL sent a JSON path that is not UTF-8", text, error.start) from error
    if not path.startswith("$"):
        raise DecodeError("MySQL sent a JSON path that does not begin with $", text, 0)
    legs: list[str | int] = []
    at = 1
    while at < len(path):
        leg = _LEG.match(path, at)
        if leg is None:
            raise DecodeError(f"MySQL sent a JSON path with a leg that is not known: {path[at : at + 40]!r}", text, at)
        legs.append(_leg(leg, text))
        at = leg.end()
    return tuple(legs)


def _leg(leg: re.Match[str], text: bytes) -> str | int:
    index, quoted, name = leg.group("index", "quoted", "name")
    if index is not None:
        return int(index)
    if quoted is None:
        return str(name)
    try:
        key = str(json.loads(quoted, strict=False))
        key.encode()  # half of a surrogate pair is no character
    except ValueError as error:
        raise DecodeError("MySQL sent a JSON path with a key that is no string", text, leg.start()) from error
    return key
