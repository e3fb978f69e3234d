"""The narrow workload: rows of four columns, 100 in a transaction, written before the readers start.

Three slots hold the same backlog: one is read by `pg_recvlogical` into nowhere, the limit; the others by `cdc-stream run` and by a
standalone worker into Kafka, exactly once, zstd, JSON without schemas.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from confluent_kafka import Consumer, TopicPartition

from bench.process import Usage, run, usage
from cdc.model.position import parse_lsn
from cdc.testing.servers.base import Address
from cdc.testing.servers.postgres import program

DATABASE = "bench"
PUBLICATION = "bench"
#: The slots of `cdc-stream run` and of the worker.
RUN = "cdc_stream"
WORKER = "cdc_worker"
CONVERTERS = "".join(f"{side}.converter=org.apache.kafka.connect.json.JsonConverter\n" for side in ("key", "value"))
SETUP = """
create table accounts (aid bigint primary key, bid int, abalance int, filler char(84));
create publication bench for table accounts;
create procedure fill(start int, total int) language plpgsql as $$
begin
  for base in start / 100..(start + total) / 100 - 1 loop
    insert into accounts select base * 100 + n, n, 0, 'filler' || n from generate_series(1, 100) n;
    commit;
  end loop;
end $$;
"""


@dataclass(frozen=True, slots=True)
class Result:
    """How fast one reader took the rows; `seconds` is wall time from the first byte to the last row committed."""

    name: str
    rows: int
    seconds: float
    used: Usage

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.rows / self.seconds

    @property
    def cpu_per_million(self) -> float:
        """CPU-seconds for a million rows, the start of the process included."""
        return self.used.cpu * 1_000_000 / self.rows


def connect(postgres: Address, database: str = DATABASE) -> psycopg.Connection[tuple[object, ...]]:
    """Connect to a database of the server."""
    return psycopg.connect(host=postgres.host, port=postgres.port, user=postgres.user, dbname=database, autocommit=True)


def prepare(postgres: Address) -> None:
    """Create the database with the table and a slot for each reader."""
    with connect(postgres, "postgres") as admin:
        admin.execute(f"create database {DATABASE}")
    with connect(postgres) as session:
        session.execute(SETUP)
        for slot in ("limit_reader", RUN, WORKER):
            session.execute("select pg_create_logical_replication_slot(%s, 'pgoutput')", (slot,))


def backlog(postgres: Address, start: int, rows: int) -> str:
    """Write rows, numbered from `start`; return the LSN behind them."""
    with connect(postgres) as session:
        session.execute("call fill(%s, %s)", (start, rows))
        found = session.execute("select pg_current_wal_lsn()::text").fetchone()
    return str(found[0]) if found else ""


def limit(postgres: Address, rows: int, end: str, slot: str = "limit_reader", publication: str = PUBLICATION) -> Result:
    """Read the backlog of a slot with pg_recvlogical into nowhere."""
    command = [program("pg_recvlogical"), "-h", postgres.host, "-p", str(postgres.port), "-U", postgres.user]
    command += ["-d", DATABASE, f"--slot={slot}", "--start", "-f", "/dev/null", "--no-loop", f"--endpos={end}"]
    command += ["-o", "proto_version=1", "-o", f"publication_names={publication}"]
    begun = time.monotonic()
    used = run(command)
    return Result("pg_recvlogical to nowhere", rows, time.monotonic() - begun, used)


def ours(
    postgres: Address, kafka: Address, slot: str, rows: int, end: str, more: Mapping[str, object] | None = None
) -> Result:
    """Deliver the backlog of a slot to Kafka: WORKER's by a worker, others by `cdc-stream run`; `more` are further properties."""
    name = "the same through a worker" if slot == WORKER else "cdc-stream to Kafka, exactly once"
    with connector(postgres, kafka, slot, more) as process, connect(postgres) as session:
        begun = _until(session, slot, "active")
        _until(session, slot, f"confirmed_flush_lsn - '0/0' >= {parse_lsn(end)} - 512")
        return Result(name, rows, time.monotonic() - begun, usage(process.pid))


def _until(session: psycopg.Connection[tuple[object, ...]], slot: str, condition: str) -> float:
    """Wait until the slot's row meets the condition; return the time."""
    query = f"select 1 from pg_replication_slots where slot_name = '{slot}' and {condition}"
    while session.execute(query.encode()).fetchone() is None:
        time.sleep(0.01)
    return time.monotonic()


@contextmanager
def connector(
    postgres: Address, kafka: Address, slot: str, more: Mapping[str, object] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run the connector of a slot, which is its name and the prefix of its topic also; `more` are further properties."""
    config = {
        "name": slot,
        "connector.class": "postgres",
        "database.hostname": postgres.host,
        "database.port": postgres.port,
        "database.user": postgres.user,
        "database.dbname": DATABASE,
        "topic.prefix": slot,
        "slot.name": slot,
        "publication.name": PUBLICATION,
        "snapshot.mode": "no_data",
        "bootstrap.servers": kafka.url,
        "key.converter.schemas.enable": False,
        "value.converter.schemas.enable": False,
        **(more or {}),
    }
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "connector.json"
        file.write_text(json.dumps(config))
        worker = Path(folder) / "worker.properties"
        worker.write_text(f"bootstrap.servers={kafka.url}\nlisteners=http://127.0.0.1:0\n{CONVERTERS}")
        command = ["connect", "standalone", str(worker)] if slot == WORKER else ["run"]
        script = str(Path(sys.executable).with_name("cdc-stream"))
        process = subprocess.Popen([script, *command, str(file)], stderr=subprocess.DEVNULL)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(10)


def count(kafka: Address, topic: str) -> int:
    """Return how many records a read_committed consumer finds in partition 0 of a topic."""
    consumer = Consumer(
        {
            "bootstrap.servers": kafka.url,
            "group.id": "bench-count",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
        }
    )
    consumer.assign([TopicPartition(topic, 0, 0)])
    found = 0
    while True:
        for message in consumer.consume(10_000, 5):
            if message.error():
                consumer.close()
                return found
            found += 1
