"""Reading a binlog in tests: to its end as it is now, one event after the other."""

from __future__ import annotations

from typing import NamedTuple

from cdc.config.mysql_settings import TlsMode
from cdc.sources.mysql.binlog.event_types import EventHeader, EventType
from cdc.sources.mysql.binlog.place import FilePosition, Start
from cdc.sources.mysql.protocol.dump import BinlogStream, DumpSettings
from cdc.sources.mysql.protocol.endpoint import Endpoint, Tls
from cdc.testing.servers import Address
from tests.support.mysql_database import MySqlDatabase

IDS = iter(range(700_000, 800_000))


class Placed(NamedTuple):
    """An event with the file it is of and where it ends there; 0 for one that is not in the file."""

    file: str
    end: int
    kind: EventType
    event: bytes


def endpoint(server: Address | MySqlDatabase, **settings: object) -> Endpoint:
    usual = {"host": server.host, "port": server.port, "user": server.user, "tls": Tls(TlsMode.DISABLED)}
    return Endpoint(**{**usual, **settings})  # type: ignore[arg-type]


def settings(**given: object) -> DumpSettings:
    """Settings with an id that no other reader of this test run has; heartbeats tell quickly that the end was reached."""
    return DumpSettings(**{"server_id": next(IDS), "heartbeat": 0.2, **given})  # type: ignore[arg-type]


def log_end(database: MySqlDatabase) -> FilePosition:
    """Where the log ends now."""
    mariadb = "MariaDB" in database.execute("select version()")[0][0]
    file, position, *_ = database.execute("show master status" if mariadb else "show binary log status")[0]
    return FilePosition(file, position)


async def read_to(stream: BinlogStream, end: FilePosition) -> list[Placed]:
    """Read until the stream has come to `end`; what is after it belongs to others."""
    found: list[Placed] = []
    while (stream.file, stream.position) < end:
        file, base, events = await stream.read()
        for event in events:
            header = EventHeader.of(event)
            place = base + header.log_pos if header.log_pos and not header.flags & 0x20 else 0
            found.append(Placed(file, place, EventType(header.type), event))
    return [each for each in found if (each.file, each.end) <= end]


async def read_log(database: MySqlDatabase, start: Start, end: FilePosition) -> list[Placed]:
    """Read from `start` to `end` on a connection of its own."""
    async with await BinlogStream.open(endpoint(database), settings()) as stream:
        await stream.start(start)
        return await read_to(stream, end)
