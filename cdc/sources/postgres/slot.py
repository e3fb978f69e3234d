"""The replication slot: what the server knows of it, and whether a stored offset can go on from it."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

import psycopg
from psycopg.rows import class_row

from cdc.config.settings import PostgresSettings
from cdc.errors import CdcError, SlotInUse, SourceLost, SourceRefused
from cdc.model.position import format_lsn
from cdc.sources.postgres.connection import SLOT_REMEDY, Connection, connect, refusals
from cdc.sources.postgres.position import PostgresPosition
from cdc.sources.postgres.reader import SystemIdentity

log = logging.getLogger(__name__)

#: How long a slot that is to be dropped may still be in use, and how often that is looked at, in seconds.
DROP_SECONDS = 10.0
DROP_PAUSE = 0.05

FIND = """
select plugin, slot_type, database, active_pid, coalesce(wal_status, '') as wal_status,
       coalesce((confirmed_flush_lsn - '0/0')::bigint, 0) as confirmed_lsn, two_phase
from pg_replication_slots where slot_name = %s
"""
DROP = (
    "select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = %s and active_pid is null"
)
NEW_SNAPSHOT = "Delete the stored offset and drop the slot to start again with a new snapshot"


@dataclass(frozen=True, slots=True)
class Slot:
    """A row of pg_replication_slots; `confirmed_lsn` is up to where changes were acknowledged."""

    plugin: str | None
    slot_type: str
    database: str | None
    active_pid: int | None
    wal_status: str
    confirmed_lsn: int
    two_phase: bool = False


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
    """Raise SourceRefused for a slot of another plugin, database or kind, and SourceLost for one that was invalidated."""
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
    if slot.wal_status == "lost":
        raise SourceLost(
            f"slot {name} was invalidated: the server has removed log that it needed (wal_status = lost)",
            f"{NEW_SNAPSHOT}; raise max_slot_wal_keep_size to keep more log.",
        )


def check_free(slot: Slot, settings: PostgresSettings) -> None:
    """Raise SlotInUse while another session reads the slot."""
    if slot.active_pid is not None:
        raise SlotInUse(
            f'replication slot "{settings.slot_name}" is active for PID {slot.active_pid} of the server', SLOT_REMEDY
        )


def check_continuity(
    slot: Slot | None, stored: PostgresPosition, server: SystemIdentity, settings: PostgresSettings
) -> None:
    """Raise SourceLost unless the slot still holds all that comes behind the stored position.

    A position is always stored before it is acknowledged, so a slot that is ahead of it was moved by somebody else or created anew.
    """
    name = settings.slot_name
    if stored.system_id and stored.system_id != server.system_id:
        raise SourceLost(
            f"the stored offset belongs to the server with system identifier {stored.system_id}; this one is {server.system_id}",
            f"Connect to the server that the offset came from. {NEW_SNAPSHOT} on this one.",
        )
    if stored.lsn > server.flushed:
        raise SourceLost(
            f"the stored offset {format_lsn(stored.lsn)} lies behind the end of the server's log, {format_lsn(server.flushed)}: the "
            "server was restored from a backup, or another one took over without all of the log",
            f"{NEW_SNAPSHOT}.",
        )
    if slot is None:
        raise SourceLost(
            f"slot {name} does not exist, but the stored offset says that the stream had come to {format_lsn(stored.lsn)}",
            f"Changes since then may be lost. {NEW_SNAPSHOT}.",
        )
    if slot.confirmed_lsn > stored.lsn:
        raise SourceLost(
            f"slot {name} stands at {format_lsn(slot.confirmed_lsn)}, ahead of the stored offset {format_lsn(stored.lsn)}: it was "
            "created anew or advanced by somebody else, and the changes between are gone",
            f"{NEW_SNAPSHOT}.",
        )
