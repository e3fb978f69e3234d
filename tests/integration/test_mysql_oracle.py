"""Random rows of random tables, as mysql-replication reads them from the same stretch of the binlog.

Left out is what it reads wrongly (bench and `test_mysql_compat.py` show it): empty VARBINARY, trailing zeros of BINARY, an empty SET, the fraction of a negative TIME, zero dates,
YEAR 0000, JSON null beside SQL NULL, compressed transactions, partial JSON, VECTOR and utf16.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pymysqlreplication
import pytest
from pymysqlreplication.row_event import DeleteRowsEvent, UpdateRowsEvent, WriteRowsEvent

from cdc import MySqlSource

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ALPHABET = "abcXYZ 0'\\\"äß€語😀"
Kind = tuple[str, Callable[[random.Random], Any]]


def _integer(bits: int, *, unsigned: bool = False) -> Callable[[random.Random], int]:
    low, high = (0, 2**bits - 1) if unsigned else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return lambda chance: chance.choice((low, high, 0, 1, chance.randint(low, high)))


def _text(chance: random.Random) -> str:
    return "".join(chance.choices(ALPHABET, k=chance.randint(0, 20))).rstrip(" ")


def _bytes(chance: random.Random) -> bytes:
    return chance.randbytes(chance.randint(1, 30)) + b"\x01"


def _decimal(chance: random.Random) -> Decimal:
    return Decimal(chance.randint(-(10**20) + 1, 10**20 - 1)).scaleb(-6)


def _moment(chance: random.Random) -> datetime:
    return datetime(1971, 1, 1) + timedelta(microseconds=chance.randrange(10**6 * 86400 * 365 * 60))  # noqa: DTZ001 - DATETIME has no zone


def _document(chance: random.Random) -> str:
    return json.dumps(
        {"a": [chance.randint(-9, 2**40), True, chance.random()], "ä": {"b": "x" * chance.randint(0, 300)}}
    )


# What mysql-replication asks PyMySQL for in its old words.
pytestmark = [
    pytest.mark.filterwarnings(r"ignore:'(db|passwd)' is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:datetime.datetime.utc:DeprecationWarning"),
]

KINDS: dict[str, Kind] = {
    "tinyint": ("tinyint", _integer(8)),
    "tinyint_unsigned": ("tinyint unsigned", _integer(8, unsigned=True)),
    "smallint": ("smallint", _integer(16)),
    "mediumint": ("mediumint", _integer(24)),
    "mediumint_unsigned": ("mediumint unsigned", _integer(24, unsigned=True)),
    "int_unsigned": ("int unsigned", _integer(32, unsigned=True)),
    "bigint": ("bigint", _integer(64)),
    "decimal": ("decimal(20,6)", lambda chance: _decimal(chance) / 10**6),
    "wide_decimal": ("decimal(65,6)", _decimal),
    "double": ("double", lambda chance: chance.choice((0.0, -1.5, 1e300, 5e-324, chance.uniform(-1e9, 1e9)))),
    "varchar": ("varchar(200)", _text),
    "text": ("mediumtext", _text),
    "latin1": ("varchar(50) charset latin1", lambda chance: chance.choice(("", "é", "ÿ€", "plain"))),
    "varbinary": ("varbinary(40)", _bytes),
    "blob": ("blob", _bytes),
    "enum": ("enum('a','ß','b,c')", lambda chance: chance.choice(("a", "ß", "b,c"))),
    "date": ("date", lambda chance: _moment(chance).date()),
    "datetime": ("datetime", lambda chance: _moment(chance).replace(microsecond=0)),
    "datetime6": ("datetime(6)", _moment),
    "timestamp3": (
        "timestamp(3) null",
        lambda chance: _moment(chance).replace(year=2001, day=1, microsecond=chance.randrange(1000) * 1000),
    ),
    "time": ("time", lambda chance: timedelta(seconds=chance.randint(-838 * 3600, 838 * 3600))),
    "time6": ("time(6)", lambda chance: timedelta(microseconds=chance.randint(0, 838 * 3600 * 10**6))),
    "year": ("year", lambda chance: chance.randint(1901, 2155)),
    "json": ("json", _document),
}


def written(value: Any) -> Any:
    """Return a value as PyMySQL is given it."""
    return value if not isinstance(value, timedelta) else _clock(value)


def _clock(value: timedelta) -> str:
    micros = value // timedelta(microseconds=1)
    seconds, part = divmod(abs(micros), 10**6)
    return f"{'-' * (micros < 0)}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}.{part:06}"


class Writer:
    """Writes random rows: each in one of the forms that the log knows, some statements with several rows."""

    def __init__(self, database: Any, kinds: dict[str, str], chance: random.Random) -> None:
        self._database = database
        self._kinds = kinds
        self._chance = chance
        self._next = self._stamp = 1
        self._alive: list[int] = []
        self.changes = 0

    def write(self) -> None:
        write = self._chance.choice((self._insert, self._insert, self._update, self._delete))
        (write if self._alive else self._insert)()

    def _values(self) -> list[Any]:
        some = [KINDS[kind][1](self._chance) for kind in self._kinds.values()]
        return [None if self._chance.random() < 0.15 else written(value) for value in some]

    def _insert(self) -> None:
        ids = range(self._next, self._next + self._chance.randint(1, 5))
        marks = ", ".join(["%s"] * (2 + len(self._kinds)))
        values = [value for number in ids for value in (number, 0, *self._values())]
        self._run(f"insert into t values {', '.join([f'({marks})'] * len(ids))}", values, len(ids))
        self._next, self._alive = ids.stop, [*self._alive, *ids]

    def _update(self) -> None:
        number = self._chance.choice(self._alive)
        # The stamp is always another one: an update that leaves its row as it is would not be logged.
        self._stamp += 1
        assigned = ", ".join(f"{name} = %s" for name in ("stamp", *self._kinds))
        self._run(f"update t set {assigned} where id = %s", [self._stamp, *self._values(), number], 1)

    def _delete(self) -> None:
        number = self._alive.pop(self._chance.randrange(len(self._alive)))
        self._run("delete from t where id = %s", [number], 1)

    def _run(self, statement: str, values: list[Any], changes: int) -> None:
        self._database.execute(statement, *values)
        self.changes += changes


def oracle(database: Any, start: tuple[str, int], server_id: int) -> list[tuple[str, Any, Any]]:
    """Return operation, row before and row after of all changes behind a place, as mysql-replication reads them."""
    settings = {"host": database.host, "port": database.port, "user": database.user, "ssl_disabled": True}
    reader: Any = pymysqlreplication.BinLogStreamReader  # type: ignore[attr-defined]
    stream = reader(
        connection_settings=settings,
        server_id=server_id,
        log_file=start[0],
        log_pos=start[1],
        resume_stream=True,
        blocking=False,
        only_events=[WriteRowsEvent, UpdateRowsEvent, DeleteRowsEvent],
        only_schemas=[database.name],
    )
    found: list[tuple[str, Any, Any]] = []
    for event in stream:
        for row in event.rows:
            if isinstance(event, WriteRowsEvent):
                found.append(("c", None, row["values"]))
            elif isinstance(event, DeleteRowsEvent):
                found.append(("d", row["values"], None))
            else:
                found.append(("u", row["before_values"], row["after_values"]))
    stream.close()
    return found


async def ours(database: Any, start: tuple[str, int], server_id: int, changes: int) -> list[tuple[str, Any, Any]]:
    """Return the same as our reader has it."""
    found: list[tuple[str, Any, Any]] = []
    async with (
        asyncio.timeout(30),
        MySqlSource(database.url, server_id=server_id, start="{}:{}".format(*start)) as source,
    ):
        async for transaction in source:
            found += [(change.op, change.before, change.after) for change in transaction]
            await transaction.ack()
            if len(found) >= changes:
                return found
    raise AssertionError("the stream ended")


def debezium(row: Any, kinds: dict[str, str]) -> dict[str, Any] | None:
    """Return a row of mysql-replication with times as Debezium's semantic types have them, which ours are."""
    return None if row is None else {name: _debezium(value, kinds.get(name, "int")) for name, value in row.items()}


def _debezium(value: Any, kind: str) -> Any:
    if value is None:
        return None
    if kind == "date":
        return (value - EPOCH.date()).days
    if kind == "timestamp3":
        return f"{value.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"
    if kind in ("time", "time6"):
        return value // timedelta(microseconds=1)
    if kind.startswith("datetime"):
        return (value.replace(tzinfo=UTC) - EPOCH) // timedelta(
            **({"microseconds": 1} if kind == "datetime6" else {"milliseconds": 1})
        )
    return _plain(value) if kind == "json" else value


def parsed(row: Any, kinds: dict[str, str]) -> dict[str, Any] | None:
    """Return a row of ours with its JSON documents parsed: mysql-replication does not say how they are spelled."""
    if row is None:
        return None
    documents = {name for name, kind in kinds.items() if kind == "json" and row[name] is not None}
    return {name: json.loads(value) if name in documents else value for name, value in row.items()}


def _plain(value: Any) -> Any:
    """Return a JSON document of mysql-replication, in which text is bytes, with text."""
    if isinstance(value, dict):
        return {_plain(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value.decode() if isinstance(value, bytes) else value


def place(database: Any) -> tuple[str, int]:
    """Return where the server's log ends."""
    return tuple(database.execute("show binary log status")[0][:2])


@pytest.mark.parametrize("seed", range(20))
async def test_mysql_replication_reads_the_same_changes(seed, mysql_database):
    chance = random.Random(seed)
    kinds = {f"c{at}": kind for at, kind in enumerate(chance.choices(sorted(KINDS), k=chance.randint(1, 20)))}
    columns = ", ".join(f"{name} {KINDS[kind][0]}" for name, kind in kinds.items())
    mysql_database.execute(f"create table t (id int primary key, stamp int, {columns})")
    start = place(mysql_database)
    writer = Writer(mysql_database, kinds, chance)
    for _ in range(30):
        writer.write()
    theirs = await asyncio.to_thread(oracle, mysql_database, start, 70_000 + seed)
    found = await ours(mysql_database, start, 80_000 + seed, writer.changes)
    assert len(theirs) == writer.changes
    for (op, before, after), (their_op, their_before, their_after) in zip(found, theirs, strict=True):
        assert op == their_op
        assert parsed(before, kinds) == debezium(their_before, kinds)
        assert parsed(after, kinds) == debezium(their_after, kinds)
