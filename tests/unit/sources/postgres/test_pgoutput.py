"""The pgoutput decoder against messages written from the manual, and against the bytes of a real server."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from cdc.config import ConverterSettings
from cdc.converters.json import JsonConverter
from cdc.errors import ConversionError, DecodeError
from cdc.model.batch import ChangeBatch
from cdc.model.event import ABSENT, UNAVAILABLE, Transaction
from cdc.model.schema import FLOAT64, INT64, STRING
from cdc.model.table import Column
from cdc.sources.columns.numeric import DecimalDecoder
from cdc.sources.columns.row import RowPlan
from cdc.sources.columns.values import IntDecoder, TextDecoder
from cdc.sources.postgres.server.catalog import SOURCE_SCHEMA
from cdc.sources.postgres.stream.pgoutput import PgOutputDecoder
from cdc.sources.postgres.wal.relation import Relation, RelationColumn
from cdc.sources.postgres.wal.source_info import SOURCE_VARIABLES
from tests.unit.sources.postgres import messages as m
from tests.unit.sources.postgres.stream import CONSTANTS, INT8, NO_LIMIT, TEXT, changes, feed, plan, sources, table

COMMIT_US = 1_709_209_815_123_456
COLUMNS = [("id", INT8, -1, True), ("name", TEXT, -1, False), ("big", TEXT, -1, False)]


def transaction(*bodies: bytes, at: int = 1000, xid: int = 7) -> list[bytes]:
    """Return the messages of one transaction: changes 1, 2, … bytes behind `at`, commit record at + 100, end at + 110."""
    inside = [m.xlog(at + place, body) for place, body in enumerate(bodies, 1)]
    return [m.xlog(at, m.begin(at + 100, xid)), *inside, m.xlog(at + 110, m.commit(at + 100, at + 110))]


DESCRIBED = m.relation(1, "s", "t", COLUMNS)


def decode(*bodies: bytes, described: bytes = DESCRIBED, **options: Any) -> ChangeBatch:
    """Return the batch of one transaction on a table (id, name, big) with key id."""
    (batch,) = feed(PgOutputDecoder(), transaction(described, *bodies), **options)
    return batch


class TestOperations:
    def test_an_insert(self):
        batch = decode(m.insert(1, (1, "Jürgen", None)))
        assert changes(batch) == [("c", None, (1, "Jürgen", None))]
        assert batch.row(0)[4] == (1,)

    def test_an_update_without_old_row(self):
        assert changes(decode(m.update(1, (1, "", "b")))) == [("u", None, (1, "", "b"))]

    def test_an_update_with_the_whole_old_row(self):
        described = m.relation(1, "s", "t", [(name, kind, mod, True) for name, kind, mod, _ in COLUMNS], "f")
        batch = decode(m.update(1, (1, "new", None), old=(1, None, "b")), described=described)
        assert changes(batch) == [("u", (1, None, "b"), (1, "new", None))]

    def test_a_delete_by_key_leaves_the_other_columns_absent(self):
        batch = decode(m.delete(1, key=(5, None, None)))
        assert changes(batch) == [("d", (5, ABSENT, ABSENT), None), ("", None, None)]
        assert [batch.row(row)[4] for row in range(2)] == [(5,), (5,)]

    def test_a_delete_of_a_whole_row_keeps_its_nulls(self):
        batch = decode(m.delete(1, old=(5, None, "b")))
        assert changes(batch) == [("d", (5, None, "b"), None), ("", None, None)]

    def test_no_tombstones_when_they_are_switched_off(self):
        batch = decode(m.delete(1, key=(5, None, None)), tombstones=False)
        assert changes(batch) == [("d", (5, ABSENT, ABSENT), None)]

    def test_a_change_of_the_key_is_a_delete_a_tombstone_and_a_create(self):
        batch = decode(m.update(1, (6, "n", "b"), key=(5, None, None)))
        assert changes(batch) == [("d", (5, ABSENT, ABSENT), None), ("", None, None), ("c", None, (6, "n", "b"))]
        assert [batch.row(row)[4:6] for row in range(3)] == [((5,), (6,)), ((5,), (6,)), ((6,), (5,))]

    def test_a_change_of_the_key_without_tombstones(self):
        batch = decode(m.update(1, (6, "n", "b"), key=(5, None, None)), tombstones=False)
        assert [op for op, *_ in changes(batch)] == ["d", "c"]

    def test_an_old_key_that_did_not_change_leaves_it_an_update(self):
        assert changes(decode(m.update(1, (5, "n", "b"), key=(5, None, None)))) == [
            ("u", (5, ABSENT, ABSENT), (5, "n", "b"))
        ]

    def test_a_truncate_is_one_row_for_each_table(self):
        described = transaction(DESCRIBED, m.relation(2, "s", "other", COLUMNS), m.truncate(1, 2, cascade=True))
        (batch,) = feed(PgOutputDecoder(), described)
        assert [(op, of.id.table, key) for op, of, _, _, key, *_ in map(batch.row, range(2))] == [
            ("t", "t", None),
            ("t", "other", None),
        ]

    def test_rows_of_a_table_that_is_not_captured_are_passed(self):
        hidden = m.relation(2, "s", "hidden", COLUMNS)
        (batch,) = feed(
            PgOutputDecoder(),
            transaction(
                DESCRIBED, hidden, m.insert(2, (1, "a", "b")), m.truncate(1, 2), m.delete(2, key=(1, None, None))
            ),
        )
        assert [(op, of.id.table) for op, of, *_ in map(batch.row, range(len(batch)))] == [("t", "t")]

    def test_columns_that_are_not_captured_are_passed(self):
        chosen = table("big", "id", key=(1,))
        batch = decode(
            m.insert(1, (1, "secret", "b")),
            m.update(1, (2, None, m.UNCHANGED), key=(1, None, None)),
            plan=lambda _: plan(chosen, targets=(1, -1, 0)),
        )
        assert changes(batch) == [
            ("c", None, ("b", 1)),
            ("d", (ABSENT, 1), None),
            ("", None, None),
            ("c", None, (UNAVAILABLE, 2)),
        ]

    def test_a_column_that_does_not_come_over_the_wire_is_absent(self):
        wide = table("id", "name", "big", "later")
        batch = decode(m.insert(1, (1, "a", "b")), plan=lambda _: plan(wide, targets=(0, 1, 2)))
        assert changes(batch) == [("c", None, (1, "a", "b", ABSENT))]

    def test_type_names_and_logical_messages_are_no_rows(self):
        batch = decode(m.type_name(99, "s", "mood"), m.logical_message(5, "p", b"\0\xff"), m.insert(1, (1, "a", "b")))
        assert [op for op, *_ in changes(batch)] == ["c"]


class TestUnchangedValues:
    def test_a_value_stored_elsewhere_is_unavailable(self):
        assert changes(decode(m.update(1, (1, "n", m.UNCHANGED)))) == [("u", None, (1, "n", UNAVAILABLE))]

    def test_it_is_taken_from_the_old_row(self):
        batch = decode(m.update(1, (1, "n", m.UNCHANGED), old=(1, "m", "b" * 5000)))
        assert changes(batch) == [("u", (1, "m", "b" * 5000), (1, "n", "b" * 5000))]

    def test_a_null_in_the_old_row_is_taken_too(self):
        assert changes(decode(m.update(1, (1, "n", m.UNCHANGED), old=(1, "m", None))))[0][2] == (1, "n", None)

    def test_an_old_key_does_not_carry_it(self):
        batch = decode(m.update(1, (2, "n", m.UNCHANGED), key=(1, None, None)))
        assert changes(batch)[2] == ("c", None, (2, "n", UNAVAILABLE))

    def test_a_key_stored_elsewhere_comes_from_the_old_key(self):
        described = m.relation(1, "s", "t", [("name", TEXT, -1, True), ("note", TEXT, -1, False)])
        batch = decode(m.update(1, (m.UNCHANGED, "n"), key=("k" * 3000, None)), described=described)
        assert changes(batch) == [("u", ("k" * 3000, ABSENT), ("k" * 3000, "n"))]
        assert batch.row(0)[4] == ("k" * 3000,)

    def test_both_rows_may_lack_it(self):
        batch = decode(m.update(1, (1, "n", m.UNCHANGED), old=(1, "m", m.UNCHANGED)))
        assert changes(batch) == [("u", (1, "m", UNAVAILABLE), (1, "n", UNAVAILABLE))]


class TestSourceBlock:
    def test_its_fields_are_those_that_the_schema_leaves_open(self):
        open_fields = [field.name for field in SOURCE_SCHEMA.fields if field.name not in CONSTANTS]
        assert tuple(open_fields) == SOURCE_VARIABLES

    def test_the_first_transaction_has_no_commit_before_it(self):
        (source,) = sources(decode(m.insert(1, (1, "a", "b"))))
        assert source == {
            "ts_ms": COMMIT_US // 1000,
            "ts_us": COMMIT_US,
            "ts_ns": COMMIT_US * 1000,
            "snapshot": "false",
            "sequence": '[null,"1002"]',
            "txId": 7,
            "lsn": 1002,
            "origin": None,
            "origin_lsn": None,
        }

    def test_later_ones_name_the_end_of_the_commit_before(self):
        first, second = (
            transaction(DESCRIBED, m.insert(1, (1, "a", "b"))),
            transaction(m.insert(1, (2, "a", "b")), at=2000),
        )
        (batch,) = feed(PgOutputDecoder(last_commit=500), first + second)
        assert [source["sequence"] for source in sources(batch)] == ['["500","1002"]', '["1110","2001"]']

    def test_the_origin_of_a_replicated_transaction(self):
        replicated = transaction(m.origin(42, "öther"), DESCRIBED, m.insert(1, (1, "a", "b")))
        own = transaction(m.insert(1, (2, "a", "b")), at=2000)
        (batch,) = feed(PgOutputDecoder(), replicated + own)
        assert [(s["origin"], s["origin_lsn"]) for s in sources(batch)] == [("öther", 42), (None, None)]

    def test_large_numbers(self):
        lsn, xid = 2**63 - 200, 2**32 - 1
        (batch,) = feed(PgOutputDecoder(), transaction(DESCRIBED, m.insert(1, (-(2**63), "a", "b")), at=lsn, xid=xid))
        assert sources(batch)[0]["lsn"] == lsn + 2
        assert sources(batch)[0]["txId"] == xid
        assert changes(batch)[0][2] == (-(2**63), "a", "b")


class TestRelations:
    def test_what_it_says(self):
        decoder = PgOutputDecoder()
        columns = [("id", INT8, -1, True), ("amount", 1700, 655366, False), ("mood", 2**32 - 1, 4, False)]
        taken = decoder.feed(
            [m.xlog(1, m.relation(2**32 - 1, "", "täble", columns, "f")), b"?"], 0, ChangeBatch(), 1, 1
        )
        assert taken == 1
        assert decoder.unresolved == Relation(
            2**32 - 1,
            "pg_catalog",
            "täble",
            "f",
            (
                RelationColumn("id", INT8, -1, True),
                RelationColumn("amount", 1700, 655366, False),
                RelationColumn("mood", 2**32 - 1, 4, False),
            ),
        )
        assert decoder.unresolved.schema == "pg_catalog", "pgoutput sends no schema for the system's own"

    def test_a_new_description_counts_from_the_next_row_on(self):
        batch = decode(
            m.insert(1, (1, "a", "b")),
            m.relation(1, "s", "t", COLUMNS[:1]),
            m.insert(1, (2,)),
            DESCRIBED,
            m.insert(1, (3, "c", "d")),
        )
        assert [after for _, _, after in changes(batch)] == [(1, "a", "b"), (2,), (3, "c", "d")]
        assert len(batch.tables) == 3

    def test_a_row_of_an_unknown_relation_is_an_error(self):
        with pytest.raises(DecodeError, match="relation 9, which was not described"):
            decode(m.insert(9, (1,)))

    def test_a_row_of_another_width_is_an_error(self):
        with pytest.raises(DecodeError, match=r"s\.t has 2 columns, its relation 3"):
            decode(m.insert(1, (1, "a")))

    def test_a_negative_number_of_columns_is_an_error(self):
        body = m.relation(1, "s", "t", [])[:-2] + b"\xff\xff"
        with pytest.raises(DecodeError, match="-1 columns"):
            decode(described=body)


class TestTransactions:
    def test_what_is_known_of_one(self):
        decoder = PgOutputDecoder()
        (batch,) = feed(decoder, transaction(DESCRIBED, m.insert(1, (1, "a", "b")), m.delete(1, key=(1, None, None))))
        assert batch.transactions == [Transaction("7:1110", 3, COMMIT_US, 1110)]
        assert (decoder.resume_lsn, decoder.last_commit, decoder.commit_lsn) == (1110, 1110, 1100)
        assert (decoder.xid, decoder.commit_us, decoder.event_lsn) == (7, COMMIT_US, 1003)
        assert (decoder.operation, decoder.ordinal, decoder.in_transaction) == ("d", 2, False)

    def test_one_without_changes_still_moves_the_position(self):
        decoder = PgOutputDecoder(50)
        (batch,) = feed(decoder, transaction())
        assert batch.transactions == [Transaction("7:1110", 0, COMMIT_US, 1110)]
        assert batch.boundary
        assert decoder.resume_lsn == 1110

    def test_several_in_one_batch(self):
        first, second = (
            transaction(DESCRIBED, m.insert(1, (1, "a", "b"))),
            transaction(m.insert(1, (2, "a", "b")), at=2000),
        )
        (batch,) = feed(PgOutputDecoder(), first + second)
        assert [(t.rows, t.end) for t in batch.transactions] == [(1, 1110), (2, 2110)]

    def test_one_that_is_open_is_no_boundary(self):
        decoder = PgOutputDecoder()
        (batch,) = feed(decoder, transaction(DESCRIBED, m.insert(1, (1, "a", "b")))[:-1])
        assert decoder.in_transaction
        assert not batch.boundary
        assert batch.transactions == []
        assert decoder.resume_lsn == 0

    @pytest.mark.parametrize(
        ("messages", "fact"),
        [
            ([m.begin(100, 1), m.begin(200, 2)], "a transaction begins inside another"),
            ([m.commit(100, 110)], "a commit has no transaction before it"),
            ([DESCRIBED, m.insert(1, (1, "a", "b"))], "a change stands outside a transaction"),
            ([DESCRIBED, m.truncate(1)], "a change stands outside a transaction"),
            ([b"Z"], "unknown kind 0x5a"),
            (
                [m.begin(100, 1), DESCRIBED, m.insert(1, (1, "a", "b")).replace(b"N", b"X", 1)],
                "begins with 0x58 and not with 'N'",
            ),
            ([m.begin(100, 1), DESCRIBED, m.delete(1)], "ends inside a byte"),
            ([m.begin(100, 1), DESCRIBED, m.delete(1) + b"N"], "begins with 0x4e and not with an old row"),
            ([m.begin(100, 1), DESCRIBED, m.insert(1, (1, "a", None))[:-1] + b"z"], "of unknown kind 0x7a"),
            ([m.begin(100, 1), DESCRIBED, m.insert(1, ("one", "a", "b"))], "integer"),
        ],
    )
    def test_what_follows_no_protocol(self, messages, fact):
        with pytest.raises(DecodeError, match=fact) as caught:
            feed(PgOutputDecoder(), [m.xlog(1, body) for body in messages])
        assert caught.value.remedy

    def test_an_unknown_kind_of_copy_data(self):
        with pytest.raises(DecodeError, match="unknown kind 0x78"):
            feed(PgOutputDecoder(), [b"x" + m.xlog(1, b"")[1:]])


class TestKeepalives:
    def test_outside_a_transaction_it_moves_the_position(self):
        decoder = PgOutputDecoder(50)
        feed(decoder, [m.keepalive(70)])
        assert (decoder.resume_lsn, decoder.server_end, decoder.reply_requested) == (70, 70, False)

    def test_it_never_moves_back(self):
        decoder = PgOutputDecoder(50)
        feed(decoder, [m.keepalive(40)])
        assert decoder.resume_lsn == 50

    def test_inside_a_transaction_it_does_not(self):
        decoder = PgOutputDecoder(50)
        opened = transaction(DESCRIBED, m.insert(1, (1, "a", "b")))
        (batch,) = feed(decoder, [*opened[:2], m.keepalive(999_999), *opened[2:]])
        assert decoder.resume_lsn == 1110
        assert decoder.server_end == 999_999
        assert len(batch) == 1

    def test_a_request_for_a_reply_stands_until_it_is_answered(self):
        decoder = PgOutputDecoder()
        feed(decoder, [m.keepalive(70, reply=True), m.keepalive(71)])
        assert decoder.reply_requested
        decoder.replied()
        assert not decoder.reply_requested

    def test_xlog_data_says_how_far_the_server_is(self):
        decoder = PgOutputDecoder()
        feed(decoder, [m.xlog(10, m.begin(100, 1), end=5000)])
        assert decoder.server_end == 5000


class TestResuming:
    def both(self) -> list[bytes]:
        first = transaction(DESCRIBED, m.insert(1, (1, "a", "b")))
        return first + transaction(m.insert(1, (2, "a", "b")), at=2000)

    @pytest.mark.parametrize(("resume", "ids"), [(0, [1, 2]), (1100, [1, 2]), (1101, [2]), (1110, [2]), (2101, [])])
    def test_transactions_that_committed_before_are_passed_over(self, resume, ids):
        decoder = PgOutputDecoder(resume, last_commit=5)
        (batch,) = feed(decoder, self.both())
        assert [after[0] for _, _, after in changes(batch) if after] == ids
        assert len(batch.transactions) == len(ids)
        assert decoder.last_commit == (2110 if ids else 5)
        assert decoder.resume_lsn == 2110

    def test_what_a_snapshot_has_seen_is_passed_over(self):
        asked = []

        def visible(commit_lsn: int, xid: int) -> bool:
            asked.append((commit_lsn, xid))
            return xid == 7

        seen, unseen = self.both()[:4], transaction(m.insert(1, (2, "a", "b")), at=2000, xid=8)
        (batch,) = feed(PgOutputDecoder(visible=visible), seen + unseen)
        assert [after[0] for _, _, after in changes(batch) if after] == [2]
        assert asked == [(1100, 7), (2100, 8)]
        assert [t.id for t in batch.transactions] == ["8:2110"]

    def test_operations_that_are_left_out_still_count(self):
        bodies = (DESCRIBED, m.insert(1, (1, "a", "b")), m.delete(1, key=(1, None, None)), m.truncate(1))
        decoder = PgOutputDecoder(skipped="td")
        (batch,) = feed(decoder, transaction(*bodies, m.update(1, (1, "c", "d"))))
        assert [op for op, *_ in changes(batch)] == ["c", "u"]
        assert decoder.ordinal == 4

    def test_the_published_part_of_a_transaction_is_passed_over(self):
        inserts = [m.insert(1, (number, "a", "b")) for number in range(1, 6)]
        decoder = PgOutputDecoder(900, partial=(1100, 3))
        (batch,) = feed(decoder, transaction(DESCRIBED, *inserts))
        assert [after[0] for _, _, after in changes(batch) if after] == [4, 5]
        assert decoder.ordinal == 5

    def test_a_part_belongs_to_one_transaction_only(self):
        inserts = [m.insert(1, (number, "a", "b")) for number in range(1, 4)]
        before = transaction(DESCRIBED, *inserts, at=500)
        batches = feed(
            PgOutputDecoder(500, partial=(1100, 2)), [*before, *transaction(*inserts), *transaction(*inserts, at=2000)]
        )
        assert [[after[0] for _, _, after in changes(batch) if after] for batch in batches] == [[1, 2, 3, 3], [1, 2, 3]]

    def test_a_change_of_several_rows_counts_once(self):
        bodies = (m.update(1, (2, "a", "b"), key=(1, None, None)), m.insert(1, (3, "a", "b")))
        (batch,) = feed(PgOutputDecoder(0, partial=(1100, 1)), transaction(DESCRIBED, *bodies))
        assert changes(batch) == [("c", None, (3, "a", "b"))]

    def test_changes_of_uncaptured_tables_count_as_well(self):
        hidden = m.relation(2, "s", "hidden", COLUMNS)
        bodies = (m.insert(2, (1, "a", "b")), m.insert(1, (2, "a", "b")), m.insert(1, (3, "a", "b")))
        (batch,) = feed(PgOutputDecoder(0, partial=(1100, 2)), transaction(DESCRIBED, hidden, *bodies))
        assert [after[0] for _, _, after in changes(batch) if after] == [3]

    def test_the_end_of_a_part_is_alone_in_its_batch(self):
        rest = transaction(DESCRIBED, m.insert(1, (1, "a", "b")), m.insert(1, (2, "a", "b")))
        batches = feed(PgOutputDecoder(0, partial=(1100, 1)), rest + transaction(m.insert(1, (3, "a", "b")), at=2000))
        assert [len(batch) for batch in batches] == [1, 1]


class TestCutting:
    def stream(self) -> list[bytes]:
        inserts = [m.insert(1, (number, "a", "b")) for number in range(5)]
        return transaction(DESCRIBED, *inserts) + transaction(m.insert(1, (9, "a", "b")), at=2000)

    def test_a_batch_ends_at_its_rows(self):
        batches = feed(PgOutputDecoder(), self.stream(), max_rows=2)
        assert [len(batch) for batch in batches] == [2, 2, 1, 1]
        assert [batch.boundary for batch in batches] == [False, False, True, True]

    def test_a_batch_ends_at_its_bytes(self):
        batches = feed(PgOutputDecoder(), self.stream(), max_size=1)
        assert [len(batch) for batch in batches] == [1, 1, 1, 1, 1, 0, 1, 0]

    def test_the_batch_with_the_end_of_a_split_transaction_holds_nothing_behind_it(self):
        batches = feed(PgOutputDecoder(), self.stream(), max_rows=3)
        assert [[after[0] for _, _, after in changes(batch) if after] for batch in batches] == [[0, 1, 2], [3, 4], [9]]
        assert [len(batch.transactions) for batch in batches] == [0, 1, 1]

    def test_a_cut_between_transactions_changes_nothing(self):
        decoder = PgOutputDecoder()
        feed(decoder, transaction(DESCRIBED))
        decoder.cut()
        two = transaction(m.insert(1, (1, "a", "b")), at=2000) + transaction(m.insert(1, (2, "a", "b")), at=3000)
        assert [len(batch) for batch in feed(decoder, two)] == [2]

    def test_a_full_batch_takes_nothing(self):
        decoder, batch = PgOutputDecoder(), ChangeBatch()
        assert decoder.feed(self.stream(), 0, batch, 0, NO_LIMIT) == 0
        assert not decoder.in_transaction

    def test_decoding_goes_on_where_a_relation_interrupted_it(self):
        decoder, batch = PgOutputDecoder(), ChangeBatch()
        stream = self.stream()
        assert decoder.feed(stream, 0, batch, NO_LIMIT, NO_LIMIT) == 2
        decoder.bind(1, plan(table("id", "name", "big")))
        assert decoder.feed(stream, 2, batch, NO_LIMIT, NO_LIMIT) == len(stream)
        assert len(batch) == 6


class TestNullsInRequiredColumns:
    """The catalogue is read later than the row was written: a column may have become NOT NULL, with a default, in between."""

    def plan(self) -> RowPlan:
        name = Column("name", STRING.with_default("x"))
        of = replace(table("id", "name"), columns=(Column("id", INT64), name))
        return RowPlan(of, [IntDecoder(), TextDecoder()], (0, 1))

    def test_the_column_is_optional_from_that_row_on(self):
        plan = self.plan()
        bodies = [m.insert(1, (1, "a")), m.insert(1, (2, None)), m.insert(1, (3, "c"))]
        batch = decode(*bodies, plan=lambda _: plan)
        assert [after for _, _, after in changes(batch)] == [(1, "a"), (2, None), (3, "c")]
        schemas = [batch.row(at)[1].columns[1].schema for at in range(3)]
        assert [(schema.optional, schema.default) for schema in schemas] == [(False, "x"), (True, None), (True, None)]
        assert batch.row(2)[1].columns[0].schema == INT64, "the other columns stay as they are"

    def test_a_null_in_the_old_row_counts_too(self):
        plan = self.plan()
        batch = decode(m.update(1, (1, "b"), old=(1, None)), plan=lambda _: plan)
        assert batch.row(0)[1].columns[1].schema.optional

    def test_what_an_old_key_leaves_out_is_no_null(self):
        plan = self.plan()
        batch = decode(m.delete(1, key=(1, None)), plan=lambda _: plan)
        assert not batch.row(0)[1].columns[1].schema.optional


class TestUnconvertibleValues:
    """A value that its schema cannot carry: NaN in a decimal."""

    def decode(self, on_error: str, *bodies: bytes) -> ChangeBatch:
        chosen = table("id", "amount", "big")
        decoders = [IntDecoder(), DecimalDecoder(2), TextDecoder()]
        return decode(*bodies, plan=lambda _: RowPlan(chosen, list(decoders), (0, 1, 2), on_error))

    def test_warn_makes_it_null_and_notes_it(self):
        batch = self.decode("warn", m.insert(1, (1, "NaN", "b")), m.insert(1, (2, "1.5", "b")))
        assert [after for _, _, after in changes(batch)] == [(1, None, "b"), (2, Decimal("1.50"), "b")]
        (problem,) = batch.problems
        assert (problem.table, problem.column, problem.value) == ("s.t", "amount", "NaN")
        assert "finite numbers" in problem.reason

    def test_skip_makes_it_null_without_a_word(self):
        batch = self.decode("skip", m.insert(1, (1, "NaN", "b")), m.update(1, (2, "1.5", "b"), old=(2, "NaN", None)))
        assert changes(batch) == [("c", None, (1, None, "b")), ("u", (2, None, None), (2, Decimal("1.50"), "b"))]
        assert batch.problems == []

    def test_fail_raises_and_says_where(self):
        with pytest.raises(ConversionError, match=r"s\.t\.amount: the numeric NaN") as caught:
            self.decode("fail", m.insert(1, (1, "NaN", "b")))
        assert caught.value.remedy

    def test_keep_leaves_the_servers_text_and_notes_the_row(self):
        first, second = m.insert(1, (1, "1.5", "b")), m.update(1, (3, "Infinity", "b"), old=(2, "NaN", "b"))
        batch = self.decode("keep", first, second)
        assert [row[2:4] for row in map(batch.row, range(len(batch)))] == [
            (None, (1, Decimal("1.50"), "b")),
            ((2, b"NaN", "b"), None),
            (None, None),
            (None, (3, b"Infinity", "b")),
        ]
        assert [(found.column, found.value, found.row) for found in batch.problems] == [
            ("amount", "NaN", 1),
            ("amount", "Infinity", 1),
        ]
        assert all(found.remedy for found in batch.problems)

    def test_keep_leaves_text_where_the_schema_is_not_one_of_text(self):
        of = replace(table("id", "amount"), columns=(Column("id", INT64), Column("amount", FLOAT64)))
        batch = decode(
            m.insert(1, (1, "NaN")), plan=lambda _: RowPlan(of, [IntDecoder(), DecimalDecoder(2)], (0, 1), "keep")
        )
        assert batch.row(0)[3] == (1, "NaN")
        with pytest.raises(ConversionError, match="amount holds a text of size 3, which its schema cannot carry"):
            JsonConverter(ConverterSettings(), ConverterSettings(), (), b"").convert(batch)

    def test_a_long_value_is_shortened_in_the_note(self):
        batch = self.decode("warn", m.insert(1, (1, "0." + "1" * 1000, "b")))
        assert batch.problems[0].value == "0." + "1" * 62


def failure(decoder: PgOutputDecoder, message: memoryview) -> DecodeError | None:
    try:
        feed(decoder, [message])
    except DecodeError as error:
        return error
    return None


class TestDamage:
    WHOLE = (
        *transaction(
            m.origin(42, "far"),
            m.type_name(9, "s", "mood"),
            DESCRIBED,
            m.insert(1, (1, "a", None)),
            m.update(1, (1, m.UNCHANGED, "b"), old=(1, "x", None)),
            m.update(1, (2, "c", "b"), key=(1, None, None)),
            m.delete(1, key=(2, None, None)),
            m.truncate(1, 1),
        ),
        m.keepalive(5000, reply=True),
    )

    @pytest.mark.parametrize("place", range(len(WHOLE)))
    def test_every_message_cut_at_every_byte(self, place):
        whole = self.WHOLE[place]
        refused = 0
        for size in range(len(whole)):
            decoder = PgOutputDecoder()
            feed(decoder, self.WHOLE[:place])
            # A slice of a larger message: what lies behind its end must not be read.
            error = failure(decoder, memoryview(whole)[:size])
            if error is not None:
                refused += 1
                assert 0 <= error.offset <= size
        assert refused >= 17, "at least the frame of a message must be needed"

    def test_a_size_beyond_the_message(self):
        body = m.insert(1, (1, "a", "b"))
        for size in (0x7FFFFFFF, 0x80000000, 0xFFFFFFFF):
            with pytest.raises(DecodeError, match="ends inside a value"):
                decode(body[:-5] + size.to_bytes(4, "big") + b"b")

    def test_the_error_names_the_column(self):
        with pytest.raises(DecodeError, match=r"s\.t\.id: .* no 64-bit integer at byte 1 of 3") as caught:
            decode(m.insert(1, ("1x1", "a", "b")))
        assert (caught.value.offset, caught.value.window) == (1, "31 78 31")

    def test_the_error_shows_the_place(self):
        with pytest.raises(DecodeError) as caught:
            decode(m.insert(1, (1, "abc", None))[:-1] + b"?")
        assert "at byte" in str(caught.value)
        assert "61 62 63 3f" in caught.value.window


# What PostgreSQL 18.6 sent, by pg_logical_slot_get_binary_changes, for the statements beside it.
A = "520000420b7075626c69630061006400030169640000000014ffffffff006e616d650000000019ffffffff006269670000000019ffffffff"
F = "52000042137075626c69630066006600020169640000000014ffffffff016e6f74650000000019ffffffff"
REAL: list[tuple[int, str]] = [
    (0xEB917E8, "42000000000eb91e10000303db21c9ac9000001fe7"),
    (0xEB917E8, A),
    # insert into a values (1, 'Jürgen', repeat('x', 3000)), (2, null, '')
    (0xEB917E8, "490000420b4e000374000000013174000000074ac3bc7267656e7400000bb8" + "78" * 3000),
    (0xEB918E8, "490000420b4e00037400000001326e7400000000"),
    (0xEB91998, F),
    # insert into f values (7, 'one'), (null, null)
    (0xEB91998, "49000042134e000274000000013774000000036f6e65"),
    (0xEB919E0, "49000042134e00026e6e"),
    # update a set name = 'J' where id = 1; update a set id = 3 where id = 2
    (0xEB91A50, "550000420b4e000374000000013174000000014a75"),
    (0xEB91AB0, "550000420b4b00037400000001326e6e4e00037400000001336e7400000000"),
    # update f set note = 'two' where id = 7
    (0xEB91B50, "55000042134f000274000000013774000000036f6e654e0002740000000137740000000374776f"),
    # delete from a where id = 1; delete from f where id is null; commit
    (0xEB91D18, "440000420b4b00037400000001316e6e"),
    (0xEB91DD0, "44000042134f00026e6e"),
    (0xEB91E40, "4300000000000eb91e10000000000eb91e40000303db21c9ac90"),
    # truncate a, f
    (0xEB932B0, "42000000000eb93398000303db21c9b39b00001fe9"),
    (0xEB932B0, A),
    (0xEB932B0, F),
    (0xEB932B0, "5400000002000000420b00004213"),
    (0xEB935D8, "4300000000000eb93398000000000eb935d8000303db21c9b39b"),
    # pg_replication_origin_xact_setup('1/2A', '2024-02-29 12:00:00+00'); insert into f values (8, 'from afar')
    (0xEB93608, "42000000000eb938000002b582c478100000001feb"),
    (0xEB93608, "4f000000010000002a6f74686572207369646500"),
    (0xEB93608, F),
    (0xEB93608, "49000042134e0002740000000138740000000966726f6d2061666172"),
    (0xEB93848, "4300000000000eb93800000000000eb938480002b582c4781000"),
]


class TestARealServer:
    def test_its_bytes(self):
        (batch,) = feed(PgOutputDecoder(), [m.xlog(lsn, bytes.fromhex(body)) for lsn, body in REAL])
        long = "x" * 3000
        assert [
            (of.id.table, op, before, after) for op, of, before, after, *_ in map(batch.row, range(len(batch)))
        ] == [
            ("a", "c", None, (1, "Jürgen", long)),
            ("a", "c", None, (2, None, "")),
            ("f", "c", None, (7, "one")),
            ("f", "c", None, (None, None)),
            ("a", "u", None, (1, "J", UNAVAILABLE)),
            ("a", "d", (2, ABSENT, ABSENT), None),
            ("a", "", None, None),
            ("a", "c", None, (3, None, "")),
            ("f", "u", (7, "one"), (7, "two")),
            ("a", "d", (1, ABSENT, ABSENT), None),
            ("a", "", None, None),
            ("f", "d", (None, None), None),
            ("f", "", None, None),
            ("a", "t", None, None),
            ("f", "t", None, None),
            ("f", "c", None, (8, "from afar")),
        ]
        assert [(t.id, t.rows) for t in batch.transactions] == [
            ("8167:247012928", 13),
            ("8169:247018968", 15),
            ("8171:247019592", 16),
        ]
        assert [(s["origin"], s["origin_lsn"]) for s in sources(batch)[-2:]] == [
            (None, None),
            ("other side", (1 << 32) + 0x2A),
        ]
        assert sources(batch)[-1]["ts_us"] == 1_709_208_000_000_000

    def test_its_description_of_a_table(self):
        decoder = PgOutputDecoder()
        decoder.feed([m.xlog(1, bytes.fromhex(A))], 0, ChangeBatch(), 1, NO_LIMIT)
        assert decoder.unresolved == Relation(
            0x420B,
            "public",
            "a",
            "d",
            (
                RelationColumn("id", INT8, -1, True),
                RelationColumn("name", TEXT, -1, False),
                RelationColumn("big", TEXT, -1, False),
            ),
        )
