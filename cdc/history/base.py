"""The contract of a schema history."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol, runtime_checkable

from cdc.history.records import HistoryRecord


@runtime_checkable
class SchemaHistory(Protocol):
    """Keeps the statements that changed tables, in the order in which they are in the log of the source.

    Order: `records` yields what was recorded in that order, of the whole history; whoever recovers definitions leaves out what lies behind
    the stored offset. Durability: what was recorded survives the end of the process from when `record` has returned; where the
    store says that it shares the transaction of the offset, from the commit of that one on, and not at all if it is aborted. A batch is
    recorded as a whole or not at all, or its last record is cut off in a way that `records` finds. One writer at a time.
    """

    async def record(self, records: Sequence[HistoryRecord]) -> None:
        """Add records at the end.

        Raises:
            CdcError: they could not be made durable.
        """

    def records(self) -> AsyncIterator[HistoryRecord]:
        """Yield all records, the oldest first; none for a history that does not exist.

        Raises:
            HistoryUnreadable: a record is none; never passed over in silence.
            CdcError: the store cannot be read.
        """
