"""Enums that change while the stream runs, which no message of it says."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from cdc.model.batch import ChangeBatch
from cdc.model.schema import INT64, STRING
from cdc.model.table import Column, Table, TableId
from cdc.sources.columns.hiding import HashDecoder, MaskDecoder, TruncatedDecoder, TwinDecoder
from cdc.sources.columns.row import RowPlan
from cdc.sources.columns.values import EnumDecoder, IntDecoder, TextDecoder, UnknownLabel, ValueDecoder, decode_text
from cdc.sources.postgres.server.catalog import SOURCE_SCHEMA
from cdc.sources.postgres.snapshot.copy import CopyDecoder
from cdc.sources.postgres.stream.pgoutput import PgOutputDecoder
from cdc.sources.postgres.wal.source_info import SourceInfo
from tests.unit.sources.postgres import messages as m
from tests.unit.sources.postgres.stream import CONSTANTS, INT8, changes, feed

MOOD, OTHER = 16384, 16385
DESCRIBED = m.relation(1, "s", "t", [("id", INT8, -1, True), ("mood", MOOD, -1, False), ("other", OTHER, -1, False)])


class Enums:
    """A catalogue with two enums that have one label more each time that they are read."""

    def __init__(self, *moods: str, renewable: bool = True) -> None:
        self.moods = list(moods)
        self.known: list[str] = []
        self.reads = 0
        self.renewable = renewable

    def plan(self, _relation: object) -> RowPlan:
        self.reads += 1
        if self.moods:
            self.known.append(self.moods.pop(0))
        schema = STRING.as_optional()
        columns = (Column("id", INT64), Column("mood", schema), Column("other", schema))
        table = Table(TableId("s", "t"), f"p.s.t{self.reads}", columns, (0,), SOURCE_SCHEMA, CONSTANTS)
        decoders: list[ValueDecoder | None] = [IntDecoder(), EnumDecoder(self.known), EnumDecoder(("x",))]
        return RowPlan(table, decoders, (0, 1, 2), renewable=self.renewable)


def stream(*bodies: bytes) -> list[bytes]:
    inside = [m.xlog(1000 + place, body) for place, body in enumerate(bodies, 1)]
    return [m.xlog(1000, m.begin(1100, 7)), m.xlog(1000, DESCRIBED), *inside, m.xlog(1110, m.commit(1100, 1110))]


def test_a_new_label_is_looked_up_before_its_row_is_decoded():
    enums = Enums("sad", "ok")
    decoder = PgOutputDecoder()
    (batch,) = feed(decoder, stream(m.insert(1, (1, "sad", "x")), m.insert(1, (2, "ok", "x"))), plan=enums.plan)
    assert [after for _, _, after in changes(batch)] == [(1, "sad", "x"), (2, "ok", "x")]
    assert [batch.row(row)[1].topic for row in range(2)] == ["p.s.t1", "p.s.t2"]
    assert enums.reads == 2


def test_changes_are_counted_once():
    decoder = PgOutputDecoder()
    messages = stream(m.insert(1, (1, "sad", "x")), m.insert(1, (2, "ok", "x")))
    feed(decoder, messages[:-1], plan=Enums("sad", "ok").plan)
    assert decoder.ordinal == 2


def test_a_label_that_the_catalogue_does_not_know_any_more_is_taken():
    enums = Enums("happy")
    rows = [m.insert(1, (1, "sad", "gone")), m.insert(1, (2, "sad", "gone")), m.insert(1, (3, "happy", "lost"))]
    (batch,) = feed(PgOutputDecoder(), stream(*rows), plan=enums.plan)
    assert [after for _, _, after in changes(batch)] == [(1, "sad", "gone"), (2, "sad", "gone"), (3, "happy", "lost")]
    assert enums.reads == 3  # at first, for "sad" and "gone", and for "lost"


def test_a_snapshot_takes_a_label_that_came_while_it_was_read():
    batch = ChangeBatch()
    CopyDecoder(Enums("sad", renewable=False).plan(None), SourceInfo(), 1).feed([b"1\tok\tx\n"], batch, b"true")
    assert [after for _, _, after in changes(batch)] == [(1, "ok", "x")]


def hashed(text: str) -> str:
    return hashlib.sha256(b"salt" + text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        (lambda enum: HashDecoder(enum, "sha256", b"salt"), hashed),
        (lambda enum: TruncatedDecoder(enum, 2), lambda text: text[:2]),
        (lambda enum: MaskDecoder(enum, b"***"), lambda _: "***"),
    ],
)
@pytest.mark.parametrize("in_key", [False, True])
def test_an_enum_grows_behind_a_rule_on_its_column(change, shown, in_key):
    """The label is looked up where it is seen at all: a mask does not look, unless the key shows what is behind it."""
    enums = Enums("sad", "happy")

    def plan(relation: object) -> RowPlan:
        found = enums.plan(relation)
        number, mood, _ = found.decoders
        assert found.table is not None
        assert mood is not None
        key_only = Column("mood", STRING.as_optional(), key_only=True)
        table = replace(found.table, columns=(*found.table.columns, key_only), key=(0, 3) if in_key else (0,))
        covered = TwinDecoder(change(mood), mood, 2) if in_key else change(mood)
        return RowPlan(table, [number, covered, TextDecoder()], (0, 1, 2), renewable=True)

    rows = [m.insert(1, (1, "sad", "x")), m.insert(1, (2, "happy", "x")), m.insert(1, (3, "gone", "x"))]
    (batch,) = feed(PgOutputDecoder(), stream(*rows), plan=plan)
    found = [batch.row(row) for row in range(len(batch))]
    assert [row[3] and row[3][1] for row in found] == [shown(text) for text in ("sad", "happy", "gone")]
    assert [row[4] for row in found] == [(1, "sad"), (2, "happy"), (3, "gone")] if in_key else [(1,), (2,), (3,)]
    assert batch.problems == []
    assert enums.reads == (1 if shown("sad") == "***" and not in_key else 3)


def test_labels_may_hold_anything():
    decoder = EnumDecoder(["it's, fine", "süß", ""])
    assert [decode_text(decoder, label.encode()) for label in ("süß", "", "it's, fine")] == ["süß", "", "it's, fine"]
    with pytest.raises(UnknownLabel, match="'sad'"):
        decode_text(decoder, b"sad")
