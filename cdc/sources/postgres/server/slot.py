"""The replication slot, as the server shows it."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Final

import psycopg
from psycopg.rows import class_row

from cdc.config.settings import PostgresSettings
from cdc.errors import CdcError, SlotInUse, SlotInvalidated, SourceRefused
from cdc.sources.postgres.protocol.connection import SLOT_REMEDY, Connection, connect, refusals
from cdc.sources.postgres.wal.position import SlotEvidence

log = logging.getLogger(__name__)

#: How long a slot that is to be dropped may still be in use, and how often that is looked at, in seconds.
DROP_SECONDS: Final = 10.0
DROP_PAUSE: Final = 0.05
DROP: Final = (
    "select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = %s and active_pid is null"
)
# By name out of the row as JSON: what older servers do not have.
FIND: Final = """
select s.plugin, s.slot_type, s.database, s.active_pid, s.two_phase, coalesce(s.wal_status, '') as wal_status,
       coalesce((s.confirmed_flush_lsn - '0/0')::bigint, 0) as confirmed_lsn,
       coalesce((s.restart_lsn - '0/0')::bigint, 0) as restart_lsn,
       coalesce(to_jsonb(s) ->> 'invalidation_reason', '') as invalidation,
       coalesce((to_jsonb(s) ->> 'failover')::boolean, false) as failover,
       (case when pg_is_in_recovery() then greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) else pg_current_wal_lsn() end
        - s.restart_lsn)::bigint as retained_bytes,
       s.safe_wal_size as safe_bytes,
       coalesce(d.total_bytes, 0) as decoded_bytes
from pg_replication_slots s left join pg_stat_replication_slots d using (slot_name)
where s.slot_name = %s
"""
NEW_SNAPSHOT: Final = (
    "To begin with a new snapshot, remove the stored offset: cdc-stream offsets reset CONNECTOR.json"
    " (on a worker: DELETE /connectors/NAME/offsets)"
)
# PostgreSQL's words for why it has given a slot up → what that means, and what prevents it.
INVALIDATIONS: Final = {
    "wal_removed": (
        "the server has removed log that it needed",
        "Raise max_slot_wal_keep_size to keep more log.",
    ),
    "rows_removed": (
        "the server has removed rows of its catalogs that it needed",
        "Set hot_standby_feedback = on on the standby.",
    ),
    "wal_level_insufficient": (
        "the wal_level of the primary was too low for it",
        "Keep wal_level = logical on the primary.",
    ),
    "idle_timeout": (
        "nobody has read it for longer than idle_replication_slot_timeout",
        "Raise idle_replication_slot_timeout.",
    ),
}


@dataclass(frozen=True, slots=True)
class Slot:
    """A row of pg_replication_slots.

    `confirmed_lsn` is up to where changes were acknowledged, `restart_lsn` from where on the server keeps its log for the slot: that makes
    `retained_bytes`, of which `safe_bytes` more may come before the slot is in danger (None: without a limit). `decoded_bytes` counts what
    was decoded since the slot was created or the server crashed. `invalidation` is PostgreSQL's word, from version 17 on.
    """

    plugin: str | None
    slot_type: str
    database: str | None
    active_pid: int | None
    wal_status: str
    confirmed_lsn: int
    two_phase: bool = False
    restart_lsn: int = 0
    invalidation: str = ""
    failover: bool = False
    retained_bytes: int | None = None
    safe_bytes: int | None = None
    decoded_bytes: int = 0

    def evidence(self, name: str, known: SlotEvidence | None = None) -> SlotEvidence:
        """Return what a position that is stored now knows of the slot; `known` is what the one before it knew."""
        began = known.began if known is not None and known.name == name else self.confirmed_lsn
        return SlotEvidence(name, began, self.restart_lsn, self.decoded_bytes)


async def find_slot(connection: Connection, settings: PostgresSettings) -> Slot | None:
    """Return the configured slot, or None where there is none; raises SourceRefused for one that can't be used."""
    with refusals(settings):
        async with connection.cursor(row_factory=class_row(Slot)) as cursor:
            await cursor.execute(FIND, (settings.slot_name,))
            slot = await cursor.fetchone()
    if slot is not None:
        check_kind(slot, settings)
    return slot


async def drop_slot(settings: PostgresSettings) -> None:
    """Drop the slot once its reader has gone; what cannot be dropped stays, and is logged."""
    try:
        async with asyncio.timeout(DROP_SECONDS):
            connection = await connect(settings)
            try:
                while await find_slot(connection, settings) is not None:
                    await connection.execute(DROP.encode(), (settings.slot_name,))
                    await asyncio.sleep(DROP_PAUSE)
            finally:
                await connection.close()
    except (CdcError, TimeoutError, psycopg.Error) as error:
        log.warning(
            "slot %s was not dropped, and keeps the server's log: %s", settings.slot_name, str(error) or "it is in use"
        )


def check_kind(slot: Slot, settings: PostgresSettings) -> None:
    """Raise SourceRefused for a slot of another plugin, database or kind."""
    name = settings.slot_name
    if slot.slot_type != "logical":
        raise SourceRefused(f"slot {name} is a physical slot", "Set slot.name to another name.")
    if slot.plugin != "pgoutput":
        raise SourceRefused(
            f"slot {name} uses the plugin {slot.plugin}, not pgoutput", "Set slot.name to another name."
        )
    if slot.database != settings.dbname:
        raise SourceRefused(
            f"slot {name} belongs to database {slot.database}, not to {settings.dbname}",
            "Set slot.name to another name.",
        )
    if slot.two_phase:
        raise SourceRefused(
            f"slot {name} was created with two_phase, by which the server sends prepared transactions before they are committed, and "
            "not again when they are",
            "Let the connector create its slot, or create one without two_phase: a prepared transaction then comes when it commits.",
        )


def invalidated(slot: Slot, name: str) -> SlotInvalidated | None:
    """Return the error for a slot that the server has given up, None for a good one."""
    if slot.wal_status != "lost" and not slot.invalidation:
        return None
    reason = slot.invalidation or "wal_removed"  # the only one that servers before version 16 know
    what, prevention = INVALIDATIONS.get(reason, (f"{reason}", "The server's log says more."))
    said = f"invalidation_reason = {slot.invalidation}" if slot.invalidation else "wal_status = lost"
    return SlotInvalidated(
        f"slot {name} was invalidated: {what} ({said})",
        f"Changes are lost. Drop the slot: select pg_drop_replication_slot('{name}'). {NEW_SNAPSHOT}. {prevention}",
    )


def check_free(slot: Slot, settings: PostgresSettings) -> None:
    """Raise SlotInUse while another session reads the slot."""
    if slot.active_pid is not None:
        raise SlotInUse(
            f'replication slot "{settings.slot_name}" is active for PID {slot.active_pid} of the server', SLOT_REMEDY
        )


async def remove_slot(connection: Connection, settings: PostgresSettings) -> None:
    """Drop the configured slot; raises SlotInUse while another session reads it."""
    with refusals(settings):
        await connection.execute("select pg_drop_replication_slot(%s)", (settings.slot_name,))
