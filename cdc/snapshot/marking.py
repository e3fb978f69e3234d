"""The markers of a snapshot's rows: `source.snapshot`, by which a consumer sees where tables and snapshot begin and end."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Final

from cdc.model.batch import ChangeBatch
from cdc.model.schema import STRING, Schema
from cdc.snapshot.progress import SnapshotProgress
from cdc.snapshot.reading import Message, TableReading

MARKER: Final = Schema(
    STRING.type,
    optional=True,
    name="io.debezium.data.Enum",
    version=1,
    default="false",
    parameters={"allowed": "true,first,first_in_data_collection,last_in_data_collection,last,false,incremental"},
)
"""The schema of `source.snapshot`."""


class RowMarking:
    """Decodes rows with their markers, of one table after another or of several at once; owned by one snapshot.

    The last row of a table waits until it is known what follows it. As in Debezium, no row is the snapshot's first when the table that comes
    first has none. `complete` is called with the name of each table whose rows are all in the batches.
    """

    def __init__(self, complete: Callable[[str], None] = lambda name: None) -> None:
        self._complete = complete
        self._last: TableReading | None = None
        self._by_table: dict[str, int] = {}
        self._rows = 0
        self._done = 0

    def progress(self, reading: TableReading, tables: int) -> SnapshotProgress:
        """Return how far the snapshot of so many tables is, with the one at hand."""
        return SnapshotProgress(
            reading.name,
            reading.rows,
            max(reading.rows, reading.estimated_rows),
            self._done,
            tables,
            self._rows,
            MappingProxyType(self._by_table),
        )

    def take(self, reading: TableReading, messages: list[Message], batch: ChangeBatch) -> None:
        """Add rows of a table to the batch; without any, note that a part of the table has ended."""
        if messages:
            self._take(reading, messages, batch)
        else:
            self._end_part(reading, batch)
        self._by_table[reading.name] = reading.rows

    def end(self, batch: ChangeBatch) -> None:
        """Add the row that waits: it is the snapshot's last."""
        self._feed_last(b"last", batch)

    def _take(self, reading: TableReading, messages: list[Message], batch: ChangeBatch) -> None:
        if self._last is not None and self._last is not reading:
            self._feed_last(b"last_in_data_collection", batch)
        marker = b"true" if reading.rows else b"first_in_data_collection"
        self._feed_held(reading, reading.marker, batch)
        *rows, reading.held = messages
        self._feed(reading, rows[:1], marker, batch)
        self._feed(reading, rows[1:], b"true", batch)
        reading.marker = b"true" if rows else marker
        reading.rows += len(messages)
        self._rows += len(messages)

    def _end_part(self, reading: TableReading, batch: ChangeBatch) -> None:
        """Note that a table, or a part of it, has no more rows; the last row of a table waits for one of another table, or for the end."""
        reading.parts_left -= 1
        if reading.parts_left:
            return
        self._done += 1
        if reading.held is not None:
            self._feed_last(b"last_in_data_collection", batch)
            self._last = reading
        else:
            self._complete(reading.name)

    def _feed_last(self, marker: bytes, batch: ChangeBatch) -> None:
        """Decode the row that ends a table, and perhaps the snapshot."""
        reading, self._last = self._last, None
        if reading is not None:
            self._feed_held(reading, marker, batch)
            self._complete(reading.name)

    def _feed_held(self, reading: TableReading, marker: bytes, batch: ChangeBatch) -> None:
        if reading.held is not None:
            self._feed(reading, [reading.held], marker, batch)
            reading.held = None

    def _feed(self, reading: TableReading, rows: list[Message], marker: bytes, batch: ChangeBatch) -> None:
        """Decode rows; the first one of the table that opens the snapshot is marked as such, unless it is the last one of all too."""
        if rows:
            first = reading.opens and marker != b"last"
            reading.opens = False
            reading.decoder.feed(rows, batch, b"first" if first else marker)
