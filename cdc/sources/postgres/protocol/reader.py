"""The replication connection: commands of a walsender, and the stream of its messages.

Protocol: the PostgreSQL manual, "Streaming Replication Protocol".
"""

from __future__ import annotations

import struct
import time
from typing import NamedTuple

from psycopg import pq

from cdc.config.settings import PostgresSettings
from cdc.errors import SourceUnavailable
from cdc.model.position import format_lsn, parse_lsn
from cdc.sources.postgres.protocol.connection import Connection, connect, refusals
from cdc.sources.postgres.protocol.copy_stream import CopyStream, Message

POSTGRES_EPOCH = 946_684_800
#: The first server version whose pgoutput has the option `origin`.
ORIGIN_VERSION = 160_000


class NewSlot(NamedTuple):
    """What CREATE_REPLICATION_SLOT answers: where the stream begins, and the snapshot that shows all before it."""

    consistent_point: int
    snapshot: str


class SystemIdentity(NamedTuple):
    """What IDENTIFY_SYSTEM answers; `flushed` is the end of the log that is safe on the server's disk."""

    system_id: str
    timeline: int
    flushed: int


class ReplicationStream:
    """One walsender connection; owned by one source, read by one task.

    Commands come first; after `start` only `read` and `send_status` may be used. `send_status` does not wait, so a timer may call it
    while another task waits in `read`.
    """

    def __init__(self, connection: Connection, settings: PostgresSettings) -> None:
        self._connection = connection
        self._settings = settings
        self._copy = CopyStream(connection, settings)

    @classmethod
    async def open(cls, settings: PostgresSettings, beside: Connection | None = None) -> ReplicationStream:
        """Connect, to the server of `beside` if it is given; raises what `connect` raises."""
        return cls(await connect(settings, replication=True, beside=beside), settings)

    async def close(self) -> None:
        """Close the connection; the server releases the slot."""
        await self._connection.close()

    async def identify(self) -> SystemIdentity:
        """Ask which server this is."""
        row = await self._row("IDENTIFY_SYSTEM")
        return SystemIdentity(str(row[0]), int(str(row[1])), parse_lsn(str(row[2])))

    async def timeline_history(self, timeline: int) -> str:
        """Return the history file of a timeline after the first: a line for each timeline that it comes from."""
        content = (await self._row(f"TIMELINE_HISTORY {timeline}"))[1]
        return content.decode("utf-8", "replace") if isinstance(content, bytes) else str(content)

    async def create_slot(self, name: str, *, failover: bool = False) -> NewSlot:
        """Create a permanent logical slot and export its snapshot, which lives until the next command on this connection.

        `failover` is for PostgreSQL 17 and later: standby servers that synchronise slots keep a copy of it.
        """
        options = "(SNAPSHOT 'export', FAILOVER true)" if failover else "EXPORT_SNAPSHOT"
        row = await self._row(f"CREATE_REPLICATION_SLOT {_quoted(name)} LOGICAL pgoutput {options}")
        return NewSlot(parse_lsn(str(row[1])), str(row[2]))

    async def set_failover(self, name: str) -> None:
        """Let standby servers that synchronise slots keep a copy of a slot that exists; PostgreSQL 17 and later."""
        with refusals(self._settings):
            await self._connection.execute(f"ALTER_REPLICATION_SLOT {_quoted(name)} (FAILOVER true)".encode())

    async def _row(self, command: str) -> tuple[object, ...]:
        with refusals(self._settings):
            cursor = await self._connection.execute(command.encode())
            row = await cursor.fetchone()
        if row is None:
            raise SourceUnavailable(f"the server did not answer {command.split(maxsplit=1)[0]}", "Try again.")
        return tuple(row)

    async def start(self, slot: str, lsn: int, publication: str) -> None:
        """Begin to stream from `lsn`; raises SlotInUse, SourceRefused or SourceUnavailable."""
        published = _quoted(publication).replace("'", "''")
        await self._copy.begin(
            f"START_REPLICATION SLOT {_quoted(slot)} LOGICAL {format_lsn(lsn)} "
            f"(publication_names '{published}', {self._options()})",
            pq.ExecStatus.COPY_BOTH,
        )

    def _options(self) -> str:
        """Return further options; what an older server cannot leave out by its origin, the decoder does."""
        protocol = "proto_version '2', streaming 'on'" if self._settings.stream_open else "proto_version '1'"
        asks_origin = self._settings.local_only and self._connection.info.server_version >= ORIGIN_VERSION
        return f"{protocol}, messages 'true'" + (", origin 'none'" if asks_origin else "")

    async def read(self) -> list[Message]:
        """Return the messages that have arrived, at least one, in order; waits for the first one.

        Raises:
            SourceUnavailable: the stream ended or the connection broke.
        """
        messages = await self._copy.read()
        if not messages:
            raise SourceUnavailable("the server ended the replication stream", "Check that it runs; its log says why.")
        return messages

    def send_status(self, flushed: int) -> None:
        """Tell the server that all before `flushed` is safe with us; it may recycle that part of its log.

        Raises:
            SourceUnavailable: the connection broke.
        """
        now = int((time.time() - POSTGRES_EPOCH) * 1_000_000)
        self._copy.write(struct.pack("!cqqqqB", b"r", flushed, flushed, flushed, now, 0))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
