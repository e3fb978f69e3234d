"""How far a snapshot is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SnapshotProgress:
    """How far the snapshot is: of the table at hand, whose `estimated_rows` are the database's own guess, and of all.

    `rows_by_table` has the rows that were read of each table so far, one that is empty included; several may be under way at once.
    """

    table: str
    rows: int
    estimated_rows: int
    tables_done: int
    tables: int
    total_rows: int
    rows_by_table: Mapping[str, int] = field(default_factory=dict)
