"""Findings on the rights of the connector's user, and the statements that give one the least rights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import groupby
from typing import Final

from cdc.config.mysql_settings import Locking, MySqlSettings
from cdc.model.finding import Finding
from cdc.sources.mysql.doctor.facts import Facts, UserFacts
from cdc.sources.mysql.protocol.connection import identifier
from cdc.sources.wording import listed

#: Who is proposed where the connector runs as a superuser.
PROPOSED: Final = "'cdc'@'%'"
_REPLICATION: Final = ("REPLICATION SLAVE", "REPLICATION CLIENT")
_finding = partial(Finding, area="rights")


def role_findings(facts: Facts, settings: MySqlSettings) -> Iterator[Finding]:
    """Yield what is to say of the user's rights; rows are read, and locks taken, for a snapshot alone."""
    yield from _replication(facts.user)
    yield from _select(facts)
    if _takes_snapshot(settings):
        yield from _locks(facts, settings)
    if facts.user.may("SUPER"):
        fact = f"The user {facts.user.account} is a superuser, and the connector needs far less"
        remedy = "Give it a user of its own, by the statements for the least rights."
        yield _finding(level="note", subject=facts.user.name, fact=fact, remedy=remedy)


def least_rights(facts: Facts, settings: MySqlSettings) -> Sequence[str]:
    """Return the statements that give a user what the connector needs for its tables, and no more; they may be repeated."""
    locks, user = _takes_snapshot(settings) and settings.locking is not Locking.NONE, facts.user
    statements, account = [], user.account
    if user.may("SUPER"):
        account = PROPOSED
        statements.append(f"CREATE USER IF NOT EXISTS {account} IDENTIFIED BY '…';")
    everywhere = [*_REPLICATION, "RELOAD"] if locks else _REPLICATION
    statements.append(f"GRANT {', '.join(everywhere)} ON *.* TO {account};")
    return statements + [f"GRANT SELECT ON {table.sql_name} TO {account};" for table in facts.captured]


def _takes_snapshot(settings: MySqlSettings) -> bool:
    return settings.snapshot_policy.at_first or settings.snapshot_policy.when_lost


def _replication(user: UserFacts) -> Iterator[Finding]:
    missing = [right for right in _REPLICATION if not user.may(right, "SUPER")]
    if missing:
        fact = (
            f"The user {user.account} lacks {' and '.join(missing)}, without which the server does not send its binlog"
        )
        remedy = f"Run: GRANT {', '.join(missing)} ON *.* TO {user.account};"
        yield _finding(level="error", subject=user.name, fact=fact, remedy=remedy)


def _select(facts: Facts) -> Iterator[Finding]:
    hidden = [table for table in facts.captured if not table.readable]
    if hidden:
        fact = f"The user {facts.user.account} may not read {listed([table.id for table in hidden])}"
        grants = " ".join(f"GRANT SELECT ON {table.sql_name} TO {facts.user.account};" for table in hidden)
        yield _finding(level="error", subject=facts.user.name, fact=fact, remedy=f"Run: {grants}")


def _locks(facts: Facts, settings: MySqlSettings) -> Iterator[Finding]:
    """Yield what the snapshot needs to hold definitions and position together: RELOAD, or LOCK TABLES where that is not to be had."""
    user = facts.user
    if settings.locking is Locking.NONE or user.may("RELOAD", "FLUSH_TABLES"):
        return
    remedy = f"Run: GRANT RELOAD ON *.* TO {user.account};"
    lacking = [schema for schema in _schemas(facts) if not _may_lock(user, schema)]
    if lacking:
        grants = " ".join(f"GRANT LOCK TABLES ON {identifier(schema)}.* TO {user.account};" for schema in lacking)
        fact = (
            f"The user {user.account} has neither RELOAD nor LOCK TABLES on {listed(lacking)}, and the snapshot takes a lock"
            f" (snapshot.locking.mode = {settings.locking})"
        )
        remedy = f"{remedy} Where the server's provider does not allow it: {grants}"
        yield _finding(level="error", subject=user.name, fact=fact, remedy=remedy)
        return
    if facts.captured:
        fact = f"The user {user.account} lacks RELOAD: the snapshot locks the captured tables with LOCK TABLES, until it has read them"
        yield _finding(level="note", subject=user.name, fact=fact, remedy=remedy)


def _schemas(facts: Facts) -> list[str]:
    return [schema for schema, _ in groupby(table.id.schema for table in facts.captured)]


def _may_lock(user: UserFacts, schema: str) -> bool:
    """Tell whether the user may lock the tables of a database; `_` and `%` in a grant's name are taken as they stand, escaped or not."""
    if user.may("LOCK TABLES"):
        return True
    names = (f"{identifier(schema)}.*", f"{identifier(schema.replace('_', chr(92) + '_'))}.*")
    held: frozenset[str] = frozenset().union(*(user.grants.get(name, frozenset()) for name in names))
    return bool(held & {"LOCK TABLES", "ALL PRIVILEGES"})
