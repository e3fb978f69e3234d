"""Streamed transactions: what is kept where, and which description of a table holds afterwards."""

from __future__ import annotations

import pytest

from cdc.errors import DecodeError
from cdc.sources.postgres.stream.pgoutput import PgOutputDecoder
from cdc.sources.postgres.stream.streamed import StreamedTransactions
from tests.unit.sources.postgres import messages as m
from tests.unit.sources.postgres.stream import INT8, TEXT, changes, feed

NARROW = m.relation(1, "s", "t", [("id", INT8, -1, True)])
WIDE = m.relation(1, "s", "t", [("id", INT8, -1, True), ("a", TEXT, -1, False)])


async def ordered(streamed: StreamedTransactions, *bodies: bytes) -> list[bytes]:
    messages: list[bytes | memoryview] = [memoryview(m.xlog(5, body)) for body in bodies]
    return [bytes(message) async for part in streamed.ordered(messages) for message in part]


def block(xid: int, *bodies: bytes) -> list[bytes]:
    return [m.stream_start(xid), *(m.in_block(xid, body) for body in bodies), m.stream_stop()]


def plain(xid: int, commit: int, *bodies: bytes) -> list[bytes]:
    return [m.begin(commit, xid), *bodies, m.commit(commit, commit + 1)]


async def test_what_is_beyond_the_bound_goes_to_a_file_and_comes_back_in_order():
    streamed = StreamedTransactions(1000)
    rows = [m.insert(1, (number, "x" * 400)) for number in range(5)]
    for row in rows:
        assert await ordered(streamed, *block(7, row)) == []
        assert streamed.size <= 1000
    assert streamed.spilled == 1
    found = await ordered(streamed, m.stream_commit(7, 90, 98))
    assert found == [m.xlog(5, body) for body in plain(7, 90, *rows)[:-1]] + [m.xlog(5, m.commit(90, 98))]
    assert (streamed.size, streamed.spilled) == (0, 0)


async def test_a_row_larger_than_all_bounds_passes():
    streamed = StreamedTransactions(0)
    large = m.insert(1, (1, "x" * 5_000_000))
    await ordered(streamed, *block(7, large))
    assert streamed.spilled == 1
    assert (await ordered(streamed, m.stream_commit(7, 90, 91)))[1] == m.xlog(5, large)


async def test_a_table_described_in_a_part_that_is_undone_stays_described():
    """The server describes it once for the whole transaction."""
    streamed = StreamedTransactions(1 << 20)
    undone = [m.in_block(8, WIDE), m.in_block(8, m.insert(1, (1, "a")))]
    sent = [m.stream_start(7), *undone, m.in_block(7, m.insert(1, (2, "b"))), m.stream_stop(), m.stream_abort(7, 8)]
    found = await ordered(streamed, *sent, m.stream_commit(7, 90, 91))
    (batch,) = feed(PgOutputDecoder(), found)
    assert changes(batch) == [("c", None, (2, "b"))]


async def test_an_older_description_does_not_replace_a_newer_one_when_its_transaction_commits():
    streamed = StreamedTransactions(1 << 20)
    sent = [
        *block(7, NARROW, m.insert(1, (1,))),
        *plain(8, 50, WIDE, m.insert(1, (2, "b"))),
        m.stream_commit(7, 90, 91),
        *plain(9, 100, m.insert(1, (3, "c"))),
    ]
    (batch,) = feed(PgOutputDecoder(), await ordered(streamed, *sent))
    assert [after for _, _, after in changes(batch)] == [(2, "b"), (1,), (3, "c")]


async def test_a_description_in_a_streamed_transaction_holds_for_what_follows():
    streamed = StreamedTransactions(1 << 20)
    sent = [
        *plain(8, 50, NARROW, m.insert(1, (1,))),
        *block(7, WIDE, m.insert(1, (2, "b"))),
        m.stream_commit(7, 90, 91),
        *plain(9, 100, m.insert(1, (3, "c"))),
    ]
    (batch,) = feed(PgOutputDecoder(), await ordered(streamed, *sent))
    assert [after for _, _, after in changes(batch)] == [(1,), (2, "b"), (3, "c")]


async def test_the_origin_of_a_streamed_transaction_is_known():
    streamed = StreamedTransactions(1 << 20)
    sent = [m.stream_start(7), m.origin(60, "there"), *block(7, WIDE, m.insert(1, (1, "a")))[1:]]
    found = await ordered(streamed, *sent, m.stream_commit(7, 90, 91))
    (batch,) = feed(PgOutputDecoder(local_only=True), found)
    assert len(batch) == 0


@pytest.mark.parametrize("body", [b"S", b"A\0\0\0\1", b"c\0\0\0\1"])
async def test_a_control_that_ends_too_soon_is_an_error_with_its_place(body):
    with pytest.raises(DecodeError, match="a streamed transaction ends too soon"):
        await ordered(StreamedTransactions(0), body)


async def test_an_end_without_a_beginning_is_an_empty_transaction():
    found = await ordered(StreamedTransactions(0), m.stream_commit(7, 90, 91))
    assert found == [m.xlog(5, body) for body in plain(7, 90)]
