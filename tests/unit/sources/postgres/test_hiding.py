"""Values that are cut, masked, hashed and decoded twice; hashes are those that Debezium's documentation and tests show."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdc.errors import ConversionError
from cdc.model.event import ABSENT, UNAVAILABLE
from cdc.model.schema import BYTES, STRING
from cdc.model.table import Column, Table, TableId
from cdc.sources.columns.hiding import HashDecoder, MaskDecoder, TruncatedDecoder, TwinDecoder
from cdc.sources.columns.numeric import DecimalDecoder
from cdc.sources.columns.row import RowPlan
from cdc.sources.columns.values import IntDecoder, TextDecoder, decode_text
from cdc.sources.postgres.server.catalog import SOURCE_SCHEMA
from cdc.sources.postgres.stream.pgoutput import PgOutputDecoder
from cdc.sources.postgres.values.binary import BytesDecoder
from tests.unit.sources.postgres import messages as m
from tests.unit.sources.postgres.stream import CONSTANTS, feed

DEBEZIUM_SALT = b"CzQMA0cB5K"


def shown(decoder, text):
    return decode_text(decoder, text.encode())


def decoded(plan, *bodies):
    """Return the batch of one transaction on a table whose rows are decoded by a plan."""
    described = m.relation(1, "s", "t", [(f"c{at}", 25, -1, at == 0) for at in range(len(plan.decoders))])
    messages = [m.begin(100, 7), described, *bodies, m.commit(100, 110)]
    (batch,) = feed(PgOutputDecoder(), [m.xlog(1, body) for body in messages], plan=lambda _: plan)
    return batch


def row_of(*decoders, columns=("id", "v"), on_error="warn"):
    """Return the plan of rows with a number and a text, decoded by these decoders."""
    described = (Column("id", STRING), Column("v", STRING.as_optional()))
    of = Table(TableId("s", "t"), "p.s.t", described[: len(columns)], (0,), SOURCE_SCHEMA, CONSTANTS)
    return RowPlan(of, list(decoders), tuple(range(len(decoders))), on_error)


class TestTruncation:
    @pytest.mark.parametrize(
        ("text", "length", "kept"),
        [
            ("hello", 3, "hel"),
            ("hello", 5, "hello"),
            ("hello", 0, ""),
            ("héllo", 2, "hé"),
            ("日本語", 2, "日本"),
            ("a😀b", 1, "a"),
            ("a😀b", 2, "a"),
            ("a😀b", 3, "a😀"),
            ("a😀b", 4, "a😀b"),
        ],
    )
    def test_text_ends_before_the_character_that_does_not_fit(self, text, length, kept):
        assert shown(TruncatedDecoder(TextDecoder(), length), text) == kept

    @given(st.text(st.characters(codec="utf-8")), st.integers(0, 12))
    def test_what_is_left_is_the_longest_prefix_in_utf_16(self, text, length):
        kept = shown(TruncatedDecoder(TextDecoder(), length), text)
        assert text.startswith(kept)
        assert len(kept.encode("utf-16-le")) // 2 <= length
        longer = text[: len(kept) + 1]
        assert longer == kept or len(longer.encode("utf-16-le")) // 2 > length

    def test_bytes_end_after_as_many_bytes(self):
        assert shown(TruncatedDecoder(BytesDecoder(), 2), r"\x010203") == b"\x01\x02"

    def test_other_values_are_whole(self):
        assert shown(TruncatedDecoder(IntDecoder(), 2), "123456") == 123456


class TestHash:
    @pytest.mark.parametrize(
        ("text", "length", "digest"),
        [
            ("test", 20, "8e68c68edbbac316dfe2"),
            ("hello", 20, "b4d39ab0d198fb4cac8b"),
            ("sally.thomas@acme.com", 0, "d540e71abf15be8b51c7967397ba359db27d6f6ae85a297fe8d0d7005ffd0e82"),
        ],
    )
    def test_the_first_version_is_that_of_debeziums_tests(self, text, length, digest):
        assert shown(HashDecoder(TextDecoder(), "sha256", DEBEZIUM_SALT, length, serialized=True), text) == digest

    def test_the_second_version_hashes_salt_and_text(self):
        found = shown(HashDecoder(TextDecoder(), "sha512", b"salt"), "grün")
        assert found == hashlib.sha512("saltgrün".encode()).hexdigest()

    @pytest.mark.parametrize(
        ("text", "serialized"),
        [
            ("é", b"\xac\xed\x00\x05t\x00\x02\xc3\xa9"),
            ("a😀", b"\xac\xed\x00\x05t\x00\x07a\xed\xa0\xbd\xed\xb8\x80"),
            ("x" * 65536, b"\xac\xed\x00\x05|\x00\x00\x00\x00\x00\x01\x00\x00" + b"x" * 65536),
        ],
        ids=["two bytes", "a surrogate pair", "a long text"],
    )
    def test_the_first_version_hashes_what_javas_serialisation_writes(self, text, serialized):
        found = shown(HashDecoder(TextDecoder(), "md5", b"s", serialized=True), text)
        assert found == hashlib.md5(b"s" + serialized, usedforsecurity=False).hexdigest()

    def test_null_stays_null(self):
        plan = row_of(TextDecoder(), HashDecoder(TextDecoder(), "sha256", b"s"))
        batch = decoded(plan, m.insert(1, ("1", None)), m.insert(1, ("2", "secret")))
        assert [batch.row(at)[3] for at in range(2)] == [("1", None), ("2", hashlib.sha256(b"ssecret").hexdigest())]

    def test_the_text_itself_stays_in_no_batch(self):
        plan = row_of(TextDecoder(), HashDecoder(TextDecoder(), "sha256", b"s"))
        short, long = (decoded(plan, m.insert(1, ("1", "x" * size))).size for size in (1, 10_000))
        assert short == long


class TestMask:
    def test_it_stands_for_every_value_and_for_null(self):
        plan = row_of(TextDecoder(), MaskDecoder(TextDecoder(), b"*****"))
        batch = decoded(plan, m.insert(1, ("1", "hello")), m.insert(1, ("2", None)))
        assert [batch.row(at)[3] for at in range(2)] == [("1", "*****"), ("2", "*****")]

    def test_it_stands_for_what_the_log_does_not_carry(self):
        plan = row_of(TextDecoder(), MaskDecoder(TextDecoder(), b"*"))
        batch = decoded(plan, m.update(1, ("1", m.UNCHANGED)), m.delete(1, key=("1", None)))
        assert batch.row(0)[3] == ("1", "*")
        assert batch.row(1)[2] == ("1", "*")


class TestTwin:
    def plan(self, inner, plain, on_error="warn"):
        columns = (Column("v", STRING), Column("v", BYTES, key_only=True))
        of = Table(TableId("s", "t"), "p.s.t", columns, (1,), SOURCE_SCHEMA, CONSTANTS)
        return RowPlan(of, [TwinDecoder(inner, plain, 1)], (0,), on_error)

    def test_both_forms_are_there(self):
        plan = self.plan(MaskDecoder(TextDecoder(), b"*"), TextDecoder())
        batch = decoded(plan, m.insert(1, ("hello",)))
        assert batch.row(0)[3:5] == (("*", "hello"), ("hello",))

    @pytest.mark.parametrize("what", [None, m.UNCHANGED])
    def test_what_is_missing_is_missing_twice(self, what):
        plan = self.plan(TruncatedDecoder(TextDecoder(), 1), TextDecoder())
        row = decoded(plan, m.insert(1, (what,))).row(0)
        assert row[3] == ((UNAVAILABLE,) * 2 if what is m.UNCHANGED else (None, None))

    def test_a_column_that_an_old_key_leaves_out_stays_absent(self):
        plan = self.plan(TruncatedDecoder(TextDecoder(), 1), TextDecoder())
        assert decoded(plan, m.delete(1, key=(None,))).row(0)[2] == (ABSENT, ABSENT)

    def test_a_value_that_cannot_be_carried_is_null_twice(self):
        plan = self.plan(DecimalDecoder(2), DecimalDecoder(2))
        batch = decoded(plan, m.insert(1, ("NaN",)))
        assert batch.row(0)[3] == (None, None)
        assert [problem.column for problem in batch.problems] == ["v"]

    def test_an_error_on_a_masked_value_does_not_tell_it(self):
        hidden = TwinDecoder(MaskDecoder(TextDecoder(), b"*"), DecimalDecoder(2), 0)
        plan = row_of(hidden, columns=("id",), on_error="fail")
        with pytest.raises(ConversionError, match=r"^(?!.*Infinity)"):
            decoded(plan, m.insert(1, ("Infinity",)))
