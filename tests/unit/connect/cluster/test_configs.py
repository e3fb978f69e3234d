"""The config topic: Connect's records, and a state that compaction does not change."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdc.connect.cluster.configs import (
    ConfigState,
    ConnectorEntry,
    NewLevel,
    Restart,
    connector_records,
    fencing_record,
    level_record,
    removal_records,
    restart_record,
    restart_task_record,
    target_record,
    task_records,
)
from cdc.connect.herder import TargetState, TaskId


class Record(NamedTuple):
    offset: int
    key: str
    value: bytes | None


def log_of(*records):
    return [Record(offset, *record) for offset, record in enumerate(records)]


def state_after(log):
    state = ConfigState()
    for record in log:
        state.apply(record)
    return state


def connectors_after(*records):
    return state_after(log_of(*records)).connectors


FILES = {"name": "files", "connector.class": "FileStreamSource"}
TWO = [{"file": "a"}, {"file": "b"}]
CREATED = connector_records("files", FILES, None)


# What Connect 4.3.1 writes: its JsonConverter with the schemas of its KafkaConfigBackingStore.


def test_records_are_byte_for_byte_those_of_kafka_connect():
    odd = {"name": "größe/a-1", "connector.class": "X", "q": 'a"b\\c\n/é\x01'}
    as_connect = '{"properties":{"name":"größe/a-1","connector.class":"X","q":"a\\"b\\\\c\\n/é\\u0001"}}'.encode()
    stopped = ("target-state-größe/a-1", b'{"state":"PAUSED","state.v2":"STOPPED"}')
    assert connector_records("größe/a-1", odd, TargetState.STOPPED) == [stopped, ("connector-größe/a-1", as_connect)]
    assert connector_records("größe/a-1", odd, None) == [("connector-größe/a-1", as_connect)]
    assert target_record("a", TargetState.PAUSED) == ("target-state-a", b'{"state":"PAUSED","state.v2":"PAUSED"}')
    assert target_record("a", TargetState.STARTED) == ("target-state-a", b'{"state":"STARTED","state.v2":"STARTED"}')
    assert task_records("a", [{"f": "1"}, {"f": "2"}]) == [
        ("task-a-0", b'{"properties":{"f":"1"}}'),
        ("task-a-1", b'{"properties":{"f":"2"}}'),
        ("commit-a", b'{"tasks":2}'),
    ]
    assert fencing_record("a", 2) == ("tasks-fencing-a", b'{"task-count":2}')
    wish = b'{"include-tasks":true,"only-failed":false}'
    assert restart_record("a", include_tasks=True, only_failed=False) == ("restart-connector-a", wish)


def test_a_connector_is_what_its_newest_records_say():
    found = connectors_after(
        *connector_records("files", {"name": "files", "batch.size": "1"}, TargetState.PAUSED),
        *task_records("files", TWO),
        fencing_record("files", 2),
        *connector_records("files", FILES, None),
    )
    assert found == {
        "files": ConnectorEntry(
            "files",
            FILES,
            TargetState.PAUSED,
            config_offset=6,
            target_offset=0,
            tasks=tuple(TWO),
            tasks_offset=4,
            fenced=True,
            fenced_count=2,
        )
    }


def test_a_connector_without_more_is_started_and_has_no_tasks_yet():
    assert connectors_after(*CREATED)["files"] == ConnectorEntry(
        "files",
        FILES,
        TargetState.STARTED,
        config_offset=0,
        target_offset=-1,
        tasks=None,
        tasks_offset=-1,
        fenced=False,
        fenced_count=0,
    )


def test_no_tasks_at_all_are_not_the_same_as_none_yet():
    entry = connectors_after(*CREATED, *task_records("files", []))["files"]
    assert (entry.tasks, entry.tasks_offset) == ((), 1)


def test_former_tasks_stay_until_new_ones_are_committed():
    state = state_after(log_of(*CREATED, *task_records("files", TWO), *connector_records("files", {"name": "x"}, None)))
    assert (state.connectors["files"].tasks, state.connectors["files"].tasks_offset) == (tuple(TWO), 3)
    for record in [Record(5, *task_records("files", [{"file": "c"}])[0]), Record(6, "commit-files", b'{"tasks":1}')]:
        state.apply(record)
    assert (state.connectors["files"].tasks, state.connectors["files"].tasks_offset) == (({"file": "c"},), 6)


def test_new_tasks_are_to_be_fenced_anew():
    entry = connectors_after(
        *CREATED, *task_records("files", TWO), fencing_record("files", 2), *task_records("files", TWO)
    )
    assert (entry["files"].fenced, entry["files"].fenced_count) == (False, 2)


def test_tasks_of_a_removed_connector_are_not_taken_up_by_a_later_one_of_that_name():
    before = [*CREATED, *task_records("files", TWO), fencing_record("files", 2)]
    assert connectors_after(*before, *removal_records("files")) == {}
    entry = connectors_after(*before, *removal_records("files"), *CREATED)["files"]
    assert (entry.tasks, entry.tasks_offset, entry.target, entry.fenced) == (None, -1, TargetState.STARTED, False)


def test_what_is_to_be_fenced_outlives_the_connector_as_its_tasks_may():
    before = [*CREATED, *task_records("files", TWO), fencing_record("files", 2)]
    assert connectors_after(*before, *removal_records("files"), *CREATED)["files"].fenced_count == 2


def test_a_removal_by_kafka_connect_which_leaves_the_commit_forgets_the_tasks_also():
    of_connect = [("connector-files", None), ("target-state-files", None)]
    entry = connectors_after(*CREATED, *task_records("files", TWO), *of_connect, *CREATED)["files"]
    assert (entry.tasks, entry.target) == (None, TargetState.STARTED)


def test_a_commit_whose_tasks_are_partly_gone_is_none():
    entry = connectors_after(*CREATED, *task_records("files", TWO)[1:], fencing_record("files", 2))["files"]
    assert (entry.tasks, entry.tasks_offset, entry.fenced) == (None, -1, False)


def test_a_task_that_was_overwritten_without_a_commit_makes_its_set_incomplete():
    entry = connectors_after(*CREATED, *task_records("files", TWO), task_records("files", TWO)[1])["files"]
    assert entry.tasks is None


def test_names_with_dashes_are_told_from_task_numbers():
    found = connectors_after(
        *connector_records("a", {"name": "a"}, None),
        *connector_records("a-1", {"name": "a-1"}, None),
        *task_records("a-1", [{"of": "a-1"}]),
        *task_records("a", [{"of": "a"}, {"of": "a too"}]),
    )
    assert found["a"].tasks == ({"of": "a"}, {"of": "a too"})
    assert found["a-1"].tasks == ({"of": "a-1"},)


@pytest.mark.parametrize(
    "name", ["a/b", "größe", "task-a-1", "-", "a-", "connector-a", "a\nb", "٣", "fencing-a", "a-٣"]
)
def test_odd_names_come_back_as_they_were(name):
    found = connectors_after(
        *connector_records(name, {"name": name}, TargetState.STOPPED),
        *task_records(name, TWO),
        fencing_record(name, 2),
    )
    assert list(found) == [name]
    entry = found[name]
    assert (entry.config, entry.target, entry.tasks) == ({"name": name}, TargetState.STOPPED, tuple(TWO))
    assert (entry.fenced, entry.fenced_count) == (True, 2)


@pytest.mark.parametrize("name", ["files", "a-1", "a/b", "größe-7"])
def test_a_restart_is_handed_on(name):
    state = ConfigState()
    connector = Record(4, *restart_record(name, include_tasks=True, only_failed=False))
    assert state.apply(connector) == Restart(name, None, include_tasks=True, only_failed=False, offset=4)
    task = Record(5, *restart_task_record(TaskId(name, 12)))
    assert state.apply(task) == Restart(name, 12, include_tasks=False, only_failed=False, offset=5)
    assert state.apply(Record(6, "restart-connector-a", None)) is None
    assert state.connectors == {}


def test_a_target_from_before_the_stopped_state_is_read():
    entry = connectors_after(*CREATED, ("target-state-files", b'{"state":"PAUSED"}'))["files"]
    assert entry.target is TargetState.PAUSED


def test_a_property_that_connect_wrote_as_null_is_not_there():
    assert connectors_after(("connector-a", b'{"properties":{"a":null,"b":"x"}}'))["a"].config == {"b": "x"}


UNREADABLE = [
    ("connector-files", b"{secret"),
    ("connector-files", b'"secret"'),
    ("connector-files", b'{"properties":{"password":17}}'),
    ("connector-files", b'{"properties":"secret"}'),
    ("connector-files", b"\xff\xfe"),
    ("connector-", b'{"properties":{}}'),
    ("logger-cluster-root", b'{"level":"secret"}'),
    ("logger-cluster-root", b"{}"),
    ("target-state-files", b'{"state":"DOZING"}'),
    ("target-state-files", b"{}"),
    ("commit-files", b'{"tasks":-1}'),
    ("commit-files", b'{"tasks":true}'),
    ("commit-files", b"{}"),
    ("tasks-fencing-files", b'{"task-count":"2"}'),
    ("task-files", b'{"properties":{}}'),
    ("task-files-x", b'{"properties":{}}'),
    ("task-files-0", b"[]"),
    ("restart-connector-files", b"null"),
    ("restart-task-files", b"{}"),
    ("files", b"{}"),
    ("", None),
]


@pytest.mark.parametrize(("key", "value"), UNREADABLE)
def test_a_record_that_cannot_be_read_is_skipped_with_one_warning_that_names_it(key, value, caplog):
    state = state_after(log_of(*CREATED, *task_records("files", TWO), fencing_record("files", 2)))
    before = dict(state.connectors)
    assert state.apply(Record(42, key, value)) is None
    assert state.connectors == before
    [warning] = caplog.records
    assert warning.levelname == "WARNING"
    assert repr(key) in warning.message
    assert "offset 42" in warning.message
    assert "secret" not in warning.message
    assert "17" not in warning.message


def test_what_only_workers_of_kafka_connect_need_is_passed_over_in_silence(caplog):
    assert connectors_after(("session-key", b'{"key":"x"}')) == {}
    assert not caplog.records


def test_a_level_for_all_workers_is_a_wish_as_kafka_connect_writes_it():
    assert level_record("org.apache", "debug") == ("logger-cluster-org.apache", b'{"level":"DEBUG"}')
    state = state_after([])
    assert state.apply(Record(0, "logger-cluster-org.apache", b'{"level":"DEBUG"}')) == NewLevel("org.apache", "DEBUG")
    assert state.apply(Record(1, "logger-cluster-org.apache", None)) is None
    assert state.connectors == {}


def test_a_word_that_is_no_level_is_not_written():
    with pytest.raises(KeyError):
        level_record("root", "LOUD")


def test_what_was_seen_of_the_connectors_does_not_change_with_what_comes():
    state = state_after(log_of(*CREATED))
    seen = state.connectors
    state.apply(Record(1, *target_record("files", TargetState.PAUSED)))
    state.apply(Record(2, *connector_records("more", {}, None)[0]))
    assert list(seen) == ["files"]
    assert seen["files"].target is TargetState.STARTED
    assert list(state.connectors) == ["files", "more"]


# Histories as a herder makes them, with writers that end midway, against a model that knows no records.

NAMES = st.sampled_from(["a", "a-1", "a-1-0"])
CONFIGS = st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), NAMES, CONFIGS, st.none() | st.sampled_from(TargetState)),
        st.tuples(st.just("target"), NAMES, st.sampled_from(TargetState)),
        st.tuples(st.just("tasks"), NAMES, st.lists(CONFIGS, max_size=4), st.none() | st.integers(0, 4)),
        st.tuples(st.just("tasks"), NAMES, st.lists(CONFIGS, max_size=4), st.none()),
        st.tuples(st.just("fence"), NAMES, st.integers(0, 4)),
        st.tuples(st.just("remove"), NAMES, st.booleans()),
        st.tuples(st.just("restart"), NAMES),
    ),
    min_size=6,
    max_size=30,
)


class History:
    """The log that these steps make, and what each connector is then."""

    def __init__(self, steps):
        self.log = []
        self.expected: dict[str, ConnectorEntry] = {}
        self.fenced_counts = {}
        for step, name, *arguments in steps:
            if name not in self.expected:
                self.put(name, {}, None)
            getattr(self, step)(name, *arguments)

    def write(self, *records):
        self.log += [Record(len(self.log) + number, *record) for number, record in enumerate(records)]
        return len(self.log) - 1

    def put(self, name, config, target):
        last = self.write(*connector_records(name, config, target))
        entry = self.expected.get(name) or ConnectorEntry(
            name, {}, TargetState.STARTED, 0, -1, None, -1, fenced=False, fenced_count=self.fenced_counts.get(name, 0)
        )
        self.expected[name] = replace(entry, config=config, config_offset=last)
        if target is not None:
            self.expected[name] = replace(self.expected[name], target=target, target_offset=last - 1)

    def target(self, name, target):
        last = self.write(target_record(name, target))
        self.expected[name] = replace(self.expected[name], target=target, target_offset=last)

    def tasks(self, name, configs, torn_after):
        records = task_records(name, configs)
        if torn_after is not None and torn_after < len(records):
            self.write(*records[:torn_after])
            if torn_after and self.expected[name].tasks:
                self.forget_tasks(name)
            return
        last = self.write(*records)
        self.expected[name] = replace(self.expected[name], tasks=tuple(configs), tasks_offset=last, fenced=False)

    def forget_tasks(self, name):
        self.expected[name] = replace(self.expected[name], tasks=None, tasks_offset=-1, fenced=False)

    def fence(self, name, count):
        self.write(fencing_record(name, count))
        entry = self.expected[name]
        self.fenced_counts[name] = count
        self.expected[name] = replace(entry, fenced=entry.tasks is not None, fenced_count=count)

    def remove(self, name, torn):
        commit, *others = removal_records(name)
        self.write(commit)
        self.forget_tasks(name)
        if not torn:
            self.write(*others)
            del self.expected[name]

    def restart(self, name):
        self.write(restart_record(name, include_tasks=True, only_failed=True), restart_task_record(TaskId(name, 0)))


def compacted(log, keep):
    """Drop of the records that have a newer one with their key all that `keep` does not want, and of tombstones what stands alone."""
    newest = {record.key: record.offset for record in log}
    left = [record for record in log if newest[record.key] == record.offset or keep()]
    first: dict[str, int] = {}
    for record in left:
        first.setdefault(record.key, record.offset)
    return [r for r in left if r.value is not None or first[r.key] != r.offset or newest[r.key] != r.offset or keep()]


@given(STEPS)
def test_the_state_is_what_was_done(steps):
    history = History(steps)
    assert state_after(history.log).connectors == history.expected


@given(STEPS, st.data())
def test_the_state_after_any_compacted_form_of_the_log_is_that_after_the_whole_log(steps, data):
    log = History(steps).log
    shorter = compacted(log, lambda: data.draw(st.booleans()))
    assert state_after(shorter).connectors == state_after(log).connectors


@given(STEPS, st.integers(0, 60), st.data())
def test_so_it_is_after_any_part_of_the_log_and_however_often_it_is_looked_at(steps, length, data):
    log = History(steps).log[:length]
    state = ConfigState()
    for record in log:
        state.apply(record)
        assert state.connectors is not None
    shorter = compacted(log, lambda: data.draw(st.booleans()))
    assert state_after(shorter).connectors == state.connectors
