"""Kafka's classic group protocol: what the broker that keeps a group is asked, and what its answers mean.

A member joins, all others join too, one of them is made the leader and assigns, each fetches its share (SyncGroup), and heartbeats
keep its session until the group forms anew (https://kafka.apache.org/protocol: JoinGroup, SyncGroup, Heartbeat, LeaveGroup).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, Protocol

from aiokafka import errors

from cdc.errors import KafkaRefused, KafkaUnavailable

PROTOCOL_TYPE: Final = "connect"
#: What somebody who is no member yet says in the place of a member id and of a generation.
NO_MEMBER: Final = ""
NO_GENERATION: Final = -1


@dataclass(frozen=True, slots=True)
class MembershipSettings:
    """How a worker is a member of its group. Times are in seconds.

    `session_timeout` is how long a member may be silent before it is put out, `rebalance_timeout` how long the others wait
    for it to join when the group forms anew.
    """

    group_id: str
    session_timeout: float = 10.0
    heartbeat_interval: float = 3.0
    rebalance_timeout: float = 60.0


class MembershipLost(Exception):
    """This member is none any more: the coordinator says so, or has not answered within the session timeout."""


class StaleGeneration(Exception):
    """The group has a later generation than the one that was named."""


@dataclass(frozen=True, slots=True)
class Joined:
    """The answer to a join. `members` is what each told the leader, for the leader alone.

    With NO_GENERATION the join is to be repeated, with the member id that is given here (KIP-394).
    """

    generation: int
    member_id: str
    leader: bool
    members: Mapping[str, bytes]


class Coordinator(Protocol):
    """The broker that keeps the group. Heartbeats and leaving can go on while a join or sync waits for its answer.

    All methods raise KafkaUnavailable when it does not answer well or keeps the group no longer, KafkaRefused when it never will, and
    MembershipLost when it does not know the member.
    """

    async def join(self, member_id: str, metadata: bytes) -> Joined:
        """Join; the answer comes when all others have joined too, or their time is over."""

    async def sync(self, joined: Joined, shares: Mapping[str, bytes]) -> bytes | None:
        """Give the shares, as leader, and return the own share; None when the group forms anew. May raise StaleGeneration."""

    async def heartbeat(self, member_id: str, generation: int) -> bool:
        """Prolong the session; return False when the group forms anew. May raise StaleGeneration."""

    async def leave(self, member_id: str) -> None:
        """Leave the group, so that nobody waits for the session to end."""

    def close(self) -> None:
        """Close the connections at once; whatever waits for an answer fails with KafkaUnavailable."""


class Code(IntEnum):
    """Error codes of the protocol that mean something here."""

    NONE = 0
    ILLEGAL_GENERATION = 22
    INCONSISTENT_GROUP_PROTOCOL = 23
    INVALID_GROUP_ID = 24
    UNKNOWN_MEMBER_ID = 25
    INVALID_SESSION_TIMEOUT = 26
    REBALANCE_IN_PROGRESS = 27
    GROUP_AUTHORIZATION_FAILED = 30
    MEMBER_ID_REQUIRED = 79
    GROUP_MAX_SIZE_REACHED = 81
    FENCED_INSTANCE_ID = 82


def joined(response: Any) -> Joined:
    """Return what a JoinGroup response says that has no error, or the one that it is to be repeated."""
    if response.error_code == Code.MEMBER_ID_REQUIRED:
        return Joined(NO_GENERATION, response.member_id, leader=False, members={})
    # The versions differ in what stands between id and metadata.
    members = {member[0]: bytes(member[-1] or b"") for member in response.members}
    leader = response.leader_id == response.member_id
    return Joined(response.generation_id, response.member_id, leader, members)


def check(code: int, group: MembershipSettings) -> None:
    """Raise what an error code means; which of the exceptions, says `Coordinator`."""
    if code in {Code.UNKNOWN_MEMBER_ID, Code.FENCED_INSTANCE_ID}:
        raise MembershipLost("the coordinator does not know it any more")
    if code == Code.ILLEGAL_GENERATION:
        raise StaleGeneration
    if code in _REFUSALS:
        fact, remedy = _REFUSALS[code]
        names = {"group": group.group_id, "session": round(group.session_timeout * 1000)}
        raise KafkaRefused(fact.format(**names), remedy.format(**names))
    if code != Code.NONE:
        reason = errors.for_code(code).message or "error"
        fact = f"The coordinator of group {group.group_id} cannot answer now: {reason} ({code})"
        raise KafkaUnavailable(fact, "It is looked for and asked again.")


_REFUSALS: Final[Mapping[int, tuple[str, str]]] = {
    Code.GROUP_AUTHORIZATION_FAILED: (
        "Kafka does not allow the group {group}",
        "Grant the user the ACL READ on it (kafka-acls --add --operation Read --group {group}).",
    ),
    Code.INCONSISTENT_GROUP_PROTOCOL: (
        "Group {group} has members of another kind: consumers, or workers of another program",
        "Set group.id to a name that only the workers of this cluster use.",
    ),
    Code.INVALID_GROUP_ID: ("Kafka does not take {group!r} as the name of a group", "Set group.id to another name."),
    Code.INVALID_SESSION_TIMEOUT: (
        "Kafka refuses session.timeout.ms = {session}",
        "Set it between the broker's group.min.session.timeout.ms and group.max.session.timeout.ms.",
    ),
    Code.GROUP_MAX_SIZE_REACHED: (
        "Group {group} has as many members as the broker allows",
        "Start fewer workers, or raise the broker's group.max.size.",
    ),
}
