"""What the pipeline needs of Kafka."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from cdc.model.position import Offset
from cdc.model.records import RecordBatch


class Publisher(Protocol):
    """Publishes records in transactions, one at a time, together with the offset that covers them.

    Durability: when `commit` returns, the records and the offset are visible to `read_committed` readers, or none of them is after any
    error. After an error that is not about a record, the result may be unknown: the publisher is thrown away and the
    offset read again. Concurrency: one owner.
    """

    async def start(self) -> None:
        """Connect and fence every earlier instance of the same transactional id."""

    async def begin(self) -> None:
        """Open a transaction."""

    async def send(self, records: RecordBatch) -> None:
        """Add records; waits while too many bytes are in flight."""

    async def commit(self, partition: Mapping[str, str], offset: Offset) -> None:
        """Add the offset record, wait until everything is written, and commit."""

    async def close(self) -> None:
        """Abort what is open and release the connections, within seconds even when no broker answers."""
