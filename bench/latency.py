"""Latency: from a commit in PostgreSQL until a read_committed consumer has the event, at a steady 500 transactions a second."""

from __future__ import annotations

import multiprocessing
import time
from multiprocessing.connection import Connection

from confluent_kafka import Consumer, TopicPartition

from bench.narrow import RUN, connect, connector
from cdc.testing.servers.base import Address

RATE = 500
#: Left out at the beginning, in seconds: the connector starts meanwhile, and the broker's code is compiled as it runs.
WARM_UP = 10


def measure(postgres: Address, kafka: Address, seconds: int) -> list[float]:
    """Return the sorted latencies, in milliseconds, of one insert a transaction, after the warm-up."""
    first = 1_000_000_000
    total = RATE * (WARM_UP + seconds)
    with connector(postgres, kafka, RUN):
        ready, wait = multiprocessing.Pipe()
        writer = multiprocessing.Process(target=_write, args=(postgres, first, total, wait))
        writer.start()
        seen = _read(kafka, first, total)
        committed = ready.recv()
        writer.join()
    pairs = zip(committed[WARM_UP * RATE :], seen[WARM_UP * RATE :], strict=True)
    return sorted((arrived - commit) * 1000 for commit, arrived in pairs)


def _write(postgres: Address, first: int, total: int, answer: Connection) -> None:
    """Insert rows at the rate and send the times just before each commit returned."""
    times = []
    with connect(postgres) as session:
        begun = time.time()
        for n in range(total):
            time.sleep(max(0.0, begun + n / RATE - time.time()))
            session.execute("insert into accounts values (%s, 1, 0, 'latency')", (first + n,))
            times.append(time.time())
    answer.send(times)


def _read(kafka: Address, first: int, total: int) -> list[float]:
    """Return when each row's event arrived, in the order of the rows."""
    consumer = Consumer(
        {
            "bootstrap.servers": kafka.url,
            "group.id": "bench-latency",
            "isolation.level": "read_committed",
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 100,
        }
    )
    arrived = [0.0] * total
    left = total
    consumer.assign([TopicPartition(f"{RUN}.public.accounts", 0, 0)])
    deadline = time.time() + 60 + total / RATE
    while left and time.time() < deadline:
        message = consumer.poll(0.2)
        if message is None or message.error():
            continue
        row = int((message.key() or b"").split(b":")[1].rstrip(b"}"))
        if row >= first:
            arrived[row - first] = time.time()
            left -= 1
    consumer.close()
    if left:
        raise SystemExit(f"{left} of {total} events did not arrive")
    return arrived
