"""A source transaction larger than a Kafka transaction may last: in parts, exactly once, in bounded memory."""

from __future__ import annotations

import orjson
import pytest

from tests.support.connector import Script, SlotView, properties, until
from tests.support.kafka_reader import read_committed

ROWS = 300_000
MEMORY = 220_000_000
TABLE = "create table big (id bigint primary key, filler text not null)"
FILL = "insert into big select g, repeat('x', 80) from generate_series(1, %s) g"
CONTINUES = "cdc.transaction.continues"


@pytest.fixture
def script(database, kafka, topic_prefix, tmp_path):
    database.execute(TABLE)
    # A part ends after half of the time-out.
    config = properties(database, kafka.url, topic_prefix, transaction_timeout_ms="1000")
    script = Script(tmp_path, config)
    yield script
    script.kill()


def test_large_transaction_is_split_and_arrives_once_though_the_connector_is_killed_inside_it(
    script, database, kafka, topic_prefix
):
    memory = publish_in_parts(script, database, topic_prefix, ROWS)
    assert memory < MEMORY, f"{memory / 1e6:.0f} MB"
    records = read_committed(kafka.url, f"{topic_prefix}.public.big", timeout=60)
    assert [orjson.loads(record.key or b"")["id"] for record in records] == list(range(1, ROWS + 2))
    parts = [int(value) for record in records for name, value in record.headers if name == CONTINUES and value]
    assert parts == sorted(parts), "each part says how many changes came before it"
    assert len(set(parts)) >= 2


def publish_in_parts(script, database, slot, rows):
    """Run one transaction of so many rows, and one row after it, through the connector, which is killed after a part.

    Returns its largest memory, in bytes.
    """
    script.start()
    script.wait_for("streaming from")
    database.execute(FILL, rows)
    ((end,),) = database.execute("select (pg_current_wal_insert_lsn() - '0/0')::bigint")
    database.execute("insert into big values (%s, 'last')", rows + 1)
    script.wait_for(r"published in parts[\s\S]*published in parts", 120)  # printed before each commit: one has happened
    memory = script.resident()
    script.kill()
    script.start()
    script.wait_for(r"streaming from \S+ \+ \d+ changes of the transaction", 60)
    view = SlotView(database, slot)
    until(lambda: view.confirmed() > end, "draining", 600)
    memory = max(memory, script.resident())
    script.stop()
    return memory
