"""The stream of binlog events of one server.

Protocol: the MySQL source documentation, "Replication Protocol" (COM_REGISTER_SLAVE, COM_BINLOG_DUMP, COM_BINLOG_DUMP_GTID); for MariaDB's GTIDs its
manual, "Replica Connecting to the Primary".
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import NamedTuple, Self
from uuid import NAMESPACE_URL, uuid5

from cdc.errors import LogDiverged, ServerIdInUse, SourceRefused, SourceUnavailable
from cdc.sources.mysql.binlog.framing import EventFramer
from cdc.sources.mysql.binlog.gtid import GtidSet
from cdc.sources.mysql.binlog.mariadb_gtid import MariaDbGtidSet
from cdc.sources.mysql.binlog.place import FIRST_POSITION, FilePosition, Start
from cdc.sources.mysql.protocol.connection import BUSY, Connection, literal
from cdc.sources.mysql.protocol.dump_errors import LOG_REPLACED, dump_error
from cdc.sources.mysql.protocol.endpoint import Endpoint
from cdc.sources.mysql.protocol.replicas import read_replicas

COM_BINLOG_DUMP, COM_REGISTER_SLAVE, COM_BINLOG_DUMP_GTID = 0x12, 0x15, 0x1E
#: Flags of a dump: MySQL's heartbeats with positions of 64 bits, and MariaDB's statements beside their rows.
HEARTBEAT_V2, ANNOTATE_ROWS = 2, 2
#: The first server version that sends heartbeats of version 2.
HEARTBEAT_V2_VERSION = (8, 0, 26)
#: How many events one read hands over at most, and how many bytes, but for the last event.
READ_EVENTS = 8192
READ_BYTES = 4_000_000


class EventBatch(NamedTuple):
    """Events of one file in order, each whole with its header of 19 bytes and without its checksum.

    The end of an event in the file is `base` + `log_pos` of its header, unless `log_pos` is 0 or the event is artificial. ROTATE is the last of its
    batch. There may be no events: then the server has only said that it is there.
    """

    file: str
    base: int
    events: list[bytes]


@dataclass(frozen=True, slots=True)
class DumpSettings:
    """How the log is read. `server_id` must be unique among the replicas of the server, and not be the server's own.

    With nothing to send the server says so each `heartbeat` seconds; a connection that is silent for `silence` seconds counts as broken. A
    server that cannot send for `write_timeout` seconds, because nobody reads, ends the stream; 0 leaves its own setting.
    """

    server_id: int
    heartbeat: float = 10.0
    silence: float = 60.0
    write_timeout: int = 0


class BinlogStream:
    """One dump, owned by one task. `start` comes first, then `read`; after an error only `close`.

    `file` and `position` tell where the log stands after what was read last; `position` is counted beyond 32 bits.
    """

    def __init__(self, connection: Connection, settings: DumpSettings) -> None:
        self._connection = connection
        self._settings = settings
        self._framer = EventFramer(connection.channel.buffer)
        self._busy = False
        self._begin = FilePosition("", FIRST_POSITION)

    @classmethod
    async def open(cls, endpoint: Endpoint, settings: DumpSettings) -> BinlogStream:
        """Connect; raises what `Connection.open` raises."""
        return cls(await Connection.open(endpoint), settings)

    @property
    def connection(self) -> Connection:
        """The connection; statements may be run on it before `start`."""
        return self._connection

    @property
    def file(self) -> str:
        """The file that is being read; empty until the server has told."""
        return self._framer.file

    @property
    def position(self) -> int:
        """Where the last event that was read ends in `file`."""
        return self._framer.position

    @property
    def heartbeats(self) -> int:
        """How many heartbeats have arrived."""
        return self._framer.heartbeats

    async def start(self, start: Start) -> None:
        """Begin to stream. Only what the server checks at once is raised here; the rest at the first `read`.

        A position beyond 4 GiB cannot be asked for in this protocol: the file is then read from its beginning, and what ends at the position
        or before is left out here.

        Raises:
            ServerIdInUse: the server itself or another replica has the id.
            SourceRefused: the user may not replicate, or the kind of GTIDs is not the server's.
            SourceUnavailable: the connection broke.
        """
        self._check(start)
        await self._prepare(start)
        await self._register()
        channel = self._connection.channel
        channel.read_timeout = self._settings.silence
        if isinstance(start, FilePosition):
            self._begin = start
            far = start.position >> 32 != 0
            position, until = (FIRST_POSITION, start.position) if far else (start.position, 0)
            self._framer = EventFramer(channel.buffer, start.file, position, pass_until=until)
        channel.command(self._dump(start))
        await channel.drain()

    def _check(self, start: Start) -> None:
        wanted = MariaDbGtidSet if self._connection.mariadb else GtidSet
        if not isinstance(start, FilePosition | wanted):
            raise SourceRefused(
                f"{self._connection.endpoint}: the GTIDs '{start}' are not of the kind of {self._connection.server}",
                "Check database.hostname: MySQL and MariaDB do not read each other's GTIDs.",
            )

    async def _prepare(self, start: Start) -> None:
        """Set the variables of the session that the dump looks at."""
        connection, settings = self._connection, self._settings
        await self._check_server_id()
        period = int(settings.heartbeat * 1_000_000_000)
        variables = {
            "@master_heartbeat_period": str(period),
            "@source_heartbeat_period": str(period),
            "@master_binlog_checksum": "'CRC32'",
            "@source_binlog_checksum": "'CRC32'",
        }
        if connection.mariadb:
            variables |= {"@mariadb_slave_capability": "4"}
            if isinstance(start, MariaDbGtidSet):
                variables |= {"@slave_connect_state": literal(str(start)), "@slave_gtid_strict_mode": "0"}
        else:
            variables |= dict.fromkeys(("@slave_uuid", "@replica_uuid"), literal(_uuid(settings.server_id)))
        if settings.write_timeout:
            variables["net_write_timeout"] = str(settings.write_timeout)
        await connection.execute("SET " + ", ".join(f"{name} = {value}" for name, value in variables.items()))

    async def _check_server_id(self) -> None:
        """Refuse an id that is taken; an entry of our own name is a connection of ours that the server has not given up yet."""
        ((own,),) = await self._connection.texts("SELECT @@server_id")
        taken = [("", "the server itself")] if own == str(self._settings.server_id) else await self._others()
        for program, host in taken:
            if program != self._connection.endpoint.program:
                raise ServerIdInUse(
                    f"{self._connection.endpoint}: the server id {self._settings.server_id} is that of {host}",
                    "Give this connector a database.server.id that no replica of the server has.",
                )

    async def _others(self) -> list[tuple[str, str]]:
        """Return name and description of the replicas with our id, as far as the user may see them."""
        found = [each for each in await read_replicas(self._connection) if each.server_id == self._settings.server_id]
        return [(each.host, f"the replica at {each.host}:{each.port}") for each in found]

    async def _register(self) -> None:
        """Tell the server who reads; it then lists us among its replicas."""
        name = self._connection.endpoint.program.encode()[:60]
        body = struct.pack("<BIB", COM_REGISTER_SLAVE, self._settings.server_id, len(name)) + name
        channel = self._connection.channel
        channel.command(body + b"\0\0" + struct.pack("<HII", 0, 0, 0))
        await channel.drain()
        answer = await channel.read()
        if answer[:1] == b"\xff":
            raise dump_error(answer, str(self._connection.endpoint), "its beginning")

    def _dump(self, start: Start) -> bytes:
        server_id, mariadb = self._settings.server_id, self._connection.mariadb
        modern = mariadb or self._connection.version >= HEARTBEAT_V2_VERSION
        flags = (ANNOTATE_ROWS if mariadb else HEARTBEAT_V2) if modern else 0
        if isinstance(start, GtidSet):
            gtids = start.encode()
            head = struct.pack("<BHIIQI", COM_BINLOG_DUMP_GTID, flags, server_id, 0, FIRST_POSITION, len(gtids))
            return head + gtids
        file, position = start if isinstance(start, FilePosition) else ("", FIRST_POSITION)
        if position >> 32:
            position = FIRST_POSITION
        return struct.pack("<BIHI", COM_BINLOG_DUMP, position, flags, server_id) + file.encode()

    async def read(self) -> EventBatch:
        """Return the events that have arrived, or an empty batch after a heartbeat; waits for the first.

        Raises:
            LogPurged, LogDiverged, SourceLost: what the start needs is not in the server's log.
            ServerIdInUse: another replica with the same id has taken over.
            SourceUnavailable: the stream ended, the connection broke, or nothing was heard for too long.
            SourceRefused: the server does not send its log.
            DecodeError: a checksum does not match, or bytes do not follow the protocol.
        """
        channel, framer = self._connection.channel, self._framer
        while True:
            heard, stood = framer.heartbeats, framer.position
            batch = EventBatch(*framer.take(READ_EVENTS, READ_BYTES))
            if not framer.reached:
                self._check_reaching(waiting=framer.heartbeats > heard)
            if batch.events or framer.heartbeats > heard:
                self._busy = len(batch.events) >= BUSY
                return batch
            if framer.answer is not None:
                raise self._ended(framer.answer)
            if framer.position != stood:
                continue  # behind the events that were passed over, others may have arrived
            if self._busy:
                await channel.fill()
            await channel.wait()

    def _check_reaching(self, *, waiting: bool) -> None:
        """Find out when the log ends before the place beyond 4 GiB where the stream was to begin."""
        if waiting or self.file not in {"", self._begin.file}:
            raise LogDiverged(
                f"{self._connection.endpoint}: the binlog cannot be read from {self._begin}, for {self._begin.file} ends before",
                LOG_REPLACED,
            )

    def _ended(self, answer: bytes) -> Exception:
        where, place = str(self._connection.endpoint), str(FilePosition(self.file, self.position))
        if answer[:1] == b"\xff":
            return dump_error(answer, where, place)
        return SourceUnavailable(
            f"{where}: the server ended the binlog stream at {place}", "Check that it runs; its log says why."
        )

    async def close(self) -> None:
        """Close the connection; the server ends the dump as soon as it notices."""
        await self._connection.channel.abort()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _uuid(server_id: int) -> str:
    """Return what stands for us beside the id: the same each time, so that a dump of ours that hangs is ended by the next."""
    return str(uuid5(NAMESPACE_URL, f"cdc-stream:{server_id}"))
