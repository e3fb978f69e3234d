"""A schema history that lasts as long as the process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from cdc.history.records import HistoryRecord


class MemorySchemaHistory:
    """Keeps records in memory: for tests, and for streams that begin with a snapshot at each start."""

    def __init__(self) -> None:
        self._records: list[HistoryRecord] = []

    async def record(self, records: Sequence[HistoryRecord]) -> None:
        """Add records at the end."""
        self._records += records

    async def records(self) -> AsyncIterator[HistoryRecord]:
        """Yield all records, the oldest first."""
        for record in tuple(self._records):
            yield record
