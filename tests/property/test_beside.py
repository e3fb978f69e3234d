"""Wherever a stream is cut and resumed, the records beside the rows and the numbers of the events are those of an uncut one."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cdc.config.beside import BesideSettings
from cdc.config.settings import PostgresSettings
from cdc.model.batch import ChangeBatch
from cdc.sources.postgres.stream.beside import Beside
from cdc.sources.postgres.stream.pgoutput import PgOutputDecoder
from tests.unit.sources.postgres import messages as m
from tests.unit.sources.postgres.stream import INT8, NO_LIMIT, TEXT, feed

COLUMNS = [("id", INT8, -1, True), ("a", TEXT, -1, False)]
TABLES = [m.relation(oid, "s", name, COLUMNS) for oid, name in ((1, "one"), (2, "two"), (3, "hidden"))]
BESIDE = Beside(PostgresSettings("h", "d", "u", "p", beside=BesideSettings(transactions=True)), {})

changes = st.sampled_from(["insert", "rekey", "delete", "truncate", "message"])
tables = st.integers(1, 3)


def body(kind: str, oid: int, lsn: int) -> bytes:
    if kind == "message":
        return m.logical_message(lsn, "tx", b"x")
    if kind == "insert":
        return m.insert(oid, (lsn, "a"))
    if kind == "rekey":
        return m.update(oid, (lsn, "a"), key=(-lsn, None))
    return m.delete(oid, key=(lsn, None)) if kind == "delete" else m.truncate(oid)


@st.composite
def streams(draw: st.DrawFn) -> list[bytes]:
    """Return messages: transactions of changes and messages, other messages between them, and keepalives."""
    found, lsn = [], 100
    for xid, given_changes in enumerate(
        draw(st.lists(st.lists(st.tuples(changes, tables), max_size=5), max_size=4)), 1
    ):
        for _ in range(draw(st.integers(0, 2))):
            lsn += 10
            found.append(m.xlog(lsn - 10, m.logical_message(lsn, "alone", b"x", transactional=False)))
        commit = lsn + 50
        found += [m.xlog(lsn, described) for described in (m.begin(commit, xid), *TABLES)]
        found += [m.xlog(lsn + at, body(*change, lsn + at)) for at, change in enumerate(given_changes, 1)]
        lsn = commit + 8
        found.append(m.xlog(lsn, m.commit(commit, lsn)))
        if draw(st.booleans()):
            found.append(m.keepalive(lsn))
    return found


def told(batches: list[ChangeBatch]) -> list[Any]:
    """Return what was published: the rows with their numbers, by table, and what stands beside them, by topic."""
    rows = [
        (str(batch.row(at)[1].id), batch.row(at)[0], batch.transaction_block(at))
        for batch in batches
        for at in range(len(batch))
    ]
    records = [aside.record for batch in batches for aside in batch.asides]
    return [rows, [(record.topic, record.key, _steady(record.value)) for record in records]]


def _steady(value: Any) -> Any:
    """Return a value without what depends on when it was read."""
    if value.get("op") != "m":
        return value
    return value["source"]["lsn"], value["transaction"], value["message"]


def joined(one: list[Any], other: list[Any]) -> list[Any]:
    return [left + right for left, right in zip(one, other, strict=True)]


@given(streams(), st.integers(1, 6) | st.just(NO_LIMIT))
def test_the_same_however_the_stream_is_cut_into_batches(stream, max_rows):
    assert told(feed(PgOutputDecoder(beside=BESIDE), stream, max_rows=max_rows)) == told(
        feed(PgOutputDecoder(beside=BESIDE), stream)
    )


@given(streams(), st.data())
def test_the_same_though_it_is_resumed_anywhere(stream, data):
    """A first decoder reads up to anywhere; a second one knows what a stored offset says of that place, and reads all again."""
    first = PgOutputDecoder(beside=BESIDE)
    before = feed(first, stream[: data.draw(st.integers(0, len(stream)))])
    inside = first.in_transaction and first.ordinal > 0
    second = PgOutputDecoder(
        first.resume_lsn,
        (first.commit_lsn, first.ordinal) if inside else None,
        None,
        "",
        first.last_commit,
        BESIDE,
        first.counts if inside else {},
    )
    whole = told(feed(PgOutputDecoder(beside=BESIDE), stream))
    assert joined(told(before), told(feed(second, stream))) == whole
