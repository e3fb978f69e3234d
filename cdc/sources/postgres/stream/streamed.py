"""Transactions that the server streams before they end: kept until they commit, then handed on as if they had come then.

Format: the PostgreSQL manual, "Logical Replication Message Formats" (Stream Start, Stop, Commit, Abort), protocol version 2. In a block
each message carries the id of the subtransaction that made the change. A subtransaction that is undone is left out of what is
handed on, so numbers of changes are those of a transaction that was not streamed, and a position inside one means the same.

Nothing that is kept here has been acknowledged, so after a restart the server sends it again from the start.
"""

from __future__ import annotations

import asyncio
import struct
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import IO, Final

from cdc.errors import DecodeError
from cdc.sources.postgres.protocol.copy_stream import Message
from cdc.sources.postgres.wal.stream_blocks import find_kind

#: XLogData before the message: 'w', start, end, time.
_HEADER: Final = 25
_KEEPALIVE, _RELATION, _ORIGIN = ord("k"), ord("R"), ord("O")
_CONTROLS: Final = b"SEcA"
_NUMBER: Final = struct.Struct("!I")
_COMMIT: Final = struct.Struct("!IBQQQ")
_ABORT: Final = struct.Struct("!II")
#: Of an entry in a file: subtransaction and length.
_ENTRY: Final = struct.Struct("!II")
#: What an entry in memory takes beside its bytes.
_OVERHEAD: Final = 120
#: About how much is read from a file at a time, in bytes.
_PART: Final = 1 << 20


Entry = tuple[int, bytes]


@dataclass(slots=True)
class _Relation:
    """The last description of a table in a transaction, or outside of all; `number` says in which order they were received."""

    number: int
    message: bytes


@dataclass(slots=True)
class _Transaction:
    """What has come of one transaction: its first part in a file, if it was large, and the last one in memory."""

    xid: int
    undone: set[int] = field(default_factory=set)
    kept: list[Entry] = field(default_factory=list)
    size: int = 0
    file: IO[bytes] | None = None
    relations: dict[int, _Relation] = field(default_factory=dict)

    def add(self, subxid: int, message: bytes) -> None:
        self.kept.append((subxid, message))
        self.size += len(message) + _OVERHEAD

    def remaining(self, entries: list[Entry]) -> list[Message]:
        """Return the messages of subtransactions that were not undone."""
        return [message for subxid, message in entries if subxid not in self.undone]

    def spill(self) -> None:
        """Move what is in memory to the file."""
        if self.file is None:
            self.file = tempfile.TemporaryFile(prefix="cdc-stream-")  # noqa: SIM115 - closed with the transaction
        self.file.writelines(_ENTRY.pack(subxid, len(message)) + message for subxid, message in self.kept)
        self.kept, self.size = [], 0

    def read(self) -> list[Entry]:
        """Return the next entries of the file; none at its end."""
        found: list[Entry] = []
        size = 0
        while self.file is not None and size < _PART and (head := self.file.read(_ENTRY.size)):
            subxid, length = _ENTRY.unpack(head)
            found.append((subxid, self.file.read(length)))
            size += length
        return found

    def close(self) -> None:
        if self.file is not None:
            self.file.close()


class StreamedTransactions:
    """Puts streamed transactions in order; one for each stream, with one caller.

    `memory` is how many bytes of all open transactions are kept in memory; what is beyond goes to temporary files, which go with the process.
    """

    def __init__(self, memory: int) -> None:
        self._memory = memory
        self._open: dict[int, _Transaction] = {}
        self._block: _Transaction | None = None
        self._outside: dict[int, _Relation] = {}
        self._received = 0

    @property
    def size(self) -> int:
        """How many bytes are in memory."""
        return sum(each.size for each in self._open.values())

    @property
    def spilled(self) -> int:
        """How many open transactions have a file."""
        return sum(each.file is not None for each in self._open.values())

    async def ordered(self, messages: list[Message]) -> AsyncIterator[list[Message]]:
        """Yield what can be decoded now, in order: messages outside of blocks, and transactions whose commit has come, in parts.

        Raises:
            DecodeError: the blocks do not follow the protocol.
        """
        start = 0
        while start < len(messages):
            end = find_kind(messages, start, _CONTROLS)
            if end > start:
                yield self._within(messages[start:end])
            if end < len(messages):
                async for part in self._control(bytes(messages[end])):
                    yield part
            start = end + 1
        if self.size > self._memory:
            await self._spill()

    def close(self) -> None:
        """Forget everything."""
        for transaction in self._open.values():
            transaction.close()
        self._open.clear()
        self._block = None

    def _within(self, messages: list[Message]) -> list[Message]:
        """Return those of neighbours between two controls that can be decoded now: in a block, keepalives only."""
        if self._block is None:
            self._note_relations(messages)
            return list(messages)
        for message in messages:
            if message[0] != _KEEPALIVE:
                self._keep(message, self._block)
        return [message for message in messages if message[0] == _KEEPALIVE]

    def _note_relations(self, messages: list[Message]) -> None:
        at = find_kind(messages, 0, b"R")
        while at < len(messages):
            self._describe(self._outside, bytes(messages[at]))
            at = find_kind(messages, at + 1, b"R")

    def _describe(self, known: dict[int, _Relation], message: bytes) -> None:
        self._received += 1
        (oid,) = _unpacked(_NUMBER, message, _HEADER + 1)
        known[oid] = _Relation(self._received, message)

    def _keep(self, message: Message, transaction: _Transaction) -> None:
        kind = message[_HEADER]
        if kind == _ORIGIN:
            transaction.add(transaction.xid, bytes(message))
            return
        (subxid,) = _unpacked(_NUMBER, message, _HEADER + 1)
        bare = bytes(message[: _HEADER + 1]) + message[_HEADER + 5 :]
        if kind == _RELATION:  # sent once for the whole transaction, so it holds though its subtransaction is undone
            self._describe(transaction.relations, bare)
            subxid = transaction.xid
        transaction.add(subxid, bare)

    async def _control(self, message: bytes) -> AsyncIterator[list[Message]]:
        kind = message[_HEADER : _HEADER + 1]
        if kind == b"S":
            (xid,) = _unpacked(_NUMBER, message, _HEADER + 1)
            self._block = self._open.setdefault(xid, _Transaction(xid))
        elif kind == b"E":
            self._block = None
        elif kind == b"A":
            self._abort(*_unpacked(_ABORT, message, _HEADER + 1))
        else:
            async for part in self._commit(message):
                yield part

    def _abort(self, xid: int, subxid: int) -> None:
        """Drop a transaction, or leave out one of its subtransactions."""
        if xid not in self._open:
            return
        if xid == subxid:
            self._open.pop(xid).close()
        else:
            self._open[xid].undone.add(subxid)

    async def _commit(self, message: bytes) -> AsyncIterator[list[Message]]:
        """Yield a transaction with the beginning and end that one has which was not streamed."""
        xid, flags, commit_lsn, end_lsn, time = _unpacked(_COMMIT, message, _HEADER + 1)
        header = message[:_HEADER]
        transaction = self._open.pop(xid, None) or _Transaction(xid)
        try:
            yield [header + struct.pack("!cQQI", b"B", commit_lsn, time, xid)]
            async for part in self._parts(transaction):
                yield part
            yield [header + struct.pack("!cBQQQ", b"C", flags, commit_lsn, end_lsn, time), *self._newest(transaction)]
        finally:
            transaction.close()

    async def _parts(self, transaction: _Transaction) -> AsyncIterator[list[Message]]:
        if transaction.file is not None:
            await asyncio.to_thread(transaction.file.seek, 0)
        while transaction.file is not None and (entries := await asyncio.to_thread(transaction.read)):
            yield transaction.remaining(entries)
        yield transaction.remaining(transaction.kept)

    def _newest(self, transaction: _Transaction) -> list[bytes]:
        """Return the descriptions that came after those of the transaction, whose place theirs have taken; those hold for what follows."""
        newer = []
        for oid, own in transaction.relations.items():
            known = self._outside.get(oid)
            if known is not None and known.number > own.number:
                newer.append(known.message)
            else:
                self._outside[oid] = own
        return newer

    async def _spill(self) -> None:
        """Move the largest transactions to files until the rest fits."""
        for transaction in sorted(self._open.values(), key=lambda each: -each.size):
            await asyncio.to_thread(transaction.spill)
            if self.size <= self._memory:
                return


def _unpacked(form: struct.Struct, message: Message, at: int) -> tuple[int, ...]:
    try:
        return form.unpack_from(message, at)
    except struct.error as error:
        raise DecodeError("a message of a streamed transaction ends too soon", bytes(message), at) from error
