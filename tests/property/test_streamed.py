"""Streamed transactions are handed on as if they had not been streamed: whole, at their commit, without what was undone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from cdc.sources.postgres.stream.streamed import StreamedTransactions
from tests.unit.sources.postgres import messages as m
from tests.unit.sources.postgres.stream import INT8

COLUMNS = [("id", INT8, -1, True)]


@dataclass
class Streamed:
    """A transaction: blocks of (subtransaction, row), subtransactions that are undone behind a block, and whether it commits."""

    xid: int
    blocks: list[list[tuple[int, int]]]
    undone: dict[int, int]
    end: str

    def remaining(self) -> list[bytes]:
        """Return the messages of its rows that were not undone."""
        return [m.insert(1, (row,)) for block in self.blocks for sub, row in block if sub not in self.undone]


@st.composite
def transactions(draw: st.DrawFn, xid: int) -> Streamed:
    """A subtransaction that is undone writes nothing more."""
    blocks = draw(st.lists(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 999)), max_size=4), max_size=4))
    undone = draw(st.dictionaries(st.integers(1, 2), st.integers(0, max(len(blocks) - 1, 0)), max_size=2))
    kept = [
        [(sub, row) for sub, row in block if number <= undone.get(sub, number)] for number, block in enumerate(blocks)
    ]
    return Streamed(xid * 10, kept, undone, draw(st.sampled_from(["commit", "abort", "open"])))


@dataclass
class History:
    """What the server sends, and what must come of it."""

    sent: list[bytes] = field(default_factory=list)
    expected: list[bytes] = field(default_factory=list)
    lsn: int = 100

    def plain(self, *bodies: bytes) -> None:
        self.lsn += 10
        made = [m.xlog(self.lsn, body) for body in (m.begin(self.lsn, 1), *bodies, m.commit(self.lsn, self.lsn + 8))]
        self.sent += made
        self.expected += made

    def block(self, transaction: Streamed, number: int) -> None:
        first = [m.relation(1, "s", "one", COLUMNS)] if number == 0 else []
        described = [m.xlog(0, m.in_block(transaction.xid, body)) for body in first]
        changed = [
            m.xlog(0, m.in_block(transaction.xid + sub, m.insert(1, (row,)))) for sub, row in transaction.blocks[number]
        ]
        self.sent += [
            m.xlog(0, m.stream_start(transaction.xid)),
            *described,
            m.keepalive(7),
            *changed,
            m.xlog(0, m.stream_stop()),
        ]
        self.expected.append(m.keepalive(7))
        for sub, behind in transaction.undone.items():
            if behind == number:
                self.sent.append(m.xlog(0, m.stream_abort(transaction.xid, transaction.xid + sub)))

    def end(self, transaction: Streamed) -> None:
        self.lsn += 10
        if transaction.end == "abort":
            self.sent.append(m.xlog(0, m.stream_abort(transaction.xid, transaction.xid)))
        elif transaction.end == "commit":
            self.sent.append(m.xlog(self.lsn, m.stream_commit(transaction.xid, self.lsn, self.lsn + 8)))
            described = [m.relation(1, "s", "one", COLUMNS)] if transaction.blocks else []
            self.expected.append(m.xlog(self.lsn, m.begin(self.lsn, transaction.xid)))
            self.expected += [m.xlog(0, body) for body in (*described, *transaction.remaining())]
            self.expected.append(m.xlog(self.lsn, m.commit(self.lsn, self.lsn + 8)))


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Transactions whose blocks come in turns, with others between them that are not streamed."""
    streamed = [draw(transactions(xid)) for xid in range(1, draw(st.integers(1, 3)) + 1)]
    turns = [(each, number) for each in streamed for number in range(len(each.blocks) + 1)]
    order = draw(st.permutations(turns))
    history, next_block = History(), {each.xid: 0 for each in streamed}
    for transaction, _ in order:
        if draw(st.booleans()):
            history.plain(m.insert(2, (draw(st.integers(0, 9)),)))
        number = next_block[transaction.xid]
        next_block[transaction.xid] += 1
        if number < len(transaction.blocks):
            history.block(transaction, number)
        else:
            history.end(transaction)
    return history


async def _ordered(streamed: StreamedTransactions, portions: Sequence[list[bytes]]) -> list[bytes]:
    found: list[bytes] = []
    for portion in portions:
        async for part in streamed.ordered([memoryview(message) for message in portion]):
            found += map(bytes, part)
    return found


def _changes(messages: list[bytes]) -> list[bytes]:
    """Return the messages without descriptions, which may come again."""
    return [message for message in messages if message[25:26] != b"R"]


@given(histories(), st.sampled_from([0, 300, 1 << 30]), st.data())
def test_what_is_handed_on_is_what_would_have_come_without_streaming(history, memory, data):
    portions, at = [], 0
    while at < len(history.sent):
        size = data.draw(st.integers(1, len(history.sent)))
        portions.append(history.sent[at : at + size])
        at += size
    streamed = StreamedTransactions(memory)
    try:
        assert _changes(asyncio.run(_ordered(streamed, portions))) == _changes(history.expected)
        assert streamed.size <= memory
    finally:
        streamed.close()
