"""What is told of a statement: which ones at all, in which words, and in how many records.

Debezium tells of each table that a statement drops or renames in a record of its own, of statements that change no definition (CREATE EVENT,
CREATE TABLE IF NOT EXISTS of a table that is there) by the statement alone, and nothing of what its `ddl.filter` leaves out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final

from cdc.model.table import TableId
from cdc.sources.java_order import BUCKETS, in_java_order
from cdc.sources.mysql.ddl.definitions import Definitions
from cdc.sources.mysql.ddl.sql_tokens import SyntaxProblem, Token, TokenKind, tokens
from cdc.sources.mysql.ddl.statements import ChangeType, DdlOutcome, DdlSession, StatementKind, TableChange

_BEGIN: Final = r"(?:SET STATEMENT\s+.*?FOR\s+)?"
#: Debezium's `schema.history.internal.ddl.filter` and what it never tells of (FLUSH PRIVILEGES), temporary tables, and SERVER, whose statements have passwords in them.
_UNTOLD: Final = re.compile(
    rf"{_BEGIN}(?:"
    r"(?:INSERT INTO|DELETE FROM) (?:mysql\.)?rds_.*"
    r"|(?:GRANT|REVOKE|FLUSH RELAY LOGS|SAVEPOINT|TRUNCATE TABLE|REPLACE INTO)\b.*|FLUSH PRIVILEGES|\#\s*Dummy event.*"
    r"|(?:ANALYZE|OPTIMIZE|REPAIR)\s+(?:NO_WRITE_TO_BINLOG\s+|LOCAL\s+)?TABLE\b.*"
    r"|(?:CREATE|ALTER|DROP)\s+(?:OR\s+REPLACE\s+)?(?:IF\s+(?:NOT\s+)?EXISTS\s+)?(?:USER|ROLE|SERVER|TEMPORARY)\b.*"
    r"|(?:CREATE|ALTER|DROP)\s+(?:OR\s+REPLACE\s+)?(?:ALGORITHM\s*=\s*\S+\s+)?(?:DEFINER\s*=\s*\S+\s+)?"
    r"(?:SQL\s+SECURITY\s+\S+\s+)?(?:VIEW|(?:AGGREGATE\s+)?FUNCTION|PROCEDURE|TRIGGER)\b.*"
    r"|(?:BEGIN|COMMIT|ROLLBACK|XA|RELEASE|INSERT|UPDATE|DELETE|SET(?!\s+DEFAULT\s+ROLE\b))\b.*)?",
    re.IGNORECASE | re.DOTALL,
)
_ALTERS_DATABASE: Final = re.compile(r"ALTER\s+(?:DATABASE|SCHEMA)\b", re.IGNORECASE)
_LEADING: Final = re.compile(r"(?:\s+|/\*(?!M?!).*?\*/|--\s[^\n]*(?:\n|$)|#[^\n]*(?:\n|$))+", re.DOTALL)
_QUOTES: Final = re.compile(r"\\.|\"\"|'", re.DOTALL)
_REQUOTED: Final = {"'": "''", '""': '"'}


@dataclass(frozen=True, slots=True)
class Told:
    """A statement with the session it ran in, and what it did; `tables` are all of a statement that this one is a part of."""

    statement: str
    session: DdlSession
    outcome: DdlOutcome = field(default_factory=lambda: DdlOutcome(Definitions()))
    tables: tuple[TableId, ...] = ()


def parts(told: Told) -> Sequence[Told]:
    """Return what is told of a statement: itself, a part for each table that it drops or renames, or nothing."""
    outcome = told.outcome
    if outcome.kind is StatementKind.OTHER:
        return _of_no_table(told)
    if not any(change.part for change in outcome.changes):
        return _of_unknown_table(told) if _is_of_unknown_table(outcome) else (_of_one_table(told),)
    found = []
    for change in outcome.changes:
        database = change.id.schema
        tables = named_tables(each.id for each in outcome.changes if each.id.schema == database)
        # The part that drops a table names its database.
        relative = outcome.relative and change.type is not ChangeType.DROP
        alone = replace(outcome, database=database, changes=(change,), relative=relative)
        found.append(Told(_plain(change.part, told.session), told.session, alone, tables))
    return found


def _of_no_table(told: Told) -> Sequence[Told]:
    if _UNTOLD.fullmatch(_without_leading(told.statement)):
        return ()
    return (_of_session(told),)


def _of_session(told: Told) -> Told:
    """Return a statement that Debezium's parser tells nothing of: it stands under the default database, as it was written."""
    return _under(told, told.session.database)


def _under(told: Told, database: str) -> Told:
    return replace(told, statement=told.statement.strip(), outcome=replace(told.outcome, database=database))


def _of_one_table(told: Told) -> Told:
    if told.outcome.kind is StatementKind.INDEX:  # Debezium's record of it knows no table
        return _under(told, told.session.database or told.outcome.database)
    return replace(told, statement=_plain(told.statement, told.session))


def _is_of_unknown_table(outcome: DdlOutcome) -> bool:
    changes = outcome.changes
    return bool(changes) and all(
        each.type is ChangeType.ALTER and each.table is None and each.previous is None for each in changes
    )


def _of_unknown_table(told: Told) -> Sequence[Told]:
    """Return an ALTER of a table that nobody tells of, such as one that the history leaves out: it changes nothing that is known."""
    return (_of_session(replace(told, outcome=replace(told.outcome, kind=StatementKind.OTHER, changes=()))),)


def told_of(outcome: DdlOutcome) -> tuple[TableChange, ...]:
    """Return the changes that Debezium tells: none of an index, nor of a name that one statement gives and takes again."""
    if outcome.kind is StatementKind.INDEX:
        return ()
    known = outcome.definitions.get
    return tuple(each for each in outcome.changes if each.previous is None or known(each.id.schema, each.id.table))


def is_of_no_table(told: Told) -> bool:
    """Tell whether a statement is left out where Debezium tells of captured tables alone; one that makes or drops a database is not."""
    kind = told.outcome.kind
    return kind in (StatementKind.INDEX, StatementKind.OTHER) or _ALTERS_DATABASE.match(told.statement) is not None


def _plain(statement: str, session: DdlSession) -> str:
    """Return a statement as Debezium's parser has it.

    It goes from its first word to its last, without comments around it, or the end of a conditional one, and its strings are in single quotes.
    """
    try:
        *found, _ = tokens(statement, session.mode)
    except SyntaxProblem:
        return statement.strip()
    while found and found[-1].kind is TokenKind.SIGN and found[-1].text == ";":
        found.pop()
    if not found:
        return statement.strip()
    gaps = [statement[token.end : follower.start] for token, follower in pairwise(found)]
    return "".join(_in_single_quotes(statement, token) + gap for token, gap in zip(found, [*gaps, ""], strict=True))


def _in_single_quotes(statement: str, token: Token) -> str:
    written = statement[token.start : token.end]
    if token.kind is not TokenKind.STRING or written[0] != '"':
        return written
    return "'" + _QUOTES.sub(lambda found: _REQUOTED.get(found[0], found[0]), written[1:-1]) + "'"


def _without_leading(statement: str) -> str:
    found = _LEADING.match(statement)
    return statement[found.end() if found else 0 :]


def named_tables(tables: Iterable[TableId]) -> tuple[TableId, ...]:
    """Return tables once each, in the order of a java.util.HashSet of `database.table`: that is how Debezium names them in `source.table`."""
    by_name = {str(table): table for table in tables}
    capacity = max(BUCKETS, int(len(by_name) / 0.75) + 1)  # as HashSet(Collection) begins
    return tuple(by_name[name] for name in in_java_order(by_name, capacity))
