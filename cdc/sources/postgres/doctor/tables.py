"""Findings on the tables: which are captured, what the log tells of their old rows, their keys and their columns."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from cdc.config.settings import PostgresSettings
from cdc.model.finding import Finding
from cdc.sources.postgres.doctor.facts import Facts, TableFacts
from cdc.sources.wording import listed, shown_bytes

KINDS: Final = {"f": "a foreign table", "v": "a view", "m": "a materialized view"}
PERSISTENCES: Final = {"u": "an unlogged table", "t": "a temporary table"}
_finding = partial(Finding, area="tables")


def table_findings(facts: Facts, settings: PostgresSettings) -> Iterator[Finding]:
    """Yield what is to say of the filters and of each table."""
    named = bool(settings.tables.tables.include or settings.tables.schemas.include)
    yield from _filters(facts, named=named)
    if named:
        yield from _not_capturable(facts)
    for table in facts.captured:
        yield from _identity(table)
        yield from _key(table)
        yield from _full(table)
        yield from _large(table)
        yield from _unknown(table)


def _filters(facts: Facts, *, named: bool) -> Iterator[Finding]:
    if not facts.captured:
        there = listed(facts.others) or "none"
        fact = f"No table of database {facts.server.database} passes the filters (tables there: {there})"
        remedy = "Correct table.include.list and the other filters; names are written schema.table, and a pattern must match the whole name."
        yield _finding(level="error" if named else "warning", subject="table.include.list", fact=fact, remedy=remedy)
        return
    for pattern in facts.idle_patterns:
        fact = f"table.include.list names {pattern}, and no table matches that"
        yield _finding(
            level="warning", subject="table.include.list", fact=fact, remedy="Correct it, or create the table."
        )


def _not_capturable(facts: Facts) -> Iterator[Finding]:
    for table in facts.tables:
        if table.capturable:
            continue
        kind = KINDS.get(table.kind) or PERSISTENCES[table.persistence]
        remedy = f"Run: ALTER TABLE {table.sql_name} SET LOGGED;" if table.persistence == "u" else "Leave it out."
        fact = f"{table.id} passes the filters and is {kind}: PostgreSQL has no changes of it in its log"
        yield _finding(level="warning", subject=str(table.id), fact=fact, remedy=remedy)


def _identity(table: TableFacts) -> Iterator[Finding]:
    """Yield a table that cannot be changed while it is published: an error where somebody is known to change it."""
    if table.has_identity:
        return
    why = {
        "n": "has replica identity nothing",
        "d": "has neither a primary key nor a replica identity",
        "i": "has lost the index of its replica identity",
    }[table.identity]
    used = f" ({table.rewrites} so far)" if table.rewrites else ""
    fact = f"{table.id} {why}: PostgreSQL refuses UPDATE and DELETE on it{used} while it is published"
    yield _finding(
        level="error" if table.rewrites else "warning", subject=str(table.id), fact=fact, remedy=_give_identity(table)
    )


def _give_identity(table: TableFacts) -> str:
    change = f"ALTER TABLE {table.sql_name} REPLICA IDENTITY"
    if table.has_primary_key:
        return f"Run: {change} DEFAULT;"
    if table.unique_index is not None:
        return f"Run: {change} USING INDEX {table.unique_index};"
    return f"Add a primary key (ALTER TABLE {table.sql_name} ADD PRIMARY KEY (…);), or run: {change} FULL;"


def _key(table: TableFacts) -> Iterator[Finding]:
    if table.has_primary_key:
        return
    if table.key:
        fact = f"{table.id} has no primary key; the key of its records is a unique index ({listed(table.key)})"
        yield _finding(level="note", subject=str(table.id), fact=fact)
        return
    fact = (
        f"{table.id} has no primary key: its records have no key, are spread over partitions, and cannot be compacted"
    )
    remedy = f"Run: ALTER TABLE {table.sql_name} ADD PRIMARY KEY (…);"
    yield _finding(level="warning", subject=str(table.id), fact=fact, remedy=remedy)


def _full(table: TableFacts) -> Iterator[Finding]:
    if table.identity == "f":
        fact = f"{table.id} has replica identity full: each UPDATE and DELETE writes the whole old row to the log"
        remedy = (
            f"If nobody reads `before`: ALTER TABLE {table.sql_name} REPLICA IDENTITY DEFAULT;"
            if table.has_primary_key
            else ""
        )
        yield _finding(level="note", subject=str(table.id), fact=fact, remedy=remedy)


def _large(table: TableFacts) -> Iterator[Finding]:
    large = [name for name in table.large if name not in table.key]
    if table.identity != "f" and table.toasted and large:
        fact = (
            f"{table.id} keeps {shown_bytes(table.toasted)} of large values out of line ({listed(large)} may have some): an UPDATE that does "
            "not touch one sends unavailable.value.placeholder for it"
        )
        remedy = f"If consumers need them: ALTER TABLE {table.sql_name} REPLICA IDENTITY FULL;"
        yield _finding(level="note", subject=str(table.id), fact=fact, remedy=remedy)


def _unknown(table: TableFacts) -> Iterator[Finding]:
    if table.unknown:
        fact = (
            f"Columns of {table.id} are left out, as their types are not known to cdc-stream: {listed(table.unknown)}"
        )
        remedy = "Consumers do without them, or publish a generated or copied column of a known type, such as text."
        yield _finding(level="warning", subject=str(table.id), fact=fact, remedy=remedy)
