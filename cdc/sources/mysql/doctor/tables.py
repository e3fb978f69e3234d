"""Findings on the tables: which are captured, their keys, their engines and their columns."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from cdc.config.mysql_settings import MySqlSettings
from cdc.model.finding import Finding
from cdc.sources.mysql.doctor.facts import Facts, TableFacts
from cdc.sources.wording import listed, sentence

_FILTER: Final = "table.include.list"
_finding = partial(Finding, area="tables")


def table_findings(facts: Facts, settings: MySqlSettings) -> Iterator[Finding]:
    """Yield what is to say of the filters and of each table."""
    named = bool(settings.tables.tables.include or settings.tables.schemas.include)
    yield from _filters(facts, named=named)
    for table in facts.tables:
        if table.view and settings.tables.tables.include:
            fact = f"{table.id} passes the filters and is a view: the binlog has no changes of it"
            yield _finding(level="warning", subject=str(table.id), fact=fact, remedy="Leave it out.")
    for table in facts.captured:
        yield from _definition(table, full_metadata=facts.server.full_metadata)
        yield from _engine(table)
        if table.readable and table.unreadable is None:
            yield from _key(table)
            yield from _columns(table)


def _filters(facts: Facts, *, named: bool) -> Iterator[Finding]:
    if not facts.captured:
        there = listed(facts.others) or "none"
        fact = f"No table that {facts.user.account} may see passes the filters (others that it may see: {there})"
        remedy = (
            f"Correct {_FILTER}, database.include.list and the other filters (names are written database.table, and a pattern must match"
            " the whole name), or grant SELECT on the tables."
        )
        yield _finding(level="error" if named else "warning", subject=_FILTER, fact=fact, remedy=remedy)
        return
    for pattern in facts.idle_patterns:
        fact = f"{_FILTER} names {pattern}, and no table that {facts.user.account} may see matches that"
        yield _finding(
            level="warning", subject=_FILTER, fact=fact, remedy="Correct it, create the table, or grant SELECT on it."
        )


def _definition(table: TableFacts, *, full_metadata: bool) -> Iterator[Finding]:
    if table.unreadable is not None:
        error = table.unreadable
        fact = f"The definition of {table.id} cannot be read: {sentence(error)}"
        yield _finding(
            level="warning" if full_metadata else "error", subject=str(table.id), fact=fact, remedy=error.remedy
        )


def _engine(table: TableFacts) -> Iterator[Finding]:
    if not table.transactional:
        fact = (
            f"{table.id} has the engine {table.engine}, which has no transactions: what was changed before a rollback or a crash stays,"
            " and a snapshot without a lock may see the table half changed"
        )
        remedy = f"Run: ALTER TABLE {table.sql_name} ENGINE = InnoDB;"
        yield _finding(level="warning", subject=str(table.id), fact=fact, remedy=remedy)


def _key(table: TableFacts) -> Iterator[Finding]:
    if table.has_primary_key:
        return
    if table.key:
        fact = f"{table.id} has no primary key; the key of its records is {listed(table.key)}"
        yield _finding(level="note", subject=str(table.id), fact=fact)
        return
    fact = (
        f"{table.id} has no primary key: its records have no key, are spread over partitions, and cannot be compacted"
    )
    remedy = f"Run: ALTER TABLE {table.sql_name} ADD PRIMARY KEY (…);"
    yield _finding(level="warning", subject=str(table.id), fact=fact, remedy=remedy)


def _columns(table: TableFacts) -> Iterator[Finding]:
    if table.unknown:
        fact = (
            f"Columns of {table.id} are left out, as their types are not known to cdc-stream: {listed(table.unknown)}"
        )
        remedy = "Consumers do without them, or publish a generated or copied column of a known type, such as VARCHAR."
        yield _finding(level="warning", subject=str(table.id), fact=fact, remedy=remedy)
    if table.generated:
        fact = f"{table.id} has generated columns, which are published as others are: {listed(table.generated)}"
        yield _finding(level="note", subject=str(table.id), fact=fact)
    if table.invisible:
        fact = f"{table.id} has invisible columns, which are published as others are: {listed(table.invisible)}"
        remedy = "If they are to stay hidden: column.exclude.list."
        yield _finding(level="note", subject=str(table.id), fact=fact, remedy=remedy)
