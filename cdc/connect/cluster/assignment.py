"""Who runs which task: incremental cooperative assignment (KIP-415), computed by the leader of the group from what the members say.

A task moves in two rounds. In the first, nobody gets it: its owner stops it, and joins again without it. In the second it is nobody's, and
is given away. So no two members run it at a time. Members keep what they have as far as balance allows, and nobody waits for others.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from cdc.connect.cluster.records import decode, encode, whole
from cdc.connect.herder import TaskId
from cdc.errors import DecodeError
from cdc.model.position import Json

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class MemberState:
    """What a member tells when it joins: the URL of its REST API, how far it has read the config topic, and the tasks it runs now."""

    url: str
    config_offset: int
    owned: frozenset[TaskId]

    def encode(self) -> bytes:
        """Return it as bytes; the same state has the same bytes."""
        return encode({"url": self.url, "config_offset": self.config_offset, "owned": _grouped(self.owned)})

    @classmethod
    def decode(cls, data: bytes) -> MemberState:
        """Return what `encode` made bytes of; raises DecodeError for anything else. Further fields are passed over."""
        try:
            said = decode(data)
            return cls(_of(str, said.get("url")), whole(said.get("config_offset"), least=-1), _tasks(said.get("owned")))
        except ValueError as error:
            raise DecodeError(f"The state of a member of the group cannot be read: {error}", data) from error


@dataclass(frozen=True, slots=True)
class Assignment:
    """What the leader tells a member: who the leader is, which configurations it has assigned by, and what the member is to run.

    `leader` is its member id, `leader_url` the URL of its REST API; `config_offset` is how far it had read the config topic.
    """

    leader: str
    leader_url: str
    config_offset: int
    tasks: frozenset[TaskId]

    def encode(self) -> bytes:
        """Return it as bytes; the same assignment has the same bytes."""
        said: dict[str, Json] = {"leader": self.leader, "leader_url": self.leader_url}
        return encode({**said, "config_offset": self.config_offset, "tasks": _grouped(self.tasks)})

    @classmethod
    def decode(cls, data: bytes) -> Assignment:
        """Return what `encode` made bytes of; raises DecodeError for anything else. Further fields are passed over."""
        try:
            said = decode(data)
            leader, url = _of(str, said.get("leader")), _of(str, said.get("leader_url"))
            return cls(leader, url, whole(said.get("config_offset"), least=-1), _tasks(said.get("tasks")))
        except ValueError as error:
            raise DecodeError(f"The assignment of a member of the group cannot be read: {error}", data) from error


def assign(members: Mapping[str, MemberState], wanted: Collection[TaskId]) -> Mapping[str, frozenset[TaskId]]:
    """Return what each member is to run in this round, by member id; the same arguments give the same answer.

    A wanted task stays with the one member that owns it, unless that has more than its share: then nobody gets the surplus. Nobody gets a
    task that several own. One that nobody owns goes to a member with the fewest, and of those to one with the fewest of its connector.
    When members have given up what they did not get, the next round ends it: shares differ by one at most, and nothing moves any more.
    """
    if not members:
        return {}
    tasks = set(wanted)
    owners = _owners(members, tasks)
    loads = {member: _Load() for member in sorted(members)}
    for task, [owner, *others] in owners.items():
        if not others:
            loads[owner].add(task)
    _give_up(loads, tasks)
    _give_away(loads, tasks - owners.keys())
    return {member: frozenset(load.tasks) for member, load in loads.items()}


@dataclass(slots=True)
class _Load:
    """What a member is to run, and how many of each connector."""

    tasks: set[TaskId] = field(default_factory=set)
    connectors: Counter[str] = field(default_factory=Counter)

    def add(self, task: TaskId) -> None:
        self.tasks.add(task)
        self.connectors[task.connector] += 1

    def rank(self, connector: str) -> tuple[int, int]:
        """Return the number of tasks, and how many of them are of the connector."""
        return len(self.tasks), self.connectors[connector]

    def shrink(self, share: int, even: Mapping[str, float]) -> None:
        """Give up what exceeds the share, each time of the connector that is furthest above its even number."""
        while len(self.tasks) > share:
            task = max(
                self.tasks, key=lambda task: (self.connectors[task.connector] - even[task.connector], *_order(task))
            )
            self.tasks.remove(task)
            self.connectors[task.connector] -= 1


def _owners(members: Mapping[str, MemberState], wanted: Collection[TaskId]) -> Mapping[TaskId, list[str]]:
    owners = defaultdict(list)
    for member, state in members.items():
        for task in state.owned:
            if task in wanted:
                owners[task].append(member)
    return owners


def _give_up(loads: Mapping[str, _Load], wanted: Collection[TaskId]) -> None:
    """Shrink loads to shares that add up to all that is wanted; the one more that some may have falls to those with the most."""
    ranked = sorted(loads.values(), key=lambda load: -len(load.tasks))
    even = {name: count / len(loads) for name, count in Counter(task.connector for task in wanted).items()}
    for rank, load in enumerate(ranked):
        load.shrink((len(wanted) + len(ranked) - 1 - rank) // len(ranked), even)


def _give_away(loads: Mapping[str, _Load], tasks: Collection[TaskId]) -> None:
    for task in sorted(tasks, key=_order):
        min(loads.values(), key=lambda load: load.rank(task.connector)).add(task)


def _order(task: TaskId) -> tuple[str, int]:
    return task.connector, task.task


def _grouped(tasks: Iterable[TaskId]) -> dict[str, Json]:
    grouped: dict[str, list[Json]] = {}
    for task in sorted(tasks, key=_order):
        grouped.setdefault(task.connector, []).append(task.task)
    return {**grouped}


def _tasks(grouped: Any) -> frozenset[TaskId]:
    found = _of(dict, grouped)
    return frozenset(
        TaskId(connector, whole(number)) for connector, numbers in found.items() for number in _of(list, numbers)
    )


def _of(kind: type[T], value: object) -> T:
    if not isinstance(value, kind):
        raise ValueError(f"{kind.__name__} is expected, and there is {type(value).__name__}")  # noqa: TRY004 (wrong content)
    return value
