"""What a statement of the binlog does to table definitions.

Tables are read by a reader of our own (docs/decisions/0012-ddl.md). A result is to be confirmed against the row metadata before rows are read by
it (`row_metadata.py`): a statement that was misread is then found, and not a row misread.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final

from cdc.errors import DdlUnreadable
from cdc.model.table import TableId
from cdc.sources.mysql.ddl.alteration import Alteration
from cdc.sources.mysql.ddl.declared_types import charset_name, choice, collation_name
from cdc.sources.mysql.ddl.definitions import CharsetChoice, Definitions, TableDefinition
from cdc.sources.mysql.ddl.sql_tokens import SqlMode, SyntaxProblem, TokenKind, TokenReader
from cdc.sources.mysql.ddl.table_reader import (
    ReadKeys,
    ReadOptions,
    period_of,
    read_elements,
    read_key_parts,
    read_option,
    read_until_select,
    settle_columns,
    settle_keys,
)

_FIRST_WORDS: Final = ("CREATE", "ALTER", "DROP", "RENAME", "TRUNCATE", "SET", "UNIQUE")
_SHOWN: Final = 200


class ChangeType(Enum):
    """What happened to a table; a renamed one is altered."""

    CREATE = "CREATE"
    ALTER = "ALTER"
    DROP = "DROP"
    TRUNCATE = "TRUNCATE"


@dataclass(frozen=True, slots=True)
class TableChange:
    """What a statement did to one table.

    `table` is the definition after it; None for a dropped table, and for one that was not known before and whose definition therefore is
    not known after it. `previous` is the name before, where it has changed. `part` is the statement that does this change alone, where the
    whole one drops or renames: it may name several tables.
    """

    type: ChangeType
    id: TableId
    table: TableDefinition | None = None
    previous: TableId | None = None
    part: str = ""


class StatementKind(Enum):
    """What a statement is about; of OTHER nothing needs to be stored or told."""

    TABLE = "table"
    INDEX = "index"
    DATABASE = "database"
    VARIABLE = "variable"
    TRUNCATE = "truncate"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class DdlOutcome:
    """The definitions after a statement, and what it did; `database` is the one that it is about.

    An INDEX statement changes the definition, and its `changes` name the table, but Debezium's records about it do not; one that makes the key
    of a table without one is a TABLE statement. `relative` says that a name in the statement is of the session's database.
    """

    definitions: Definitions
    kind: StatementKind = StatementKind.OTHER
    database: str = ""
    changes: tuple[TableChange, ...] = ()
    relative: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DdlSession:
    """What of the session a statement depends on, as its QUERY event has it.

    `database` is the default database. `server` is collation_server where it is known (Q_CHARSET_CODE). `explicit_timestamps` is
    explicit_defaults_for_timestamp.
    """

    database: str = ""
    mode: SqlMode = field(default_factory=SqlMode)
    server: CharsetChoice | None = None
    explicit_timestamps: bool = True


def apply_ddl(definitions: Definitions, statement: str, session: DdlSession) -> DdlOutcome:
    """Return the definitions after a statement; one that is no DDL of tables changes nothing.

    Temporary tables are left out. Of an altered table that is not known, the change has no definition.

    Raises:
        DdlUnreadable: the statement changes tables in a way that is not understood. Rows of those tables can then be read by their row
            metadata alone, and the rest goes on with `forgotten`.
    """
    reader = TokenReader(statement, session.mode, mariadb=definitions.mariadb)
    work = _Statement(definitions, reader, session)
    try:
        return work.apply()
    except SyntaxProblem as problem:
        tables = tuple(work.named)
        names = ", ".join(f"{database}.{table}" for database, table in tables) or "tables that cannot be told"
        fact = f"A statement in the binlog about {names} was not understood: {problem}. It is: {statement[:_SHOWN]}"
        remedy = (
            "Exclude the table if it is not needed, or set binlog_row_metadata=FULL on the server and take a new snapshot "
            "of the schemas (snapshot.mode=recovery); please report the statement."
        )
        raise DdlUnreadable(fact, remedy, tables) from problem


def tells_server(session: DdlSession, definitions: Definitions) -> bool:
    """Tell whether a session has another charset than the server's, of which the definitions know the collation too."""
    return session.server is not None and session.server.charset != definitions.server.charset


def forgotten(definitions: Definitions, error: DdlUnreadable) -> Definitions:
    """Return the definitions without the tables of a statement that was not understood, so that nothing is read by their old ones."""
    for database, table in error.tables:
        definitions = definitions.without_table(TableId(database, table))
    return definitions


class _Statement:
    """One statement; `named` collects the tables that it names."""

    def __init__(self, definitions: Definitions, reader: TokenReader, session: DdlSession) -> None:
        self._definitions = definitions
        self._reader = reader
        self._session = session
        self.named: list[tuple[str, str]] = []
        self._changes: list[TableChange] = []
        self._relative = False

    def apply(self) -> DdlOutcome:
        try:
            first = self._reader.peek().word
        except SyntaxProblem:
            first = ""
        if first not in _FIRST_WORDS:
            return DdlOutcome(self._definitions)
        self._reader.take()
        return _STATEMENTS[first](self)

    def _outcome(self, kind: StatementKind, database: str | None = None) -> DdlOutcome:
        if database is None:
            database = self._changes[0].id.schema if self._changes else self._session.database
        return DdlOutcome(self._definitions, kind, database, tuple(self._changes), self._relative)

    def _beginning(self) -> str:
        """Return the statement up to the next token."""
        return self._reader.statement[: self._reader.peek().start].lstrip()

    def _table_name(self) -> TableId:
        database, table = self._qualified()
        self.named.append((database, table))
        return self._definitions.table_id(database, table)

    def _qualified(self) -> tuple[str, str]:
        database, table = self._reader.qualified("")
        self._relative = self._relative or not database
        return database or self._session.database, table

    def _create(self) -> DdlOutcome:
        reader = self._reader
        or_replace = reader.accept("OR", "REPLACE")
        if reader.accept("TEMPORARY"):
            return DdlOutcome(self._definitions)
        if reader.accept("TABLE"):
            return self._create_table(or_replace=or_replace)
        if reader.accept_any("DATABASE", "SCHEMA"):
            return self._create_database()
        if reader.accept("UNIQUE"):
            return self._create_unique()
        reader.accept_any("FULLTEXT", "SPATIAL", "VECTOR", "ONLINE", "OFFLINE")
        return self._create_index(unique=False) if reader.accept("INDEX") else DdlOutcome(self._definitions)

    def _create_unique(self) -> DdlOutcome:
        """Take what is behind the word UNIQUE, with which Debezium's history begins such a statement."""
        self._reader.accept_any("ONLINE", "OFFLINE")
        return self._create_index(unique=True) if self._reader.accept("INDEX") else DdlOutcome(self._definitions)

    def _create_table(self, *, or_replace: bool) -> DdlOutcome:
        reader = self._reader
        if_missing = reader.accept("IF", "NOT", "EXISTS")
        table_id = self._table_name()
        if if_missing and not or_replace and self._definitions.get(table_id.schema, table_id.table):
            return DdlOutcome(self._definitions)
        like = reader.accept("LIKE") or (reader.at("(", "LIKE") and reader.accept("(") and reader.accept("LIKE"))
        made = self._like(table_id) if like else self._new_table(table_id)
        self._put(TableChange(ChangeType.CREATE, table_id, made))
        return self._outcome(StatementKind.TABLE)

    def _put(self, change: TableChange) -> None:
        """Make the change part of the definitions; a table whose definition is not known is taken out."""
        gone = self._definitions.without_table(change.id)
        self._definitions = gone if change.table is None else self._definitions.with_table(change.table)
        self._changes.append(change)

    def _like(self, table_id: TableId) -> TableDefinition | None:
        source = self._definitions.get(*self._qualified())
        return None if source is None else replace(source, id=table_id)

    def _new_table(self, table_id: TableId) -> TableDefinition:
        reader = self._reader
        columns, keys = (
            read_elements(reader) if reader.at("(") and reader.peek(1).word != "SELECT" else ([], ReadKeys())
        )
        options = ReadOptions()
        if read_until_select(reader, options) or not columns:
            raise SyntaxProblem("the columns come from a SELECT")
        inherited = choice(options.charset, options.collation, self._definitions.database(table_id.schema))
        settled = settle_columns(columns, inherited, explicit_timestamps=self._session.explicit_timestamps)
        table = TableDefinition(
            id=table_id,
            columns=tuple(settled) + (period_of(settled) if options.versioned else ()),
            charset=inherited.charset,
            collation=inherited.collation,
            comment=options.comment or None,
        )
        return settle_keys(table, keys)

    def _create_database(self) -> DdlOutcome:
        if_missing = self._reader.accept("IF", "NOT", "EXISTS")
        name = self._definitions.spelled(self._reader.name())
        if if_missing and name in self._definitions.databases:
            return DdlOutcome(self._definitions)
        server = self._session.server if tells_server(self._session, self._definitions) else None
        self._database_default(name, server or self._definitions.server)
        return self._outcome(StatementKind.DATABASE, name)

    def _database_default(self, name: str, inherited: CharsetChoice) -> None:
        options = ReadOptions()
        while not self._reader.at_end:
            read_option(self._reader, options)
        found = choice(options.charset, options.collation, inherited)
        self._definitions = self._definitions.with_database(name, found)

    def _create_index(self, *, unique: bool) -> DdlOutcome:
        reader = self._reader
        reader.accept("IF", "NOT", "EXISTS")
        name = reader.name()
        if reader.accept_any("USING", "TYPE"):
            reader.take()
        reader.expect("ON")
        table_id = self._table_name()
        key = read_key_parts(reader, name, unique=unique)
        table = self._definitions.get(table_id.schema, table_id.table)
        if table is not None and all(each.name.lower() != name.lower() for each in table.keys):
            table = settle_keys(table, ReadKeys(table.primary_key, [*table.keys, key]))
        known = self._definitions.get(table_id.schema, table_id.table)
        makes_key = table is not None and known is not None and table.record_key and not known.record_key
        self._put(TableChange(ChangeType.ALTER, table_id, table))
        return self._outcome(StatementKind.TABLE if makes_key else StatementKind.INDEX)

    def _alter(self) -> DdlOutcome:
        reader = self._reader
        reader.accept_any("ONLINE", "OFFLINE")
        reader.accept("IGNORE")
        if reader.accept("TABLE"):
            return self._alter_table()
        if reader.accept_any("DATABASE", "SCHEMA"):
            return self._alter_database()
        return DdlOutcome(self._definitions)

    def _alter_table(self) -> DdlOutcome:
        reader = self._reader
        reader.accept("IF", "EXISTS")
        table_id = self._table_name()
        if reader.accept("WAIT"):
            reader.take()
        known = self._definitions.get(table_id.schema, table_id.table)
        alteration = Alteration(reader, known, table_id.schema)
        alteration.read()
        default = self._definitions.database(table_id.schema)
        table = alteration.applied(default, explicit_timestamps=self._session.explicit_timestamps)
        if alteration.renamed is None:
            self._put(TableChange(ChangeType.ALTER, table_id, table))
        else:
            self._move(table_id, self._definitions.table_id(*alteration.renamed), table)
        return self._outcome(StatementKind.TABLE)

    def _move(self, old: TableId, new: TableId, table: TableDefinition | None, part: str = "") -> None:
        self._definitions = self._definitions.without_table(old)
        moved = None if table is None else replace(table, id=new)
        self._put(TableChange(ChangeType.ALTER, new, moved, previous=old, part=part))

    def _alter_database(self) -> DdlOutcome:
        reader = self._reader
        options = ("CHARACTER", "CHAR", "CHARSET", "COLLATE", "DEFAULT", "ENCRYPTION", "READ", "COMMENT")
        bare = reader.peek().kind is TokenKind.WORD and reader.at_any(*options)
        name = self._definitions.spelled(self._session.database if bare else reader.name())
        self._database_default(name, self._definitions.database(name))
        return self._outcome(StatementKind.DATABASE, name)

    def _drop(self) -> DdlOutcome:
        reader = self._reader
        if reader.accept("TEMPORARY"):
            return DdlOutcome(self._definitions)
        if reader.accept_any("TABLE", "TABLES"):
            return self._drop_tables()
        if reader.accept_any("DATABASE", "SCHEMA"):
            reader.accept("IF", "EXISTS")
            name = self._definitions.spelled(reader.name())
            self._definitions = self._definitions.without_database(name)
            return self._outcome(StatementKind.DATABASE, name)
        reader.accept_any("ONLINE", "OFFLINE")
        return self._drop_index() if reader.accept("INDEX") else DdlOutcome(self._definitions)

    def _drop_tables(self) -> DdlOutcome:
        self._reader.accept("IF", "EXISTS")
        begin = self._beginning()
        while True:
            table = self._table_name()
            name = ".".join(f"`{each.replace('`', '``')}`" for each in (table.schema, table.table) if each)
            self._put(TableChange(ChangeType.DROP, table, part=begin + name))
            if not self._reader.accept(","):
                return self._outcome(StatementKind.TABLE)

    def _drop_index(self) -> DdlOutcome:
        self._reader.accept("IF", "EXISTS")
        name = self._reader.name().lower()
        self._reader.expect("ON")
        table_id = self._table_name()
        table = self._definitions.get(table_id.schema, table_id.table)
        if table is not None:
            primary = () if name == "primary" else table.primary_key
            kept = tuple(key for key in table.keys if key.name.lower() != name)
            table = replace(table, primary_key=primary, keys=kept)
        self._put(TableChange(ChangeType.ALTER, table_id, table))
        return self._outcome(StatementKind.INDEX)

    def _rename(self) -> DdlOutcome:
        reader = self._reader
        if not reader.accept_any("TABLE", "TABLES"):
            return DdlOutcome(self._definitions)
        reader.accept("IF", "EXISTS")
        begin = self._beginning()
        while True:
            start = reader.peek().start
            old = self._table_name()
            if reader.accept("WAIT"):
                reader.take()
            reader.accept("NOWAIT")
            reader.expect("TO")
            new = self._table_name()
            pair = reader.statement[start : reader.end]
            self._move(old, new, self._definitions.get(old.schema, old.table), begin + pair)
            if not reader.accept(","):
                return self._outcome(StatementKind.TABLE)

    def _truncate(self) -> DdlOutcome:
        self._reader.accept("TABLE")
        table_id = self._table_name()
        table = self._definitions.get(table_id.schema, table_id.table)
        self._changes.append(TableChange(ChangeType.TRUNCATE, table_id, table))
        return self._outcome(StatementKind.TRUNCATE)

    def _set(self) -> DdlOutcome:
        """Take character_set_server and collation_server, which begin every history of Debezium's; other variables do not matter."""
        said = dict(re.findall(r"(?i)\b(character_set_server|collation_server)\s*=\s*'?(\w+)", self._reader.statement))
        if not said:
            return DdlOutcome(self._definitions)
        names: Mapping[str, str] = {name.lower(): value for name, value in said.items()}
        charset, collation = names.get("character_set_server"), names.get("collation_server")
        found = choice(
            None if charset is None else charset_name(charset),
            None if collation is None else collation_name(collation),
            self._definitions.server,
        )
        self._definitions = replace(self._definitions, server=found)
        return self._outcome(StatementKind.VARIABLE, "")


_STATEMENTS: Final[dict[str, Callable[[_Statement], DdlOutcome]]] = {
    "CREATE": _Statement._create,
    "ALTER": _Statement._alter,
    "DROP": _Statement._drop,
    "RENAME": _Statement._rename,
    "TRUNCATE": _Statement._truncate,
    "SET": _Statement._set,
    "UNIQUE": _Statement._create_unique,
}
