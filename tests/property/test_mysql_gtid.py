"""GTID sets against plain Python sets of single transactions."""

from __future__ import annotations

from itertools import pairwise, product

from hypothesis import given
from hypothesis import strategies as st

from cdc.errors import CdcError, DecodeError
from cdc.sources.mysql.binlog.gtid import LAST_NUMBER, Gtid, GtidSet
from cdc.sources.mysql.binlog.mariadb_gtid import MariaDbGtid, MariaDbGtidSet

UUIDS = ["3e11fa47-71ca-11e1-9e33-c80aa9429562", "00000000-0000-0000-0000-00000000000a"]
SOURCES = list(product(UUIDS, ["", "a", "_tag9"]))

gtids = st.builds(
    lambda source, number: Gtid(source[0], source[1], number), st.sampled_from(SOURCES), st.integers(1, 24)
)
models = st.sets(gtids, max_size=60)
domains = st.builds(MariaDbGtid, st.integers(0, 3), st.integers(1, 2), st.integers(1, 9))


def built(model: set[Gtid]) -> GtidSet:
    result = GtidSet()
    for gtid in model:
        result.add(gtid)
    return result


def listed(gtid_set: GtidSet) -> set[Gtid]:
    return {
        Gtid(uuid, tag, number)
        for uuid, tag, bounds in gtid_set.sources()
        for first, after in zip(bounds[::2], bounds[1::2], strict=True)
        for number in range(first, after)
    }


@given(models, models)
def test_operators_do_what_they_do_on_plain_sets(left, right):
    one, other = built(left), built(right)
    assert listed(one | other) == left | right
    assert listed(one & other) == left & right
    assert listed(one - other) == left - right
    assert (one <= other) == (left <= right)
    assert (one == other) == (left == right)
    assert listed(one) == left, "the operators left it alone"
    assert one.count() == len(left)
    assert bool(one) == bool(left)
    assert [gtid in one for gtid in right] == [gtid in left for gtid in right]


@given(models)
def test_text_and_bytes_come_back_the_same(model):
    whole = built(model)
    assert GtidSet.parse(str(whole)) == whole
    assert GtidSet.parse(str(whole).upper().replace(",", " ,\n").replace(":", " : ")) == whole
    assert GtidSet.decode(whole.encode()) == whole
    assert str(whole.copy()) == str(whole)


@given(models, st.lists(st.tuples(st.sampled_from(SOURCES), st.integers(1, 24), st.integers(0, 24)), max_size=6))
def test_intervals_melt_with_what_they_overlap_and_touch(model, added):
    whole = built(model)
    for (uuid, tag), first, last in added:
        whole.add_interval(uuid, tag, first, last)
        model |= {Gtid(uuid, tag, number) for number in range(first, last + 1)}
    assert listed(whole) == model
    for _, _, bounds in whole.sources():
        assert all(low < high for low, high in pairwise(bounds))


@given(st.integers(1, LAST_NUMBER), st.integers(1, LAST_NUMBER))
def test_numbers_reach_to_63_bits(first, last):
    text = f"{UUIDS[0]}:{min(first, last)}-{max(first, last)}"
    assert GtidSet.decode(GtidSet.parse(text).encode()) == GtidSet.parse(text)


@given(models)
def test_bytes_that_end_too_early_are_told(model):
    data = built(model).encode()
    for end in range(len(data)):
        try:
            GtidSet.decode(data[:end])
        except DecodeError:
            continue
        raise AssertionError(f"{end} of {len(data)} bytes were taken for a set")


@given(st.binary(max_size=80))
def test_any_bytes_are_a_set_or_an_error_of_ours(data):
    try:
        found = GtidSet.decode(data)
    except DecodeError:
        return
    assert GtidSet.decode(found.encode()) == found


@given(st.text(st.sampled_from("0123456789abcdef-:, {}xyz\n"), max_size=60))
def test_any_text_is_a_set_or_an_error_of_ours(text):
    for kind in (GtidSet, MariaDbGtidSet):
        try:
            found = kind.parse(text)
        except CdcError:
            continue
        assert kind.parse(str(found)) == found


@given(st.lists(domains), st.lists(domains), domains)
def test_positions_of_mariadb_stand_for_all_before_them(left, right, asked):
    def until(position: list[MariaDbGtid]) -> set[tuple[int, int]]:
        return {(each.domain, number) for each in position for number in range(1, each.number + 1)}

    one, other = MariaDbGtidSet(left), MariaDbGtidSet(right)
    assert until([*(one | other)]) == until(left) | until(right)
    assert until([*(one & other)]) == until(left) & until(right)
    assert (one <= other) == (until(left) <= until(right))
    assert {domain for domain, _ in until(left) - until(right)} == {each.domain for each in one - other}
    assert (asked in one) == ((asked.domain, asked.number) in until(left))
    assert MariaDbGtidSet.parse(str(one)) == one == one.copy()
