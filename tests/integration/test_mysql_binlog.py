"""The binlog of real servers, event by event, against what the servers themselves say of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from cdc.errors import DecodeError
from cdc.sources.mysql.binlog.compression import UNCOMPRESSED, expand_rows
from cdc.sources.mysql.binlog.event_types import EventHeader, EventType
from cdc.sources.mysql.binlog.events import (
    BinlogCheckpoint,
    FormatDescription,
    Rotate,
    RowsQuery,
    XaPrepare,
    Xid,
    parse_event,
)
from cdc.sources.mysql.binlog.gtid import Gtid, GtidSet
from cdc.sources.mysql.binlog.gtid_events import GtidEvent, MariaDbGtidEvent, MariaDbGtidList, PreviousGtids
from cdc.sources.mysql.binlog.payload import inner_events, read_payload
from cdc.sources.mysql.binlog.place import FilePosition
from cdc.sources.mysql.binlog.query_event import Query
from cdc.testing.servers import MariaDbServer, MySqlServer
from cdc.testing.servers.mysql import BinlogServer
from tests.support.binlog import Placed, log_end, read_log
from tests.support.mysql_database import MySqlDatabase, created

SHOWN = {
    "Format_desc": {EventType.FORMAT_DESCRIPTION},
    "Previous_gtids": {EventType.PREVIOUS_GTIDS},
    "Gtid": {EventType.GTID, EventType.MARIADB_GTID},
    "Gtid_tagged_log_event": {EventType.GTID_TAGGED},
    "Anonymous_Gtid": {EventType.ANONYMOUS_GTID},
    "Query": {EventType.QUERY},
    "Query_compressed": {EventType.QUERY_COMPRESSED},
    "Table_map": {EventType.TABLE_MAP},
    "Write_rows": {EventType.WRITE_ROWS},
    "Update_rows": {EventType.UPDATE_ROWS},
    "Update_rows_partial": {EventType.PARTIAL_UPDATE_ROWS},
    "Delete_rows": {EventType.DELETE_ROWS},
    "Write_rows_v1": {EventType.WRITE_ROWS_V1},
    "Update_rows_v1": {EventType.UPDATE_ROWS_V1},
    "Delete_rows_v1": {EventType.DELETE_ROWS_V1},
    "Write_rows_compressed_v1": {EventType.WRITE_ROWS_COMPRESSED_V1},
    "Update_rows_compressed_v1": {EventType.UPDATE_ROWS_COMPRESSED_V1},
    "Delete_rows_compressed_v1": {EventType.DELETE_ROWS_COMPRESSED_V1},
    "Xid": {EventType.XID},
    "XA_prepare": {EventType.XA_PREPARE},
    "Rows_query": {EventType.ROWS_QUERY},
    "Transaction_payload": {EventType.TRANSACTION_PAYLOAD},
    "Rotate": {EventType.ROTATE},
    "Gtid_list": {EventType.MARIADB_GTID_LIST},
    "Binlog_checkpoint": {EventType.BINLOG_CHECKPOINT},
    "Annotate_rows": {EventType.ANNOTATE_ROWS},
    "Stop": {EventType.STOP},
}

WORK = """
create table t (id int primary key, a varchar(300), j json);
begin; insert into t values (1, 'é', '{{"a": 1, "b": 2}}'), (2, null, null); update t set a = 'x' where id = 1; delete from t where id = 2; commit;
set @@session.binlog_rows_query_log_events = on; insert into t values (3, repeat('z', 290), null);
xa start '{name}', 'br'; insert into t values (4, '', null); xa end '{name}', 'br'; xa prepare '{name}', 'br'; xa commit '{name}', 'br';
alter table t add column n int;
flush binary logs;
insert into t (id) values (5);
"""
MYSQL_WORK = """
set gtid_next = 'automatic:tag_1'; insert into t (id) values (6); set gtid_next = 'automatic';
set @@session.binlog_transaction_compression = on;
begin; insert into t (id, a) select id + 100, repeat('y', 200) from t; update t set a = 'w' where id > 100; commit;
set @@session.binlog_transaction_compression = off;
set @@session.binlog_row_value_options = 'partial_json';
update t set j = json_set(json_set(j, '$.b', 3), '$.a', repeat('l', 120)) where id = 1;
update t set j = json_set(j, '$.b', 4) where id = 1;
flush binary logs;
insert into t (id) values (7);
"""
MARIADB_WORK = """
set global log_bin_compress = on; set global log_bin_compress_min_len = 10;
begin; insert into t (id, a) select id + 100, repeat('y', 200) from t; update t set a = repeat('w', 250) where id > 100; delete from t where id > 100; commit;
alter table t add column m int comment 'long enough to be compressed, as a statement';
"""


def worked(server: BinlogServer, *scripts: str) -> MySqlDatabase:
    """Do the work in a database of the server, and read it for the tests that follow."""
    database = created(server.address)
    for script in scripts:
        database.execute(script.format(name=database.name).strip())
    return database


@pytest.fixture(scope="module")
def on_mysql() -> Iterator[MySqlDatabase]:
    with MySqlServer() as server:
        yield worked(server, WORK, MYSQL_WORK)


@pytest.fixture(scope="module")
def on_mariadb() -> Iterator[MySqlDatabase]:
    with MariaDbServer() as server:
        yield worked(server, WORK.replace("set @@session.binlog_rows_query_log_events = on; ", ""), MARIADB_WORK)


@pytest.fixture(params=["on_mysql", "on_mariadb"])
def database(request: pytest.FixtureRequest) -> MySqlDatabase:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, MySqlDatabase)
    return found


async def whole_log(database: MySqlDatabase) -> list[Placed]:
    first = database.execute("show binary logs")[0][0]
    return await read_log(database, FilePosition(first, 4), log_end(database))


def shown(database: MySqlDatabase) -> list[tuple[str, int, str, int, str]]:
    """What SHOW BINLOG EVENTS says: file, begin, type, end and description of each event."""
    files = [row[0] for row in database.execute("show binary logs")]
    events = [row for file in files for row in database.execute(f"show binlog events in '{file}'")]
    return [(row[0], row[1], row[2], row[4], row[5]) for row in events]


async def test_every_event_is_where_the_server_says(database):
    found = [(each.file, each.end, each.kind) for each in await whole_log(database) if each.end]
    # The format description is sent anew for a start in the middle only; all inside a payload have no place of their own.
    expected = [(file, end, SHOWN[kind]) for file, begin, kind, end, _ in shown(database) if end != begin]
    inner = payload_ends(database)
    expected = [each for each in expected if each[2] == {EventType.TRANSACTION_PAYLOAD} or each[:2] not in inner]
    assert [(file, end) for file, end, _ in found] == [(file, end) for file, end, _ in expected]
    assert all(mine in theirs for (*_, mine), (*_, theirs) in zip(found, expected, strict=True))


def payload_ends(database: MySqlDatabase) -> set[tuple[str, int]]:
    return {(file, end) for file, _, kind, end, _ in shown(database) if kind == "Transaction_payload"}


async def test_each_kind_of_event_is_there(on_mysql, on_mariadb):
    kinds = {each.kind for each in await whole_log(on_mysql)}
    assert {"GTID_TAGGED", "TRANSACTION_PAYLOAD", "PARTIAL_UPDATE_ROWS", "ROWS_QUERY", "XA_PREPARE"} <= {
        k.name for k in kinds
    }
    kinds = {each.kind for each in await whole_log(on_mariadb)}
    assert {*UNCOMPRESSED} >= {k for k in kinds if "ROWS_COMPRESSED" in k.name} != set()
    assert {EventType.QUERY_COMPRESSED, EventType.ANNOTATE_ROWS, EventType.MARIADB_GTID_LIST} <= kinds


async def test_events_say_what_the_server_shows_of_them(database):
    """The server describes each event in words; what we read must be in them."""
    described = {(file, end, kind): info for file, _, kind, end, info in shown(database)}
    checked = Counter[str]()
    for each in await whole_log(database):
        said = parse_event(each.event)
        info = next(
            (text for key, text in described.items() if key[:2] == each[:2] and each.kind in SHOWN[key[2]]), None
        )
        if said is None or info is None:
            continue
        checked[type(said).__name__] += 1
        for part in words(said):
            assert part in info.replace("\n", ""), (said, info)
    assert {"Query", "Xid", "XaPrepare", "Rotate", "FormatDescription"} <= set(checked)


def words(said: object) -> list[str]:
    match said:
        case GtidEvent(gtid=Gtid() as gtid):
            return [f"'{gtid}'"]
        case MariaDbGtidEvent(gtid=gtid):
            return [str(gtid)]
        case PreviousGtids(gtids=gtids):
            return [str(gtids)]
        case MariaDbGtidList(gtids=gtids):
            return [f"[{','.join(map(str, gtids))}]"]
        case Query(text=text):
            return [text.decode().replace("\n", "")]
        case Xid(number=number):
            return [f"xid={number}"]
        case XaPrepare(xa=(_, name, branch)):
            return [f"X'{name.hex()}',X'{branch.hex()}'"]
        case RowsQuery(text=text):
            return [text.decode().replace("\n", "")]
        case Rotate(file=file, position=position):
            return [f"{file};pos={position}"]
        case FormatDescription(version=version, server=server):
            return [server, f"ver: {version}"]
        case BinlogCheckpoint(file=file):
            return [file]
    return []


async def test_no_event_is_taken_when_it_ends_too_early(database):
    open_ended = {EventType.QUERY, EventType.ROTATE, EventType.ROWS_QUERY, EventType.ANNOTATE_ROWS}
    open_ended |= {EventType.FORMAT_DESCRIPTION, EventType.GTID}  # later servers wrote longer ones
    for each in {event.kind: event for event in await whole_log(database)}.values():
        for size in range(len(each.event)):
            try:
                said = parse_event(each.event[:size])
            except DecodeError:
                continue
            assert said is None or each.kind in open_ended, (each.kind.name, size)


async def test_a_compressed_transaction_holds_what_the_server_shows_inside_it(on_mysql):
    (payload,) = [each for each in await whole_log(on_mysql) if each.kind == EventType.TRANSACTION_PAYLOAD]
    inside = [EventHeader.of(event) for events in inner_events(payload.event) for event in events]
    theirs = [kind for file, _, kind, end, _ in shown(on_mysql) if (file, end) == payload[:2]]
    assert theirs.pop(0) == "Transaction_payload"
    assert all(EventType(mine.type) in SHOWN[kind] for mine, kind in zip(inside, theirs, strict=True))
    assert read_payload(payload.event).full_size == sum(each.size for each in inside)


async def test_a_compressed_transaction_that_ends_too_early_is_an_error(on_mysql):
    (payload,) = [each for each in await whole_log(on_mysql) if each.kind == EventType.TRANSACTION_PAYLOAD]
    for size in range(19, len(payload.event)):
        with pytest.raises(DecodeError):
            list(inner_events(payload.event[:size]))


async def test_compressed_rows_of_mariadb_are_those_of_the_same_statement_uncompressed(on_mariadb):
    events = await whole_log(on_mariadb)
    pressed = [each for each in events if each.kind in UNCOMPRESSED]
    expanded = [expand_rows(each.event) for each in pressed]
    assert [EventHeader.of(event).type for event in expanded] == [UNCOMPRESSED[each.kind] for each in pressed]
    assert all(EventHeader.of(event).size == len(event) for event in expanded)
    assert any(b"y" * 200 in event for event in expanded)
    for each in pressed[:2]:
        for size in range(19, len(each.event)):
            with pytest.raises(DecodeError):
                expand_rows(each.event[:size])
    plain = [each.event for each in events if each.kind not in UNCOMPRESSED]
    assert [expand_rows(event) for event in plain] == plain


async def test_a_tagged_transaction_has_the_times_and_numbers_of_the_plain_ones(on_mysql):
    said = [parse_event(each.event) for each in await whole_log(on_mysql)]
    gtids = [each for each in said if isinstance(each, GtidEvent) and each.gtid]
    (tagged,) = [each for each in gtids if each.gtid and each.gtid.tag]
    assert tagged.gtid is not None
    assert tagged.gtid.tag == "tag_1"
    before, after = gtids[gtids.index(tagged) - 1], gtids[gtids.index(tagged) + 1]
    assert before.immediate_commit_us < tagged.immediate_commit_us < after.immediate_commit_us
    assert tagged.original_commit_us == tagged.immediate_commit_us
    assert tagged.immediate_server_version == tagged.original_server_version == before.immediate_server_version > 90000
    assert tagged.sequence_number == before.sequence_number + 1
    assert 0 < tagged.transaction_length < 1000


async def test_the_log_is_read_from_after_a_set_of_transactions(on_mysql):
    executed = GtidSet.parse(on_mysql.execute("select @@gtid_executed")[0][0])
    everything = {gtid_of(each) for each in await whole_log(on_mysql)} - {None}
    assert {str(gtid) for gtid in everything} == {str(gtid) for gtid in listed(executed)}
    ((uuid, _, _), *_) = executed.sources()
    for known in (GtidSet(), GtidSet.parse(f"{uuid}:1-3:6:tag_1:1"), executed):
        rest = await read_log(on_mysql, known, log_end(on_mysql))
        assert {gtid_of(each) for each in rest} - {None} == set(listed(executed - known))


def gtid_of(placed: Placed) -> Gtid | None:
    said = parse_event(placed.event)
    return said.gtid if isinstance(said, GtidEvent) else None


def listed(gtids: GtidSet) -> list[Gtid]:
    return [
        Gtid(uuid, tag, number)
        for uuid, tag, bounds in gtids.sources()
        for first, after in zip(bounds[::2], bounds[1::2], strict=True)
        for number in range(first, after)
    ]
