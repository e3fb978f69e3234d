"""The conditions that values of properties must fulfil beyond their type."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from cdc.config.columns import key_fault
from cdc.config.filters import pattern_fault
from cdc.config.identities import identity_fault
from cdc.config.property import Validator


def between(low: int, high: int | None = None, unit: str = "") -> Validator:
    """Return the condition that a number lies in a range, both ends included; without `high` it is open."""
    reach = f"of {low} or more" if high is None else f"from {low} to {high}"
    requirement = f"a whole number {reach}{f' ({unit})' if unit else ''}"
    return Validator(requirement, lambda n: "" if n >= low and (high is None or n <= high) else "is out of range")


def matching(pattern: str, requirement: str) -> Validator:
    """Return the condition that a text, unless it is empty, matches a pattern as a whole."""
    compiled = re.compile(pattern)
    return Validator(
        requirement, lambda text: "" if not text or compiled.fullmatch(text) else "has a form that is not allowed"
    )


def only(condition: Callable[[str], str], requirement: str) -> Validator:
    """Return a condition of its own."""
    return Validator(requirement, condition)


PATTERNS: Final = Validator("regular expressions, separated by commas, each for a whole name", pattern_fault)

IDENTITIES: Final = Validator(
    "table:FULL, table:DEFAULT, table:NOTHING or table:INDEX name, separated by commas", identity_fault
)

KEY_COLUMNS: Final = Validator("table:column,column for each table, separated by semicolons", key_fault)

NONE_ALONE: Final = Validator(
    "operations, or none", lambda found: "names none beside operations" if "none" in found and len(found) > 1 else ""
)

TAGS: Final = matching(r"\s*[^=,\s][^=,]*=[^=,]+(,[^=,]+=[^=,]+)*", "name=value pairs, separated by commas")

TOPIC_PART: Final = matching(r"[a-zA-Z0-9._-]+", "letters, digits, dots, hyphens and underscores")

PRINTABLE: Final = Validator(
    "a text without control characters", lambda t: "" if t.isprintable() else "has control characters"
)


def placeholder_bytes(text: str) -> bytes:
    """Return the bytes of `unavailable.value.placeholder`: the text's UTF-8, or what stands in hex after `hex:`.

    Raises:
        ValueError: what follows `hex:` is not hexadecimal.
    """
    return bytes.fromhex(text[4:]) if text.startswith("hex:") else text.encode()


def _placeholder_fault(text: str) -> str:
    try:
        placeholder_bytes(text)
    except ValueError:
        return "is not hexadecimal after hex:"
    return ""


PLACEHOLDER: Final = Validator("a text, or hex: and an even number of hexadecimal digits", _placeholder_fault)
