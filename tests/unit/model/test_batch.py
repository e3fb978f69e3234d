"""The change batch: rows as Python code writes and reads them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cdc.model.batch import ChangeBatch
from cdc.model.event import ABSENT, UNAVAILABLE, Transaction
from cdc.model.schema import INT64, STRING
from tests.unit.converters.tables import table

KEYED = table(INT64, STRING)
KEYLESS = table(INT64, STRING, key=())


def batch(*changes, of=KEYED, tombstones=True) -> ChangeBatch:
    filled = ChangeBatch(tombstones)
    for op, before, after in changes:
        filled.add(op, of, before, after, (1,))
    return filled


def rows(found: ChangeBatch):
    """Return (op, before, after, key, other key) of every row."""
    taken = map(found.row, range(len(found)))
    return [(op, before, after, key, other) for op, _, before, after, key, other, _ in taken]


def kept(*changes, of=KEYED) -> list[str]:
    """Return the operations that are left of changes when those without change are not kept."""
    filled = ChangeBatch(unchanged=False)
    for op, before, after in changes:
        filled.add(op, of, before, after, (1,))
    return [op for op, *_ in rows(filled)]


def test_rows_are_counted_by_what_they_say():
    found = batch(
        ("r", None, (1, "a")),
        ("c", None, (2, "a")),
        ("u", (2, "a"), (2, "b")),
        ("u", (2, "b"), (3, "b")),
        ("d", (3, "b"), None),
        ("t", None, None),
    )
    assert found.operations() == {"r": 1, "c": 2, "u": 1, "d": 2, "t": 1, "": 2}
    assert ChangeBatch().operations() == {}


class TestUnchanged:
    def test_an_update_that_changes_nothing_is_left_out(self):
        same, other = ("u", (1, "a"), (1, "a")), ("u", (1, "a"), (1, "b"))
        assert kept(same, other, same) == ["u"]
        assert kept(("u", (1, None), (1, None))) == []
        assert kept(("u", (1, "a"), (1, UNAVAILABLE))) == []

    def test_all_other_changes_are_kept(self):
        changed = ("u", (1, None), (1, "")), ("u", (1, "a"), (2, "a")), ("d", (1, "a"), None)
        assert kept(*changed) == ["u", "d", "", "c", "d", ""]

    @pytest.mark.parametrize("before", [None, (1, ABSENT)])
    def test_an_update_whose_old_row_is_not_known_is_kept(self, before):
        assert kept(("u", before, (1, "a"))) == ["u"]

    def test_what_neither_row_image_has_did_not_change(self):
        assert kept(("u", (1, ABSENT), (1, ABSENT))) == []


class TestNew:
    def test_it_is_empty_and_at_a_boundary(self):
        new = ChangeBatch()
        assert (len(new), new.size, new.boundary, new.continues, new.position) == (0, 0, True, 0, None)
        assert (new.tables, new.transactions, new.problems) == ([], [], [])
        assert new.tombstones

    def test_its_lists_are_its_own(self):
        one, other = ChangeBatch(), ChangeBatch()
        one.transactions.append(Transaction("1", 0, 0, 0))
        assert other.transactions == []


class TestRules:
    def test_reads_creates_and_truncates(self):
        found = batch(("r", None, (1, "a")), ("c", None, (2, "b")), ("t", None, None))
        assert rows(found) == [
            ("r", None, (1, "a"), (1,), None),
            ("c", None, (2, "b"), (2,), None),
            ("t", None, None, None, None),
        ]

    def test_a_delete_and_its_tombstone(self):
        assert rows(batch(("d", (1, "a"), None))) == [("d", (1, "a"), None, (1,), None), ("", None, None, (1,), None)]
        assert len(batch(("d", (1, "a"), None), tombstones=False)) == 1

    def test_an_update(self):
        assert rows(batch(("u", None, (1, "b")))) == [("u", None, (1, "b"), (1,), None)]
        assert rows(batch(("u", (1, "a"), (1, "b")))) == [("u", (1, "a"), (1, "b"), (1,), None)]

    def test_a_change_of_the_key(self):
        assert rows(batch(("u", (1, "a"), (2, "b")))) == [
            ("d", (1, "a"), None, (1,), (2,)),
            ("", None, None, (1,), (2,)),
            ("c", None, (2, "b"), (2,), (1,)),
        ]

    def test_a_table_without_key_has_only_updates(self):
        assert rows(batch(("u", (1, "a"), (2, "b")), of=KEYLESS)) == [("u", (1, "a"), (2, "b"), None, None)]

    def test_the_order_of_the_key_is_its_own(self):
        turned = table(INT64, STRING, key=(1, 0))
        assert rows(batch(("c", None, (1, "a")), of=turned))[0][3] == ("a", 1)

    @pytest.mark.parametrize(
        ("one", "other"),
        [("1", 1), (1, True), (Decimal("1.0"), Decimal("1.00")), (None, ""), ("a", b"a"), ([1], [2]), ([1], [1, 1])],
    )
    def test_keys_that_differ(self, one, other):
        assert [row[0] for row in rows(batch(("u", (one, "a"), (other, "a"))))] == ["d", "", "c"]

    @pytest.mark.parametrize("value", [1, -1.5, "x", b"x", Decimal("1.50"), None, True, [1, ["a"]], ""])
    def test_keys_that_are_the_same(self, value):
        assert [row[0] for row in rows(batch(("u", (value, "a"), (value, "b"))))] == ["u"]

    def test_an_unknown_operation(self):
        with pytest.raises(ValueError, match="'x'"):
            batch(("x", None, (1, "a")))


@pytest.mark.parametrize("new", [ABSENT, UNAVAILABLE])
class TestMissing:
    def test_the_old_image_fills_in_what_the_new_one_lacks(self, new):
        assert rows(batch(("u", (1, "a"), (1, new))))[0][2] == (1, "a")

    @pytest.mark.parametrize("old", [ABSENT, UNAVAILABLE])
    def test_unless_it_has_none_either(self, old, new):
        assert rows(batch(("u", (1, old), (1, new))))[0][2] == (1, new)

    def test_a_key_that_the_new_image_lacks_did_not_change(self, new):
        assert rows(batch(("u", (1, "a"), (new, "b")))) == [("u", (1, "a"), (1, "b"), (1,), None)]


class TestPrinting:
    def test_absent_and_unavailable_print_as_their_names(self):
        assert (repr(ABSENT), repr(UNAVAILABLE)) == ("ABSENT", "UNAVAILABLE")


class TestReading:
    @pytest.mark.parametrize("index", [-1, 1, 2**40])
    def test_beyond_its_end(self, index):
        with pytest.raises(IndexError):
            batch(("c", None, (1, "a"))).row(index)

    def test_numbers_must_fit_64_bits(self):
        with pytest.raises(OverflowError):
            batch(("c", None, (2**63, "a")))

    def test_decimals_must_be_finite(self):
        with pytest.raises(ValueError, match="NaN"):
            batch(("c", None, (Decimal("NaN"), "a")))

    def test_tables_are_kept_once(self):
        assert batch(("c", None, (1, "a")), ("c", None, (2, "a"))).tables == [KEYED]

    def test_text_that_is_no_utf8_survives(self):
        assert rows(batch(("c", None, (1, "\udcff"))))[0][2] == (1, "\udcff")

    def test_many_rows(self):
        found = batch(*[("c", None, (number, "x" * (number % 50))) for number in range(5000)])
        assert [row[2][0] for row in rows(found)] == list(range(5000))
        assert found.size > 5000 * 48


class TestRelease:
    def test_no_row_is_left_and_what_is_said_of_the_batch_stays(self):
        filled = batch(("c", None, (1, "x" * 10_000)))
        filled.transactions.append(Transaction("7:8", 1, 0, 8))
        filled.release()
        assert len(filled) == 0
        assert filled.size == 0
        assert [each.id for each in filled.transactions] == ["7:8"]
        with pytest.raises(IndexError):
            filled.row(0)

    def test_a_batch_can_be_filled_again(self):
        filled = batch(("c", None, (1, "x")))
        filled.release()
        filled.add("c", KEYED, None, (2, "y"), (1,))
        assert rows(filled) == [("c", None, (2, "y"), (2,), None)]
