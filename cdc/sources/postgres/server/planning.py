"""How a stream begins: from a stored offset, from the slot, or with a snapshot."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final

from cdc.config.settings import PostgresSettings
from cdc.errors import PublicationDropped, PublicationRecreated, SourceLost, SourceRefused
from cdc.model.position import Offset, format_lsn
from cdc.snapshot.stored import unfinished
from cdc.sources.postgres.protocol.connection import Connection, refusals
from cdc.sources.postgres.protocol.reader import ReplicationStream, SystemIdentity
from cdc.sources.postgres.server.continuity import Facts, is_overruled, verdict
from cdc.sources.postgres.server.slot import Slot, invalidated
from cdc.sources.postgres.wal.position import PostgresPosition, SlotEvidence, SnapshotPart, still_needed
from cdc.sources.postgres.wal.table_views import completed

log = logging.getLogger(__name__)

#: The least version of PostgreSQL that is read.
OLDEST: Final = 140_000
#: The first version whose standby servers keep copies of slots.
FAILOVER_VERSION: Final = 170_000


@dataclass(frozen=True, slots=True)
class Plan:
    """How the stream begins: where, and whether a snapshot comes first, in which exported view."""

    position: PostgresPosition
    snapshot: bool = False
    exported: str | None = None


async def check_server(connection: Connection, settings: PostgresSettings) -> None:
    """Raise SourceRefused for a server that is too old, does not decode its log, or cannot keep copies of slots where that is asked for."""
    version = connection.info.server_version
    if version < OLDEST:
        raise SourceRefused(
            f"the server is PostgreSQL {version // 10_000}, and cdc-stream reads 14 and later", "Upgrade the server."
        )
    with refusals(settings):
        cursor = await connection.execute("show wal_level")
        row = await cursor.fetchone()
    if row is None or row[0] != "logical":
        raise SourceRefused(
            f"the server's wal_level is {row[0] if row else 'unknown'}, and logical decoding needs logical",
            "Set wal_level = logical in postgresql.conf and restart the server.",
        )
    if settings.slot_failover and version < FAILOVER_VERSION:
        raise SourceRefused(
            f"slot.failover=true needs PostgreSQL 17 or later, and this server is version {version // 10_000}",
            "Leave slot.failover out: the slot is gone after a failover of this server then, which is noticed and reported.",
        )


class Planner:
    """Makes the plan of one start.

    `ask` completes facts by what the server says of a stored position, `find` looks for the slot, `remove` drops it; all use a connection that
    serves nothing else meanwhile, nor does the stream. `resumed` is as for `PostgresLog`.
    """

    def __init__(
        self,
        settings: PostgresSettings,
        stream: ReplicationStream,
        identity: SystemIdentity,
        *,
        ask: Callable[[PostgresPosition, Facts], Awaitable[Facts]],
        find: Callable[[], Awaitable[Slot | None]],
        remove: Callable[[], Awaitable[None]],
        resumed: bool = False,
    ) -> None:
        self._settings = settings
        self._stream = stream
        self._identity = identity
        self._ask = ask
        self._find = find
        self._remove = remove
        self._resumed = resumed
        self._mended: SourceLost | None = None

    @property
    def mends(self) -> bool:
        """Whether a new snapshot stands for what is lost."""
        return self._mended is not None

    async def judge(self, stored: Offset | None, slot: Slot | None) -> SourceLost | None:
        """Return the gap that the configuration says to go on behind, or to mend by a new snapshot; None when there is none.

        Raises:
            SourceLost: the stream cannot go on behind the stored offset without a gap, and the configuration does not allow for this one.
        """
        if not self._settings.snapshot_policy.streams:
            return None
        if stored is None:
            lost: SourceLost | None = invalidated(slot, self._settings.slot_name) if slot is not None else None
        else:
            position = PostgresPosition.from_offset(stored)
            known = Facts(self._settings.slot_name, self._identity, slot)
            lost = unfinished(stored) or verdict(position, await self._ask(position, known))
        if lost is not None and (
            self._settings.snapshot_policy.when_lost or not is_overruled(lost, self._settings.offset_mismatch)
        ):
            self.mend(lost)
        return lost

    def mend(self, lost: SourceLost) -> None:
        """Let a new snapshot stand for changes that are gone, and say so; raises the error where there is to be none."""
        if not self._settings.snapshot_policy.when_lost:
            raise lost
        self._mended = lost
        log.warning(
            "%s. A new snapshot is taken, as snapshot.mode is %s; what was deleted meanwhile is not reported.",
            lost,
            self._settings.snapshot_mode,
        )

    async def plan(self, stored: Offset | None, slot: Slot | None, gap: SourceLost | None) -> Plan:
        """Say how to begin, after `judge`; the slot is created if there is none.

        Without an offset nothing was ever published for good, whatever the slot says.
        """
        policy = self._settings.snapshot_policy
        if self.mends and slot is not None and self._is_spent(slot):
            await self._remove()
            slot = None
        if slot is not None and self._settings.slot_failover and not slot.failover:
            await self._stream.set_failover(self._settings.slot_name)
        position = None if stored is None or self.mends else PostgresPosition.from_offset(stored)
        if position is not None and position.snapshot and gap is not None:
            log.warning("the snapshot was interrupted after a part of it had been published; it starts again")
            position = None
        if position is None:
            return await self._begin(slot, snapshot=policy.at_first or policy.at_each_start or self.mends)
        if position.snapshot or (policy.at_each_start and not self._resumed):
            return await self._snapshot_again(position, slot)
        if not policy.streams:
            return Plan(position)
        if gap is not None or slot is None:
            return await self._skip(position, slot, gap)
        return Plan(self._here(position, slot.evidence(self._settings.slot_name, position.slot)))

    def _is_spent(self, slot: Slot) -> bool:
        """Tell whether a new snapshot needs a new slot: the server has given this one up, or cannot decode all that is behind it."""
        unsent = isinstance(self._mended, PublicationDropped | PublicationRecreated)
        return unsent or invalidated(slot, self._settings.slot_name) is not None

    async def _snapshot_again(self, stored: PostgresPosition, slot: Slot | None) -> Plan:
        """Take a snapshot behind a stored offset: go on with one that was interrupted, or take another one, as the mode says."""
        policy = self._settings.snapshot_policy
        begun = await self._begin(slot, snapshot=policy.at_first or policy.at_each_start)
        position = replace(begun.position, last_commit=stored.last_commit, parts=_going_on(stored))
        return replace(begun, position=position)

    async def _skip(self, stored: PostgresPosition, slot: Slot | None, gap: SourceLost | None) -> Plan:
        """Go on from the slot, and say what is left out."""
        plan = await self._begin(slot, snapshot=False)
        log.warning(
            "%s. What was committed between %s and %s is left out, as offset.mismatch.strategy=%s says",
            gap,
            format_lsn(stored.lsn),
            format_lsn(plan.position.lsn),
            self._settings.offset_mismatch,
        )
        # Transactions that were open while a snapshot was taken may still come, also behind a gap.
        visibility = still_needed(stored.visibility, plan.position.lsn)
        return Plan(replace(plan.position, visibility=visibility))

    async def _begin(self, slot: Slot | None, *, snapshot: bool) -> Plan:
        """Begin where the slot stands; it is created if there is none. Without streaming there is none, and it begins at the end of the log."""
        if not self._settings.snapshot_policy.streams:
            identity = self._identity
            return Plan(PostgresPosition(identity.flushed, identity.system_id, identity.timeline), snapshot)
        if slot is None:
            return await self._create_slot(snapshot=snapshot)
        evidence = slot.evidence(self._settings.slot_name)
        return Plan(self._here(PostgresPosition(slot.confirmed_lsn), evidence), snapshot)

    async def _create_slot(self, *, snapshot: bool) -> Plan:
        name = self._settings.slot_name
        created = await self._stream.create_slot(name, failover=self._settings.slot_failover)
        log.info("created slot %s at %s", name, format_lsn(created.consistent_point))
        slot = await self._find()
        evidence = slot.evidence(name) if slot is not None else SlotEvidence(name, created.consistent_point)
        return Plan(self._here(PostgresPosition(created.consistent_point), evidence), snapshot, created.snapshot)

    def _here(self, position: PostgresPosition, slot: SlotEvidence) -> PostgresPosition:
        """Return the position with what tells this server and this slot from others."""
        return replace(position, system_id=self._identity.system_id, timeline=self._identity.timeline, slot=slot)


def _going_on(before: PostgresPosition) -> tuple[SnapshotPart, ...]:
    """Return what an interrupted snapshot has published, and say what becomes of it."""
    if not before.snapshot:
        return ()
    done = completed(before.parts)
    begun = [table for part in before.parts for table in part.begun]
    log.warning(
        "the snapshot was interrupted after a part of it had been published; it goes on. Complete, and not read again: %s. "
        "Read again, as only some of their rows are published: %s.",
        ", ".join(sorted(done)) or "none",
        ", ".join(begun) or "none",
    )
    return before.parts
