"""`python -m bench`: run the workloads on servers of their own and print one table."""

from __future__ import annotations

import argparse
import statistics

from bench import latency, narrow
from cdc.testing.servers.base import Address
from cdc.testing.servers.kafka import KafkaServer
from cdc.testing.servers.postgres import PostgresServer

OURS = (narrow.RUN, narrow.WORKER)
Results = tuple[narrow.Result, ...]


def main() -> None:
    """Run the workloads that were asked for."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the narrow workload (default: 1,000,000)")
    parser.add_argument("--seconds", type=int, default=20, help="length of the latency run (default: 20)")
    parser.add_argument("--runs", type=int, default=3, help="how often the narrow workload runs; the median is printed")
    arguments = parser.parse_args()
    runs = _narrow(arguments.rows, arguments.runs)
    _print_throughput(sorted(runs, key=lambda found: found[1].rate / found[0].rate)[len(runs) // 2])
    _print_latency(_latency(arguments.seconds))


def _narrow(rows: int, runs: int) -> list[Results]:
    """Read one backlog after another with all readers; the first warms the servers up. Make sure that every row has arrived."""
    total = rows * (runs + 1)
    with PostgresServer() as postgres, KafkaServer() as kafka:
        narrow.prepare(postgres.address)
        found = [_all(postgres.address, kafka.address, start, rows) for start in range(0, total, rows)]
        delivered = [narrow.count(kafka.address, f"{slot}.public.accounts") for slot in OURS]
    if set(delivered) != {total}:
        raise SystemExit(f"{total} rows were committed, but {delivered} delivered")
    return found[1:]


def _all(postgres: Address, kafka: Address, start: int, rows: int) -> Results:
    end = narrow.backlog(postgres, start, rows)
    return narrow.limit(postgres, rows, end), *(narrow.ours(postgres, kafka, slot, rows, end) for slot in OURS)


def _latency(seconds: int) -> list[float]:
    with PostgresServer() as postgres, KafkaServer() as kafka:
        narrow.prepare(postgres.address)
        return latency.measure(postgres.address, kafka.address, seconds)


def _print_throughput(found: Results) -> None:
    limit = found[0]
    print(
        f"{'narrow, ' + format(limit.rows, ',') + ' rows':36} {'rows/s':>9} {'CPU-s/million':>14} {'peak MB':>8} {'ratio':>6}"
    )
    for result in found:
        memory = result.used.memory / 1_000_000
        ratio = result.rate / limit.rate
        print(f"{result.name:36} {result.rate:9,.0f} {result.cpu_per_million:14.2f} {memory:8.0f} {ratio:6.2f}")


def _print_latency(found: list[float]) -> None:
    p99 = found[int(len(found) * 0.99)]
    print(f"\nlatency at {latency.RATE} transactions/s, commit to read_committed consumer, {len(found):,} events:")
    print(f"p50 {statistics.median(found):.1f} ms, p99 {p99:.1f} ms, max {found[-1]:.1f} ms")


if __name__ == "__main__":
    main()
