"""Random tables, and random transactions and DDL on them, with what each committed change wrote as the server itself told."""

from __future__ import annotations

import json
import random
import string
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import zip_longest
from typing import Any
from uuid import UUID

import orjson
import psycopg
from psycopg import sql

from tests.support.database import Database, TupleRow
from tests.support.kafka_reader import read_committed

Row = dict[str, Any]
#: What a reader sees of a key: operation and row, None where there is none; a tombstone is ("-", None).
Seen = tuple[str, Row | None]
TOMBSTONE: Seen = ("-", None)
SESSIONS = 2
EPOCH = date(1970, 1, 1).toordinal()
END = "the_end"


@dataclass(frozen=True, slots=True)
class Kind:
    """A column type: how it is written in SQL, a random value, and its value in `to_jsonb` and in an event, made comparable."""

    name: str
    value: Callable[[random.Random], str]
    told: Callable[[Any], Any] = lambda value: value
    read: Callable[[Any], Any] = lambda value: value
    wider: str = ""


def _text(chosen: random.Random) -> str:
    letters = string.ascii_letters + " äß€😀'\"\\"
    return "".join(chosen.choices(letters, k=chosen.randrange(40)))


def _when(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("integer", lambda r: str(r.randrange(-(2**31), 2**31)), wider="bigint"),
        Kind("bigint", lambda r: str(r.randrange(-(2**63), 2**63))),
        Kind("varchar(60)", _text, wider="text"),
        Kind("text", _text),
        Kind("boolean", lambda r: r.choice(("true", "false"))),
        Kind("uuid", lambda r: str(UUID(int=r.getrandbits(128)))),
        Kind(
            "numeric(12,3)",
            lambda r: f"{r.randrange(-(10**8), 10**8)}.{r.randrange(1000):03}",
            told=Decimal,
            read=Decimal,
            wider="numeric(20,5)",
        ),
        Kind(
            "numeric(20,5)",
            lambda r: f"{r.randrange(-(10**14), 10**14)}.{r.randrange(10**5):05}",
            told=Decimal,
            read=Decimal,
        ),
        Kind("double precision", lambda r: repr(r.uniform(-1e9, 1e9)), told=float, read=float),
        Kind("jsonb", lambda r: json.dumps({_text(r): r.randrange(9), "a": [None, True]}), read=orjson.loads),
        Kind(
            "date",
            lambda r: date.fromordinal(r.randrange(1, 3_000_000)).isoformat(),
            told=lambda text: date.fromisoformat(text).toordinal() - EPOCH,
        ),
        Kind(
            "timestamptz",
            lambda r: datetime.fromtimestamp(r.randrange(0, 4_000_000_000) + r.randrange(10**6) / 1e6, UTC).isoformat(),
            told=_when,
            read=_when,
        ),
        Kind("integer[]", lambda r: "{" + ",".join(r.choice(("NULL", "7", "-1")) for _ in range(r.randrange(4))) + "}"),
    )
}


@dataclass(slots=True)
class Table:
    """A table as it is now: its columns without the key, and the keys of each session."""

    name: str
    columns: dict[str, str]
    keys: dict[int, set[int]] = field(default_factory=lambda: {session: set() for session in range(SESSIONS)})
    next_key: int = 0
    next_column: int = 0

    def comparable(self, told: str) -> Row:
        """Return a row as the server tells it, in the form that events are compared in."""
        return {
            name: value if value is None or name == "id" else KINDS[self.columns[name]].told(value)
            for name, value in json.loads(told, parse_float=Decimal).items()
        }


Event = tuple[str, int, Seen, dict[str, str]]


class History:
    """Writes transactions by two sessions in turn, and DDL between them; `expected` is what a reader must see of each key."""

    def __init__(self, database: Database, seed: int) -> None:
        self.expected: dict[str, dict[int, list[tuple[Seen, dict[str, str]]]]] = defaultdict(lambda: defaultdict(list))
        self.transactions = self.aborted = self.changes = self.ddl = 0
        self._database = database
        self._chosen = random.Random(seed)
        self._tables: list[Table] = []

    def prepare(self) -> None:
        """Make the first tables, empty."""
        for _ in range(3):
            self._create()
        self._database.execute(sql.SQL("create table {} (id int primary key)").format(sql.Identifier(END)))

    def run(self, transactions: int) -> None:
        """Write so many transactions, and last a row into `the_end`."""
        with (
            closing(self._database.connect(autocommit=False)) as one,
            closing(self._database.connect(autocommit=False)) as two,
        ):
            # A prepared statement would keep the parameter types of a column that is widened.
            one.prepare_threshold = two.prepare_threshold = None
            while self.transactions + self.aborted < transactions:
                for session, connection in enumerate((one, two)):
                    self._transaction(session, connection)
                if self._chosen.random() < 0.05:
                    self._change_schema()
        self._database.execute(sql.SQL("insert into {} values (1)").format(sql.Identifier(END)))

    def _transaction(self, session: int, connection: psycopg.Connection[TupleRow]) -> None:
        events: list[Event] = []
        keys = [set(table.keys[session]) for table in self._tables]
        self._changes(session, connection, events)
        if self._chosen.random() < 0.15:
            connection.rollback()
            self.aborted += 1
            for table, kept in zip(self._tables, keys, strict=True):
                table.keys[session] = kept
            return
        connection.commit()
        self.transactions += 1
        self.changes += len(events)
        for name, key, seen, columns in events:
            self.expected[name][key].append((seen, columns))

    def _changes(
        self, session: int, connection: psycopg.Connection[TupleRow], events: list[Event], depth: int = 0
    ) -> None:
        for _ in range(self._chosen.randrange(1, 6)):
            if depth < 3 and self._chosen.random() < 0.2:
                with self._savepoint(session, connection, events):
                    self._changes(session, connection, events, depth + 1)
            else:
                self._change(session, connection, self._chosen.choice(self._tables), events)

    @contextmanager
    def _savepoint(self, session: int, connection: psycopg.Connection[TupleRow], events: list[Event]) -> Iterator[None]:
        """Open a subtransaction, and end it one way or the other."""
        before, keys = len(events), [set(table.keys[session]) for table in self._tables]
        connection.execute("savepoint s")
        yield
        if self._chosen.random() < 0.4:
            connection.execute("rollback to savepoint s")
            del events[before:]
            for table, kept in zip(self._tables, keys, strict=True):
                table.keys[session] = kept
        connection.execute("release savepoint s")

    def _change(
        self, session: int, connection: psycopg.Connection[TupleRow], table: Table, events: list[Event]
    ) -> None:
        keys, columns = table.keys[session], dict(table.columns)
        deed = self._chosen.random()
        if not keys or deed < 0.45:
            table.next_key += 1
            key = table.next_key
            row = self._insert(connection, table, key)
            keys.add(key)
            events.append((table.name, key, ("c", row), columns))
        elif deed < 0.8 and columns:
            key = self._chosen.choice(sorted(keys))
            events.append((table.name, key, ("u", self._update(connection, table, key)), columns))
        else:
            key = self._chosen.choice(sorted(keys))
            keys.discard(key)
            self._run(connection, "delete from {} where id = %s returning 1", table, key)
            events += [(table.name, key, ("d", None), columns), (table.name, key, TOMBSTONE, columns)]

    def _insert(self, connection: psycopg.Connection[TupleRow], table: Table, key: int) -> Row:
        names = [name for name in table.columns if self._chosen.random() < 0.8]
        values = [self._value(table, name) for name in names]
        into = sql.SQL(", ").join(map(sql.Identifier, ["id", *names]))
        marks = sql.SQL(", ").join([sql.Placeholder()] * (len(names) + 1))
        query = sql.SQL("insert into {} as t ({}) values ({}) returning to_jsonb(t)::text").format(
            sql.Identifier(table.name), into, marks
        )
        ((told,),) = connection.execute(query, [key, *values]).fetchall()
        return table.comparable(told)

    def _update(self, connection: psycopg.Connection[TupleRow], table: Table, key: int) -> Row:
        names = self._chosen.sample(sorted(table.columns), self._chosen.randrange(1, len(table.columns) + 1))
        to = sql.SQL(", ").join(sql.SQL("{} = %s").format(sql.Identifier(name)) for name in names)
        query = sql.SQL("update {} as t set {} where id = %s returning to_jsonb(t)::text").format(
            sql.Identifier(table.name), to
        )
        ((told,),) = connection.execute(query, [*(self._value(table, name) for name in names), key]).fetchall()
        return table.comparable(told)

    def _value(self, table: Table, name: str) -> str | None:
        return None if self._chosen.random() < 0.15 else KINDS[table.columns[name]].value(self._chosen)

    def _run(self, connection: psycopg.Connection[TupleRow], query: Any, table: Table, *values: Any) -> None:
        connection.execute(sql.SQL(query).format(sql.Identifier(table.name)), values)

    def _create(self) -> None:
        table = Table(f"t{len(self._tables)}", {})
        self._tables.append(table)
        self._alter("create table {} (id bigint primary key)", table)
        for _ in range(self._chosen.randrange(1, 6)):
            self._add(table)

    def _change_schema(self) -> None:
        """Do one DDL; no transaction is open."""
        self.ddl += 1
        table = self._chosen.choice(self._tables)
        deeds: list[Callable[[Table], None]] = [self._add, self._drop, self._rename, self._widen, self._recreate]
        if len(self._tables) < 6:
            deeds.append(lambda _table: self._create())
        self._chosen.choice(deeds)(table)

    def _add(self, table: Table) -> None:
        name, kind = f"c{table.next_column} Ä", self._chosen.choice(sorted(KINDS))
        table.next_column += 1
        default: sql.Composable = sql.SQL("")
        if self._chosen.random() < 0.3:
            default = sql.SQL("default {}").format(sql.Literal(KINDS[kind].value(self._chosen)))
        self._alter("alter table {} add column {} {} {}", table, sql.Identifier(name), sql.SQL(kind), default)
        table.columns[name] = kind

    def _drop(self, table: Table) -> None:
        if table.columns:
            name = self._chosen.choice(sorted(table.columns))
            self._alter("alter table {} drop column {}", table, sql.Identifier(name))
            del table.columns[name]

    def _rename(self, table: Table) -> None:
        if table.columns:
            name, new = self._chosen.choice(sorted(table.columns)), f"r{table.next_column}"
            table.next_column += 1
            self._alter("alter table {} rename column {} to {}", table, sql.Identifier(name), sql.Identifier(new))
            table.columns[new] = table.columns.pop(name)

    def _widen(self, table: Table) -> None:
        names = [name for name, kind in table.columns.items() if KINDS[kind].wider]
        if names:
            name = self._chosen.choice(names)
            wider = KINDS[table.columns[name]].wider
            self._alter("alter table {} alter column {} type {}", table, sql.Identifier(name), sql.SQL(wider))
            table.columns[name] = wider

    def _recreate(self, table: Table) -> None:
        """Drop the table, rows and all, and make another one of its name; keys go on, so that no two rows share one."""
        self._alter("drop table {}", table)
        table.columns = {}
        for keys in table.keys.values():
            keys.clear()
        self._alter("create table {} (id bigint primary key)", table)
        for _ in range(self._chosen.randrange(1, 4)):
            self._add(table)

    def _alter(self, query: str, table: Table, *parts: sql.Composable) -> None:
        self._database.execute(sql.SQL(query).format(sql.Identifier(table.name), *parts))


def differences(history: History, servers: str, prefix: str) -> list[str]:
    """Return where what a reader sees of a key is not what was committed."""
    found = []
    for name, keys in history.expected.items():
        seen: dict[int, list[tuple[str, Any]]] = defaultdict(list)
        for record in read_committed(servers, f"{prefix}.public.{name}", timeout=60):
            value = None if record.value is None else orjson.loads(record.value)
            key = orjson.loads(record.key or b"{}")["id"]
            seen[key].append(("-", None) if value is None else (value["op"], value["after"]))
        for key in {*keys, *seen}:
            wanted = [each for each, _ in keys.get(key, [])]
            columns = [each for _, each in keys.get(key, [])]
            got = [
                (op, _comparable(row, of))
                for (op, row), of in zip(seen[key], [*columns, *[{}] * len(seen[key])], strict=False)
            ]
            if got != wanted:
                found.append(f"{name} {key}: {_first_difference(wanted, got)}")
    return found


def _first_difference(wanted: Sequence[Seen], got: Sequence[Seen]) -> str:
    for number, (one, other) in enumerate(zip_longest(wanted, got)):
        if one != other:
            return f"event {number} is {other}, and was written as {one}"
    return ""


def _comparable(row: Mapping[str, Any] | None, columns: Mapping[str, str]) -> Row | None:
    if row is None:
        return None
    return {
        name: value if value is None or name not in columns else KINDS[columns[name]].read(value)
        for name, value in row.items()
    }
