"""Findings on the publication: whether it sends what the connector is to capture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

from cdc.config.settings import PostgresSettings, PublicationAutocreate
from cdc.model.finding import Finding
from cdc.sources.postgres.doctor.facts import Facts, PublicationFacts, TableFacts
from cdc.sources.postgres.doctor.role import GENERATED_PUBLISHED, create_publication, sql_names
from cdc.sources.wording import listed

#: Operations as a publication names them, and as `skipped.operations` does.
OPERATIONS: Final = {"i": ("insert", "c"), "u": ("update", "u"), "d": ("delete", "d"), "t": ("truncate", "t")}
_finding = partial(Finding, area="publication")


def publication_findings(facts: Facts, settings: PostgresSettings) -> Iterator[Finding]:
    """Yield what is to say of the publication; of what it sends only where there is one."""
    if facts.publication is None:
        yield from _absent(facts, settings)
    else:
        yield from _operations(facts, facts.publication, settings)
        yield from _missing(facts, facts.publication, settings)
        yield from _partitions(facts, facts.publication, settings)
        yield from _column_lists(facts)
        yield from _row_filters(facts)
        yield from _not_captured(facts, settings)
    yield from _generated(facts)


def _absent(facts: Facts, settings: PostgresSettings) -> Iterator[Finding]:
    name, mode = settings.publication_name, settings.publication_autocreate
    lacking = _why_not_created(facts, mode)
    if not lacking:
        if mode is PublicationAutocreate.ALL_TABLES:
            yield _all_tables(name)
        else:
            fact = f"Publication {name} is created when the connector starts (publication.autocreate.mode = {mode})"
            yield _finding(level="note", subject=name, fact=fact)
        remedy = f"Create the publication, as the owner of the tables: {create_publication(facts)}"
        yield from (_under_other_names(table, settings, remedy) for table in _hidden_partitions(facts))
        return
    remedy = "Correct the filters first, then run doctor again."
    if facts.captured:
        remedy = f"Run, as the owner of the tables: {create_publication(facts)}"
        if mode is not PublicationAutocreate.DISABLED:
            remedy += " And set publication.autocreate.mode to disabled."
    yield _finding(level="error", subject=name, fact=f"Publication {name} does not exist, and {lacking}", remedy=remedy)


def _why_not_created(facts: Facts, mode: PublicationAutocreate) -> str:
    """Return why the connector cannot create the publication, as a clause; "" if it can."""
    role = facts.role
    foreign = [table.id for table in facts.captured if not table.owned]
    if mode is PublicationAutocreate.DISABLED:
        return "publication.autocreate.mode is disabled"
    if facts.server.standby:
        return "nothing can be created on a standby"
    if role.superuser:
        return ""
    if mode is PublicationAutocreate.ALL_TABLES:
        return f"publication.autocreate.mode = all_tables needs a superuser, which the role {role.name} is not"
    if foreign:
        return f"the role {role.name} does not own {listed(foreign)}, so it cannot publish it"
    return "" if role.can_create else f"the role {role.name} may not create one in database {facts.server.database}"


def _all_tables(name: str) -> Finding:
    fact = (
        f"Publication {name} is made for all tables of the database (publication.autocreate.mode = all_tables): from then on PostgreSQL refuses "
        "UPDATE and DELETE in every table without a replica identity, captured or not"
    )
    remedy = "Set publication.autocreate.mode to filtered."
    return _finding(level="warning", subject=name, fact=fact, remedy=remedy)


def _operations(facts: Facts, publication: PublicationFacts, settings: PostgresSettings) -> Iterator[Finding]:
    wanted = [letter for letter, (_, skipped) in OPERATIONS.items() if skipped not in settings.skipped_operations]
    missing = [OPERATIONS[letter][0] for letter in wanted if letter not in publication.operations]
    if missing:
        name = settings.publication_name
        every = ", ".join(word for word, _ in OPERATIONS.values())
        yield _finding(
            level="error",
            subject=name,
            fact=f"Publication {name} does not send {' and '.join(missing)}",
            remedy=f"Run: ALTER PUBLICATION {facts.server.sql_publication} SET (publish = '{every}');",
        )


def _missing(facts: Facts, publication: PublicationFacts, settings: PostgresSettings) -> Iterator[Finding]:
    missing = [table for table in facts.captured if not _is_published(table, facts)]
    if not missing:
        return
    name = settings.publication_name
    fact = f"Publication {name} does not send {listed([table.id for table in missing])}"
    added = settings.publication_autocreate is PublicationAutocreate.FILTERED
    if added and publication.owned and all(table.owned for table in missing):
        yield _finding(
            level="note", subject=name, fact=f"{fact}; the connector adds it (publication.autocreate.mode = filtered)"
        )
        return
    remedy = (
        f"Run, as {publication.owner}, who owns the publication and must own the tables: "
        f"ALTER PUBLICATION {facts.server.sql_publication} ADD TABLE {sql_names(missing)};"
    )
    yield _finding(level="error", subject=name, fact=fact, remedy=remedy)


def _is_published(table: TableFacts, facts: Facts) -> bool:
    """Whether the publication sends a table, or all partitions of it under their own names."""
    sent = {each.id for each in (*facts.tables, *facts.foreign_published) if each.published}
    return table.published or (bool(table.leaves) and sent.issuperset(table.leaves))


def _partitions(facts: Facts, publication: PublicationFacts, settings: PostgresSettings) -> Iterator[Finding]:
    remedy = f"Run: ALTER PUBLICATION {facts.server.sql_publication} SET (publish_via_partition_root = true);"
    for table in _hidden_partitions(facts):
        if not publication.via_root and _is_published(table, facts):
            yield _under_other_names(table, settings, remedy)


def _hidden_partitions(facts: Facts) -> Sequence[TableFacts]:
    """Return the partitioned tables whose partitions the filters do not all pass by their own names."""
    passing = {table.id for table in facts.tables}
    return [table for table in facts.captured if table.kind == "p" and not passing.issuperset(table.leaves)]


def _under_other_names(table: TableFacts, settings: PostgresSettings, remedy: str) -> Finding:
    fact = (
        f"Changes of {table.id} come under the names of its partitions ({listed(table.leaves)}), which the filters do not pass: "
        f"publication {settings.publication_name} is without publish_via_partition_root"
    )
    return _finding(level="error", subject=str(table.id), fact=fact, remedy=remedy)


def _column_lists(facts: Facts) -> Iterator[Finding]:
    for table in facts.captured:
        if table.column_list is None:
            continue
        absent = [name for name in table.key if name not in table.column_list]
        fact = f"The publication sends only some columns of {table.id} ({listed(table.column_list)})"
        remedy = "Publish all columns, unless that is meant: " + _anew(facts, table)
        if absent:
            fact += f", and not {listed(absent)} of its key: PostgreSQL refuses UPDATE and DELETE on it"
        yield _finding(level="error" if absent else "warning", subject=str(table.id), fact=fact, remedy=remedy)


def _row_filters(facts: Facts) -> Iterator[Finding]:
    for table in facts.captured:
        if table.row_filter is not None:
            fact = f"The publication sends only rows of {table.id} where {table.row_filter}"
            remedy = "Publish all rows, unless that is meant: " + _anew(facts, table)
            yield _finding(level="warning", subject=str(table.id), fact=fact, remedy=remedy)


def _anew(facts: Facts, table: TableFacts) -> str:
    change = f"ALTER PUBLICATION {facts.server.sql_publication}"
    return f"BEGIN; {change} DROP TABLE {table.sql_name}; {change} ADD TABLE {table.sql_name}; COMMIT;"


def _not_captured(facts: Facts, settings: PostgresSettings) -> Iterator[Finding]:
    """Yield tables that are published for nothing, at the price that they cannot be changed."""
    frozen: Sequence[TableFacts] = [table for table in facts.foreign_published if not table.has_identity]
    if frozen:
        fact = (
            f"Publication {settings.publication_name} sends {listed([table.id for table in frozen])}, which the filters do not pass and which "
            "has no replica identity: PostgreSQL refuses UPDATE and DELETE on it"
        )
        remedy = f"Run: ALTER PUBLICATION {facts.server.sql_publication} DROP TABLE {sql_names(frozen)};"
        if facts.publication is not None and facts.publication.all_tables:
            remedy = "Publish the captured tables alone, under another publication.name: " + create_publication(facts)
        yield _finding(level="warning", subject=settings.publication_name, fact=fact, remedy=remedy)


def _generated(facts: Facts) -> Iterator[Finding]:
    publication = facts.publication
    if publication is not None and publication.generated:
        return
    remedy = "PostgreSQL publishes them from version 18 on."
    if facts.server.version >= GENERATED_PUBLISHED and publication is None:
        remedy = f"Create the publication with them, as the owner of the tables: {create_publication(facts)}"
    elif facts.server.version >= GENERATED_PUBLISHED:
        remedy = f"Run: ALTER PUBLICATION {facts.server.sql_publication} SET (publish_generated_columns = stored);"
    for table in facts.captured:
        if table.generated:
            fact = f"Generated columns of {table.id} ({listed(table.generated)}) are in its snapshot, and not in its later changes"
            yield _finding(level="warning", subject=str(table.id), fact=fact, remedy=remedy)
