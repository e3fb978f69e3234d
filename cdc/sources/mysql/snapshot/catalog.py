"""Table definitions as the server has them now: for a snapshot, never for rows that were written before."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

from cdc.errors import SourceRefused
from cdc.model.table import TableId
from cdc.sources.mysql.ddl.declared_types import charset_name, collation_name
from cdc.sources.mysql.ddl.definitions import CharsetChoice, Definitions
from cdc.sources.mysql.ddl.statements import DdlOutcome, DdlSession, StatementKind, apply_ddl
from cdc.sources.mysql.protocol.connection import identifier, literal


class Queries(Protocol):
    """A connection that runs queries, such as `Connection`."""

    async def texts(self, sql: str) -> Sequence[tuple[str | None, ...]]:
        """Return the rows of a query as text, None for NULL."""


@dataclass(frozen=True, slots=True)
class SnapshotStatement:
    """A statement that stands for a part of the catalogue; `outcome.definitions` is all that is known behind it."""

    statement: str
    outcome: DdlOutcome


async def server_definitions(connection: Queries) -> Definitions:
    """Return definitions without tables: the server's own charset, and how it compares names."""
    names = "'character_set_server', 'collation_server', 'lower_case_table_names', 'version'"
    found = await connection.texts(f"SHOW GLOBAL VARIABLES WHERE Variable_name IN ({names})")
    variables = {str(name): value or "" for name, value in found}
    return Definitions(
        server=_choice(variables["character_set_server"], variables["collation_server"]),
        lower_case_table_names=int(variables["lower_case_table_names"]),
        mariadb="mariadb" in variables["version"].lower(),
    )


def _choice(charset: str, collation: str) -> CharsetChoice:
    return CharsetChoice(charset_name(charset), collation_name(collation))


async def snapshot_statements(
    connection: Queries, definitions: Definitions, tables: Iterable[TableId]
) -> AsyncIterator[SnapshotStatement]:
    """Yield the statements that make the tables as they are, in Debezium's order and words, with their effect on the definitions.

    The server's charset comes first, then all tables are dropped, and each database is made anew and its tables in it, by name. The session's
    sql_mode must be without ANSI_QUOTES and NO_BACKSLASH_ESCAPES, as SHOW CREATE TABLE follows it.

    Raises:
        SourceRefused: a table or database is gone, or may not be read.
        DdlUnreadable: the server describes a table in a way that is not understood.
    """
    ordered = sorted(tables)
    server = definitions.server
    first = f"SET character_set_server={server.charset}, collation_server={server.collation}"
    steps: list[tuple[str, str]] = [("", first)]
    steps += [
        (table.schema, f"DROP TABLE IF EXISTS {identifier(table.schema)}.{identifier(table.table)}")
        for table in ordered
    ]
    for database, statement in steps:
        outcome = apply_ddl(definitions, statement, DdlSession(database=database))
        definitions = outcome.definitions
        yield SnapshotStatement(statement, outcome)
    for database, found in groupby(ordered, key=lambda table: table.schema):
        async for step in _database(connection, definitions, database, list(found)):
            definitions = step.outcome.definitions
            yield step


async def _database(
    connection: Queries, definitions: Definitions, database: str, tables: Sequence[TableId]
) -> AsyncIterator[SnapshotStatement]:
    session = DdlSession(database=database)
    charset, collation = await _database_default(connection, database)
    made = f"CREATE DATABASE {identifier(database)} CHARSET {charset} COLLATE {collation}"
    for statement in (f"DROP DATABASE IF EXISTS {identifier(database)}", made):
        outcome = apply_ddl(definitions, statement, session)
        definitions = outcome.definitions
        yield SnapshotStatement(statement, outcome)
    yield SnapshotStatement(f"USE {identifier(database)}", DdlOutcome(definitions, StatementKind.DATABASE, database))
    for table in tables:
        statement = await created(connection, table)
        outcome = apply_ddl(definitions, statement, session)
        definitions = outcome.definitions
        yield SnapshotStatement(statement, outcome)


async def _database_default(connection: Queries, database: str) -> tuple[str, str]:
    rows = await connection.texts(
        "SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA "  # noqa: S608 (escaped)
        f"WHERE SCHEMA_NAME = {literal(database)}"
    )
    if not rows:
        fact = f"The database {database} is not there any more, or may not be seen"
        raise SourceRefused(fact, "Check database.include.list, and GRANT SELECT on it to the connector's user.")
    return str(rows[0][0]), str(rows[0][1])


async def created(connection: Queries, table: TableId) -> str:
    """Return the text of SHOW CREATE TABLE; raises what the connection raises, SourceRefused for a view."""
    row: Mapping[int, str | None] = dict(
        enumerate(
            (await connection.texts(f"SHOW CREATE TABLE {identifier(table.schema)}.{identifier(table.table)}"))[0]
        )
    )
    statement = row[1] or ""
    if not statement.lstrip().upper().startswith("CREATE TABLE"):
        raise SourceRefused(f"{table} is not a table", "Exclude it by table.exclude.list.")
    return statement
