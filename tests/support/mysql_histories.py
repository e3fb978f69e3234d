"""Random tables on MySQL, and random transactions and DDL on them, with what each committed change wrote as the server itself told."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, TypeAlias

import orjson

from tests.support.kafka_reader import read_committed
from tests.support.mysql_database import Connection, MySqlDatabase
from tests.support.mysql_kinds import KINDS

Row = dict[str, Any]
#: What a reader sees of a key: operation and row, None where there is none; a tombstone is ("-", None).
Seen: TypeAlias = "tuple[str, Row | None]"
#: A change: table, key (None for a TRUNCATE), what a reader sees, and the types of the columns at that time.
Event: TypeAlias = "tuple[str, int | None, Seen, Mapping[str, str]]"
TOMBSTONE: Seen = ("-", None)
SESSIONS = 2
TABLES = 3
ROWS_BEFORE = 20
END = "the_end"
#: How a server may write a transaction to its log: variables, of which one of the values is chosen each time.
FORMS = (
    ("binlog_transaction_compression", ("on", "off", "off")),
    ("binlog_row_value_options", ("''", "'PARTIAL_JSON'")),
    ("gtid_next", ("'AUTOMATIC'", "'AUTOMATIC'", "'AUTOMATIC:blue'")),
    ("binlog_rows_query_log_events", ("on", "off")),
)
MARIADB_FORMS = (
    ("binlog_annotate_row_events", ("on", "off")),
    ("gtid_domain_id", ("0", "0", "7")),
    ("global log_bin_compress", ("on", "off")),
)
#: The column of every table that says which rows were touched last; no random change writes it.
MARK = "mark"
FINAL = 9


@dataclass(slots=True)
class Table:
    """A table as it is now: its columns without key and mark, and the keys of each session."""

    name: str
    columns: dict[str, str] = field(default_factory=dict)
    keys: dict[int, set[int]] = field(default_factory=lambda: {session: set() for session in range(SESSIONS)})

    def comparable(self, told: Sequence[Any]) -> Row:
        """Return a row as the server tells it (key, mark, columns), in the form that events are compared in."""
        key, mark, *values = told
        found = {
            name: None if value is None else KINDS[kind].told(value)
            for (name, kind), value in zip(self.columns.items(), values, strict=True)
        }
        return {"id": key, MARK: mark, **found}


@dataclass(slots=True)
class Session:
    """One connection that writes, and its open changes; `undecided` ends a distributed transaction that is prepared."""

    number: int
    connection: Connection
    events: list[Event] = field(default_factory=list)
    undecided: Callable[[], None] | None = None

    def run(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run a statement, and return its rows."""
        with self.connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            return list(cursor.fetchall())


class History:
    """Writes transactions by two sessions in turn, and DDL between them; `expected` is what a reader must see of each key."""

    def __init__(self, database: MySqlDatabase, seed: int) -> None:
        self.expected: dict[str, dict[int | None, list[tuple[Seen, Mapping[str, str]]]]] = defaultdict(
            lambda: defaultdict(list)
        )
        self.transactions = self.aborted = self.changes = self.ddl = self.distributed = 0
        self.tables: list[Table] = []
        self._database = database
        self._chosen = random.Random(seed)
        mariadb = "MariaDB" in database.execute("select version()")[0][0]
        self._forms: Sequence[tuple[str, Sequence[str]]] = MARIADB_FORMS if mariadb else FORMS
        self._made = self._keys = self._columns = 0

    def prepare(self) -> None:
        """Make the first tables, with some rows."""
        for _ in range(TABLES):
            self._create()
        self._database.execute(f"create table `{END}` (id int primary key)")
        with self._sessions() as sessions:
            for table in self.tables:
                for _ in range(ROWS_BEFORE):
                    self._insert(self._chosen.choice(sessions), table)
            for session in sessions:
                session.connection.commit()
                self._keep([(name, key, ("r", row), of) for name, key, (_, row), of in session.events])

    def run(self, transactions: int, between: Callable[[int], None] = lambda _number: None) -> None:
        """Write so many transactions; `between` is called with the number of each when it has ended.

        At last every row is touched, so that the last event of each is the row as it is, and there is a row in `the_end`.
        """
        ended = 0
        with self._sessions() as sessions:
            while ended < transactions:
                for session in sessions:
                    self._transaction(session)
                    ended += 1
                    between(ended)
                if self._chosen.random() < 0.2:
                    for session in sessions:
                        self._decide(session)
                    self._change_schema()
            for session in sessions:
                self._decide(session)
        self._touch_all()
        self._database.execute(f"insert into `{END}` values (1)")

    def rows(self, table: Table) -> dict[int, Row]:
        """Return the rows of a table as the server tells them now, by key."""
        found = self._database.execute(_select(table))
        return {row[0]: table.comparable(row) for row in found}

    @contextmanager
    def _sessions(self) -> Iterator[list[Session]]:
        with ExitStack() as stack:
            connections = [
                stack.enter_context(closing(self._database.connect(autocommit=False))) for _ in range(SESSIONS)
            ]
            sessions = [Session(number, connection) for number, connection in enumerate(connections)]
            for session in sessions:
                session.run("set sql_mode = 'STRICT_ALL_TABLES'")
            yield sessions

    def _keep(self, events: Sequence[Event]) -> None:
        self.changes += len(events)
        for name, key, seen, columns in events:
            self.expected[name][key].append((seen, columns))

    # Transactions ------------------------------------------------------------------------------------------------------------------

    def _transaction(self, session: Session) -> None:
        self._decide(session)
        self._choose_form(session)
        session.events = []
        keys = self._keys_of(session)
        if self._chosen.random() < 0.1:
            self._distributed(session, keys)
            return
        self._changes(session)
        if self._chosen.random() < 0.15:
            session.connection.rollback()
            self._abandon(session, keys)
        else:
            session.connection.commit()
            self._committed(session)

    def _choose_form(self, session: Session) -> None:
        """Choose how the server writes the next transaction to the log."""
        for variable, values in self._forms:
            session.run(f"set {variable} = {self._chosen.choice(values)}")

    def _distributed(self, session: Session, keys: list[set[int]]) -> None:
        """Write an XA transaction; what was prepared is decided later, when others may have committed."""
        self.distributed += 1
        xid = f"'{self._database.name}-{session.number}-{self.distributed}'"
        session.run(f"xa start {xid}")
        self._changes(session, depth=3)
        session.run(f"xa end {xid}")
        if self._chosen.random() < 0.2:
            session.run(f"xa commit {xid} one phase")
            self._committed(session)
            return
        session.run(f"xa prepare {xid}")
        commits = self._chosen.random() < 0.7

        def decide() -> None:
            session.run(f"xa {'commit' if commits else 'rollback'} {xid}")
            if commits:
                self._committed(session)
            else:
                self._abandon(session, keys)

        session.undecided = decide

    def _decide(self, session: Session) -> None:
        decide, session.undecided = session.undecided, None
        if decide is not None:
            decide()

    def _committed(self, session: Session) -> None:
        self.transactions += 1
        self._keep(session.events)

    def _abandon(self, session: Session, keys: list[set[int]]) -> None:
        self.aborted += 1
        self._restore(session, keys)

    def _keys_of(self, session: Session) -> list[set[int]]:
        return [set(table.keys[session.number]) for table in self.tables]

    def _restore(self, session: Session, keys: list[set[int]]) -> None:
        for table, kept in zip(self.tables, keys, strict=True):
            table.keys[session.number] = kept

    def _changes(self, session: Session, depth: int = 0) -> None:
        for _ in range(self._chosen.randrange(1, 6)):
            if depth < 3 and self._chosen.random() < 0.2:
                with self._savepoint(session):
                    self._changes(session, depth + 1)
            else:
                self._change(session, self._chosen.choice(self.tables))

    @contextmanager
    def _savepoint(self, session: Session) -> Iterator[None]:
        """Set a savepoint of a name of its own, and go back to it or not."""
        before, keys = len(session.events), self._keys_of(session)
        name = f"s{self._chosen.getrandbits(64)}"
        session.run(f"savepoint {name}")
        yield
        if self._chosen.random() < 0.4:
            session.run(f"rollback to savepoint {name}")
            del session.events[before:]
            self._restore(session, keys)

    def _change(self, session: Session, table: Table) -> None:
        keys, deed = table.keys[session.number], self._chosen.random()
        if not keys or deed < 0.45:
            self._insert(session, table)
        elif deed < 0.8 and table.columns:
            self._update(session, table, self._chosen.choice(sorted(keys)))
        else:
            self._delete(session, table, self._chosen.choice(sorted(keys)))

    def _insert(self, session: Session, table: Table) -> None:
        self._keys += 1
        names = [name for name in table.columns if self._chosen.random() < 0.8]
        into = ", ".join(map(quoted, ["id", *names]))
        marks = ", ".join(["%s"] * (len(names) + 1))
        values = [self._value(table, name) for name in names]
        session.run(f"insert into `{table.name}` ({into}) values ({marks})", self._keys, *values)
        table.keys[session.number].add(self._keys)
        self._note(session, table, self._keys, "c")

    def _update(self, session: Session, table: Table, key: int) -> None:
        names = self._chosen.sample(sorted(table.columns), self._chosen.randrange(1, len(table.columns) + 1))
        to, values = [], []
        for name in names:
            expression, value = self._assigned(table, name)
            to.append(f"{quoted(name)} = {expression}")
            values.append(value)
        before = self._row(session, table, key)
        session.run(f"update `{table.name}` set {', '.join(to)} where id = %s", *values, key)
        if self._row(session, table, key) != before:
            self._note(session, table, key, "u")

    def _assigned(self, table: Table, name: str) -> tuple[str, Any]:
        """Return what a column is set to; of a JSON document often a part, which the log may hold alone."""
        if table.columns[name] == "json" and self._chosen.random() < 0.7:
            path = self._chosen.choice(("$.a", "$.b[2]", "$.new"))
            return f"json_remove(json_set({quoted(name)}, '{path}', %s), '$.b[0]')", self._chosen.randrange(10**6)
        return "%s", self._value(table, name)

    def _delete(self, session: Session, table: Table, key: int) -> None:
        columns = dict(table.columns)
        session.run(f"delete from `{table.name}` where id = %s", key)
        table.keys[session.number].discard(key)
        session.events += [(table.name, key, ("d", None), columns), (table.name, key, TOMBSTONE, columns)]

    def _note(self, session: Session, table: Table, key: int, operation: str) -> None:
        seen = (operation, self._row(session, table, key))
        session.events.append((table.name, key, seen, dict(table.columns)))

    def _row(self, session: Session, table: Table, key: int) -> Row:
        (told,) = session.run(f"{_select(table)} where id = %s", key)
        return table.comparable(told)

    def _value(self, table: Table, name: str) -> Any:
        return None if self._chosen.random() < 0.15 else KINDS[table.columns[name]].value(self._chosen)

    def _touch_all(self) -> None:
        for table in self.tables:
            self._database.execute(f"update `{table.name}` set {MARK} = {FINAL}")
            columns = dict(table.columns)
            self._keep([(table.name, key, ("u", row), columns) for key, row in self.rows(table).items()])

    # DDL ---------------------------------------------------------------------------------------------------------------------------

    def _change_schema(self) -> None:
        """Do one DDL, or a few that belong together; no transaction is open."""
        self.ddl += 1
        deeds = [
            self._add,
            self._add,
            self._drop,
            self._rename_column,
            self._widen,
            self._move,
            self._recreate,
            self._rename,
            self._replace,
            self._truncate,
            self._copy_definition,
            self._drop_two,
            self._swap,
            self._rotate,
        ]
        self._chosen.choice(deeds)(self._chosen.choice(self.tables))

    def _create(self) -> None:
        self._made += 1
        table = Table(f"t{self._made}")
        self.tables.append(table)
        self._define(table)

    def _define(self, table: Table) -> None:
        first, rest = f"id bigint primary key, {MARK} int not null default 0", []
        for _ in range(self._chosen.randrange(1, 6)):
            name, kind = self._new_column()
            rest.append(f"{quoted(name)} {kind}")
            table.columns[name] = kind
        self._database.execute(f"create table `{table.name}` ({', '.join([first, *rest])}) character set utf8mb4")

    def _new_column(self) -> tuple[str, str]:
        self._columns += 1
        return f"c{self._columns} Ä", self._chosen.choice(sorted(KINDS))

    def _add(self, table: Table) -> None:
        name, kind = self._new_column()
        more = self._chosen.choice(("", "", "first", f"after {MARK}", "invisible"))
        default, value = "", list[Any]()
        if self._chosen.random() < 0.3 and KINDS[kind].plain:
            default, value = "default %s", [KINDS[kind].value(self._chosen)]
        self._database.execute(f"alter table `{table.name}` add column {quoted(name)} {kind} {default} {more}", *value)
        table.columns[name] = kind

    def _drop(self, table: Table) -> None:
        if table.columns:
            name = self._chosen.choice(sorted(table.columns))
            self._database.execute(f"alter table `{table.name}` drop column {quoted(name)}")
            del table.columns[name]

    def _rename_column(self, table: Table) -> None:
        if table.columns:
            name, new = self._chosen.choice(sorted(table.columns)), self._new_column()[0]
            self._database.execute(f"alter table `{table.name}` rename column {quoted(name)} to {quoted(new)}")
            table.columns[new] = table.columns.pop(name)

    def _widen(self, table: Table) -> None:
        names = sorted(name for name, kind in table.columns.items() if KINDS[kind].wider)
        if names:
            name = self._chosen.choice(names)
            kind = self._chosen.choice(KINDS[table.columns[name]].wider)
            how = self._chosen.choice(("modify", f"change {quoted(name)}"))
            self._database.execute(f"alter table `{table.name}` {how} {quoted(name)} {kind}")
            table.columns[name] = kind

    def _move(self, table: Table) -> None:
        if table.columns:
            name = self._chosen.choice(sorted(table.columns))
            where = self._chosen.choice(("first", f"after {MARK}", "after id"))
            self._database.execute(f"alter table `{table.name}` modify {quoted(name)} {table.columns[name]} {where}")

    def _recreate(self, table: Table) -> None:
        """Drop the table, rows and all, and make another one of its name."""
        self._database.execute(f"drop table `{table.name}`")
        self._empty(table)
        table.columns = {}
        self._define(table)

    def _rename(self, table: Table) -> None:
        self._made += 1
        new = f"t{self._made}"
        how = self._chosen.choice(
            (f"rename table `{table.name}` to `{new}`", f"alter table `{table.name}` rename `{new}`")
        )
        self._database.execute(how)
        table.name = new

    def _replace(self, table: Table) -> None:
        """Change a table as gh-ost and pt-osc do: by a copy that takes its name."""
        ghost, old = f"{table.name}_gho", f"{table.name}_del"
        self._database.execute(f"create table `{ghost}` like `{table.name}`")
        changed = Table(ghost, dict(table.columns))
        self._add(changed)
        names = ", ".join(map(quoted, ["id", MARK, *table.columns]))
        self._database.execute(f"insert into `{ghost}` ({names}) select {names} from `{table.name}`")
        rows = self.rows(changed)
        self._keep([(ghost, key, ("c", row), dict(changed.columns)) for key, row in rows.items()])
        self._database.execute(
            f"rename table `{table.name}` to `{old}`, `{ghost}` to `{table.name}`; drop table `{old}`"
        )
        table.columns = changed.columns

    def _swap(self, table: Table) -> None:
        """Let two tables take each other's names, with their rows; the rows of both have changed their topic then."""
        other = next((each for each in self.tables if each is not table), table)
        if other is not table:
            one, two = table.name, other.name
            self._database.execute(f"rename table `{one}` to `swap`, `{two}` to `{one}`, `swap` to `{two}`")
            table.name, other.name = two, one

    def _truncate(self, table: Table) -> None:
        self._database.execute(f"truncate table `{table.name}`")
        self._empty(table)
        self._keep([(table.name, None, ("t", None), {})])

    def _copy_definition(self, table: Table) -> None:
        if len(self.tables) < 6:
            self._made += 1
            copy = Table(f"t{self._made}", dict(table.columns))
            self._database.execute(f"create table `{copy.name}` like `{table.name}`")
            self.tables.append(copy)

    def _drop_two(self, table: Table) -> None:
        """Drop two tables by one statement, and make a new one."""
        if len(self.tables) > TABLES + 1:
            other = next(each for each in self.tables if each is not table)
            self._database.execute(f"drop table `{table.name}`, `{other.name}`")
            self.tables = [each for each in self.tables if each not in (table, other)]
            self._create()

    def _rotate(self, _table: Table) -> None:
        self._database.execute("flush binary logs")

    def _empty(self, table: Table) -> None:
        for keys in table.keys.values():
            keys.clear()


def quoted(name: str) -> str:
    """Return a name as it stands in a statement."""
    return f"`{name}`"


def _select(table: Table) -> str:
    return f"select {', '.join(map(quoted, ['id', MARK, *table.columns]))} from `{table.name}`"


# What a reader sees ----------------------------------------------------------------------------------------------------------------


def differences(history: History, servers: str, prefix: str, database: str) -> list[str]:
    """Return where what a reader sees of a key is not what was committed, and where the last rows of a topic are not those of its table."""
    found: list[str] = []
    topics = {*history.expected, *(table.name for table in history.tables)}
    for name in sorted(topics):
        seen = _seen(servers, f"{prefix}.{database}.{name}")
        found += _wrong_keys(name, history.expected[name], seen)
        for table in history.tables:
            if table.name == name and _rebuilt(table, seen) != history.rows(table):
                found.append(f"{name}: the last rows of the topic are not those of the table")
    return found


def _seen(servers: str, topic: str) -> dict[int | None, list[tuple[str, Any]]]:
    seen: dict[int | None, list[tuple[str, Any]]] = defaultdict(list)
    for record in read_committed(servers, topic, timeout=120):
        value = None if record.value is None else orjson.loads(record.value)
        key = None if record.key is None else orjson.loads(record.key)["id"]
        seen[key].append(TOMBSTONE if value is None else (value["op"], value["after"]))
    return seen


def _wrong_keys(
    name: str,
    expected: Mapping[int | None, list[tuple[Seen, Mapping[str, str]]]],
    seen: Mapping[int | None, list[tuple[str, Any]]],
) -> Iterator[str]:
    for key in {*expected, *seen}:
        wanted = [each for each, _ in expected.get(key, [])]
        columns = [each for _, each in expected.get(key, [])]
        raw = seen.get(key, [])
        got = [(op, _comparable(row, of)) for (op, row), of in zip(raw, [*columns, *[{}] * len(raw)], strict=False)]
        if got != wanted:
            yield f"{name} {key}: {_first_difference(wanted, got)}"


def _rebuilt(table: Table, seen: Mapping[int | None, list[tuple[str, Any]]]) -> dict[int, Row]:
    """Return the rows that were touched at last."""
    last = {key: _comparable(events[-1][1], table.columns) for key, events in seen.items() if key is not None}
    return {key: row for key, row in last.items() if row is not None and row[MARK] == FINAL}


def _first_difference(wanted: Sequence[Seen], got: Sequence[Seen]) -> str:
    for number, (one, other) in enumerate(zip_longest(wanted, got)):
        if one != other:
            return f"event {number} is {_short(other)}, and was written as {_short(one)}"
    return ""


def _short(seen: Seen | None) -> str:
    return str(seen)[:600]


def _comparable(row: Mapping[str, Any] | None, columns: Mapping[str, str]) -> Row | None:
    if row is None:
        return None
    return {
        name: value if value is None or name not in columns else KINDS[columns[name]].read(value)
        for name, value in row.items()
    }
