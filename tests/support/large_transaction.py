"""One source transaction of many rows, larger than a Kafka transaction may last, with a kill in its middle."""

from __future__ import annotations

from pathlib import Path

import orjson

from tests.support.connector import Script, SlotView, properties, until
from tests.support.database import Database
from tests.support.kafka_reader import each_committed

TABLE = "create table big (id bigint primary key, filler text not null)"
FILL = "insert into big select g, repeat(md5(g::text), %s) from generate_series(1, %s) g"
CONTINUES = "cdc.transaction.continues"


def assert_exactly_once_in_parts(
    database: Database,
    servers: str,
    prefix: str,
    folder: Path,
    *,
    rows: int,
    width: int,
    timeout: str,
    memory: int,
    **more: str,
) -> None:
    """Publish `rows` rows of `width` times 32 bytes, and demand each once, in order, in so many bytes of memory.

    A part ends after half of `timeout`, which is `transaction.timeout.ms`. `more` are further properties.
    """
    database.execute(TABLE)
    script = Script(folder, properties(database, servers, prefix, transaction_timeout_ms=timeout, **more))
    try:
        largest = _publish(script, database, prefix, rows, width)
    finally:
        script.kill()
    _check(servers, f"{prefix}.public.big", rows)
    print(f"{rows:,} rows of {32 * width} bytes: {largest / 1e6:.0f} MB at most")
    assert largest < memory, f"{largest / 1e6:.0f} MB"


def _publish(script: Script, database: Database, slot: str, rows: int, width: int) -> int:
    """Run the rows, and one row after them, through the connector, which is killed after a part; return its largest memory."""
    script.start()
    script.wait_for("streaming from")
    database.execute(FILL, width, rows)
    ((end,),) = database.execute("select (pg_current_wal_insert_lsn() - '0/0')::bigint")
    database.execute("insert into big values (%s, 'last')", rows + 1)
    script.wait_for(r"published in parts[\s\S]*published in parts", 120)  # printed before each commit: one has happened
    largest = script.resident()
    script.kill()
    script.start()
    script.wait_for(r"streaming from \S+ \+ \d+ changes of the transaction", 60)
    view = SlotView(database, slot)
    until(lambda: view.confirmed() > end, "draining", 1800)
    largest = max(largest, script.resident())
    script.stop()
    return largest


def _check(servers: str, topic: str, rows: int) -> None:
    """Check that the keys are 1, 2, 3 … and that each part says how many changes came before it."""
    wanted, parts = 1, [0]
    for record in each_committed(servers, topic, timeout=1200):
        assert orjson.loads(record.key or b"")["id"] == wanted
        wanted += 1
        continues = [int(value) for name, value in record.headers if name == CONTINUES and value]
        if continues and continues[0] != parts[-1]:
            parts += continues
    assert wanted == rows + 2
    assert parts == sorted(parts)
    assert len(parts) >= 3
