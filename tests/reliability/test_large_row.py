"""A row of 200 MB, by snapshot and by stream, with a kill while it is on its way."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson
import pytest

from cdc.testing.servers import KafkaServer, PostgresServer
from tests.support.connector import Script, SlotView, properties, until
from tests.support.database import Database, created
from tests.support.kafka_reader import each_committed
from tests.support.scale import scaled

pytestmark = [pytest.mark.reliability, pytest.mark.timeout(1800)]

SIZE = 200_000_000
LIMIT = 500_000_000
#: A broker takes requests of 100 MB by default, and records of one.
BROKER = {
    "message.max.bytes": str(LIMIT),
    "replica.fetch.max.bytes": str(LIMIT),
    "socket.request.max.bytes": str(LIMIT),
}
READER: dict[str, Any] = {
    "fetch_max_bytes": LIMIT,
    "message_max_bytes": LIMIT,
    "fetch_message_max_bytes": LIMIT,
    "receive_message_max_bytes": 2 * LIMIT,
}
#: What the connector may take beside the row, and how many copies of the row it may hold at once: libpq keeps one in its buffer
#: until the connection ends, and reading, converting and sending have two each.
MEMORY = 300_000_000
#: About what the program takes before the row comes.
PROGRAM = 80_000_000
COPIES = 3

#: Text that does not compress, stored as it is.
TABLE = "create table big (id int primary key, filler text); alter table big alter filler set storage external"
FILL = "insert into big select %s, string_agg(md5(g::text), '') from generate_series(1, %s) g"


@pytest.mark.parametrize("where", ["snapshot", "stream"])
def test_large_row_arrives_once_though_the_connector_is_killed_over_it(where, topic_prefix, tmp_path):
    with PostgresServer() as postgres, KafkaServer(properties=BROKER, heap="2g") as kafka:
        database = created(postgres.address)
        database.execute(TABLE)
        config = properties(database, kafka.address.url, topic_prefix, max_request_size=str(LIMIT))
        script = Script(tmp_path, config)
        try:
            memory = _publish(script, database, topic_prefix, in_snapshot=where == "snapshot")
        finally:
            script.kill()
        _check(database, kafka.address.url, f"{topic_prefix}.public.big")
    size = scaled(SIZE)
    print(f"row of {size / 1e6:.0f} MB by {where}: {memory / 1e6:.0f} MB at most")
    assert memory < MEMORY + COPIES * size


def _publish(script: Script, database: Database, slot: str, *, in_snapshot: bool) -> int:
    """Run the row through the connector, which is killed while it holds the row; return its largest memory."""
    if in_snapshot:
        _insert(database)
        script.start()
    else:
        script.start()
        script.wait_for("streaming from")
        _insert(database)
    until(lambda: script.resident() > PROGRAM + scaled(SIZE) // 2, "taking in the row", 120)
    script.kill()
    script.start()
    script.wait_for("streaming from", 300)
    database.execute("insert into big values (3, 'last')")
    ((end,),) = database.execute("select (pg_current_wal_insert_lsn() - '0/0')::bigint")
    view = SlotView(database, slot)
    until(lambda: view.confirmed() >= end, "draining", 300)
    largest = script.resident()
    script.stop()
    return largest


def _insert(database: Database) -> None:
    database.execute(FILL, 1, scaled(SIZE) // 32)
    database.execute("insert into big values (2, 'small')")


def _check(database: Database, servers: str, topic: str) -> None:
    """Check that each row is there once, as it is in the table."""
    wanted = database.execute("select id, encode(sha256(filler::bytea), 'hex') from big order by id")
    found = []
    for record in each_committed(servers, topic, timeout=300, **READER):
        row = orjson.loads(record.value or b"")["after"]
        found.append((row["id"], hashlib.sha256(row["filler"].encode()).hexdigest()))
    assert found == wanted
