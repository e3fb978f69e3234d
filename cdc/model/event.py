"""What Python code sees of a change: events, the transactions that hold them, and values with no Python counterpart."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final


class Missing(Enum):
    """Why a column of a row image has no value."""

    ABSENT = "absent"
    UNAVAILABLE = "unavailable"

    def __repr__(self) -> str:
        return self.name


#: The row image does not carry the column (replica identity, minimal row image).
ABSENT: Final = Missing.ABSENT
#: The column did not change and is stored elsewhere (TOAST), so the log does not repeat its value.
UNAVAILABLE: Final = Missing.UNAVAILABLE


@dataclass(frozen=True, slots=True)
class Transaction:
    """A source transaction that ended inside a batch.

    `rows` is the number of the batch's rows up to its end. `commit_us` is when it committed, in microseconds since the epoch. `end` is
    the place in the log behind it (PostgreSQL: the LSN).
    """

    id: str
    rows: int
    commit_us: int
    end: int


@dataclass(frozen=True, slots=True)
class Unconvertible:
    """A value that its schema could not carry; `value` is the beginning of its text.

    Under the policy `warn` it became null, and `row` is -1. Under `keep` its text stands in its cell, and `row` is the batch's first row
    of the change that it belongs to.
    """

    table: str
    column: str
    value: str
    reason: str
    row: int = -1
    remedy: str = ""
