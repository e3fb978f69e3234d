"""Findings on the connector's role, and the statements that give one the least rights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

from cdc.config.settings import PostgresSettings
from cdc.model.finding import Finding
from cdc.sources.postgres.doctor.facts import Facts, TableFacts
from cdc.sources.wording import listed, sentence

#: Who is proposed where the connector runs as a superuser.
PROPOSED: Final = "cdc"
#: From this version on generated columns can be published.
GENERATED_PUBLISHED: Final = 180000
_finding = partial(Finding, area="rights")


def role_findings(facts: Facts, settings: PostgresSettings) -> Iterator[Finding]:
    """Yield what is to say of the role's rights; rows are read for a snapshot alone."""
    yield from _replication(facts)
    yield from _schemas(facts)
    if settings.snapshot_policy.at_first or settings.snapshot_policy.when_lost:
        yield from _select(facts)
        yield from _row_security(facts)
    if facts.role.superuser:
        fact = f"The role {facts.role.name} is a superuser, and the connector needs far less"
        remedy = "Give it a role of its own, by the statements for the least rights."
        yield _finding(level="note", subject=facts.role.name, fact=fact, remedy=remedy)


def least_rights(facts: Facts) -> Sequence[str]:
    """Return the statements that give a role what the connector needs for its tables, and no more; they may be repeated."""
    captured, role = facts.captured, facts.role.sql_name
    if facts.role.superuser:
        role, first = PROPOSED, f"CREATE ROLE {PROPOSED} LOGIN REPLICATION PASSWORD '…';"
    else:
        first = f"ALTER ROLE {role} LOGIN REPLICATION;"
    statements = [first, f"GRANT CONNECT ON DATABASE {facts.server.sql_database} TO {role};"]
    if captured:
        schemas = ", ".join(sorted({table.sql_schema for table in captured}))
        statements += [f"GRANT USAGE ON SCHEMA {schemas} TO {role};", _grant_select(captured, role)]
    if any(table.row_security for table in captured):
        statements.append(f"ALTER ROLE {role} BYPASSRLS;")
    if facts.publication is None and captured:
        statements.append(create_publication(facts))
    return statements


def create_publication(facts: Facts) -> str:
    """Return the statement by which the owner of the tables creates the publication."""
    options = ["publish_via_partition_root = true"] if any(table.kind == "p" for table in facts.captured) else []
    if facts.server.version >= GENERATED_PUBLISHED and any(table.generated for table in facts.captured):
        options.append("publish_generated_columns = stored")
    clause = f" WITH ({', '.join(options)})" if options else ""
    return f"CREATE PUBLICATION {facts.server.sql_publication} FOR TABLE {sql_names(facts.captured)}{clause};"


def sql_names(tables: Sequence[TableFacts]) -> str:
    """Return the tables as a list in SQL."""
    return ", ".join(table.sql_name for table in tables)


def _grant_select(tables: Sequence[TableFacts], role: str) -> str:
    return f"GRANT SELECT ON TABLE {sql_names(tables)} TO {role};"


def _replication(facts: Facts) -> Iterator[Finding]:
    error, role = facts.replication, facts.role
    if error is None or facts.server.senders >= facts.server.numbers.get("max_wal_senders", 0):
        return
    remedy = error.remedy
    if not (role.replication or role.superuser):
        remedy = f"Run: ALTER ROLE {role.sql_name} REPLICATION; On a managed server, grant the role that it has for replication."
    yield _finding(level="error", subject=role.name, fact=sentence(error), remedy=remedy)


def _schemas(facts: Facts) -> Iterator[Finding]:
    schemas = sorted({table.sql_schema for table in facts.captured if not table.schema_usable})
    if schemas:
        fact = f"The role {facts.role.name} may not use schema {listed(schemas)}"
        remedy = f"Run: GRANT USAGE ON SCHEMA {', '.join(schemas)} TO {facts.role.sql_name};"
        yield _finding(level="error", subject=facts.role.name, fact=fact, remedy=remedy)


def _select(facts: Facts) -> Iterator[Finding]:
    hidden = [table for table in facts.captured if not table.readable]
    if hidden:
        fact = f"The role {facts.role.name} may not read {listed([table.id for table in hidden])}, as the snapshot does"
        remedy = f"Run: {_grant_select(hidden, facts.role.sql_name)}"
        yield _finding(level="error", subject=facts.role.name, fact=fact, remedy=remedy)


def _row_security(facts: Facts) -> Iterator[Finding]:
    secured = [table for table in facts.captured if table.row_security]
    if secured:
        fact = (
            f"Row security hides rows of {listed([table.id for table in secured])} from the role {facts.role.name}: "
            "the snapshot would lack them"
        )
        remedy = f"Run: ALTER ROLE {facts.role.sql_name} BYPASSRLS;"
        yield _finding(level="error", subject=facts.role.name, fact=fact, remedy=remedy)
