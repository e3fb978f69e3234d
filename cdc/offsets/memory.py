"""An offset store that lasts as long as the process."""

from __future__ import annotations

from cdc.offsets.base import SourceOffset, SourcePartition


class MemoryOffsetStore:
    """Keeps offsets in memory: for tests and for streams that begin anew at each start."""

    def __init__(self) -> None:
        self._offsets: dict[frozenset[tuple[str, str]], SourceOffset] = {}

    async def load(self, partition: SourcePartition) -> SourceOffset | None:
        """Return the newest offset of the partition, or None when there is none."""
        return self._offsets.get(frozenset(partition.items()))

    async def store(self, partition: SourcePartition, offset: SourceOffset | None) -> None:
        """Make this the newest offset of the partition; None removes it."""
        if offset is None:
            self._offsets.pop(frozenset(partition.items()), None)
        else:
            self._offsets[frozenset(partition.items())] = dict(offset)
