"""Three workers of one cluster, with connectors of every kind, that are killed, paused and ended again and again, under load."""

from __future__ import annotations

import random
import time
from contextlib import ExitStack
from itertools import count

import pytest

from cdc.testing.servers import KafkaServer
from tests.reliability.test_worker import Writer
from tests.support.connector import properties, until
from tests.support.database import created, dropped
from tests.support.kafka_reader import read_committed
from tests.support.load import CAPTURED, prepare, writing
from tests.support.proof import faults
from tests.support.worker import JSON, ClusterWorker

pytestmark = [pytest.mark.reliability, pytest.mark.timeout(2400)]

ROUNDS = 20
ROWS = 500
SESSION_SECONDS = 6
#: Longer than the session timeouts of the group of workers and of the sinks' consumers.
PAUSE_SECONDS = 8
FILES = ("a", "b")
JSON_CONVERTERS = {"key.converter": JSON, "key.converter.schemas.enable": "false", "value.converter": JSON}


class Cluster:
    """Three workers, and what is done to them."""

    def __init__(self, folder, kafka, prefix) -> None:
        self.kafka = kafka
        settings = {
            "session_timeout_ms": str(SESSION_SECONDS * 1000),
            "heartbeat_interval_ms": "1000",
            "offset_flush_interval_ms": "500",
            "consumer_session_timeout_ms": "6000",
            "producer_transaction_timeout_ms": "15000",
        }
        self.workers = [ClusterWorker(folder, kafka.address.url, prefix, number, **settings) for number in range(3)]

    def start(self):
        for worker in self.workers:
            worker.launch()
        for worker in self.workers:
            worker.wait()

    def kill(self):
        for worker in self.workers:
            worker.kill()

    def harm(self, chosen):
        """Do something bad to one worker, or to the broker, and undo it."""
        worker = chosen.choice(self.workers)
        deed = chosen.choice(["kill", "kill", "pause", "pause", "end", "broker"])
        if deed == "kill":
            worker.kill()
            worker.start()
        elif deed == "pause":
            worker.suspend()
            time.sleep(PAUSE_SECONDS)
            worker.resume()
        elif deed == "end":
            assert worker.stop() == 0
            worker.start()
        else:
            chosen.choice((self.kafka.stop, self.kafka.kill))()
            self.kafka.start()
        return deed

    def states(self):
        """Return every connector with the states of its tasks, as any worker that answers tells."""
        told = chosen_answer(self.workers)
        return {name: [task["state"] for task in found["status"]["tasks"]] for name, found in told.items()}


def chosen_answer(workers):
    for worker in workers:
        try:
            status, answer = worker.call("GET", "/connectors?expand=status")
        except OSError:
            continue
        if status == 200:
            return answer
    return {}


def put_all(cluster, folder, configs, prefix):
    workers = iter(count())
    for config in configs:
        shop = {name: text for name, text in config.items() if name != "bootstrap.servers"} | JSON_CONVERTERS
        worker = cluster.workers[next(workers) % 3]
        assert worker.call("PUT", f"/connectors/{config['name']}/config", shop)[0] == 201
    for name in FILES:
        topic = f"{prefix}.{name}"
        into = cluster.workers[next(workers) % 3]
        into.put(f"in-{name}", connector_class="FileStreamSource", file=str(folder / f"in-{name}"), topic=topic)
        into.put(f"out-{name}", connector_class="FileStreamSink", file=str(folder / f"out-{name}"), topics=topic)


def check_file(folder, kafka, prefix, name, written):
    """Wait until a file has been copied, and compare it and its topic with what was written."""
    expected = [f"line {number}" for number in range(written)]
    out = folder / f"out-{name}"
    until(lambda: out.read_text().endswith(f"{expected[-1]}\n"), f"the last of {name}", 120)
    assert out.read_text().splitlines() == expected
    found = read_committed(kafka.address.url, f"{prefix}.{name}", timeout=90)
    assert [(record.value or b"").decode() for record in found] == expected


def check_database(kafka, database, prefix):
    """Wait until every change of a database has arrived, and each once."""
    until(lambda: not faults(database, kafka.address.url, prefix, rows=ROWS), f"every change of {prefix}, once", 180)


def harmed(cluster, running, chosen):
    """Do harm again and again, each time when everything runs; return what was done."""
    deeds = []
    for number in range(ROUNDS):
        until(lambda: cluster.states() == running, f"everything runs before round {number}", 60)
        time.sleep(chosen.uniform(1, 6))
        deeds.append(cluster.harm(chosen))
    until(lambda: cluster.states() == running, "everything runs at the end", 60)
    return deeds


def test_nothing_is_lost_or_doubled_in_any_topic_or_file(postgres, topic_prefix, tmp_path):
    prefixes = [f"{topic_prefix}{number}" for number in range(2)]
    with ExitStack() as stack:
        kafka = stack.enter_context(KafkaServer())
        databases = [created(postgres) for _ in prefixes]
        for database in databases:
            stack.callback(dropped, database)
            prepare(database, rows=ROWS)
        pairs = list(zip(databases, prefixes, strict=True))
        configs = [properties(each, kafka.address.url, prefix, table_include_list=CAPTURED) for each, prefix in pairs]
        cluster = Cluster(tmp_path, kafka, topic_prefix)
        stack.callback(cluster.kill)
        cluster.start()
        put_all(cluster, tmp_path, configs, topic_prefix)
        running = {name: ["RUNNING"] for name in [*prefixes, "in-a", "in-b", "out-a", "out-b"]}
        with ExitStack() as load:
            loads = [load.enter_context(writing(database, rows=ROWS)) for database in databases]
            writers = [load.enter_context(Writer(tmp_path / f"in-{name}")) for name in FILES]
            deeds = harmed(cluster, running, random.Random(2))
        for name, writer in zip(FILES, writers, strict=True):
            check_file(tmp_path, kafka, topic_prefix, name, writer.written)
        for database, prefix in pairs:
            check_database(kafka, database, prefix)
        for worker in cluster.workers:
            assert worker.stop() == 0
            assert "Traceback" not in worker.output
    lines, transactions = sum(writer.written for writer in writers), sum(each.committed for each in loads)
    told = ", ".join(f"{deeds.count(deed)} times {deed}" for deed in sorted(set(deeds)))
    print(f"\n{told}: {lines} lines and {transactions} transactions, each once")
