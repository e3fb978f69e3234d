"""Where a source stands in its log: what an offset record keeps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
"""A value that JSON can hold."""

Offset: TypeAlias = Mapping[str, Json]
"""The value of an offset record, as Kafka Connect stores it."""


class Position(Protocol):
    """A place in a source's log from which it can go on; immutable."""

    def offset(self) -> Offset:
        """Return the value of the offset record."""


def format_lsn(lsn: int) -> str:
    """Return a log sequence number the way PostgreSQL prints it, as in `16/B374D848`."""
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"


def parse_lsn(text: str) -> int:
    """Return the log sequence number that `text` prints; raises ValueError for anything else."""
    high, _, low = text.partition("/")
    return int(high, 16) << 32 | int(low, 16)
