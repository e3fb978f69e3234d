"""How far a snapshot's tables are read, and the parts in which they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeAlias

from cdc.model.batch import ChangeBatch
from cdc.model.table import TableId

Message: TypeAlias = bytes | memoryview
"""A row as the server sends it."""


class RowDecoder(Protocol):
    """Decodes the rows of one table."""

    def feed(self, rows: Any, batch: ChangeBatch, marker: bytes) -> None:
        """Add a list of rows to the batch; `marker` is their `source.snapshot`."""


@dataclass(slots=True)
class TableReading:
    """How far a table is read. `held` is its newest row, not decoded yet, and `marker` the one that it has as far as is known.

    `opens` says that the next row is the snapshot's first: none was read of the table that comes first.
    """

    id: TableId
    decoder: RowDecoder
    parts_left: int
    estimated_rows: int = 0
    rows: int = 0
    held: Message | None = None
    marker: bytes = b"true"
    opens: bool = False

    @property
    def name(self) -> str:
        """The table's name."""
        return str(self.id)


class Part(NamedTuple):
    """A query, and the table whose rows it gives."""

    reading: TableReading
    query: str


Rows: TypeAlias = tuple[TableReading, list[Message]]
"""Rows of a table, as the server sends them; none of them when a part of the table has ended."""
