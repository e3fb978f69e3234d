"""`python -m bench`: run the workloads on servers of their own and print one table."""

from __future__ import annotations

import argparse
import statistics

from bench import latency, narrow
from cdc.testing.servers.base import Address
from cdc.testing.servers.kafka import KafkaServer
from cdc.testing.servers.postgres import PostgresServer

Pair = tuple[narrow.Result, narrow.Result]


def main() -> None:
    """Run the workloads that were asked for."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the narrow workload (default: 1,000,000)")
    parser.add_argument("--seconds", type=int, default=20, help="length of the latency run (default: 20)")
    parser.add_argument("--runs", type=int, default=3, help="how often the narrow workload runs; the median is printed")
    arguments = parser.parse_args()
    pairs = _narrow(arguments.rows, arguments.runs)
    _print_throughput(sorted(pairs, key=lambda pair: pair[1].rate / pair[0].rate)[len(pairs) // 2])
    _print_latency(_latency(arguments.seconds))


def _narrow(rows: int, runs: int) -> list[Pair]:
    """Read one backlog after another with both readers; the first warms the servers up. Make sure that every row has arrived."""
    total = rows * (runs + 1)
    with PostgresServer() as postgres, KafkaServer() as kafka:
        narrow.prepare(postgres.address)
        pairs = [_both(postgres.address, kafka.address, start, rows) for start in range(0, total, rows)]
        delivered = narrow.count(kafka.address, "bench.public.accounts")
    if delivered != total:
        raise SystemExit(f"{total} rows were committed, but {delivered} delivered")
    return pairs[1:]


def _both(postgres: Address, kafka: Address, start: int, rows: int) -> Pair:
    end = narrow.backlog(postgres, start, rows)
    return narrow.limit(postgres, rows, end), narrow.ours(postgres, kafka, rows, end)


def _latency(seconds: int) -> list[float]:
    with PostgresServer() as postgres, KafkaServer() as kafka:
        narrow.prepare(postgres.address)
        return latency.measure(postgres.address, kafka.address, seconds)


def _print_throughput(pair: Pair) -> None:
    limit = pair[0]
    print(
        f"{'narrow, ' + format(limit.rows, ',') + ' rows':36} {'rows/s':>9} {'CPU-s/million':>14} {'peak MB':>8} {'ratio':>6}"
    )
    for result in pair:
        memory = result.used.memory / 1_000_000
        ratio = result.rate / limit.rate
        print(f"{result.name:36} {result.rate:9,.0f} {result.cpu_per_million:14.2f} {memory:8.0f} {ratio:6.2f}")


def _print_latency(found: list[float]) -> None:
    p99 = found[int(len(found) * 0.99)]
    print(f"\nlatency at {latency.RATE} transactions/s, commit to read_committed consumer, {len(found):,} events:")
    print(f"p50 {statistics.median(found):.1f} ms, p99 {p99:.1f} ms, max {found[-1]:.1f} ms")


if __name__ == "__main__":
    main()
