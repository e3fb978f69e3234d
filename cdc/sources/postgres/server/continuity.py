"""Whether a stored position can go on from what the server has: from facts to a verdict, without I/O.

A position is always stored before it is acknowledged, so in good order the slot never stands ahead of it. Then what comes behind the position
is still in the server's log, if it is the same log.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from cdc.config.settings import OffsetMismatch
from cdc.errors import (
    LogDiverged,
    OtherServer,
    PublicationDropped,
    PublicationRecreated,
    SlotAdvanced,
    SlotDropped,
    SlotNotFailedOver,
    SlotRecreated,
    SourceLost,
)
from cdc.model.position import format_lsn
from cdc.sources.postgres.protocol.reader import SystemIdentity
from cdc.sources.postgres.server.slot import NEW_SNAPSHOT, Slot, invalidated
from cdc.sources.postgres.wal.position import PostgresPosition, PublicationEvidence, SlotEvidence

SKIP_GAP: Final = (
    "to go on without them: offset.mismatch.strategy=trust_slot, or cdc-stream offsets set CONNECTOR.json slot"
)
SKIP_ALL: Final = "to go on without them, with a new slot: offset.mismatch.strategy=no_validation"

_SLOT_DECIDES: Final = frozenset(
    {OffsetMismatch.NO_VALIDATION, OffsetMismatch.TRUST_SLOT, OffsetMismatch.TRUST_GREATER_LSN}
)
_GOES_ON: Final[Mapping[type[SourceLost], frozenset[OffsetMismatch]]] = {
    SlotAdvanced: _SLOT_DECIDES,
    SlotRecreated: _SLOT_DECIDES,
    SlotDropped: frozenset({OffsetMismatch.NO_VALIDATION}),
    SlotNotFailedOver: frozenset({OffsetMismatch.NO_VALIDATION}),
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What the server says about a stored position.

    `left` is where the server's log left each earlier timeline. `transaction` is the state of the last published transaction: what
    pg_xact_status says, "future" for one that the server has not begun yet, "" where unknown. `witnessed` tells whether the log has the newest
    commit that was read at its place, None where unknown. `publication` is the configured one, None where it was not looked for.
    """

    name: str
    server: SystemIdentity
    slot: Slot | None
    left: Mapping[int, int] = field(default_factory=dict)
    transaction: str = ""
    witnessed: bool | None = None
    publication: PublicationEvidence | None = None


def verdict(stored: PostgresPosition, facts: Facts) -> SourceLost | None:
    """Return why the stream cannot go on behind the stored position without a gap; None when it can.

    A position without evidence, such as one that Debezium has stored, is judged by its place alone.
    """
    for judge in _JUDGES:
        if (lost := judge(stored, facts)) is not None:
            return lost
    return None


def is_overruled(lost: SourceLost, strategy: OffsetMismatch) -> bool:
    """Tell whether the configuration asks to go on from the slot all the same; never on another log, where no position means anything."""
    return strategy in _GOES_ON.get(type(lost), frozenset())


def _other_server(stored: PostgresPosition, facts: Facts) -> SourceLost | None:
    server = facts.server.system_id
    if stored.system_id in {"", server}:
        return None
    return OtherServer(
        f"the stored offset belongs to the server with system identifier {stored.system_id}; this one is {server}",
        f"Connect to the server that the offset came from. {NEW_SNAPSHOT}.",
    )


def _other_timeline(stored: PostgresPosition, facts: Facts) -> SourceLost | None:
    known, here = stored.timeline, facts.server.timeline
    left = facts.left.get(known)
    if known in {0, here} or (left is not None and _reached(stored) <= left):
        return None
    place = format_lsn(stored.lsn)
    if known > here:
        fact = (
            f"the stored offset {place} is on timeline {known}, but the server is still on timeline {here}: it is an older copy, "
            "or was left at a failover"
        )
        return LogDiverged(
            fact, f"Connect to the server that took over (database.hostname takes a list). {NEW_SNAPSHOT}."
        )
    where = f"left timeline {known} at {format_lsn(left)}" if left is not None else f"was never on timeline {known}"
    fact = (
        f"the server's log, now on timeline {here}, {where}, and the stored offset is {place}: "
        "changes were published that this server does not have"
    )
    return LogDiverged(fact, f"{NEW_SNAPSHOT}. synchronized_standby_slots keeps the stream behind the standby servers.")


def _ends_before(stored: PostgresPosition, facts: Facts) -> SourceLost | None:
    if _reached(stored) <= facts.server.flushed:
        return None
    return LogDiverged(
        f"the stored offset {format_lsn(stored.lsn)} lies behind the end of the server's log, {format_lsn(facts.server.flushed)}: the "
        "server was restored from a backup, or another one took over without all of the log",
        f"{NEW_SNAPSHOT}.",
    )


def _unknown_transaction(stored: PostgresPosition, facts: Facts) -> SourceLost | None:
    if facts.transaction not in {"aborted", "future"}:
        return None
    state = "was aborted" if facts.transaction == "aborted" else "has not begun yet"
    return LogDiverged(
        f"transaction {stored.xid} was published, but {state} on this server: it was restored from a backup and has gone another way since",
        f"{NEW_SNAPSHOT}.",
    )


def _other_log(stored: PostgresPosition, facts: Facts) -> SourceLost | None:
    if facts.witnessed is not False or stored.witness is None:
        return None
    return LogDiverged(
        f"the server's log does not have the last commit that was read, at {format_lsn(stored.witness.lsn)}: the server was restored from "
        "a backup and has gone another way since",
        f"{NEW_SNAPSHOT}.",
    )


def _older_slot(stored: PostgresPosition, facts: Facts) -> SourceLost | None:
    """A slot that needs older log than before is one of an older copy of the server: what it needed never goes back."""
    known, slot = _same(stored, facts), facts.slot
    if slot is None or known is None or not slot.restart_lsn or slot.restart_lsn >= known.restart:
        return None
    return LogDiverged(
        f"slot {facts.name} needs the log from {format_lsn(slot.restart_lsn)} on, but had come to {format_lsn(known.restart)} before: the "
        "server was restored from a backup, or the slot was replaced by a copy",
        f"{NEW_SNAPSHOT}.",
    )


def _no_slot(stored: PostgresPosition, facts: Facts) -> SourceLost | None:
    if facts.slot is not None:
        return None
    fact = f"slot {facts.name} does not exist, but the stored offset says that the stream had come to {format_lsn(stored.lsn)}"
    if stored.slot is not None and stored.slot.name != facts.name:
        fact += f" through slot {stored.slot.name}"
    if 0 < stored.timeline < facts.server.timeline:
        fact += f" on timeline {stored.timeline}; another server has taken over since (timeline {facts.server.timeline}), without the slot"
        remedy = "Changes since then may be lost. {}, or {}. slot.failover=true and sync_replication_slots on the standby keep the slot next time."
        return SlotNotFailedOver(fact, remedy.format(NEW_SNAPSHOT, SKIP_ALL))
    return SlotDropped(fact, f"Changes since then may be lost. {NEW_SNAPSHOT}, or {SKIP_ALL}.")


def _invalidated(_: PostgresPosition, facts: Facts) -> SourceLost | None:
    return invalidated(facts.slot, facts.name) if facts.slot is not None else None


def _publication_gap(stored: PostgresPosition, facts: Facts) -> SourceLost | None:
    """What was written without the publication is not sent: PostgreSQL 18 leaves it out in silence, earlier versions end the stream there."""
    if facts.slot is None or facts.publication is None or _is_of_a_new_snapshot(stored):
        return None
    return publication_loss(stored.publication, facts.publication, facts.name)


def _is_of_a_new_snapshot(stored: PostgresPosition) -> bool:
    """Tell whether the snapshot begins anew, so that nothing is missing behind it."""
    return stored.snapshot and not stored.parts


def publication_loss(known: PublicationEvidence | None, found: PublicationEvidence, slot: str) -> SourceLost | None:
    """Return why changes are missing that were written since `known` was read through; None when it is the one that is there."""
    remedy = f"Drop the slot: select pg_drop_replication_slot('{slot}'). {NEW_SNAPSHOT}, or {SKIP_ALL}."
    if not found.oid:
        return PublicationDropped(
            f"publication {found.name} does not exist any more, and the server does not send what was written since it was dropped",
            remedy,
        )
    if known is None or known.name != found.name or known.oid in {0, found.oid}:
        return None
    return PublicationRecreated(
        f"publication {found.name} was dropped and created anew (OID {known.oid} was read, {found.oid} is there), and the server does not "
        "send what was written in between",
        remedy,
    )


def _slot_ahead(stored: PostgresPosition, facts: Facts) -> SourceLost | None:
    slot = facts.slot
    if slot is None or slot.confirmed_lsn <= stored.lsn:
        return None
    fact = f"slot {facts.name} stands at {format_lsn(slot.confirmed_lsn)}, ahead of the stored offset {format_lsn(stored.lsn)}"
    remedy = f"The changes between the two are lost. {NEW_SNAPSHOT}, or {SKIP_GAP}."
    if _is_the_same(slot, stored, facts):
        return SlotAdvanced(f"{fact}: somebody else has read from it or advanced it", remedy)
    return SlotRecreated(f"{fact}: it was dropped and created anew, or read by somebody else for long", remedy)


def _reached(stored: PostgresPosition) -> int:
    """Return up to where the log was read: within a transaction that is published in part, its commit."""
    return max(stored.lsn, stored.partial[0] + 1 if stored.partial else 0)


def _is_the_same(slot: Slot, stored: PostgresPosition, facts: Facts) -> bool:
    """Tell whether a slot ahead is the one that was there: one created later needs no log before the stored position."""
    if slot.restart_lsn < stored.lsn:
        return True
    known = _same(stored, facts)
    return known is not None and 0 < known.decoded <= slot.decoded_bytes


def _same(stored: PostgresPosition, facts: Facts) -> SlotEvidence | None:
    """Return the evidence, if it is about a slot of this name on this timeline."""
    is_here = stored.slot is not None and stored.slot.name == facts.name and stored.timeline == facts.server.timeline
    return stored.slot if is_here else None


_JUDGES: Final[tuple[Callable[[PostgresPosition, Facts], SourceLost | None], ...]] = (
    _other_server,
    _other_timeline,
    _ends_before,
    _unknown_transaction,
    _other_log,
    _older_slot,
    _no_slot,
    _invalidated,
    _publication_gap,
    _slot_ahead,
)
