"""The examination of a PostgreSQL server for one connector."""

from __future__ import annotations

from cdc.config.settings import PostgresSettings
from cdc.errors import CdcError
from cdc.model.finding import Finding
from cdc.model.position import Offset
from cdc.sources.diagnosis import Diagnosis
from cdc.sources.naming import table_topic
from cdc.sources.postgres.doctor.facts import Facts
from cdc.sources.postgres.doctor.publication import publication_findings
from cdc.sources.postgres.doctor.reader import read_facts
from cdc.sources.postgres.doctor.role import least_rights, role_findings
from cdc.sources.postgres.doctor.server import server_findings
from cdc.sources.postgres.doctor.slot import slot_findings
from cdc.sources.postgres.doctor.tables import table_findings
from cdc.sources.wording import sentence


async def examine(settings: PostgresSettings, stored: Offset | None = None) -> Diagnosis:
    """Look at the server and change nothing; `stored` is the connector's offset, if there is one. A server that refuses us is a finding."""
    try:
        facts = await read_facts(settings, stored)
    except CdcError as error:
        subject = f"{settings.hostname}:{settings.port}/{settings.dbname}"
        return Diagnosis([Finding("error", "server", subject, sentence(error), error.remedy)])
    return diagnose(facts, settings)


def diagnose(facts: Facts, settings: PostgresSettings) -> Diagnosis:
    """Return what the facts mean for a connector."""
    findings = [
        *server_findings(facts, settings),
        *role_findings(facts, settings),
        *publication_findings(facts, settings),
        *table_findings(facts, settings),
        *slot_findings(facts, settings),
    ]
    topics = {
        table_topic(settings.topic_prefix, table.id, settings.topic_delimiter, settings.naming): bool(table.key)
        for table in facts.captured
    }
    return Diagnosis(findings, least_rights(facts), topics)
