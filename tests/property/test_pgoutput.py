"""The pgoutput decoder: wherever the stream is cut or resumed, the same rows; whatever the bytes, a right answer or an error of ours."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cdc.errors import CdcError
from cdc.model.batch import ChangeBatch
from cdc.model.event import ABSENT, UNAVAILABLE
from cdc.sources.postgres.stream.pgoutput import PgOutputDecoder
from tests.unit.sources.postgres import messages as m
from tests.unit.sources.postgres.stream import INT8, NO_LIMIT, TEXT, changes, feed, plan_of

COLUMNS = [("id", INT8, -1, True), ("a", TEXT, -1, False), ("b", TEXT, -1, False)]
TABLES = {
    1: m.relation(1, "s", "one", COLUMNS),
    2: m.relation(2, "s", "two", [(name, kind, mod, True) for name, kind, mod, _ in COLUMNS], "f"),
    3: m.relation(3, "s", "hidden", COLUMNS),
}

Change = tuple[bytes, list[tuple[str, Any, Any]]]
texts = st.none() | st.text(max_size=8)
rows = st.tuples(st.integers(-(2**63), 2**63 - 1), texts, texts)


def _absent(row: Any) -> Any:
    return (row[0], ABSENT, ABSENT)


def _deleted(before: Any) -> list[tuple[str, Any, Any]]:
    return [("d", before, None), ("", None, None)]


@st.composite
def keyed_changes(draw: st.DrawFn, oid: int) -> Change:
    """A change of a table with a key, and the rows that it must become."""
    old, new = draw(rows), draw(rows)
    kind = draw(st.sampled_from(["insert", "update", "toasted", "rekeyed", "delete"]))
    if kind == "insert":
        return m.insert(oid, new), [("c", None, new)]
    if kind == "update":
        return m.update(oid, new), [("u", None, new)]
    if kind == "toasted":
        return m.update(oid, (*new[:2], m.UNCHANGED)), [("u", None, (*new[:2], UNAVAILABLE))]
    key = (old[0], None, None)
    if kind == "delete":
        return m.delete(oid, key=key), _deleted(_absent(old))
    expected = [("u", _absent(old), new)] if old[0] == new[0] else [*_deleted(_absent(old)), ("c", None, new)]
    return m.update(oid, new, key=key), expected


@st.composite
def whole_changes(draw: st.DrawFn, oid: int) -> Change:
    """A change of a table whose old rows are logged whole; it has no key."""
    old, new = draw(rows), draw(rows)
    kind = draw(st.sampled_from(["insert", "update", "toasted", "delete"]))
    if kind == "insert":
        return m.insert(oid, new), [("c", None, new)]
    if kind == "update":
        return m.update(oid, new, old=old), [("u", old, new)]
    if kind == "toasted":
        return m.update(oid, (*new[:2], m.UNCHANGED), old=old), [("u", old, (*new[:2], old[2]))]
    return m.delete(oid, old=old), _deleted(old)


hidden_changes: st.SearchStrategy[Change] = keyed_changes(3).map(lambda change: (change[0], []))
truncates: st.SearchStrategy[Change] = st.just((m.truncate(1, 3), [("t", None, None)]))
all_changes = keyed_changes(1) | whole_changes(2) | hidden_changes | truncates


@dataclass(frozen=True)
class Stream:
    """CopyData messages with the rows that they must become; `changes` has (commit LSN, rows of each change) of every transaction."""

    messages: list[bytes]
    changes: list[tuple[int, list[list[tuple[str, Any, Any]]]]]

    def rows(self, first: int = 0) -> list[tuple[str, Any, Any]]:
        return [row for _, found in self.changes[first:] for change in found for row in change]


@st.composite
def streams(draw: st.DrawFn) -> Stream:
    messages = [m.keepalive(1)]
    transactions = []
    lsn = 100
    for xid, found in enumerate(draw(st.lists(st.lists(all_changes, max_size=5), max_size=4)), 1):
        commit_lsn = lsn + 50 + len(found)
        messages.append(m.xlog(lsn, m.begin(commit_lsn, xid)))
        messages += [m.xlog(lsn, described) for described in TABLES.values()]
        messages += [m.xlog(lsn + place, body) for place, (body, _) in enumerate(found, 1)]
        messages.append(m.xlog(commit_lsn + 8, m.commit(commit_lsn, commit_lsn + 8)))
        lsn = commit_lsn + draw(st.integers(8, 20))
        if draw(st.booleans()):
            messages.append(m.keepalive(lsn, reply=draw(st.booleans())))
        transactions.append((commit_lsn, [expected for _, expected in found]))
    return Stream(messages, transactions)


limits = st.integers(1, 6) | st.just(NO_LIMIT)
sizes = st.integers(1, 600) | st.just(NO_LIMIT)


def rows_of(batches: list[ChangeBatch]) -> list[tuple[str, Any, Any]]:
    return [row for batch in batches for row in changes(batch)]


@given(streams(), limits, sizes, st.data())
def test_the_same_rows_however_the_stream_is_read_and_cut(stream, max_rows, max_size, data):
    decoder, batches, at = PgOutputDecoder(), [], 0
    while at < len(stream.messages):
        portion = data.draw(st.integers(1, len(stream.messages)))
        batches += feed(decoder, stream.messages[at : at + portion], max_rows=max_rows, max_size=max_size)
        at += portion
    assert rows_of(batches) == stream.rows()
    assert not decoder.in_transaction


@given(streams(), limits, sizes)
def test_a_transaction_that_was_cut_ends_its_batch(stream, max_rows, max_size):
    inside = False
    for batch in feed(PgOutputDecoder(), stream.messages, max_rows=max_rows, max_size=max_size):
        if inside and batch.transactions:
            assert len(batch.transactions) == 1
            assert batch.transactions[0].rows == len(batch)
        ended = batch.transactions[-1].rows if batch.transactions else 0
        inside = len(batch) > ended or (inside and not batch.transactions)


@given(streams(), limits, sizes)
def test_every_transaction_is_reported_once_with_its_rows(stream, max_rows, max_size):
    counted, pending = [], 0
    for batch in feed(PgOutputDecoder(), stream.messages, max_rows=max_rows, max_size=max_size):
        start = 0
        for transaction in batch.transactions:
            counted.append(pending + transaction.rows - start)
            start, pending = transaction.rows, 0
        pending += len(batch) - start
    assert pending == 0
    assert counted == [sum(map(len, found)) for _, found in stream.changes]


@given(streams(), st.data())
def test_a_stream_can_be_resumed_at_every_change(stream, data):
    """The server sends again from the last acknowledged commit on, or even from further back; no row comes twice or never."""
    passed = data.draw(st.integers(0, len(stream.changes)))
    lsn = stream.changes[passed - 1][0] + 8 if passed else 0
    partial = None
    expected = stream.rows(passed)
    if passed < len(stream.changes):
        commit_lsn, found = stream.changes[passed]
        ordinal = data.draw(st.integers(0, len(found)))
        partial = (commit_lsn, ordinal) if ordinal else None
        expected = expected[sum(map(len, found[:ordinal])) :]
    assert rows_of(feed(PgOutputDecoder(lsn, partial), stream.messages)) == expected


@given(streams(), limits, st.data())
def test_resuming_at_the_state_of_any_cut_continues_the_rows(stream, max_rows, data):
    decoder, batch, at, before = PgOutputDecoder(), ChangeBatch(), 0, []
    stop = data.draw(st.integers(0, len(stream.messages)))
    while at < stop:
        at = decoder.feed(stream.messages, at, batch, max_rows, NO_LIMIT)
        if decoder.unresolved is not None:
            decoder.bind(decoder.unresolved.oid, plan_of(decoder.unresolved))
        else:
            before += changes(batch)
            batch = ChangeBatch()
            decoder.cut()
    before += changes(batch)
    partial = (decoder.commit_lsn, decoder.ordinal) if decoder.in_transaction and decoder.ordinal else None
    resumed = PgOutputDecoder(decoder.resume_lsn, partial, last_commit=decoder.last_commit)
    assert before + rows_of(feed(resumed, stream.messages)) == stream.rows()


def survives(messages: list[bytes]) -> None:
    """Decode what may be damaged: any answer will do, any error must be ours."""
    with suppress(CdcError):
        rows_of(feed(PgOutputDecoder(), messages, plan=plan_of_anything))


def plan_of_anything(relation: Any) -> Any:
    known = all(column.type_oid in {INT8, TEXT} for column in relation.columns)
    return plan_of(relation) if known else plan_of(type(relation)(relation.oid, "s", "hidden", "d", relation.columns))


@given(st.lists(st.binary(max_size=60), max_size=5))
def test_random_bytes_never_get_past_the_decoder_as_anything_but_an_error_of_ours(messages):
    survives(messages)


@given(st.lists(st.binary(max_size=40).map(lambda body: m.xlog(1, body)), max_size=5))
def test_random_bytes_in_a_frame(messages):
    survives(messages)


@given(streams(), st.data())
def test_damaged_streams(stream, data):
    messages = list(stream.messages)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(messages) - 1))
        damaged = bytearray(messages[place])
        at = data.draw(st.integers(0, len(damaged)))
        how = data.draw(st.sampled_from(["change", "cut", "insert", "swap"]))
        if how == "cut":
            del damaged[at:]
        elif how == "insert":
            damaged[at:at] = data.draw(st.binary(min_size=1, max_size=8))
        elif how == "swap":
            other = data.draw(st.integers(0, len(messages) - 1))
            messages[place], messages[other] = messages[other], messages[place]
            continue
        elif at < len(damaged):
            damaged[at] = data.draw(st.integers(0, 255))
        messages[place] = bytes(damaged)
    survives(messages)
