"""The contract of an offset store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, TypeAlias, runtime_checkable

from cdc.model.position import Offset

SourcePartition: TypeAlias = Mapping[str, str]
"""Which stream a position belongs to, such as {"server": "shop"}; Kafka Connect's word."""

SourceOffset: TypeAlias = Offset
"""A position in that stream, such as {"lsn": 23456789, "txId": 812}; Kafka Connect's word."""


@runtime_checkable
class OffsetStore(Protocol):
    """Keeps the newest offset of each source partition.

    Two partitions are the same when their items are, in whatever order. What was stored last is what is loaded. `store` returns when the
    offset survives the end of the process (memory excepted); if it raises, either the old or the new offset is there afterwards, never
    a mixture. One task at a time; two processes on one store only where the store says that it fences.
    """

    async def load(self, partition: SourcePartition) -> SourceOffset | None:
        """Return the newest offset of the partition, or None when there is none.

        Raises:
            CdcError: the store cannot be read, or holds something else; never taken for "no offset".
        """

    async def store(self, partition: SourcePartition, offset: SourceOffset | None) -> None:
        """Make this the newest offset of the partition; None removes it.

        Raises:
            CdcError: it could not be made durable.
        """
