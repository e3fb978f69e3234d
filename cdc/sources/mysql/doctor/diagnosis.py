"""The examination of a MySQL server for one connector."""

from __future__ import annotations

from cdc.config.mysql_settings import MySqlSettings
from cdc.errors import CdcError
from cdc.model.finding import Finding
from cdc.model.position import Offset
from cdc.sources.diagnosis import Diagnosis
from cdc.sources.mysql.doctor.facts import Facts
from cdc.sources.mysql.doctor.offset import offset_findings
from cdc.sources.mysql.doctor.reader import read_facts
from cdc.sources.mysql.doctor.role import least_rights, role_findings
from cdc.sources.mysql.doctor.server import server_findings
from cdc.sources.mysql.doctor.tables import table_findings
from cdc.sources.naming import table_topic
from cdc.sources.wording import sentence


async def examine(settings: MySqlSettings, stored: Offset | None = None) -> Diagnosis:
    """Look at the server and change nothing; `stored` is the connector's offset, if there is one. A server that refuses us is a finding."""
    try:
        facts = await read_facts(settings, stored)
    except CdcError as error:
        subject = f"{settings.hostname}:{settings.port}"
        return Diagnosis([Finding("error", "server", subject, sentence(error), error.remedy)])
    return diagnose(facts, settings)


def diagnose(facts: Facts, settings: MySqlSettings) -> Diagnosis:
    """Return what the facts mean for a connector."""
    findings = [
        *server_findings(facts, settings),
        *role_findings(facts, settings),
        *table_findings(facts, settings),
        *offset_findings(facts, settings),
    ]
    topics = {
        table_topic(settings.topic_prefix, table.id, settings.topic_delimiter, settings.naming): bool(table.key)
        for table in facts.captured
    }
    if settings.include_schema_changes:
        topics[settings.topic_prefix] = True
    return Diagnosis(findings, least_rights(facts, settings), topics)
