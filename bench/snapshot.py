"""The snapshot of the narrow table: all its rows into Kafka, in one transaction, beside a COPY into nowhere."""

from __future__ import annotations

import time
from contextlib import closing

from confluent_kafka import Consumer, KafkaException, TopicPartition

from bench.narrow import DATABASE, Result, connect, connector
from bench.process import run, usage
from cdc.testing.servers.base import Address
from cdc.testing.servers.postgres import program

#: The slot of the snapshot, one for each run.
SLOT = "snapshot"


def limit(postgres: Address, rows: int) -> Result:
    """Read the table with psql into nowhere."""
    command = [program("psql"), "-h", postgres.host, "-p", str(postgres.port), "-U", postgres.user, "-d", DATABASE]
    begun = time.monotonic()
    used = run([*command, "-c", "copy accounts to stdout"])
    return Result("psql, COPY to nowhere", rows, time.monotonic() - begun, used)


def ours(postgres: Address, kafka: Address, number: int, rows: int, threads: int = 1) -> Result:
    """Take a snapshot into Kafka, from the slot's creation until the last row is committed; the slot is dropped afterwards."""
    slot = f"{SLOT}_{threads}_{number}"
    more = {"snapshot.mode": "initial", "snapshot.max.threads": threads, "snapshot.max.threads.multiplier": 4}
    name = f"cdc-stream to Kafka, {threads} connection{'s' if threads > 1 else ''}"
    with connect(postgres) as session:
        with connector(postgres, kafka, slot, more) as process:
            while (
                session.execute("select 1 from pg_replication_slots where slot_name = %s", (slot,)).fetchone() is None
            ):
                time.sleep(0.01)
            begun = time.monotonic()
            _until_committed(kafka, f"{slot}.public.accounts", rows)
            found = Result(name, rows, time.monotonic() - begun, usage(process.pid))
        session.execute("select pg_drop_replication_slot(%s)", (slot,))
    return found


def _until_committed(kafka: Address, topic: str, rows: int) -> None:
    """Wait until a read_committed consumer may read all rows; the end that it is told of lies before an open transaction."""
    settings = {"bootstrap.servers": kafka.url, "group.id": "bench-snapshot", "isolation.level": "read_committed"}
    with closing(Consumer(settings)) as consumer:
        while committed(consumer, topic) < rows:
            time.sleep(0.02)


def committed(consumer: Consumer, topic: str) -> int:
    """Return the offset up to which a read_committed consumer may read partition 0 of a topic; marks of transactions count."""
    try:
        return int(consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=5)[1])
    except KafkaException:  # the topic is not there yet
        return 0
