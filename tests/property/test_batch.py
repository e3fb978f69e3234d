"""A change batch against plain tuples: what goes in as Python values comes out of the cells."""

from __future__ import annotations

import decimal
import itertools
import math

from hypothesis import given
from hypothesis import strategies as st

from cdc.model.batch import ChangeBatch
from cdc.model.event import ABSENT, UNAVAILABLE
from cdc.model.schema import STRING
from tests.unit.converters.tables import table as schema_table

decimals = st.builds(
    lambda unscaled, scale: decimal.Context(prec=400, Emin=-10000, Emax=10000).scaleb(
        decimal.Decimal(unscaled), -scale
    ),
    st.integers(-(10**40), 10**40) | st.integers(-(2**63) - 5, -(2**63) + 5) | st.integers(-300, 300),
    st.integers(-20, 40),
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=10)
    | st.binary(max_size=10)
    | decimals
    | st.sampled_from([ABSENT, UNAVAILABLE])
)
cells = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4), max_leaves=4)
TABLE = schema_table(STRING, STRING, STRING)
rows = st.tuples(cells, cells, cells)
MISSING = (ABSENT, UNAVAILABLE)


def same(one: object, other: object) -> bool:
    """Equality that tells types, signs of zero and scales of decimals apart."""
    if type(one) is not type(other):
        return False
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return one == other and math.copysign(1, one) == math.copysign(1, other)
    if isinstance(one, decimal.Decimal) and isinstance(other, decimal.Decimal):
        return one == other and (not one or one.as_tuple() == other.as_tuple())
    return one == other


@given(st.lists(st.tuples(st.sampled_from("rc"), rows), max_size=5))
def test_rows_come_back_as_they_went_in(changes):
    batch = ChangeBatch()
    for number, (op, row) in enumerate(changes):
        batch.add(op, TABLE, None, row, (number,))
    assert len(batch) == len(changes)
    for number, (op, row) in enumerate(changes):
        found_op, table, before, after, key, other_key, source = batch.row(number)
        assert (found_op, table, before, other_key, source) == (op, TABLE, None, None, (number,))
        assert same(after, row)
        assert same(key, row[:1])


@given(rows, rows, st.booleans())
def test_an_update_follows_debeziums_rules(before, after, tombstones):
    batch = ChangeBatch(tombstones)
    batch.add("u", TABLE, before, after, (1,))
    found = [batch.row(number) for number in range(len(batch))]
    filled = tuple(
        old if new in MISSING and old not in MISSING else new for old, new in zip(before, after, strict=True)
    )
    if same(before[0], filled[0]):
        assert [row[0] for row in found] == ["u"]
        assert same(found[0][2], before)
        assert same(found[0][3], filled)
    else:
        assert [row[0] for row in found] == (["d", "", "c"] if tombstones else ["d", "c"])
        assert same(found[0][2], before)
        assert same(found[-1][3], filled)
        assert all(same(row[4:6], ((before[0],), (filled[0],))) for row in found[:-1])
        assert same(found[-1][4:6], ((filled[0],), (before[0],)))


@given(st.lists(rows, max_size=6))
def test_its_size_grows_with_its_content(content):
    batch, sizes = ChangeBatch(), [0]
    for row in content:
        batch.add("c", TABLE, None, row, (1,))
        sizes.append(batch.size)
    assert all(a < b for a, b in itertools.pairwise(sizes))
