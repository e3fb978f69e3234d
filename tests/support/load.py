"""A write load whose truth is kept by the database itself, and the proof that Kafka holds exactly that.

Every transaction also writes what it does into the table `history`, which is not captured, and counts itself in the row of
its writer in the table `writers`, which is. So what has committed is known even when the answer to a commit was lost,
and the writer's row in the snapshot says which transactions the snapshot has seen.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

import psycopg
from psycopg import sql

from tests.support.connector import until
from tests.support.database import Database, TupleRow

#: What a connector has to capture.
CAPTURED = r"public\.(accounts|pots|writers)"
POTS = 5
#: Of the state of a key: not there now.
GONE = ""
SCHEMA = """
create table accounts (id bigint primary key, owner text not null, change text not null, note text);
alter table accounts replica identity full;
create table pots (id int primary key, version bigint not null);
create table writers (id int primary key, n bigint not null);
create table history (writer int, n bigint, events jsonb not null, primary key (writer, n));
insert into pots select g, 0 from generate_series(1, {pots}) g;
insert into writers select g, 0 from generate_series(0, {writers}) g;
insert into accounts select g, 'owner ' || g % 100, 'initial', repeat('n', 60) from generate_series(1, {rows}) g;
analyze;
"""

#: A change of one key: table, key, operation, and the value of `change` (of a delete: in the row that went).
Event = tuple[str, int, str, str]


def prepare(database: Database, *, writers: int = 4, rows: int = 1000) -> None:
    """Create the tables of the load, `accounts` with `rows` rows; the last row of `writers` is for `mark_end`."""
    numbers = {"pots": sql.Literal(POTS), "writers": sql.Literal(writers), "rows": sql.Literal(rows)}
    database.execute(sql.SQL(SCHEMA).format(**numbers))


@dataclass(slots=True)
class Writer:
    """One session that writes, and all that it knows of its keys: those whose remainder by `writers` is its number."""

    database: Database
    number: int
    writers: int
    rows: int
    random: random.Random
    pause: float = 0.002
    committed: int = 0
    unused: int = 0
    state: dict[int, str] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    changes: dict[int, str] = field(default_factory=dict)

    def run(self, stopping: threading.Event) -> None:
        """Write until told to stop; while the server is gone, wait."""
        while not stopping.is_set():
            try:
                with closing(self.database.connect(autocommit=False)) as connection:
                    self._recall(connection)
                    while not stopping.is_set():
                        self._transaction(connection)
                        time.sleep(self.pause)
            except psycopg.OperationalError:
                time.sleep(0.1)

    def _recall(self, connection: psycopg.Connection[TupleRow]) -> None:
        """Learn from the database whether the last transaction, whose end was not heard of, has committed."""
        rows = connection.execute("select n from writers where id = %s", (self.number,)).fetchall()
        connection.rollback()
        if rows[0][0] > self.committed:
            self._learn()
        self.events, self.changes = [], {}

    def _learn(self) -> None:
        self.state.update(self.changes)
        self.committed += 1

    def _transaction(self, connection: psycopg.Connection[TupleRow]) -> None:
        self.events, self.changes = [], {}
        for _ in range(self.random.randint(1, 6)):
            self._operation(connection)
        if self.random.random() < 0.1:
            self._undone_part(connection)
        if self.random.random() < 0.3:
            self._pot(connection)
        number = self.committed + 1
        connection.execute("update writers set n = %s where id = %s", (number, self.number))
        connection.execute("insert into history values (%s, %s, %s)", (self.number, number, json.dumps(self.events)))
        if self.random.random() < 0.1:
            connection.rollback()
            return
        connection.commit()
        self._learn()

    def _operation(self, connection: psycopg.Connection[TupleRow]) -> None:
        """Change one key or several at random: an absent one is inserted, a present one updated, deleted or moved."""
        if self.random.random() < 0.1:
            self.random.choice((self._many, self._purge))(connection)
            return
        key = self._key()
        if not self._present(key):
            self._insert(connection, key)
        else:
            kind = self.random.choices((self._update, self._delete, self._move), (6, 2, 2))[0]
            kind(connection, key)

    def _insert(self, connection: psycopg.Connection[TupleRow], key: int) -> None:
        note = "x" * self.random.choice((0, 10, 500))
        row = (key, f"writer {self.number}", self._event(key, "c"), note)
        connection.execute("insert into accounts values (%s, %s, %s, %s)", row)

    def _update(self, connection: psycopg.Connection[TupleRow], key: int) -> None:
        connection.execute("update accounts set change = %s where id = %s", (self._event(key, "u"), key))

    def _delete(self, connection: psycopg.Connection[TupleRow], key: int) -> None:
        self._gone(key)
        connection.execute("delete from accounts where id = %s", (key,))

    def _move(self, connection: psycopg.Connection[TupleRow], key: int) -> None:
        """Give a row another key: a delete of one key and a create of the other."""
        new = self._key()
        if not self._present(new):
            self._gone(key)
            row = (new, self._event(new, "c"), key)
            connection.execute("update accounts set id = %s, change = %s where id = %s", row)

    def _many(self, connection: psycopg.Connection[TupleRow]) -> None:
        """Insert several rows by one statement."""
        keys = [key for key in self._keys() if not self._present(key)]
        connection.execute(
            "insert into accounts select a, 'many', b, null from unnest(%s::bigint[], %s::text[]) as t(a, b)",
            (keys, [self._event(key, "c") for key in keys]),
        )

    def _purge(self, connection: psycopg.Connection[TupleRow]) -> None:
        """Delete several rows by one statement, in the order of their keys."""
        keys = sorted(key for key in self._keys() if self._present(key))
        for key in keys:
            self._gone(key)
        connection.execute("delete from accounts where id = any (%s)", (keys,))

    def _undone_part(self, connection: psycopg.Connection[TupleRow]) -> None:
        """Write in a subtransaction and undo it: nothing of it may be delivered."""
        connection.execute("savepoint part")
        row = (-1 - self.number, "undone", "undone", None)
        connection.execute("insert into accounts values (%s, %s, %s, %s)", row)
        connection.execute("rollback to savepoint part")

    def _pot(self, connection: psycopg.Connection[TupleRow]) -> None:
        """Update a row that all writers share; its version says in which order they came."""
        pot = self.random.randint(1, POTS)
        update = "update pots set version = version + 1 where id = %s returning version"
        ((version,),) = connection.execute(update, (pot,)).fetchall()
        self.events.append(("pots", pot, "u", str(version)))

    def _event(self, key: int, operation: str) -> str:
        """Note a change and return the value that marks it."""
        change = f"{self.number}:{self.committed + 1}:{len(self.events)}"
        self.events.append(("accounts", key, operation, change))
        self.changes[key] = change
        return change

    def _gone(self, key: int) -> None:
        self.events.append(("accounts", key, "d", self._now(key)))
        self.changes[key] = GONE

    def _now(self, key: int) -> str:
        found = self.changes.get(key, self.state.get(key))
        return ("initial" if 0 < key <= self.rows else GONE) if found is None else found

    def _present(self, key: int) -> bool:
        return self._now(key) != GONE

    def _key(self) -> int:
        """Return a key of this writer at random, out of about twice as many as there were rows at the start."""
        return self.random.randrange(1, self.rows * 2 // self.writers) * self.writers + self.number

    def _keys(self) -> set[int]:
        return {self._key() for _ in range(20)}


@dataclass(slots=True)
class Load:
    """Writers at work; an error of one of them is raised when they are stopped."""

    database: Database
    crew: Sequence[Writer]
    errors: list[BaseException] = field(default_factory=list)

    @property
    def committed(self) -> int:
        """How many transactions have committed so far."""
        return sum(writer.committed for writer in self.crew)

    def wait_for(self, transactions: int) -> None:
        """Wait until so many have committed."""
        until(lambda: self.committed >= transactions, f"committing {transactions} transactions", 60)


@contextmanager
def writing(
    database: Database, *, writers: int = 4, rows: int = 1000, seed: int = 0, pause: float = 0.002
) -> Iterator[Load]:
    """Write concurrently while the body runs; `prepare` comes before, with the same numbers."""
    crew = [Writer(database, n, writers, rows, random.Random(f"{seed}/{n}"), pause) for n in range(writers)]
    load, stopping = Load(database, crew), threading.Event()

    def work(writer: Writer) -> None:
        try:
            writer.run(stopping)
        except BaseException as error:  # noqa: BLE001 - raised below, in the thread of the test
            load.errors.append(error)

    threads = [threading.Thread(target=work, args=(writer,)) for writer in crew]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        stopping.set()
        for thread in threads:
            thread.join()
    if load.errors:
        raise load.errors[0]


def mark_end(database: Database) -> int:
    """Change one last row, and return a position of the log behind all others and before it."""
    ((position,),) = database.execute("select (pg_current_wal_insert_lsn() - '0/0')::bigint")
    database.execute("update writers set n = n + 1 where id = (select max(id) from writers)")
    return int(position)
