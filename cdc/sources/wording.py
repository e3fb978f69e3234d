"""Sizes, times and lists as a person reads them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cdc.errors import CdcError

_LONGEST: Final = 5
_UNITS: Final = ((1 << 40, "TB"), (1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "kB"))
_TIMES: Final = ((86400, "d"), (3600, "h"), (60, "min"))


def sentence(error: CdcError) -> str:
    """Return what an error says, as a sentence without its full stop."""
    text = str(error).rstrip(".")
    return text[:1].upper() + text[1:]


def shown_bytes(number: float) -> str:
    """Return a size in units of 1024, as PostgreSQL writes them: `1.5 GB`."""
    for size, unit in _UNITS:
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number:.0f} B"


def shown_seconds(number: float) -> str:
    """Return a time: `2 min`, `1.5 s`."""
    for size, unit in _TIMES:
        if number >= size and number % size == 0:
            return f"{number / size:.0f} {unit}"
    return f"{number:g} s"


def listed(names: Sequence[object]) -> str:
    """Return the first names, and how many more there are."""
    more = f" and {len(names) - _LONGEST} more" if len(names) > _LONGEST else ""
    return ", ".join(map(str, names[:_LONGEST])) + more
