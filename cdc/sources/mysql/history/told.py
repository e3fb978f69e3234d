"""What is told of a statement: which ones at all, in which words, and in how many records.

Debezium tells of each table that a statement drops or renames in a record of its own, of statements that change no definition (CREATE EVENT,
CREATE TABLE IF NOT EXISTS of a table that is there) by the statement alone, and nothing of what its `ddl.filter` leaves out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from cdc.model.table import TableId
from cdc.sources.mysql.ddl.definitions import Definitions
from cdc.sources.mysql.ddl.statements import DdlOutcome, DdlSession, StatementKind

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
    r"|(?:BEGIN|COMMIT|ROLLBACK|XA|RELEASE|INSERT|UPDATE|DELETE|SET)\b.*)?",
    re.IGNORECASE | re.DOTALL,
)
_LEADING: Final = re.compile(r"(?:\s+|/\*(?!M?!).*?\*/|--\s[^\n]*(?:\n|$)|#[^\n]*(?:\n|$))+", re.DOTALL)
_TRAILING: Final = re.compile(r"(?:\s|;|/\*(?!M?!)(?:(?!/\*|\*/).)*\*/)+$", re.DOTALL)


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
        return (replace(told, statement=_plain(told)),)
    found = []
    for change in outcome.changes:
        database = change.id.schema
        tables = in_java_order(each.id for each in outcome.changes if each.id.schema == database)
        alone = replace(outcome, database=database, changes=(change,))
        found.append(Told(_without_leading(change.part), told.session, alone, tables))
    return found


def _of_no_table(told: Told) -> Sequence[Told]:
    if _UNTOLD.fullmatch(_without_leading(told.statement)):
        return ()
    return (replace(told, outcome=replace(told.outcome, database=told.session.database)),)


def _plain(told: Told) -> str:
    """Return the statement without comments around it, as Debezium's parser has it; one that changes no table is left as it is."""
    if told.outcome.kind is StatementKind.INDEX:
        return told.statement.strip()
    return _TRAILING.sub("", _without_leading(told.statement))


def _without_leading(statement: str) -> str:
    found = _LEADING.match(statement)
    return statement[found.end() if found else 0 :]


def in_java_order(tables: Iterable[TableId]) -> tuple[TableId, ...]:
    """Return tables once each, in the order of a java.util.HashSet of `database.table`: that is how Debezium names them in `source.table`."""
    found = list(dict.fromkeys(tables))
    size = 16
    while size < int(len(found) / 0.75) + 1:
        size *= 2
    return tuple(sorted(found, key=lambda table: _spread(_java_hash(str(table))) & (size - 1)))


def _java_hash(text: str) -> int:
    """Return String.hashCode, as a number without sign."""
    units = text.encode("utf-16-le", "surrogatepass")
    found = 0
    for at in range(0, len(units), 2):
        found = (found * 31 + int.from_bytes(units[at : at + 2], "little")) & 0xFFFFFFFF
    return found


def _spread(number: int) -> int:
    return number ^ number >> 16
