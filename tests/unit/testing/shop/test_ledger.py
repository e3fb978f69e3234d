"""The ledger sets off what was committed against what was delivered, in whatever order the two come."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cdc.testing.shop.ledger import Change, Ledger

ROWS = [(("customers", (n,)), 0) for n in range(3)]
CREATED = Change("orders", ("a",), "c", 1)
PAID = Change("orders", ("a",), "u", 2)
DELETED = Change("customers", (1,), "d", 0)
COMMITTED = (*(Change("customers", (n,), "r", 0) for n in range(3)), CREATED, PAID, DELETED)


@pytest.fixture
def ledger():
    ledger = Ledger()
    ledger.begin(ROWS)
    ledger.commit([CREATED, PAID])
    ledger.commit([DELETED])
    return ledger


def deliver(ledger, *changes):
    for change in changes:
        ledger.deliver(change)


def test_everything_delivered_once_is_exact(ledger):
    deliver(ledger, *reversed(COMMITTED))
    comparison = ledger.compare()
    assert comparison.exact
    assert comparison.line() == "committed 6, delivered 6, missing 0, duplicated 0"


def test_what_is_delivered_before_its_commit_is_noted_counts_too(ledger):
    late = Change("orders", ("a",), "u", 3)
    deliver(ledger, *COMMITTED, late)
    ledger.commit([late])
    assert ledger.compare().exact


@pytest.mark.parametrize("lost", COMMITTED, ids=str)
def test_a_missing_change_is_found(ledger, lost):
    deliver(ledger, *(change for change in COMMITTED if change != lost))
    comparison = ledger.compare()
    assert comparison.line() == "committed 6, delivered 5, missing 1, duplicated 0"
    assert comparison.examples == (f"missing: {lost}",)
    assert not comparison.exact


@pytest.mark.parametrize("doubled", COMMITTED, ids=str)
def test_a_duplicated_change_is_found(ledger, doubled):
    deliver(ledger, *COMMITTED, doubled)
    comparison = ledger.compare()
    assert comparison.line() == "committed 6, delivered 7, missing 0, duplicated 1"
    assert comparison.examples == (f"duplicated: {doubled}",)
    assert not comparison.exact


@pytest.mark.parametrize("field", [{"table": "payments"}, {"key": ("b",)}, {"op": "d"}, {"version": 9}], ids=str)
def test_a_foreign_change_is_found(ledger, field):
    foreign = replace(PAID, **field)
    deliver(ledger, *COMMITTED, foreign)
    comparison = ledger.compare()
    assert comparison.line() == "committed 6, delivered 7, missing 0, duplicated 0, never committed 1"
    assert comparison.examples == (f"never committed: {foreign}",)
    assert not comparison.exact


def test_a_missing_one_does_not_hide_behind_a_duplicate_of_another(ledger):
    deliver(ledger, *COMMITTED[:-1], CREATED)
    comparison = ledger.compare()
    assert (comparison.committed, comparison.delivered) == (6, 6)
    assert (comparison.missing, comparison.duplicated, comparison.foreign) == (1, 1, 0)


def test_the_rows_are_those_that_the_changes_leave(ledger):
    assert ledger.rows == {("customers", (0,)): 0, ("customers", (2,)): 0, ("orders", ("a",)): 2}


def test_what_is_settled_is_forgotten_but_for_its_hash(ledger):
    deliver(ledger, *COMMITTED)
    assert not ledger._open
    assert ledger._hashes.itemsize == 8
    assert len(ledger._hashes) == 6
