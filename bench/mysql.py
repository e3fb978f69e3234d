"""The workloads of the binlog: many rows to an event, one row to an event, and a mix of twenty columns.

All readers read the same part of one log: into nowhere by a raw reader (the limit), mysqlbinlog, our decoder and other libraries; and to Kafka, exactly
once, zstd, JSON without schemas, by `cdc-stream run`. The server does not wait for disks.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pymysql
from confluent_kafka import Consumer

from bench.narrow import Result
from bench.process import Usage, run, usage
from bench.snapshot import committed
from cdc.testing.servers.base import Address
from cdc.testing.servers.mysql_programs import MYSQL

DATABASE = "bench"
OPTIONS: Mapping[str, str] = {
    "innodb-buffer-pool-size": "1G",
    "innodb-redo-log-capacity": "1G",
    "innodb-flush-log-at-trx-commit": "2",
    "sync-binlog": "0",
    "max-binlog-size": "1G",
}
NARROW = "(aid bigint primary key, bid int, abalance int, filler char(84))"
SETUP = f"""
create database {DATABASE}
---
use {DATABASE}
---
create table numbers (n int primary key)
---
insert into numbers with recursive each_(n) as (select 1 union all select n + 1 from each_ where n < 100) select n from each_
---
create table narrow {NARROW}
---
create table single {NARROW}
---
create table mix (
  id bigint primary key, customer int not null, quantity smallint, price decimal(12, 2), weight double, ratio float, paid bit(1),
  name varchar(60), note text, code char(8), token binary(16), data json, raw varbinary(20), day date, at time(3), created datetime,
  updated timestamp(6), region enum('north', 'south'), status varchar(10), flags set('a', 'b', 'c')
)
---
create procedure fill_narrow(start int, total int)
begin
  declare base int default start;
  while base < start + total do
    insert into narrow select base + n, n, 0, rpad(concat('filler', n), 84, '.') from numbers;
    set base = base + 100;
  end while;
end
---
create procedure fill_single(start int, total int)
begin
  declare at int default start;
  while at < start + total do
    start transaction;
    repeat
      set at = at + 1;
      insert into single values (at, 1, 0, rpad(concat('filler', at), 84, '.'));
    until at mod 100 = 0 end repeat;
    commit;
  end while;
end
---
create procedure fill_mix(start int, total int)
begin
  declare base int default start;
  declare each_ int;
  while base < start + total do
    start transaction;
    insert into mix select base + n, n, n, n * 1.25, n / 3, n / 7, n mod 2, concat('customer ', n), repeat('note ', 8), concat('code', n),
      left(unhex(sha2(n, 256)), 16), json_object('n', n, 'tags', json_array('a', 'b')), x'00ff10', date_add('2024-01-01', interval n day),
      sec_to_time(n * 60), date_add('2024-01-01', interval n hour), now(6), 'north', 'new', 'a,c' from numbers where n <= 60;
    set each_ = 0;
    while each_ < 30 do
      set each_ = each_ + 1;
      update mix set status = 'paid', updated = now(6) where id = base + each_;
    end while;
    while each_ < 40 do
      set each_ = each_ + 1;
      delete from mix where id = base + each_;
    end while;
    commit;
    set base = base + 100;
  end while;
end
"""


@dataclass(frozen=True, slots=True)
class Workload:
    """A table and the procedure that fills it; `records` are how many become of 100 changes: a delete is followed by a tombstone."""

    table: str
    records: int = 100


WORKLOADS: Mapping[str, Workload] = {
    "narrow": Workload("narrow"),
    "single": Workload("single"),
    "mix": Workload("mix", 110),
}


@dataclass(frozen=True, slots=True)
class Backlog:
    """A part of one file of the log, and how many changes it has."""

    file: str
    begin: int
    end: int
    rows: int


def connect(mysql: Address, database: str = DATABASE) -> pymysql.Connection[pymysql.cursors.Cursor]:
    """Connect to a database of the server."""
    return pymysql.connect(host=mysql.host, port=mysql.port, user=mysql.user, database=database, autocommit=True)


def prepare(mysql: Address) -> None:
    """Create the database, its tables and what fills them."""
    with closing(connect(mysql, "mysql")) as session, session.cursor() as cursor:
        for statement in SETUP.split("\n---\n"):
            cursor.execute(statement)


def backlog(mysql: Address, workload: Workload, start: int, rows: int) -> Backlog:
    """Write changes, numbered from `start`, into a file of the log of their own."""
    with closing(connect(mysql)) as session, session.cursor() as cursor:
        cursor.execute("flush binary logs")
        file, begin = _place(cursor)
        cursor.execute(f"call fill_{workload.table}(%s, %s)", (start, rows))
        until, end = _place(cursor)
    if until != file:
        raise SystemExit(f"{rows} changes do not fit into one file of the binlog; ask for fewer")
    return Backlog(file, begin, end, rows)


def _place(cursor: pymysql.cursors.Cursor) -> tuple[str, int]:
    cursor.execute("show binary log status")
    file, position, *_ = cursor.fetchall()[0]
    return str(file), int(position)


def read(mysql: Address, part: Backlog, reader: str, name: str) -> Result:
    """Read a part with `raw` or `decode` of `bench.mysql_reader`, in a process of its own."""
    return _read(mysql, part, ["bench.mysql_reader", reader], name)


def peer(mysql: Address, part: Backlog, name: str) -> Result:
    """Read a part with a library of others, by its name, in a process of its own."""
    return _read(mysql, part, ["bench.mysql_peers", name], name)


def _read(mysql: Address, part: Backlog, reader: list[str], name: str) -> Result:
    where = {"host": mysql.host, "port": mysql.port, "user": mysql.user, "database": DATABASE}
    where |= {"file": part.file, "begin": part.begin, "end": part.end, "rows": part.rows}
    command = [sys.executable, "-m", *reader, json.dumps(where)]
    found = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    if found["rows"] != part.rows:
        raise SystemExit(f"{part.rows} changes were written, but {name} has found {found['rows']}")
    return Result(name, part.rows, found["seconds"], Usage(found["cpu"], found["memory"]))


def mysqlbinlog(mysql: Address, part: Backlog) -> Result:
    """Read a part with mysqlbinlog, in raw form, into a file."""
    command = [MYSQL.program("mysqlbinlog"), "--no-defaults", "--read-from-remote-server", "--raw"]
    command += [f"--host={mysql.host}", f"--port={mysql.port}", f"--user={mysql.user}"]
    command += [f"--start-position={part.begin}", f"--stop-position={part.end}", part.file]
    with tempfile.TemporaryDirectory() as folder:
        begun = time.monotonic()
        used = run([*command, f"--result-file={folder}/"])
    return Result("mysqlbinlog --raw", part.rows, time.monotonic() - begun, used)


@contextmanager
def connector(
    mysql: Address, kafka: Address, name: str, more: Mapping[str, object]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a connector, whose name is the prefix of its topics also; `more` are further properties."""
    _end_dumps(mysql)
    config = {
        "name": name,
        "connector.class": "mysql",
        "database.hostname": mysql.host,
        "database.port": mysql.port,
        "database.user": mysql.user,
        "database.server.id": 800_000,
        "database.include.list": DATABASE,
        "topic.prefix": name,
        "snapshot.mode": "no_data",
        "bootstrap.servers": kafka.url,
        "key.converter.schemas.enable": False,
        "value.converter.schemas.enable": False,
        **more,
    }
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "connector.json"
        file.write_text(json.dumps(config))
        script = str(Path(sys.executable).with_name("cdc-stream"))
        process = subprocess.Popen([script, "run", str(file)], stderr=subprocess.DEVNULL)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(30)


def begin(mysql: Address, kafka: Address, name: str, workload: Workload) -> None:
    """Let a connector deliver a hundred changes, numbered below 0, and store where the log stands then."""
    topic = f"{name}.{DATABASE}.{workload.table}"
    with connector(mysql, kafka, name, {}), closing(_consumer(kafka)) as consumer:
        _until_streaming(mysql)
        backlog(mysql, workload, -100, 100)
        while committed(consumer, topic) < workload.records:
            time.sleep(0.02)


def ours(mysql: Address, kafka: Address, name: str, workload: Workload, rows: int) -> Result:
    """Deliver the changes since the connector was stopped, from when it reads the log until a read_committed consumer may read them all."""
    topic = f"{name}.{DATABASE}.{workload.table}"
    records = rows * workload.records // 100
    with closing(_consumer(kafka)) as consumer:
        target = committed(consumer, topic) + records
        with connector(mysql, kafka, name, {}) as process:
            begun = _until_streaming(mysql)
            while committed(consumer, topic) < target:
                time.sleep(0.01)
            return Result("cdc-stream to Kafka, exactly once", rows, time.monotonic() - begun, usage(process.pid))


def snapshot(mysql: Address, kafka: Address, number: int, rows: int) -> Result:
    """Take a snapshot of the narrow table into Kafka, from when the program has connected until the last row is committed."""
    name = f"mysql_snapshot_{number}"
    more = {"snapshot.mode": "initial_only", "table.include.list": f"{DATABASE}.narrow"}
    with closing(_consumer(kafka)) as consumer, connector(mysql, kafka, name, more) as process:
        begun = _until_connected(mysql)
        while committed(consumer, f"{name}.{DATABASE}.narrow") < rows:
            time.sleep(0.02)
        return Result("cdc-stream to Kafka", rows, time.monotonic() - begun, usage(process.pid))


def select(mysql: Address, rows: int) -> Result:
    """Read the narrow table with the server's own client into nowhere."""
    command = [
        MYSQL.program("mysql"),
        "--no-defaults",
        "--quick",
        "--batch",
        f"--host={mysql.host}",
        f"--port={mysql.port}",
    ]
    begun = time.monotonic()
    used = run([*command, f"--user={mysql.user}", "--execute=select * from narrow", DATABASE])
    return Result("mysql, SELECT to nowhere", rows, time.monotonic() - begun, used)


def _consumer(kafka: Address) -> Consumer:
    settings = {"bootstrap.servers": kafka.url, "group.id": "bench-mysql", "isolation.level": "read_committed"}
    return Consumer(settings)


def _until_connected(mysql: Address) -> float:
    """Wait until a connector has connected; return the time."""
    with closing(connect(mysql)) as session, session.cursor() as cursor:
        found: tuple[tuple[object, ...], ...] = ()
        while not found:
            time.sleep(0.005)
            cursor.execute(
                "select id from information_schema.processlist where id <> connection_id() and command <> 'Daemon'"
            )
            found = cursor.fetchall()
    return time.monotonic()


def _until_streaming(mysql: Address) -> float:
    """Wait until a dump runs; return the time."""
    while not _dumps(mysql):
        time.sleep(0.01)
    return time.monotonic()


def _end_dumps(mysql: Address) -> None:
    """End the dumps whose readers are gone: the server would notice when it writes to them."""
    while found := _dumps(mysql):
        with closing(connect(mysql)) as session, session.cursor() as cursor, suppress(pymysql.OperationalError):
            cursor.execute("kill %s", found[:1])
        time.sleep(0.05)


def _dumps(mysql: Address) -> list[int]:
    with closing(connect(mysql)) as session, session.cursor() as cursor:
        cursor.execute("select id from information_schema.processlist where command like 'Binlog Dump%'")
        return [int(row[0]) for row in cursor.fetchall()]
