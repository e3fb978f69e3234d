"""`python -m bench`: run the workloads on servers of their own and print one table."""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Mapping

from bench import latency, mix, mysql, narrow, snapshot
from cdc.testing.servers.base import Address
from cdc.testing.servers.kafka import KafkaServer
from cdc.testing.servers.mysql import MySqlServer
from cdc.testing.servers.postgres import PostgresServer

OURS = (narrow.RUN, narrow.WORKER)
Results = tuple[narrow.Result, ...]


def main() -> None:
    """Run the workloads that were asked for."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the narrow tables (default: 1,000,000)")
    parser.add_argument("--changes", type=int, default=500_000, help="changes of the others (default: 500,000)")
    parser.add_argument("--seconds", type=int, default=20, help="length of the latency run (default: 20)")
    parser.add_argument("--runs", type=int, default=3, help="how often a workload runs; the median is printed")
    parser.add_argument("--only", choices=WORKLOADS, action="append", help="run this workload alone; may be repeated")
    arguments = parser.parse_args()
    for name in arguments.only or WORKLOADS:
        WORKLOADS[name](arguments)


def _stream(arguments: argparse.Namespace) -> None:
    rows = arguments.rows
    _print_throughput(f"narrow, {rows:,} rows", _median(_narrow(rows, arguments.runs)))


def _snapshots(arguments: argparse.Namespace) -> None:
    rows = arguments.rows
    _print_throughput(f"snapshot, {rows:,} rows", _median(_snapshot(rows, arguments.runs)))


def _mixed(arguments: argparse.Namespace) -> None:
    changes = arguments.changes
    _print_throughput(f"mix, {changes:,} changes", _median(_mix(changes, arguments.runs)))


def _median(runs: list[Results]) -> Results:
    """Return the run whose ratio to its limit is in the middle."""
    return sorted(runs, key=lambda found: found[1].rate / found[0].rate)[len(runs) // 2]


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


def _snapshot(rows: int, runs: int) -> list[Results]:
    """Take one snapshot after another of the same rows, by one connection and by two; the first ones warm the servers up."""
    with PostgresServer() as postgres, KafkaServer() as kafka:
        narrow.prepare(postgres.address)
        narrow.backlog(postgres.address, 0, rows)
        with narrow.connect(postgres.address) as session:
            session.execute("vacuum analyze accounts")
        return [_snapshot_run(postgres.address, kafka.address, number, rows) for number in range(runs + 1)][1:]


def _snapshot_run(postgres: Address, kafka: Address, number: int, rows: int) -> Results:
    return (
        snapshot.limit(postgres, rows),
        snapshot.ours(postgres, kafka, number, rows),
        snapshot.ours(postgres, kafka, number, rows, threads=2),
    )


def _mix(changes: int, runs: int) -> list[Results]:
    """Read one backlog after another; the first warms the servers up. Make sure that every change has arrived."""
    with PostgresServer() as postgres, KafkaServer() as kafka:
        narrow.prepare(postgres.address)
        mix.prepare(postgres.address)
        starts = range(0, changes * (runs + 1), changes)
        found = [mix.run(postgres.address, kafka.address, start, changes) for start in starts]
        delivered = narrow.count(kafka.address, f"{mix.SLOT}.public.mix")
    expected = changes * (runs + 1) // mix.CHANGES * mix.RECORDS
    if delivered != expected:
        raise SystemExit(f"{expected} records were to come of the mix, but {delivered} have")
    return found[1:]


def _binlog(name: str) -> Callable[[argparse.Namespace], None]:
    """Return what runs a workload of the binlog."""

    def workload(arguments: argparse.Namespace) -> None:
        changes = arguments.rows if name == "narrow" else arguments.changes
        _print_throughput(f"MySQL, {name}, {changes:,} changes", _median(_binlog_runs(name, changes, arguments.runs)))

    return workload


def _binlog_runs(name: str, changes: int, runs: int) -> list[Results]:
    """Read one backlog after another; the first warms the servers up. Make sure that every change has arrived, and only once."""
    connector, workload = f"mysql_{name}", mysql.WORKLOADS[name]
    with MySqlServer(options=mysql.OPTIONS) as server, KafkaServer() as kafka:
        mysql.prepare(server.address)
        mysql.begin(server.address, kafka.address, connector, workload)
        starts = range(0, changes * (runs + 1), changes)
        found = [_binlog_run(server.address, kafka.address, connector, workload, start, changes) for start in starts]
        delivered = narrow.count(kafka.address, f"{connector}.{mysql.DATABASE}.{workload.table}")
    expected = (100 + changes * (runs + 1)) * workload.records // 100
    if delivered != expected:
        raise SystemExit(f"{expected} records were to come of {name}, but {delivered} have")
    return found[1:]


def _binlog_run(
    server: Address, kafka: Address, connector: str, workload: mysql.Workload, start: int, changes: int
) -> Results:
    """Read a backlog in every way; the libraries of others read a tenth, so that they come to an end."""
    tenth = mysql.backlog(server, workload, start, changes // 10)
    rest = mysql.backlog(server, workload, start + changes // 10, changes - changes // 10)
    return (
        mysql.read(server, rest, "raw", "events of the binlog to nowhere"),
        mysql.read(server, rest, "decode", "cdc-stream, decoded to nowhere"),
        mysql.ours(server, kafka, connector, workload, changes),
        mysql.mysqlbinlog(server, rest),
        mysql.peer(server, tenth, "mysql-replication"),
        mysql.peer(server, tenth, "mysql-event-stream"),
    )


def _binlog_snapshots(arguments: argparse.Namespace) -> None:
    """Take one snapshot after another of the same rows; the first ones warm the servers up."""
    rows, workload = arguments.rows, mysql.WORKLOADS["narrow"]
    with MySqlServer(options=mysql.OPTIONS) as server, KafkaServer() as kafka:
        mysql.prepare(server.address)
        mysql.backlog(server.address, workload, 0, rows)
        runs: list[Results] = [
            (mysql.select(server.address, rows), mysql.snapshot(server.address, kafka.address, number, rows))
            for number in range(arguments.runs + 1)
        ]
    _print_throughput(f"MySQL, snapshot, {rows:,} rows", _median(runs[1:]))


def _latency(seconds: int) -> list[float]:
    with PostgresServer() as postgres, KafkaServer() as kafka:
        narrow.prepare(postgres.address)
        return latency.measure(postgres.address, kafka.address, seconds)


def _print_throughput(title: str, found: Results) -> None:
    limit = found[0]
    print(f"{title:36} {'rows/s':>9} {'CPU-s/million':>14} {'peak MB':>8} {'ratio':>6}")
    for result in found:
        memory = result.used.memory / 1_000_000
        ratio = result.rate / limit.rate
        print(f"{result.name:36} {result.rate:9,.0f} {result.cpu_per_million:14.2f} {memory:8.0f} {ratio:6.2f}")
    print(flush=True)


def _print_latency(arguments: argparse.Namespace) -> None:
    found = _latency(arguments.seconds)
    p99 = found[int(len(found) * 0.99)]
    print(f"latency at {latency.RATE} transactions/s, commit to read_committed consumer, {len(found):,} events:")
    print(f"p50 {statistics.median(found):.1f} ms, p99 {p99:.1f} ms, max {found[-1]:.1f} ms")


WORKLOADS: Mapping[str, Callable[[argparse.Namespace], None]] = {
    "narrow": _stream,
    "snapshot": _snapshots,
    "mix": _mixed,
    **{f"mysql-{name}": _binlog(name) for name in mysql.WORKLOADS},
    "mysql-snapshot": _binlog_snapshots,
    "latency": _print_latency,
}

if __name__ == "__main__":
    main()
