"""Numbers, events and durations in short form."""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import MappingProxyType
from typing import Final

import orjson

from cdc.errors import ConfigError
from cdc.testing.shop.events import Event, Values

#: The envelope's operations in words, in the order in which they are shown.
OPERATIONS: Final = MappingProxyType({"r": "snapshot", "c": "insert", "u": "update", "d": "delete"})
BLOCKS = "▁▂▃▄▅▆▇█"
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
LONGEST_VALUE = 28


def parse_duration(text: str) -> float:
    """Return the seconds that a text such as `20s`, `2m` or `500ms` means; raises ConfigError for any other."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)", text.strip())
    if found is None:
        raise ConfigError(f"{text!r} is no duration", "Write a number with its unit: 500ms, 20s, 2m or 1h.")
    return float(found[1]) * UNITS[found[2]]


def show_latency(seconds: float | None) -> str:
    """Return a latency in milliseconds, or in seconds from one second on."""
    if seconds is None:
        return "-"
    if seconds >= 1:
        return f"{seconds:.1f} s"
    return f"{seconds * 1000:.1f} ms" if seconds < 0.01 else f"{seconds * 1000:.0f} ms"


def show_bytes(count: int | None) -> str:
    """Return a number of bytes with a fitting unit."""
    if count is None:
        return "-"
    size = float(count)
    for unit in ("B", "kB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} MB"


def show_clock(seconds: float) -> str:
    """Return seconds as minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def sparkline(values: Sequence[int], width: int) -> str:
    """Return the last `width` values as bars, the highest of them as a full one."""
    shown = values[-width:] if width > 0 else []
    highest = max(shown, default=0)
    return "".join(BLOCKS[value * (len(BLOCKS) - 1) // highest] if highest else BLOCKS[0] for value in shown)


def show_key(event: Event) -> str:
    """Return the key, a long first part shortened."""
    first, *others = event.change.key
    return "/".join([str(first)[:8] if len(str(first)) > 16 else str(first), *map(str, others)])


def show_difference(event: Event) -> str:
    """Return what an event changed: the old and new values of an update, the values of a new row."""
    before, after = event.before or {}, event.after or {}
    if event.change.op == "u":
        return ", ".join(
            f"{name} {_show(before.get(name))} → {_show(value)}"
            for name, value in after.items()
            if name != "version" and value != before.get(name)
        )
    return ", ".join(_shown_columns(before if event.change.op == "d" else after))


def _shown_columns(row: Values) -> list[str]:
    """Return the columns that say something to a person: no keys, references, times or nulls."""
    hidden = {"id", "sku", "version"}
    return [
        f"{name} {_show(value)}"
        for name, value in row.items()
        if value is not None and name not in hidden and not name.endswith(("_id", "_no", "_at"))
    ]


def _show(value: object) -> str:
    """Return a value in short form; of a JSON object only the values."""
    text = "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    if text.startswith("{"):
        text = " ".join(map(str, orjson.loads(text).values()))
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"
