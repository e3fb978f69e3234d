"""The order in which java.util.HashMap and HashSet keep text: Debezium writes some lists in it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

#: What a map begins with.
BUCKETS: Final = 16


def buckets_for(count: int, buckets: int = BUCKETS) -> int:
    """Return how many buckets a map of so many has when that many were put in: it doubles them when three in four are taken."""
    while 4 * count > 3 * buckets:
        buckets *= 2
    return buckets


def in_java_order(texts: Iterable[str], buckets: int = BUCKETS) -> list[str]:
    """Return texts, once each, in the order of a map that had so many buckets before they were put in."""
    found = list(dict.fromkeys(texts))
    size = buckets_for(len(found), buckets)
    return sorted(found, key=lambda text: _spread(_java_hash(text)) & (size - 1))


def _java_hash(text: str) -> int:
    """Return String.hashCode, as a number without sign."""
    units = text.encode("utf-16-le", "surrogatepass")
    found = 0
    for at in range(0, len(units), 2):
        found = (found * 31 + int.from_bytes(units[at : at + 2], "little")) & 0xFFFFFFFF
    return found


def _spread(number: int) -> int:
    return number ^ number >> 16
