"""Who runs which task: nothing twice, nothing idle for long, and no more moves than balance demands."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdc.connect.cluster.assignment import Assignment, MemberState, assign
from cdc.connect.herder import TaskId
from cdc.errors import DecodeError

CONNECTORS = ["a", "a-1", "größe"]
TASKS = st.builds(TaskId, st.sampled_from(CONNECTORS), st.integers(0, 9))
OWNED = st.frozensets(TASKS, max_size=3) | st.frozensets(TASKS, min_size=4, max_size=16)
WANTED = st.frozensets(TASKS, max_size=6) | st.frozensets(TASKS, min_size=7, max_size=28)
CLUSTERS = st.dictionaries(st.sampled_from("pqrstu"), OWNED, min_size=1, max_size=6)
SIZES = st.integers(1, 6)


def tasks_of(connector, count):
    return {TaskId(connector, number) for number in range(count)}


def round_of(owned, wanted):
    """Let members that own these tasks join, and return what each is to run."""
    members = {member: MemberState(f"http://{member}:8083/", 7, frozenset(tasks)) for member, tasks in owned.items()}
    return assign(members, wanted)


def settled(owned, wanted):
    return round_of(round_of(owned, wanted), wanted)


def balanced(members, wanted):
    return settled({str(member): frozenset() for member in range(members)}, wanted)


def loads(owned):
    return [len(tasks) for tasks in owned.values()]


def owners(owned):
    return Counter(task for tasks in owned.values() for task in tasks)


def moved(before, after):
    """Return the tasks that ran before and run elsewhere after."""
    ran = {task: member for member, tasks in before.items() for task in tasks}
    return {task for member, tasks in after.items() for task in tasks if ran.get(task, member) != member}


def moves_that_balance_demands(owned, wanted):
    """Return how many tasks of these members must move, by trying all ways to give the odd ones away."""
    kept = sorted(len(tasks & wanted) for tasks in owned.values())
    least, over = divmod(len(wanted), len(owned))
    ways = [sum(max(0, load - least - (n in odd)) for n, load in enumerate(kept)) for odd in subsets(len(kept), over)]
    return min(ways)


def subsets(count, size):
    return [{n for n in range(count) if mask >> n & 1} for mask in range(1 << count) if mask.bit_count() == size]


@given(CLUSTERS, WANTED)
def test_no_task_is_assigned_twice_and_none_that_is_not_wanted(owned, wanted):
    given_out = round_of(owned, wanted)
    assert given_out.keys() == owned.keys()
    assert all(count == 1 for count in owners(given_out).values())
    assert owners(given_out).keys() <= wanted


@given(CLUSTERS, WANTED)
def test_a_task_that_somebody_owns_is_never_assigned_to_another(owned, wanted):
    for member, tasks in round_of(owned, wanted).items():
        for other, others in owned.items():
            assert other == member or not tasks & others


@given(CLUSTERS, WANTED)
def test_every_task_that_nobody_owns_is_assigned_at_once(owned, wanted):
    assert wanted - owners(owned).keys() <= owners(round_of(owned, wanted)).keys()


@given(CLUSTERS, WANTED)
def test_a_task_that_several_own_goes_to_nobody_until_they_have_given_it_up(owned, wanted):
    disputed = {task for task, count in owners(owned).items() if count > 1}
    assert not disputed & owners(round_of(owned, wanted)).keys()
    assert disputed & wanted <= owners(settled(owned, wanted)).keys()


@given(CLUSTERS, WANTED)
def test_two_rounds_after_a_change_everything_runs_in_balance(owned, wanted):
    stable = settled(owned, wanted)
    assert owners(stable) == Counter(wanted)
    assert max(loads(stable)) - min(loads(stable)) <= 1


@given(CLUSTERS, WANTED)
def test_what_is_stable_stays_as_it_is(owned, wanted):
    stable = settled(owned, wanted)
    assert round_of(stable, wanted) == stable


@given(CLUSTERS, WANTED)
def test_no_more_tasks_stop_than_balance_demands(owned, wanted):
    first = {}
    for member, tasks in owned.items():
        first[member] = tasks - set().union(*(others for other, others in owned.items() if other != member))
    kept = round_of(first, wanted)
    stopped = sum(len((tasks & wanted) - kept[member]) for member, tasks in first.items())
    assert stopped == moves_that_balance_demands(first, wanted)
    assert len(moved(first, settled(first, wanted))) == stopped


@given(CLUSTERS, WANTED)
def test_the_answer_does_not_depend_on_the_order_of_members_or_tasks(owned, wanted):
    backwards = dict(reversed(owned.items()))
    assert round_of(backwards, sorted(wanted, key=str)) == round_of(owned, sorted(wanted, key=str, reverse=True))


@given(SIZES, WANTED)
def test_a_member_that_joins_takes_no_more_than_its_share(members, wanted):
    before = balanced(members, wanted)
    after = settled({**before, "new": frozenset()}, wanted)
    taken = moved(before, after)
    assert len(taken) <= -(-len(wanted) // (members + 1))
    assert taken == after["new"]


@given(SIZES, WANTED, st.data())
def test_of_a_member_that_leaves_only_its_tasks_move_and_they_run_again_at_once(members, wanted, data):
    before = balanced(members + 1, wanted)
    gone = data.draw(st.sampled_from(sorted(before)))
    left = {member: tasks for member, tasks in before.items() if member != gone}
    after = round_of(left, wanted)
    assert all(left[member] <= tasks for member, tasks in after.items())
    assert owners(after) == Counter(wanted)


@given(SIZES, WANTED, st.sampled_from(CONNECTORS), st.integers(1, 9))
def test_tasks_of_another_connector_run_at_once_and_stop_no_other(members, wanted, connector, count):
    others = {task for task in wanted if task.connector != connector}
    before = balanced(members, others)
    after = round_of(before, others | tasks_of(connector, count))
    assert all(before[member] <= tasks for member, tasks in after.items())
    assert owners(after) == Counter(others | tasks_of(connector, count))


@given(SIZES, WANTED)
def test_on_an_empty_cluster_the_tasks_of_each_connector_are_spread(members, wanted):
    spread = balanced(members, wanted)
    for connector in CONNECTORS:
        counts = [sum(task.connector == connector for task in tasks) for tasks in spread.values()]
        assert max(counts) - min(counts) <= 1


@given(st.integers(1, 9), st.integers(1, 9))
def test_a_second_member_takes_of_each_connector_its_half(first, second):
    wanted = tasks_of("a", first) | tasks_of("b", second)
    shares = settled({"p": wanted, "q": frozenset()}, wanted).values()
    for connector in "ab":
        less, more = sorted(sum(task.connector == connector for task in tasks) for tasks in shares)
        assert more - less <= 1


@given(st.lists(st.tuples(st.sampled_from(["join", "leave"]), st.sampled_from("pqrstu")) | WANTED, max_size=12))
def test_through_any_changes_no_task_ever_runs_on_two_members(changes):
    running: dict[str, frozenset[TaskId]] = {"p": frozenset()}
    wanted: frozenset[TaskId] = frozenset()
    for change in changes:
        if isinstance(change, frozenset):
            wanted = change
        elif change[0] == "join":
            running.setdefault(change[1], frozenset())
        elif len(running) > 1:
            running.pop(change[1], None)
        # What a member stops and what another starts happen in no order: the two must not meet.
        assigned = round_of(running, wanted)
        assert all(count == 1 for count in (owners(assigned) | owners(running)).values())
        assert all(not assigned[one] & running[other] for one in assigned for other in running if one != other)
        running = dict(assigned)
    stable = settled(running, wanted)
    assert owners(stable) == Counter(wanted)


def test_a_third_worker_takes_its_share_in_two_rounds():
    wanted = tasks_of("a", 6)
    before = balanced(2, wanted)
    first = round_of({**before, "new": frozenset()}, wanted)
    assert sorted(loads(first)) == [0, 2, 2]
    assert loads(round_of(first, wanted)) == [2, 2, 2]


def test_a_task_goes_to_the_member_with_the_fewest_of_its_connector_where_balance_leaves_a_choice():
    before = {"p": tasks_of("a", 2), "q": tasks_of("b", 2)}
    after = round_of(before, tasks_of("a", 3) | tasks_of("b", 3))
    assert after == {"p": tasks_of("a", 2) | {TaskId("b", 2)}, "q": tasks_of("b", 2) | {TaskId("a", 2)}}


def test_nobody_keeps_two_while_another_has_none():
    wanted = tasks_of("a", 4)
    owned = {"p": tasks_of("a", 2), "q": wanted - tasks_of("a", 2), "r": frozenset()}
    assert sorted(loads(settled(owned, wanted))) == [1, 1, 2]


def test_without_members_nothing_is_assigned():
    assert round_of({}, tasks_of("a", 2)) == {}


def test_without_tasks_members_run_nothing():
    assert round_of({"p": tasks_of("a", 2)}, set()) == {"p": frozenset()}


NAMES = st.text(max_size=4)
ANY_TASKS = st.frozensets(st.builds(TaskId, NAMES, st.integers(0, 2**31 - 1)), max_size=5)
OFFSETS = st.integers(-1, 2**63 - 1)


@given(st.builds(MemberState, NAMES, OFFSETS, ANY_TASKS))
def test_what_a_member_tells_comes_back(state):
    assert MemberState.decode(state.encode()) == state


@given(st.builds(Assignment, NAMES, NAMES, OFFSETS, ANY_TASKS))
def test_an_assignment_comes_back(assignment):
    assert Assignment.decode(assignment.encode()) == assignment


def test_tasks_are_grouped_by_their_connector_on_the_wire():
    state = MemberState("http://one:8083/", 7, frozenset(tasks_of("b", 2) | {TaskId("a-1", 3)}))
    assert state.encode() == b'{"url":"http://one:8083/","config_offset":7,"owned":{"a-1":[3],"b":[0,1]}}'
    told = Assignment("m-1", state.url, 7, state.owned)
    assert told.encode() == (
        b'{"leader":"m-1","leader_url":"http://one:8083/","config_offset":7,"tasks":{"a-1":[3],"b":[0,1]}}'
    )


def test_fields_of_later_versions_are_passed_over():
    state = MemberState("http://one:8083/", 7, frozenset())
    later = b'{"url":"http://one:8083/","config_offset":7,"owned":{},"version":2}'
    assert MemberState.decode(later) == state
    assert replace(state, config_offset=8) != state


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b'{"url":1,"config_offset":7,"owned":{}}',
        b'{"url":"","config_offset":"7","owned":{}}',
        b'{"url":"","config_offset":7,"owned":[]}',
        b'{"url":"","config_offset":7,"owned":{"a":1}}',
        b'{"url":"","config_offset":7,"owned":{"a":[-1]}}',
        b'{"url":"","config_offset":7,"owned":{"a":["0"]}}',
        b'{"url":"","config_offset":7}',
    ],
)
def test_bytes_of_another_kind_are_refused_with_the_bytes(data):
    with pytest.raises(DecodeError) as refused:
        MemberState.decode(data)
    assert refused.value.window == data[:16].hex(" ")
    with pytest.raises(DecodeError):
        Assignment.decode(data)


@given(st.binary(max_size=40))
def test_any_other_bytes_raise_nothing_else(data):
    for kind in (MemberState, Assignment):
        with pytest.raises(DecodeError):
            kind.decode(data)
