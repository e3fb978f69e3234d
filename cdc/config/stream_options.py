"""The options of `slot.stream.params`."""

from __future__ import annotations

from typing import Final

from cdc.config.validators import only

_OPTIONS: Final = {"origin": ("any", "none"), "streaming": ("off", "on")}


def local_only(text: str) -> bool:
    """Tell whether only changes that were made on this server are wanted; the text has passed `STREAM_OPTIONS`."""
    return dict(_pairs(text)).get("origin") == "none"


def stream_open(text: str) -> bool:
    """Tell whether large transactions are to be sent before they end; the text has passed `STREAM_OPTIONS`."""
    return dict(_pairs(text)).get("streaming") == "on"


def _pairs(text: str) -> list[tuple[str, str]]:
    pairs = (part.partition("=") for part in text.split(";") if part.strip())
    return [(name.strip().lower(), value.strip().lower()) for name, _, value in pairs]


def _fault(text: str) -> str:
    for name, value in _pairs(text):
        if name not in _OPTIONS:
            return f"has the option {name}, which the connector sets by itself or does not know"
        if value not in _OPTIONS[name]:
            return f"has {value} as {name}, which is none of {', '.join(_OPTIONS[name])}"
    return ""


STREAM_OPTIONS: Final = only(_fault, "options such as origin=none;streaming=on, or nothing")
