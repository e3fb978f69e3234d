"""The options of `slot.stream.params`."""

from __future__ import annotations

from typing import Final

from cdc.config.validators import only

_ORIGIN: Final = "origin"
_ORIGINS: Final = ("any", "none")


def local_only(text: str) -> bool:
    """Tell whether only changes that were made on this server are wanted; the text has passed `STREAM_OPTIONS`."""
    return dict(_pairs(text)).get(_ORIGIN) == "none"


def _pairs(text: str) -> list[tuple[str, str]]:
    pairs = (part.partition("=") for part in text.split(";") if part.strip())
    return [(name.strip().lower(), value.strip().lower()) for name, _, value in pairs]


def _fault(text: str) -> str:
    for name, value in _pairs(text):
        if name != _ORIGIN:
            return f"has the option {name}, which the connector sets by itself or does not know"
        if value not in _ORIGINS:
            return f"has the origin {value}, which is none of {', '.join(_ORIGINS)}"
    return ""


STREAM_OPTIONS: Final = only(_fault, "origin=none, origin=any, or nothing")
