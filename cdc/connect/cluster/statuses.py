"""How connectors and tasks are, from the records of the status topic (`status.storage.topic`).

The records are those of Kafka Connect 4:

    status-connector-NAME               {"state", "trace", "worker_id", "generation", "version"}
    status-task-NAME-N                  the same
    status-topic-TOPIC:connector-NAME   {"topic": {"name", "connector", "task", "discoverTimestamp"}}

The generation is that of the group when the worker spoke (`KafkaStatusBackingStore`; KIP-558 for topics, KIP-891 for versions).
"""

from __future__ import annotations

import enum
import logging
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeVar

from cdc.connect.cluster.records import LogRecordLike, Record, decode, encode, split, task_id, whole
from cdc.connect.herder import InstanceStatus, State, TaskId
from cdc.model.position import Json

log = logging.getLogger(__name__)

Key = TypeVar("Key", str, int)

_OF_CONNECTOR: Final = ":connector-"


class _Kind(enum.StrEnum):
    """What a record is about: what its key begins with."""

    CONNECTOR = "status-connector-"
    TASK = "status-task-"
    TOPIC = "status-topic-"


@dataclass(frozen=True, slots=True)
class StoredStatus:
    """A status, and the generation of the group in which it was said."""

    instance: InstanceStatus
    generation: int


class StatusState:
    """What the status topic says, as far as it was applied; one owner."""

    def __init__(self) -> None:
        self._connectors: dict[str, StoredStatus] = {}
        self._tasks: dict[str, dict[int, StoredStatus]] = {}
        self._topics: dict[str, set[str]] = {}

    def names(self) -> set[str]:
        """Return the connectors of which anything is known."""
        return {*self._connectors} | {name for name, known in {**self._tasks, **self._topics}.items() if known}

    def connector(self, name: str) -> StoredStatus | None:
        """Return the status of a connector; None if nothing is known of it."""
        return self._connectors.get(name)

    def tasks(self, name: str) -> Mapping[int, StoredStatus]:
        """Return the statuses of a connector's tasks, in the order of their numbers."""
        return MappingProxyType(dict(sorted(self._tasks.get(name, {}).items())))

    def topics(self, connector: str) -> set[str]:
        """Return the topics that a connector has used since they were forgotten last."""
        return set(self._topics.get(connector, ()))

    def at_work(self, connectors: Iterable[str]) -> Iterator[tuple[TaskId, StoredStatus]]:
        """Give the tasks of these connectors that some worker has, as far as is known: all that are not UNASSIGNED."""
        for name in connectors:
            for number, said in self.tasks(name).items():
                if said.instance.state is not State.UNASSIGNED:
                    yield TaskId(name, number), said

    def forgetting(self, connectors: Collection[str]) -> list[Record]:
        """Return the tombstones of all that is known of other connectors than these."""
        records: list[Record] = []
        for name in self.names() - {*connectors}:
            records += forget_connector(name, self.tasks(name))
            records += forget_topics(name, self.topics(name))
        return records

    def apply(self, record: LogRecordLike) -> None:
        """Take in a record, in the order of offsets in each partition; a tombstone removes.

        A worker that was paused speaks of the past: what it says under a lower generation than another worker's word is ignored, unless
        that word was UNASSIGNED. A group that begins anew counts from 1 again: whoever takes over a task under a lower generation than
        the stored one writes a tombstone first. A record that is not known or cannot be read is skipped, with a warning.
        """
        try:
            self._apply(record)
        except ValueError as error:
            log.warning("record %r at offset %d of the status topic is skipped: %s", record.key, record.offset, error)

    def _apply(self, record: LogRecordLike) -> None:
        kind, rest = split(record.key, _Kind)
        if kind == _Kind.TOPIC:
            self._take_topic(rest, record.value)
        elif kind == _Kind.CONNECTOR:
            _take(self._connectors, rest, record.value)
        else:
            task = task_id(rest)
            _take(self._tasks.setdefault(task.connector, {}), task.task, record.value)

    def _take_topic(self, rest: str, value: bytes | None) -> None:
        topic, _, connector = rest.partition(_OF_CONNECTOR)
        if not topic or not connector:
            raise ValueError("its key names no topic of a connector")
        topics = self._topics.setdefault(connector, set())
        if value is None:
            topics.discard(topic)
        elif isinstance(decode(value).get("topic"), dict):
            topics.add(topic)
        else:
            raise ValueError("it says nothing of a topic")


def spoken_of(records: Iterable[LogRecordLike]) -> tuple[set[TaskId], set[str]]:
    """Return which tasks records are about, and the connectors of which they forget topics."""
    tasks: set[TaskId] = set()
    forgotten: set[str] = set()
    for record in records:
        with suppress(ValueError):
            kind, rest = split(record.key, _Kind)
            if kind == _Kind.TASK:
                tasks.add(task_id(rest))
            elif kind == _Kind.TOPIC and record.value is None:
                forgotten.add(rest.partition(_OF_CONNECTOR)[2])
    return tasks, forgotten


def connector_status(name: str, status: InstanceStatus, generation: int) -> Record:
    """Return what says how a connector is."""
    return _Kind.CONNECTOR + name, _encode(status, generation)


def task_status(id: TaskId, status: InstanceStatus, generation: int) -> Record:  # noqa: A002 (the field's word)
    """Return what says how a task is."""
    return f"{_Kind.TASK}{id}", _encode(status, generation)


def topic_status(topic: str, id: TaskId, now_ms: int) -> Record:  # noqa: A002
    """Return what says that a task has used a topic, found out at `now_ms`, in milliseconds since the epoch."""
    said: dict[str, Json] = {"name": topic, "connector": id.connector, "task": id.task, "discoverTimestamp": now_ms}
    return f"{_Kind.TOPIC}{topic}{_OF_CONNECTOR}{id.connector}", encode({"topic": said})


def forget_connector(name: str, tasks: Iterable[int]) -> list[Record]:
    """Return the tombstones of the status of a connector and of these tasks."""
    return [*((f"{_Kind.TASK}{TaskId(name, task)}", None) for task in tasks), (_Kind.CONNECTOR + name, None)]


def forget_topics(connector: str, topics: Iterable[str]) -> list[Record]:
    """Return the tombstones of these topics of a connector."""
    return [(f"{_Kind.TOPIC}{topic}{_OF_CONNECTOR}{connector}", None) for topic in topics]


def _encode(status: InstanceStatus, generation: int) -> bytes:
    return encode(
        {
            "state": status.state,
            "trace": status.trace or None,
            "worker_id": status.worker_id,
            "generation": generation,
            "version": status.version or None,
        }
    )


def _decode(value: bytes) -> StoredStatus:
    said = decode(value)
    state = State(str(said.get("state")))
    match said:
        case {"worker_id": str(worker)}:
            instance = InstanceStatus(state, worker, _text(said.get("version")), _text(said.get("trace")))
            return StoredStatus(instance, whole(said.get("generation"), least=-1))
    raise ValueError("it does not say which worker wrote it")


def _text(value: object) -> str:
    if value is not None and not isinstance(value, str):
        raise ValueError(f"a text is expected, and there is {type(value).__name__}")
    return value or ""


def _take(known: dict[Key, StoredStatus], key: Key, value: bytes | None) -> None:
    if value is None:
        known.pop(key, None)
        return
    said = _decode(value)
    if key not in known or not _speaks_of_the_past(said, known[key]):
        known[key] = said


def _speaks_of_the_past(said: StoredStatus, known: StoredStatus) -> bool:
    return (
        said.generation < known.generation
        and said.instance.worker_id != known.instance.worker_id
        and known.instance.state is not State.UNASSIGNED
    )
