"""Transactions of rows and logical messages, and the proof that Kafka holds each once, marked and numbered."""

from __future__ import annotations

import base64
import json
import random
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tests.support.connector import Script, SlotView, properties, until
from tests.support.database import Database
from tests.support.kafka_reader import read_committed

PATIENCE = 90
STREAM_SECONDS = 2.0


@contextmanager
def emitting(database: Database) -> Iterator[list[int]]:
    """Commit numbered transactions, each with rows of two tables and a message, and messages outside; yield how many so far."""
    done, stopping = [0], threading.Event()

    def work() -> None:
        with closing(database.connect(autocommit=False)) as session:
            while not stopping.is_set():
                number = done[0] + 1
                session.execute("insert into one select %s, g from generate_series(1, 3) g", (number,))
                session.execute("select pg_logical_emit_message(true, 'in', %s)", (str(number),))
                session.execute("select pg_logical_emit_message(false, 'out', %s)", (str(number),))
                session.execute("insert into two values (%s)", (number,))
                session.commit()
                done[0] = number
                time.sleep(0.002)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield done
    finally:
        stopping.set()
        thread.join()


def assert_marks_and_messages_over_kills(
    times: int, database: Database, servers: str, prefix: str, folder: Path, *, seed: int = 1
) -> None:
    """Kill the connector so many times while transactions commit; then look at all that was published."""
    database.execute("create table one (n int, g int, primary key (n, g)); create table two (n int primary key)")
    more = {"provide_transaction_metadata": "true", "heartbeat_interval_ms": "100", "transaction_max_ms": "100"}
    script = Script(folder, properties(database, servers, prefix, snapshot_mode="no_data", **more))
    moments = random.Random(seed)
    try:
        script.start()
        script.wait_for("streaming from")
        with emitting(database) as done:
            for _ in range(times):
                begun = done[0]
                until(lambda begun=begun: done[0] > begun + 20, "committing", PATIENCE)  # type: ignore[misc]
                time.sleep(moments.uniform(0, STREAM_SECONDS))
                script.kill()
                script.start()
                script.wait_for("streaming from", PATIENCE)
        _drain(script, database, prefix)
        script.stop()
    finally:
        script.kill()
    _check(servers, prefix, done[0])


def _drain(script: Script, database: Database, slot: str) -> None:
    """Wait until the end of the log is acknowledged."""
    ((end,),) = database.execute("select (pg_current_wal_insert_lsn() - '0/0')::bigint")
    view = SlotView(database, slot)

    def drained() -> bool:
        assert script.running, script.output
        return bool(view.confirmed() >= end)

    until(drained, "draining", PATIENCE)


def _check(servers: str, prefix: str, transactions: int) -> None:
    values = {
        name: _values(servers, f"{prefix}.{name}") for name in ("message", "transaction", "public.one", "public.two")
    }
    wanted = [str(number) for number in range(1, transactions + 1)]
    for kind in ("in", "out"):
        contents = [each["message"]["content"] for each in values["message"] if each["message"]["prefix"] == kind]
        assert [_text(content) for content in contents] == wanted, kind
    assert [each["after"]["n"] for each in values["public.two"]] == list(range(1, transactions + 1))
    marks = values["transaction"]
    assert [mark["status"] for mark in marks] == ["BEGIN", "END"] * transactions
    # Their order is that of a hash of their names.
    collections = {"public.one": 3, f"{prefix}.message": 1, "public.two": 1}
    for mark in marks[1::2]:
        assert {each["data_collection"]: each["event_count"] for each in mark["data_collections"]} == collections
        assert len(mark["data_collections"]) == len(collections)
    numbers = _numbers(values)
    assert [numbers[mark["id"]] for mark in marks[::2]] == [[1, 2, 3, 4, 5]] * transactions
    assert len(numbers) == transactions
    assert read_committed(servers, f"__debezium-heartbeat.{prefix}")


def _numbers(values: dict[str, list[Any]]) -> dict[str, list[int]]:
    """Return the numbers of the events of each transaction, sorted."""
    found: dict[str, list[int]] = defaultdict(list)
    for value in (each for name in ("public.one", "public.two", "message") for each in values[name]):
        if value["transaction"] is not None:
            found[value["transaction"]["id"]].append(value["transaction"]["total_order"])
    return {name: sorted(numbers) for name, numbers in found.items()}


def _values(servers: str, topic: str) -> list[Any]:
    return [json.loads(record.value or b"null") for record in read_committed(servers, topic, timeout=PATIENCE)]


def _text(content: str) -> str:
    return base64.b64decode(content).decode()
