"""The order in which Java's HashMap and HashSet keep their entries: Debezium writes maps and some lists in it."""

from collections.abc import Iterable

BUCKETS: int

def buckets_for(count: int, capacity: int = ...) -> int:
    """Return how many buckets a map of so many entries has that began with a capacity: it doubles them when it is more than three quarters full."""

def in_java_order(texts: Iterable[str], capacity: int = ...) -> list[str]:
    """Return texts, once each, in the order of a map that had so much room before they were put in."""
