"""Going on behind a Debezium: its offsets and its history, as its MySQL connector 3.6 stores them, on servers that tell no names of columns in the log.

In mid-transaction the offset stands at the BEGIN, with the events from there on and the rows of the next one that were published. Behind a
statement outside a transaction its place is the statement's end, while its GTIDs do not have the statement yet: the server sends it again.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from cdc.config.beside import BesideSettings
from cdc.config.snapshot import SnapshotMode
from cdc.history.records import HistoryRecord
from cdc.model.position import Offset
from cdc.testing.servers import MySqlServer
from tests.integration.mysql_log import read_log, settings
from tests.support.connector import InThread, until
from tests.support.kafka_reader import read_committed
from tests.support.mysql_connector import config
from tests.support.mysql_database import created, dropped
from tests.support.mysql_stream import PARTITION, StreamedLog

TABLES = "create table a (id int primary key, s int); create table b (id int primary key, s int)"
#: The events behind its BEGIN are a map, three rows, a map, two rows, and the rows of an update.
TRANSACTION = """begin; insert into a values (1, 10), (2, 20), (3, 30); insert into b values (4, 40), (5, 50); update a set s = 11 where id = 1;
    commit"""
CHANGES = [("c", 1), ("c", 2), ("c", 3), ("c", 4), ("c", 5), ("u", 1)]
CUTS = [(2, 1, 1), (2, 2, 2), (2, 3, 3), (4, 1, 4), (4, 2, 5), (6, 1, 6), (7, 0, 6)]


@pytest.fixture(scope="module", params=["ON", "OFF"])
def server(request):
    options = {"binlog-row-metadata": "MINIMAL", "gtid-mode": request.param, "enforce-gtid-consistency": request.param}
    with MySqlServer(options=options) as own:
        yield own.address


@pytest.fixture
def database(server):
    fresh = created(server)
    fresh.execute(TABLES)
    yield fresh
    dropped(fresh)


def place(database) -> dict[str, Any]:
    """Where the log ends, as Debezium has it."""
    ((file, pos, *_),) = database.execute("show binary log status")
    ((gtids, number),) = database.execute("select @@gtid_executed, @@server_id")
    found = {"ts_sec": 1_700_000_000, "file": file, "pos": pos, "server_id": number}
    return found | ({"gtids": gtids.replace("\n", "")} if gtids else {})


def begin_of(database, behind: Offset) -> int:
    """Where the first BEGIN behind a place stands."""
    events = database.execute(f"show binlog events in '{behind['file']}' from {behind['pos']}")
    return int(next(event[1] for event in events if event[5] == "BEGIN"))


def told(database, ddl: str) -> tuple[HistoryRecord, dict[str, Any]]:
    """Run a statement; return Debezium's record of it, and its offset behind it."""
    before = place(database)
    database.execute(ddl)
    position = before | {"pos": place(database)["pos"]}
    record = HistoryRecord(source=PARTITION, position=position, ts_ms=1, database=database.name, ddl=ddl)
    return record, position


def briefs(found) -> list[tuple[str, Any]]:
    return [(change.op, (change.after or {}).get("id")) for change in found.changes]


@pytest.mark.parametrize(("event", "row", "published"), CUTS)
async def test_inside_a_transaction_the_next_row_comes(database, event, row, published):
    log = await StreamedLog.of(database)
    offset = place(database)
    database.execute(TRANSACTION)
    offset |= {"pos": begin_of(database, offset), "event": event} | ({"row": row} if row else {})
    found = await log.read(offset)
    assert briefs(found) == CHANGES[published:]


async def test_changes_are_numbered_on(database):
    log = await StreamedLog.of(database, beside=BesideSettings(transactions=True))
    offset = place(database)
    database.execute(TRANSACTION)
    offset |= {"pos": begin_of(database, offset), "event": 4, "row": 1, "transaction_id": "any"}
    counts = {
        f"transaction_data_collection_order_{database.name}.a": 3,
        f"transaction_data_collection_order_{database.name}.b": 1,
    }
    found = await log.read({**offset, **counts})
    assert [change.numbers[1:] for change in found.changes if change.numbers] == [(5, 2), (6, 4)]
    assert [aside.value.get("event_count") for aside in found.asides if "event_count" in aside.value] == [6]


STATEMENTS = {
    "a new column": ("alter table a add x int after id", "insert into a values (1, 2, 3)", {"id": 1, "x": 2, "s": 3}),
    "swapped names": (
        "alter table a rename column id to s, rename column s to id",
        "insert into a values (1, 2)",
        {"s": 1, "id": 2},
    ),
    "swapped tables": ("rename table a to z, b to a", "insert into a values (1, 2)", {"id": 1, "s": 2}),
    "emptied": ("truncate table a", "insert into a values (1, 2)", {"id": 1, "s": 2}),
}


@pytest.mark.parametrize("name", STATEMENTS)
async def test_behind_a_statement_it_counts_once_and_is_not_told_again(database, name):
    ddl, insert, row = STATEMENTS[name]
    log = await StreamedLog.of(database)
    record, offset = told(database, ddl)
    if name != "emptied":  # Debezium keeps no record of these
        await log.history.record([record])
    database.execute(insert)
    found = await log.read(offset, keep=True)
    assert [(change.op, change.after) for change in found.changes] == [("c", row)]
    assert found.asides == []
    database.execute(insert.replace("(1", "(5"))
    again = await log.read(found.cuts[-1].offset)
    assert [change.after for change in again.changes] == [
        {key: 5 if value == 1 else value for key, value in row.items()}
    ]


async def test_statements_that_the_history_has_beyond_the_offset_count_once(database):
    """Debezium was killed before it stored an offset behind them."""
    log = await StreamedLog.of(database)
    offset = place(database)
    swap = "alter table a rename column id to s, rename column s to id"
    records = [told(database, each)[0] for each in (swap, "alter table a add x int first", swap)]
    await log.history.record(records)
    database.execute("insert into a values (1, 2, 3)")
    found = await log.read(offset, keep=True)
    assert len(found.asides) == 3
    database.execute("insert into a values (4, 5, 6)")
    again = await log.read(found.cuts[-1].offset)
    rows = [change.after for change in (*found.changes, *again.changes)]
    assert rows == [{"x": 1, "id": 2, "s": 3}, {"x": 4, "id": 5, "s": 6}]


async def test_definitions_that_are_read_anew_have_the_statement_at_the_offset(database):
    """Its history is lost: the server tells them as they are now."""
    _, offset = told(database, "alter table a add x int after id")
    database.execute("insert into a values (1, 2, 3)")
    chosen = settings(database, snapshot_mode=SnapshotMode.RECOVERY)
    found = await read_log(chosen, lambda reading: any(len(batch) for batch in reading.batches), stored=offset)
    assert [batch.row(0)[3] for batch in found.batches if len(batch)] == [(1, 2, 3)]


async def test_by_its_topics_in_kafka(database, kafka):
    """The offset is found under Debezium's key, and the history goes on in its topic."""
    given = config(database, kafka.url)
    partition, history = {"server": given["topic.prefix"]}, given["schema.history.internal.kafka.topic"]
    log = await StreamedLog.of(database)
    kept = [replace(each, source=partition) async for each in log.history.records()]
    record, offset = told(database, "alter table a add x int after id")
    database.execute("insert into a values (1, 2, 3), (4, 5, 6), (7, 8, 9)")
    offset = place(database) | {"pos": begin_of(database, offset), "event": 2, "row": 2}
    if "gtids" in offset:
        offset["gtids"] = without_last(offset["gtids"])
    create(kafka, given["offset.storage.topic"], {"cleanup.policy": "compact"})
    create(kafka, history, {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"})
    producer = Producer({"bootstrap.servers": kafka.url})
    for each in (*kept, replace(record, source=partition)):
        producer.produce(history, each.encode(), partition=0)
    key = json.dumps([given["name"], partition], separators=(",", ":"))
    producer.produce(given["offset.storage.topic"], json.dumps(offset), key, partition=0)
    producer.flush()
    topic = f"{given['topic.prefix']}.{database.name}.a"
    connector = InThread(given)
    for row in ({"id": 7, "x": 8, "s": 9}, {"id": 10, "x": 11, "s": 12}):
        connector.start()
        if row["id"] == 10:
            database.execute("insert into a values (10, 11, 12)")
        until(lambda: connector.failure or rows_of(kafka, topic)[-1:] == [row], f"{row}")  # noqa: B023
        connector.stop()
    assert connector.failure == ""
    assert rows_of(kafka, topic) == [{"id": 7, "x": 8, "s": 9}, {"id": 10, "x": 11, "s": 12}]


def create(kafka, topic: str, settings: dict[str, str]) -> None:
    """Make a topic as Kafka Connect and Debezium do."""
    admin = AdminClient({"bootstrap.servers": kafka.url})
    admin.create_topics([NewTopic(topic, 1, 1, config=settings)])[topic].result()


def rows_of(kafka, topic: str) -> list[Any]:
    return [json.loads(record.value or b"")["after"] for record in read_committed(kafka.url, topic)]


def without_last(gtids: str) -> str:
    """Return a set of the kind uuid:1-9 without the last one."""
    uuid, _, numbers = gtids.rpartition(":")
    first, _, last = numbers.partition("-")
    return f"{uuid}:{first}-{int(last) - 1}"
