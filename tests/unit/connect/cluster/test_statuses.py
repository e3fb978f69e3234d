"""The status topic: Connect's records, and whose word counts."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdc.connect.cluster.statuses import (
    StatusState,
    StoredStatus,
    connector_status,
    forget_connector,
    forget_topics,
    spoken_of,
    task_status,
    topic_status,
)
from cdc.connect.herder import InstanceStatus, State, TaskId

RUNNING = InstanceStatus(State.RUNNING, "one:8083", "1.0")
ELSEWHERE = InstanceStatus(State.RUNNING, "two:8083", "1.0")
FAILED = InstanceStatus(State.FAILED, "one:8083", "", "boom\n\tat x")
UNASSIGNED = InstanceStatus(State.UNASSIGNED, "one:8083", "1.0")


class Record(NamedTuple):
    offset: int
    key: str
    value: bytes | None


def state_after(*records):
    state = StatusState()
    for offset, record in enumerate(records):
        state.apply(Record(offset, *record))
    return state


# What Connect 4.3.1 writes: its JsonConverter with the schemas of its KafkaStatusBackingStore.


def test_records_are_byte_for_byte_those_of_kafka_connect():
    running = b'{"state":"RUNNING","trace":null,"worker_id":"one:8083","generation":3,"version":"1.0"}'
    failed = b'{"state":"FAILED","trace":"boom\\n\\tat x","worker_id":"one:8083","generation":3,"version":null}'
    topic = b'{"topic":{"name":"orders","connector":"c","task":0,"discoverTimestamp":1700000000000}}'
    assert connector_status("a-1", RUNNING, 3) == ("status-connector-a-1", running)
    assert task_status(TaskId("a-1", 0), FAILED, 3) == ("status-task-a-1-0", failed)
    assert topic_status("orders", TaskId("c", 0), 1_700_000_000_000) == ("status-topic-orders:connector-c", topic)


@pytest.mark.parametrize("name", ["a", "a-1", "a/b", "größe", "c:connector-d", "task-1", "a\nb"])
def test_statuses_come_back_by_connector_and_task(name):
    state = state_after(
        connector_status(name, RUNNING, 3),
        task_status(TaskId(name, 11), FAILED, 4),
        task_status(TaskId(name, 2), RUNNING, 3),
        topic_status("orders-1", TaskId(name, 2), 7),
    )
    assert state.connector(name) == StoredStatus(RUNNING, 3)
    assert list(state.tasks(name).items()) == [(2, StoredStatus(RUNNING, 3)), (11, StoredStatus(FAILED, 4))]
    assert state.topics(name) == {"orders-1"}


def test_nothing_is_known_at_the_beginning():
    state = StatusState()
    assert (state.connector("a"), dict(state.tasks("a")), state.topics("a")) == (None, {}, set())


def test_statuses_of_workers_from_before_versions_are_read():
    record = ("status-connector-a", b'{"state":"RUNNING","trace":null,"worker_id":"one:8083","generation":3}')
    assert state_after(record).connector("a") == StoredStatus(InstanceStatus(State.RUNNING, "one:8083", ""), 3)


def test_the_newest_word_counts():
    state = state_after(connector_status("a", RUNNING, 3), connector_status("a", FAILED, 3))
    assert state.connector("a") == StoredStatus(FAILED, 3)


@pytest.mark.parametrize("late", [FAILED, UNASSIGNED, RUNNING], ids=str)
def test_a_worker_that_was_paused_cannot_speak_over_the_one_that_took_over(late):
    task = TaskId("a", 0)
    state = state_after(
        task_status(task, ELSEWHERE, 4),
        task_status(task, late, 3),
        connector_status("a", ELSEWHERE, 4),
        connector_status("a", late, 3),
    )
    assert state.tasks("a")[0] == StoredStatus(ELSEWHERE, 4)
    assert state.connector("a") == StoredStatus(ELSEWHERE, 4)


def test_another_worker_is_heard_in_the_same_generation():
    state = state_after(connector_status("a", FAILED, 3), connector_status("a", ELSEWHERE, 3))
    assert state.connector("a") == StoredStatus(ELSEWHERE, 3)


def test_a_group_that_counts_anew_is_heard_from_the_same_worker():
    state = state_after(connector_status("a", RUNNING, 57), connector_status("a", FAILED, 1))
    assert state.connector("a") == StoredStatus(FAILED, 1)


def test_a_group_that_counts_anew_is_heard_from_all_after_the_former_owner_has_let_go():
    state = state_after(connector_status("a", UNASSIGNED, 57), connector_status("a", ELSEWHERE, 1))
    assert state.connector("a") == StoredStatus(ELSEWHERE, 1)


def test_a_tombstone_lets_anybody_speak():
    task = TaskId("a", 0)
    state = state_after(task_status(task, RUNNING, 57), *forget_connector("a", [0]), task_status(task, ELSEWHERE, 1))
    assert state.tasks("a") == {0: StoredStatus(ELSEWHERE, 1)}


def test_a_connector_is_forgotten_with_the_tasks_that_are_named():
    tasks = [task_status(TaskId(name, number), RUNNING, 1) for name in ("a", "a-1") for number in range(3)]
    connectors = [connector_status(name, RUNNING, 1) for name in ("a", "a-1")]
    state = state_after(*tasks, *connectors, *forget_connector("a", [0, 2]))
    assert state.connector("a") is None
    assert list(state.tasks("a")) == [1]
    assert list(state.tasks("a-1")) == [0, 1, 2]
    assert state.connector("a-1") is not None


def test_topics_are_forgotten_by_connector():
    said = [topic_status(topic, TaskId(name, 0), 1) for topic in ("x", "y", "z") for name in ("a", "b")]
    state = state_after(*said, *forget_topics("a", ["x", "z"]))
    assert state.topics("a") == {"y"}
    assert state.topics("b") == {"x", "y", "z"}


def test_forgetting_what_is_not_known_does_nothing(caplog):
    state = state_after(*forget_connector("a", [0]), *forget_topics("a", ["x"]))
    assert state.connector("a") is None
    assert not caplog.records


def test_a_connector_is_known_while_anything_of_it_is():
    records = [
        connector_status("a", RUNNING, 1),
        task_status(TaskId("b", 0), RUNNING, 1),
        topic_status("x", TaskId("c", 0), 1),
    ]
    forgotten = [*forget_connector("a", []), *forget_connector("b", [0]), *forget_topics("c", ["x"])]
    assert state_after(*records).names() == {"a", "b", "c"}
    assert state_after(*records, *forgotten).names() == set()


def test_records_tell_which_tasks_they_are_about_and_whose_topics_they_forget():
    records = [
        task_status(TaskId("a", 0), RUNNING, 3),
        task_status(TaskId("a", 0), ELSEWHERE, 2),
        *forget_connector("b", [0]),
        connector_status("c", RUNNING, 3),
        topic_status("x", TaskId("d", 0), 1),
        *forget_topics("e:1", ["x"]),
        ("status-task-f-0", b"{"),
    ]
    said = spoken_of(Record(offset, *record) for offset, record in enumerate(records))
    assert said == ({TaskId("a", 0), TaskId("b", 0), TaskId("f", 0)}, {"e:1"})


UNREADABLE = [
    ("status-connector-a", b"{secret"),
    ("status-connector-a", b"[]"),
    ("status-connector-a", b'{"state":"DOZING","worker_id":"w","generation":1}'),
    ("status-connector-a", b'{"state":"RUNNING","generation":1}'),
    ("status-connector-a", b'{"state":"RUNNING","worker_id":"w"}'),
    ("status-connector-a", b'{"state":"RUNNING","worker_id":"w","generation":1,"trace":1}'),
    ("status-connector-", b'{"state":"RUNNING","worker_id":"w","generation":1}'),
    ("status-task-a", b'{"state":"RUNNING","worker_id":"w","generation":1}'),
    ("status-topic-x", b'{"topic":{}}'),
    ("status-topic-:connector-a", b'{"topic":{}}'),
    ("status-topic-x:connector-", b'{"topic":{}}'),
    ("status-topic-x:connector-a", b"{}"),
    ("status-", b"{}"),
    ("", None),
]


@pytest.mark.parametrize(("key", "value"), UNREADABLE)
def test_a_record_that_cannot_be_read_is_skipped_with_one_warning_that_names_it(key, value, caplog):
    state = state_after(connector_status("a", RUNNING, 1))
    state.apply(Record(42, key, value))
    assert state.connector("a") == StoredStatus(RUNNING, 1)
    assert not state.topics("a")
    [warning] = caplog.records
    assert warning.levelname == "WARNING"
    assert repr(key) in warning.message
    assert "offset 42" in warning.message
    assert "secret" not in warning.message


TEXT = st.text(max_size=5)
STATUSES = st.builds(InstanceStatus, st.sampled_from(State), TEXT, TEXT, TEXT)


@given(TEXT.filter(bool), st.integers(0, 2**31 - 1), STATUSES, st.integers(-1, 2**31 - 1))
def test_any_status_comes_back(name, number, status, generation):
    state = state_after(
        connector_status(name, status, generation), task_status(TaskId(name, number), status, generation)
    )
    assert state.connector(name) == StoredStatus(status, generation)
    assert state.tasks(name) == {number: StoredStatus(status, generation)}
