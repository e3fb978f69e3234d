"""Distributed transactions between their PREPARE and their end: their events, kept until the log says what became of them.

Nothing of them is published before XA COMMIT. What is beyond a bound of memory goes to temporary files, which go with the process.
"""

from __future__ import annotations

import asyncio
import struct
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, Final

from cdc.sources.mysql.binlog.position import OpenXa

_LENGTH: Final = struct.Struct("<I")
#: What an event in memory takes beside its bytes.
_OVERHEAD: Final = 64
#: About how much is read from a file at a time, in bytes.
_PART: Final = 1 << 20


@dataclass(slots=True)
class _Kept:
    """The events of one transaction: a first part in a file, if there are many, and the rest in memory."""

    place: OpenXa
    events: list[bytes] = field(default_factory=list)
    size: int = 0
    file: IO[bytes] | None = None

    def add(self, events: Sequence[bytes]) -> None:
        self.events += events
        self.size += sum(len(event) + _OVERHEAD for event in events)

    def spill(self) -> None:
        if self.file is None:
            self.file = tempfile.TemporaryFile(prefix="cdc-stream-")  # noqa: SIM115 - closed with the transaction
        self.file.writelines(_LENGTH.pack(len(event)) + event for event in self.events)
        self.events, self.size = [], 0

    def rewind(self) -> None:
        if self.file is not None:
            self.file.seek(0)

    def read(self) -> list[bytes]:
        """Return the next events of the file; none at its end."""
        return list(self._read()) if self.file is not None else []

    def _read(self) -> Iterator[bytes]:
        size = 0
        while self.file is not None and size < _PART and (head := self.file.read(_LENGTH.size)):
            event = self.file.read(_LENGTH.unpack(head)[0])
            size += len(event)
            yield event

    def close(self) -> None:
        if self.file is not None:
            self.file.close()


class PreparedTransactions:
    """Keeps the events of prepared transactions by id; one for each stream, with one caller. `memory` is how many bytes stay in memory."""

    def __init__(self, memory: int) -> None:
        self._memory = memory
        self._kept: dict[str, _Kept] = {}

    @property
    def open(self) -> tuple[OpenXa, ...]:
        """The transactions that wait, the oldest first."""
        return tuple(each.place for each in self._kept.values())

    async def keep(self, place: OpenXa, events: Sequence[bytes]) -> None:
        """Keep more events of a transaction."""
        self._kept.setdefault(place.xid, _Kept(place)).add(events)
        while sum(each.size for each in self._kept.values()) > self._memory:
            await asyncio.to_thread(max(self._kept.values(), key=lambda each: each.size).spill)

    def knows(self, xid: str) -> bool:
        """Whether the events of a transaction are kept."""
        return xid in self._kept

    async def take(self, xid: str) -> AsyncIterator[list[bytes]]:
        """Yield the events of a transaction in order, in parts; it is open until its last part was taken, and then forgotten."""
        kept = self._kept[xid]
        try:
            await asyncio.to_thread(kept.rewind)
            while events := await asyncio.to_thread(kept.read):
                yield events
            if kept.events:
                yield kept.events
        finally:
            self.drop(xid)

    def drop(self, xid: str) -> None:
        """Forget a transaction that was rolled back; it need not be known."""
        if (kept := self._kept.pop(xid, None)) is not None:
            kept.close()

    def close(self) -> None:
        """Forget all."""
        for kept in self._kept.values():
            kept.close()
        self._kept.clear()
