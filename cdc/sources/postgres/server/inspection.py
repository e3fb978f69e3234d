"""What the server says about a stored position and its slot, gathered by a few queries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import psycopg

from cdc.config.settings import PostgresSettings
from cdc.errors import SourceLost
from cdc.sources.postgres.protocol.connection import Connection, connect, refusals
from cdc.sources.postgres.protocol.reader import ReplicationStream, SystemIdentity
from cdc.sources.postgres.server.continuity import Facts, verdict
from cdc.sources.postgres.server.publication import find_publication
from cdc.sources.postgres.server.slot import Slot, find_slot
from cdc.sources.postgres.server.witness import is_in_log
from cdc.sources.postgres.wal.position import PostgresPosition, widen
from cdc.sources.postgres.wal.timeline import parse_history


@dataclass(frozen=True, slots=True)
class Inspection:
    """A server as it is now; `lost` is why a connector could not go on from the stored position, if there is one and it could not."""

    server: SystemIdentity
    slot: Slot | None
    lost: SourceLost | None


async def inspect(settings: PostgresSettings, stored: PostgresPosition | None) -> Inspection:
    """Look at the server and the slot by connections of its own, and change nothing.

    Raises:
        SourceUnavailable: the server cannot be reached.
        SourceRefused: it refuses the user, or the slot is not one for a connector.
    """
    async with await connect(settings) as connection:
        stream = await ReplicationStream.open(settings, beside=connection)
        try:
            server = await stream.identify()
            slot = await find_slot(connection, settings)
            if stored is None:
                return Inspection(server, slot, None)
            facts = await gather(connection, stream, settings, stored, Facts(settings.slot_name, server, slot))
            return Inspection(server, slot, verdict(stored, facts))
        finally:
            await stream.close()


async def gather(
    connection: Connection,
    stream: ReplicationStream,
    settings: PostgresSettings,
    stored: PostgresPosition,
    known: Facts,
) -> Facts:
    """Complete what is known of a server by what it says about a stored position; raises as `inspect`."""
    if stored.system_id not in {"", known.server.system_id}:
        return known  # nothing else of it means anything here
    left: Mapping[int, int] = {}
    if 0 < stored.timeline < known.server.timeline:
        left = parse_history(await stream.timeline_history(known.server.timeline))
    state = await _transaction_state(connection, stored, settings)
    return replace(
        known,
        left=left,
        transaction=state,
        witnessed=await _witnessed(connection, stored, known, settings),
        publication=await find_publication(connection, settings),
    )


async def _witnessed(
    connection: Connection, stored: PostgresPosition, known: Facts, settings: PostgresSettings
) -> bool | None:
    """Tell whether the log has the newest commit that was read; on another timeline its history says as much."""
    witness = stored.witness
    if witness is None or stored.timeline != known.server.timeline:
        return None
    return await is_in_log(witness, known.server.flushed, connection, settings)


async def _transaction_state(connection: Connection, stored: PostgresPosition, settings: PostgresSettings) -> str:
    """Return what the server knows of the last published transaction, "future" for one that it has not begun; "" where unknown."""
    if not stored.xid or not stored.system_id:  # Debezium's may be that of a snapshot, which commits nothing
        return ""
    with refusals(settings):
        cursor = await connection.execute("select pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
        near = await cursor.fetchone()
        full = widen(stored.xid, near[0] if near else 0)
        if full < 0:
            return "future"  # 32 bits that this server has not come to in its first round
        try:
            cursor = await connection.execute("select pg_xact_status(%s::text::xid8)", (str(full),))
            row = await cursor.fetchone()
        except psycopg.errors.InvalidParameterValue:
            return "future"
    return str(row[0] or "") if row else ""
