"""Dumps of real servers that begin wrongly, break, or are large: what the stream says, and where it stands."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing, suppress
from uuid import uuid4

import pytest

from cdc.config.mysql_settings import TlsMode
from cdc.errors import (
    CdcError,
    LogDiverged,
    LogPurged,
    ServerIdInUse,
    SourceRefused,
    SourceUnavailable,
)
from cdc.sources.mysql.binlog.event_types import EventType
from cdc.sources.mysql.binlog.events import parse_event
from cdc.sources.mysql.binlog.framing import EventFramer
from cdc.sources.mysql.binlog.gtid import GtidSet
from cdc.sources.mysql.binlog.gtid_events import GtidEvent
from cdc.sources.mysql.binlog.mariadb_gtid import MariaDbGtidSet
from cdc.sources.mysql.binlog.place import FilePosition, Start
from cdc.sources.mysql.protocol import dump as binlog
from cdc.sources.mysql.protocol.connection import Connection
from cdc.sources.mysql.protocol.dump import BinlogStream
from cdc.sources.mysql.protocol.endpoint import Compression, Tls
from cdc.sources.mysql.server.log_end import find_log_end
from cdc.testing.servers import MariaDbServer, MySqlServer
from cdc.testing.servers.mysql import BinlogServer
from tests.support.binlog import Placed, endpoint, log_end, read_log, read_to, settings
from tests.support.mysql_database import MySqlDatabase, created
from tests.support.proxy import Proxy

KINDS = {"mysql": MySqlServer, "mariadb": MariaDbServer}
WRITES = (EventType.WRITE_ROWS, EventType.WRITE_ROWS_V1)


@pytest.fixture(params=["mysql_database", "mariadb_database"])
def database(request: pytest.FixtureRequest) -> MySqlDatabase:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, MySqlDatabase)
    return found


@pytest.fixture(scope="module", params=KINDS)
def purged(request: pytest.FixtureRequest) -> Iterator[MySqlDatabase]:
    """A database of a server whose first file is gone; it holds 10 transactions, and 10 more follow."""
    with KINDS[request.param]() as server:
        fresh = created(server.address)
        fresh.execute("create table t (id int)")
        for number in range(10):
            fresh.execute("insert into t values (%s)", number)
        fresh.execute("flush binary logs; flush binary logs")
        for number in range(10):
            fresh.execute("insert into t values (%s)", number)
        # MariaDB keeps the first file until its checkpoint has moved, which the next one brings about.
        while fresh.execute("show binary logs")[0][0] == "binlog.000001":
            fresh.execute("flush binary logs; purge binary logs to 'binlog.000003'")
        yield fresh


async def outcome(database: MySqlDatabase, start: Start, **given: object) -> CdcError:
    """The error with which a dump ends before its first event after the file's own."""

    async def read() -> None:
        async with await BinlogStream.open(endpoint(database), settings(**given)) as stream:
            await stream.start(start)
            await read_on(stream)

    with pytest.raises(CdcError) as caught:
        await read()
    assert caught.value.remedy
    return caught.value


async def read_on(stream: BinlogStream) -> None:
    """Read until an error comes, or the server has nothing more."""
    while stream.heartbeats < 2:
        await stream.read()


async def test_a_file_that_was_purged_is_told(purged):
    error = await outcome(purged, FilePosition("binlog.000001", 4))
    assert isinstance(error, LogPurged)
    assert "binlog.000001:4" in str(error)
    assert "expire" in error.remedy


async def test_transactions_that_were_purged_are_told(purged):
    mariadb = "MariaDB" in purged.execute("select version()")[0][0]
    server_id = purged.execute("select @@server_id")[0][0]
    old = MariaDbGtidSet.parse(f"0-{server_id}-3") if mariadb else GtidSet()
    assert isinstance(await outcome(purged, old), LogPurged)


async def test_transactions_that_the_server_never_had_are_told(purged):
    mariadb = "MariaDB" in purged.execute("select version()")[0][0]
    id_or_uuid = purged.execute(f"select @@server_{'id' if mariadb else 'uuid'}")[0][0]
    ahead = MariaDbGtidSet.parse(f"0-{id_or_uuid}-9000") if mariadb else GtidSet.parse(f"{id_or_uuid}:1-9000")
    error = await outcome(purged, ahead)
    assert isinstance(error, LogDiverged)
    assert "right server" in error.remedy


async def test_what_is_passed_over_does_not_hold_back_what_has_arrived_with_it(database, monkeypatch):
    """As when a stream begins beyond 4 GiB of a file: its events up to there are read and left out."""
    database.execute("create table t (id int); flush binary logs")
    begin = FilePosition(log_end(database).file, 4)
    for number in range(5):
        database.execute("insert into t values (%s)", number)
    end = log_end(database)
    database.execute("insert into t values (9)")
    monkeypatch.setattr(binlog, "READ_BYTES", 1)  # one event a read
    async with await BinlogStream.open(endpoint(database), settings(heartbeat=60.0)) as stream, asyncio.timeout(10):
        await stream.start(begin)
        stream._framer = EventFramer(stream.connection.channel.buffer, begin.file, 4, pass_until=end.position)
        while not (events := (await stream.read()).events) or EventType(events[0][4]) not in WRITES:
            pass
        assert stream.position > end.position


@pytest.mark.parametrize("beyond", [1000, 1 << 31, 5 << 32])
async def test_a_position_past_the_end_is_told(purged, beyond):
    end = log_end(purged)
    error = await outcome(purged, FilePosition(end.file, end.position + beyond))
    assert isinstance(error, LogDiverged)


async def test_a_position_inside_an_event_is_told(purged):
    end = log_end(purged)
    error = await outcome(purged, FilePosition(end.file, 4 + 50))
    assert isinstance(error, LogDiverged)


async def test_gtids_of_the_other_kind_are_refused(database):
    mariadb = "MariaDB" in database.execute("select version()")[0][0]
    error = await outcome(database, GtidSet() if mariadb else MariaDbGtidSet())
    assert isinstance(error, SourceRefused)
    assert "not of the kind" in str(error)


async def test_a_user_who_may_not_replicate_is_told_the_right(database):
    name = f"u_{uuid4().hex[:12]}"
    database.execute(f"create user {name}; grant select on *.* to {name}")
    try:
        error = await outcome(MySqlDatabase(database.host, database.port, name, database.name), log_end(database))
        assert isinstance(error, SourceRefused)
        assert "GRANT REPLICATION SLAVE" in error.remedy
    finally:
        database.execute(f"drop user {name}")


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
async def test_a_server_without_binlog_is_told(kind):
    with kind(options={"skip-log-bin": None}) as server:
        error = await outcome(created(server.address), FilePosition("binlog.000001", 4))
        assert isinstance(error, SourceRefused)
        assert "log_bin" in error.remedy


async def test_gtids_need_their_mode():
    with MySqlServer(options={"gtid-mode": "OFF"}) as server:
        database = created(server.address)
        error = await outcome(database, GtidSet())
        assert isinstance(error, SourceRefused)
        assert "gtid_mode = ON" in error.remedy
        found = await read_log(database, FilePosition("binlog.000001", 4), log_end(database))
        assert EventType.ANONYMOUS_GTID in {each.kind for each in found}
        assert {each.gtid for each in map(parse, found) if isinstance(each, GtidEvent)} == {None}


def parse(placed: Placed) -> object:
    return parse_event(placed.event)


async def test_the_servers_own_id_is_refused(database):
    ((own,),) = database.execute("select @@server_id")
    error = await outcome(database, log_end(database), server_id=own)
    assert isinstance(error, ServerIdInUse)
    assert "database.server.id" in error.remedy


async def test_the_id_of_another_replica_is_refused(database):
    same, end = settings(), log_end(database)
    other = endpoint(database, program="some-replica")
    async with await BinlogStream.open(other, same) as stream:
        await stream.start(end)
        await stream.read()
        error = await outcome(database, end, server_id=same.server_id)
        assert isinstance(error, ServerIdInUse)
        assert "some-replica" in str(error)


async def test_of_two_of_ours_with_one_id_the_first_is_told(database):
    same, end = settings(), log_end(database)
    async with await BinlogStream.open(endpoint(database), same) as first:
        await first.start(end)
        await first.read()
        async with await BinlogStream.open(endpoint(database), same) as second:
            await second.start(end)
            with pytest.raises((ServerIdInUse, SourceUnavailable)) as caught:
                await read_on(first)
            await read_to(second, log_end(database))
    if isinstance(caught.value, SourceUnavailable):  # MariaDB closes the connection without a word
        assert "MariaDB" in database.execute("select version()")[0][0]


async def test_a_killed_dump_tells_where_it_stands_and_nothing_is_lost_or_doubled_from_there(database):
    database.execute("create table t (id int)")
    place, found = log_end(database), list[bytes]()
    for _ in range(10):
        writer = asyncio.create_task(write(database, 20))
        async with await BinlogStream.open(endpoint(database), settings()) as stream:
            await stream.start(place)
            seen = 0
            while not seen:
                events = (await stream.read()).events
                found += events
                seen = sum(named(event, database) for event in events)
            await database.run("kill %s", stream.connection.thread)
            with pytest.raises(SourceUnavailable):
                await read_on_into(stream, found)
            place = FilePosition(stream.file, stream.position)
        await writer
    found += [each.event for each in await read_log(database, place, log_end(database))]
    assert len([event for event in found if named(event, database)]) == 200


def end_after(writer: asyncio.Task[None], database: MySqlDatabase) -> FilePosition:
    """Where the log ends when the writer has done; before that, further than any reader can be."""
    return log_end(database) if writer.done() else FilePosition("~", 0)


async def read_on_into(stream: BinlogStream, found: list[bytes]) -> None:
    """Take what was on its way, until the error."""
    while True:
        found += (await stream.read()).events


async def write(database: MySqlDatabase, rows: int) -> None:
    """Insert rows one by one, each a transaction."""
    with closing(database.connect()) as connection, connection.cursor() as cursor:
        for number in range(rows):
            await asyncio.to_thread(cursor.execute, "insert into t values (%s)", (number,))


async def test_a_row_over_16_mib_comes_whole(database):
    ((limit,),) = database.execute("select @@max_allowed_packet")
    size = 20_000_000 if limit > 20_000_000 else 15_000_000
    database.execute("create table t (a longblob, b longblob)")
    begin = log_end(database)
    database.execute("insert into t values (repeat('x', %s), repeat('y', 10000000))", size)
    found = await read_log(database, begin, log_end(database))
    large = [each.event for each in found if len(each.event) > 16_777_216]
    assert [event.count(b"x" * size + (10_000_000).to_bytes(4, "little") + b"y" * 10_000_000) for event in large] == [1]


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
async def test_a_log_without_checksums_is_read_from_both_starts(kind):
    with kind(options={"binlog-checksum": "NONE"}) as server:
        database = created(server.address)
        database.execute(
            "create table t (id int); insert into t values (1); flush binary logs; insert into t values (2)"
        )
        everything: Start = MariaDbGtidSet() if kind is MariaDbServer else GtidSet()
        for start in (FilePosition("binlog.000001", 4), everything):
            found = await read_log(database, start, log_end(database))
            assert [each.kind for each in found].count(EventType.XID) == 2
        database.execute("set global binlog_checksum = crc32; insert into t values (3)")
        found = await read_log(database, FilePosition("binlog.000001", 4), log_end(database))
        assert [each.kind for each in found].count(EventType.XID) == 3


async def test_a_compressed_or_encrypted_connection_streams_the_same(mysql_database):
    mysql_database.execute("create table t (a longtext)")
    begin = log_end(mysql_database)
    mysql_database.execute("insert into t values (repeat('x', 17000000)), ('y'); insert into t values ('z')")
    end = log_end(mysql_database)
    plain = await read_log(mysql_database, begin, end)
    for given in ({"compression": Compression.ZSTD}, {"tls": Tls(TlsMode.REQUIRED)}):
        async with await BinlogStream.open(endpoint(mysql_database, **given), settings()) as stream:
            await stream.start(begin)
            assert [each for each in await read_to(stream, end) if each.end] == [each for each in plain if each.end]


async def test_a_server_that_vanishes_without_a_word_is_noticed(mysql_database):
    async with Proxy(mysql_database.host, mysql_database.port) as proxy:
        where = endpoint(mysql_database, host=proxy.host, port=proxy.port)
        async with await BinlogStream.open(where, settings(silence=1.0)) as stream:
            await stream.start(log_end(mysql_database))
            await stream.read()
            proxy.stall()
            with pytest.raises(SourceUnavailable, match="nothing arrived for 1 seconds"):
                await read_on(stream)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
async def test_a_server_that_stops_is_unavailable_and_the_stream_goes_on_where_it_stood(kind):
    with kind() as server:
        database = created(server.address)
        database.execute("create table t (id int); insert into t values (1)")
        async with await BinlogStream.open(endpoint(database), settings()) as stream:
            await stream.start(FilePosition("binlog.000001", 4))
            await read_to(stream, log_end(database))
            place = FilePosition(stream.file, stream.position)
            await asyncio.to_thread(_restart, server)
            with pytest.raises(SourceUnavailable):
                await read_on(stream)
        database = MySqlDatabase(database.host, server.address.port, database.user, database.name)
        database.execute("insert into t values (2)")
        found = await read_log(database, place, log_end(database))
        assert [each.kind for each in found].count(EventType.XID) == 1


def _restart(server: BinlogServer) -> None:
    server.kill()
    server.start()


async def test_a_cancelled_read_loses_nothing(mysql_database):
    mysql_database.execute("create table t (id int)")
    begin = log_end(mysql_database)
    writer = asyncio.create_task(write(mysql_database, 50))
    found: list[bytes] = []
    async with await BinlogStream.open(endpoint(mysql_database), settings()) as stream:
        await stream.start(begin)
        while FilePosition(stream.file, stream.position) < end_after(writer, mysql_database):
            with suppress(TimeoutError):
                async with asyncio.timeout(0.002):
                    await read_on_into(stream, found)
    await writer
    assert len([event for event in found if named(event, mysql_database)]) == 50


def named(event: bytes, database: MySqlDatabase) -> bool:
    return event[4] == EventType.TABLE_MAP and database.name.encode() in event


async def test_the_end_of_the_log_is_a_place_to_begin_at_by_position_and_by_transactions(database):
    database.execute("create table t (id int); insert into t values (1)")
    async with await Connection.open(endpoint(database)) as connection:
        place, gtids = await find_log_end(connection)
    database.execute("insert into t values (2)")
    for start in (place, gtids):
        found = await read_log(database, start, log_end(database))
        assert len([each for each in found if named(each.event, database)]) == 1


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
async def test_a_log_that_is_off_has_no_end(kind):
    with kind(options={"skip-log-bin": None}) as server:
        async with await Connection.open(endpoint(server.address)) as connection:
            with pytest.raises(SourceRefused, match="binary log is off"):
                await find_log_end(connection)
