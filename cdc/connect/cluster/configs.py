"""What connectors there are and what is wanted of them, from the records of the config topic (`config.storage.topic`).

The records are those of Kafka Connect 4 (`KafkaConfigBackingStore`; KIP-618 for fencing, KIP-745 for restarts), so that either can go
on from what the other has written (KIP-976 for loggers):

    connector-NAME           {"properties": {…}}; a tombstone removes the connector
    target-state-NAME        {"state": "STARTED" | "PAUSED", "state.v2": "STARTED" | "PAUSED" | "STOPPED"}
    task-NAME-N              {"properties": {…}}; counts from the commit behind it on
    commit-NAME              {"tasks": 2}
    tasks-fencing-NAME       {"task-count": 2}
    restart-connector-NAME   {"include-tasks": true, "only-failed": false}
    logger-cluster-NAME      {"level": "DEBUG"}
    restart-task-NAME-N      {}; ours, Connect passes over it

The topic is compacted: of records with one key the last alone is sure to be there. So the last record of each key decides, and no other.
"""

from __future__ import annotations

import enum
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Generic, TypeVar

from cdc.connect.cluster.records import LogRecordLike, Record, decode, encode, split, task_id, whole
from cdc.connect.herder import TargetState, TaskId
from cdc.connect.loggers import LEVELS

log = logging.getLogger(__name__)

T = TypeVar("T")


class _Kind(enum.StrEnum):
    """What a record is about: what its key begins with."""

    CONNECTOR = "connector-"
    TARGET = "target-state-"
    TASK = "task-"
    COMMIT = "commit-"
    FENCING = "tasks-fencing-"
    RESTART_CONNECTOR = "restart-connector-"
    RESTART_TASK = "restart-task-"
    LOGGER = "logger-cluster-"


#: What workers of Kafka Connect tell each other alone.
_OF_CONNECT: Final = "session-key"


@dataclass(frozen=True, slots=True)
class ConnectorEntry:
    """A connector as the topic has it; offsets are those of records, and so say what came first.

    `config_offset` and `target_offset` are of the record that set the configuration and the target, -1 for a target that was never set.
    `tasks` are the configurations of the newest commit, None while there is none that has all its tasks: then they are to be written.
    `tasks_offset` is that of the commit, -1 for None: the generation of the tasks. One that is smaller than `config_offset` says that
    the tasks are of a former configuration. `fenced` says that a record of fencing stands behind the commit. `fenced_count` is the
    number of tasks in the newest record of fencing: how many are to be fenced before others start; 0 before the first.
    """

    name: str
    config: Mapping[str, str]
    target: TargetState
    config_offset: int
    target_offset: int
    tasks: tuple[Mapping[str, str], ...] | None
    tasks_offset: int
    fenced: bool
    fenced_count: int


@dataclass(frozen=True, slots=True)
class Restart:
    """A person's wish, to be carried out once by whoever runs the thing.

    With `task` None it is about the connector, and with `include_tasks` about its tasks; `only_failed` leaves alone what has not failed.
    """

    connector: str
    task: int | None
    include_tasks: bool
    only_failed: bool
    offset: int


@dataclass(frozen=True, slots=True)
class NewLevel:
    """A person's wish for a level of a logger on all workers; `level` is a word of `LEVELS`."""

    logger: str
    level: str


@dataclass(frozen=True, slots=True)
class _Said(Generic[T]):
    """What the newest record of a key says, and where it stands."""

    value: T
    offset: int


@dataclass(slots=True)
class _Connector:
    """The newest records about a connector; what is about its tasks outlives it, as in the topic."""

    config: _Said[Mapping[str, str]] | None = None
    target: _Said[TargetState] | None = None
    commit: _Said[int] | None = None
    fencing: _Said[int] | None = None
    tasks: dict[int, _Said[Mapping[str, str]]] = field(default_factory=dict)
    removed_at: int = -1

    def entry(self, name: str, config: _Said[Mapping[str, str]]) -> ConnectorEntry:
        tasks = self._committed()
        generation = self.commit.offset if self.commit is not None and tasks is not None else -1
        return ConnectorEntry(
            name,
            config.value,
            TargetState.STARTED if self.target is None else self.target.value,
            config.offset,
            -1 if self.target is None else self.target.offset,
            tasks,
            generation,
            fenced=tasks is not None and self.fencing is not None and self.fencing.offset > generation,
            fenced_count=0 if self.fencing is None else self.fencing.value,
        )

    def _committed(self) -> tuple[Mapping[str, str], ...] | None:
        """Return the tasks of the commit; None if one was written anew since, compacted away, or belongs to a connector removed since."""
        commit = self.commit
        if commit is None or commit.offset < self.removed_at or len(self.tasks) < commit.value:
            return None
        tasks = [self.tasks.get(number) for number in range(commit.value)]
        complete = tuple(task.value for task in tasks if task is not None and task.offset < commit.offset)
        return complete if len(complete) == commit.value else None


class ConfigState:
    """What the config topic says, as far as it was applied; one owner.

    However the topic was compacted, the state at its end is the same. It is meant to be looked at after all that was written together:
    between the first task of a new set and its commit, `tasks` is None.
    """

    def __init__(self) -> None:
        self._records: dict[str, _Connector] = {}
        self._entries: dict[str, ConnectorEntry] = {}
        self._changed: set[str] = set()

    @property
    def connectors(self) -> Mapping[str, ConnectorEntry]:
        """The connectors by name; what was returned does not change when more is applied."""
        if self._changed:
            self._entries = dict(self._refreshed())
            self._changed.clear()
        return MappingProxyType(self._entries)

    def apply(self, record: LogRecordLike) -> Restart | NewLevel | None:
        """Take in a record, in the order of offsets; return what it asks for, if it is a wish to be carried out once.

        One that is not known or cannot be read is skipped, with a warning: what the former record of its key said stays.
        """
        if record.key.startswith(_OF_CONNECT):
            return None
        try:
            return self._apply(record)
        except ValueError as error:
            log.warning("record %r at offset %d of the config topic is skipped: %s", record.key, record.offset, error)
            return None

    def _apply(self, record: LogRecordLike) -> Restart | NewLevel | None:
        kind, rest = split(record.key, _Kind)
        if kind in (_Kind.RESTART_CONNECTOR, _Kind.RESTART_TASK):
            return _restart(kind, rest, record)
        if kind == _Kind.LOGGER:
            return None if record.value is None else NewLevel(rest, _level(decode(record.value).get("level")))
        if kind == _Kind.TASK:
            self._take_task(task_id(rest), record)
        else:
            self._take(kind, rest, record)
        return None

    def _take(self, kind: _Kind, name: str, record: LogRecordLike) -> None:
        value, offset = None if record.value is None else decode(record.value), record.offset
        found = self._about(name)
        match kind:
            case _Kind.CONNECTOR:
                found.config = None if value is None else _Said(_properties(value), offset)
                found.removed_at = offset if value is None else found.removed_at
            case _Kind.TARGET:
                found.target = None if value is None else _Said(_target(value), offset)
            case _Kind.COMMIT:
                found.commit = None if value is None else _Said(whole(value.get("tasks")), offset)
            case _Kind.FENCING:
                found.fencing = None if value is None else _Said(whole(value.get("task-count")), offset)

    def _take_task(self, task: TaskId, record: LogRecordLike) -> None:
        tasks = self._about(task.connector).tasks
        if record.value is None:
            tasks.pop(task.task, None)
        else:
            tasks[task.task] = _Said(_properties(decode(record.value)), record.offset)

    def _about(self, name: str) -> _Connector:
        self._changed.add(name)
        return self._records.setdefault(name, _Connector())

    def _refreshed(self) -> Iterator[tuple[str, ConnectorEntry]]:
        for name, found in self._records.items():
            if found.config is not None:
                yield name, found.entry(name, found.config) if name in self._changed else self._entries[name]


def connector_records(name: str, config: Mapping[str, str], target: TargetState | None) -> list[Record]:
    """Return what creates a connector or gives it another configuration; the target comes first, so that it holds from the beginning."""
    wanted = [] if target is None else [target_record(name, target)]
    return [*wanted, (_Kind.CONNECTOR + name, encode({"properties": dict(config)}))]


def target_record(name: str, target: TargetState) -> Record:
    """Return what sets the target; workers from before STOPPED read it as PAUSED."""
    older = TargetState.PAUSED if target is TargetState.STOPPED else target
    return _Kind.TARGET + name, encode({"state": older, "state.v2": target})


def task_records(name: str, configs: Sequence[Mapping[str, str]]) -> list[Record]:
    """Return what gives a connector these tasks, to be written in this order: the commit, which is the last, makes them count.

    Raises:
        ValueError: a configuration would not be read as it is, since it holds something else than texts.
    """
    for config in configs:
        if _properties({"properties": dict(config)}) != dict(config):
            raise ValueError("a task has a property that is None")
    tasks = [
        (f"{_Kind.TASK}{name}-{number}", encode({"properties": dict(config)})) for number, config in enumerate(configs)
    ]
    return [*tasks, (_Kind.COMMIT + name, encode({"tasks": len(configs)}))]


def fencing_record(name: str, count: int) -> Record:
    """Return what says that nobody runs the former tasks any more, and that `count` of them may start."""
    return _Kind.FENCING + name, encode({"task-count": count})


def restart_record(name: str, *, include_tasks: bool, only_failed: bool) -> Record:
    """Return the wish to restart a connector."""
    return _Kind.RESTART_CONNECTOR + name, encode({"include-tasks": include_tasks, "only-failed": only_failed})


def restart_task_record(id: TaskId) -> Record:  # noqa: A002 (the field's word)
    """Return the wish to restart a task."""
    return f"{_Kind.RESTART_TASK}{id}", encode({})


def level_record(logger: str, level: str) -> Record:
    """Return the wish for a level of a logger on all workers; raises KeyError for a word that is no level."""
    if level.upper() not in LEVELS:
        raise KeyError(level)
    return _Kind.LOGGER + logger, encode({"level": level.upper()})


def removal_records(name: str) -> list[Record]:
    """Return what removes a connector, to be written in this order.

    Connect leaves the commit. But once a new connector of that name stands in the topic, compaction removes all trace of the former one's
    end, and the new one would seem to have its tasks. The commit goes first: whatever is written in part can still be removed.
    """
    return [(_Kind.COMMIT + name, None), (_Kind.CONNECTOR + name, None), (_Kind.TARGET + name, None)]


def _restart(kind: _Kind, rest: str, record: LogRecordLike) -> Restart | None:
    if record.value is None:
        return None
    said = decode(record.value)
    if kind == _Kind.RESTART_TASK:
        task = task_id(rest)
        return Restart(task.connector, task.task, include_tasks=False, only_failed=False, offset=record.offset)
    include_tasks, only_failed = said.get("include-tasks") is True, said.get("only-failed") is True
    return Restart(rest, None, include_tasks=include_tasks, only_failed=only_failed, offset=record.offset)


def _level(word: object) -> str:
    if not isinstance(word, str) or word.upper() not in LEVELS:
        raise ValueError("its level is none of " + ", ".join(LEVELS))
    return word.upper()


def _properties(value: Mapping[str, object]) -> Mapping[str, str]:
    """Return the properties; Connect takes one whose value is null as one that is not there."""
    found = value.get("properties")
    if not isinstance(found, dict) or not all(text is None or isinstance(text, str) for text in found.values()):
        raise ValueError("its properties are not an object of texts")
    return {name: text for name, text in found.items() if text is not None}


def _target(value: Mapping[str, object]) -> TargetState:
    found = value.get("state.v2")
    return TargetState(str(value.get("state") if found is None else found))
