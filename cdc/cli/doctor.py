"""`cdc-stream doctor`: what stands in the way of a connector, before it starts."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text

from cdc.cli.worker_file import connector_on_worker
from cdc.config import load
from cdc.config.connector import ConnectorConfig
from cdc.config.history import HistoryPlace
from cdc.config.mysql_settings import MySqlSettings
from cdc.config.settings import KafkaSettings, PostgresSettings
from cdc.errors import SinkError
from cdc.kafka.doctor import diagnosis as kafka
from cdc.kafka.doctor.commands import least_rights
from cdc.model.finding import Finding
from cdc.model.position import Offset
from cdc.pipeline.assembly import SNAPSHOT_TRANSACTION_SECONDS
from cdc.sources.diagnosis import Diagnosis
from cdc.sources.mysql.doctor import diagnosis as mysql
from cdc.sources.postgres.doctor import diagnosis as postgres

#: The groups, in the order in which they are shown.
AREAS: Final = {
    "server": "The server",
    "rights": "Rights in the database",
    "publication": "The publication",
    "tables": "The tables",
    "slot": "The slot",
    "offset": "The stored offset",
    "kafka": "Kafka",
    "topics": "Topics",
}
LEVELS: Final = {"error": "red", "warning": "yellow", "note": "dim"}


@dataclass(frozen=True, slots=True)
class Report:
    """What was found, in the order in which it is shown; `sql` and `acls` give the least rights in `database` and in Kafka."""

    connector: str
    findings: Sequence[Finding]
    sql: Sequence[str] = ()
    acls: Sequence[str] = ()
    database: str = "PostgreSQL"

    @property
    def exit_code(self) -> int:
        """1 when something would stop or endanger the stream, else 0."""
        return int(any(finding.level == "error" for finding in self.findings))

    @property
    def summary(self) -> str:
        """How many findings of each level there are."""
        levels = [finding.level for finding in self.findings]
        counts = [
            f"{levels.count(level)} {level}{'s' * (levels.count(level) != 1)}" for level in ("error", "warning", "note")
        ]
        return f"{self.connector}: {', '.join(counts)}"


def run_doctor(path: Path, worker: Path | None, bootstrap_servers: str | None, *, as_json: bool) -> int:
    """Examine what the connector of a file needs, on the worker of a file or by itself; print it, and return the exit code.

    Raises:
        ConfigError: a file cannot be used.
        RequestError: the worker cannot run the connector, or it reads no database's log.
    """
    name, raw = load(path)
    given = {"bootstrap.servers": bootstrap_servers} if bootstrap_servers else {}
    if worker is None:
        config = ConnectorConfig.from_raw({"name": name, **raw, **given})
    else:
        config = connector_on_worker(worker, given, name, raw)
    logging.basicConfig(level=logging.ERROR)
    report = asyncio.run(examine(config, renames="transforms" in raw))
    _print(report, as_json=as_json)
    return report.exit_code


async def examine(config: ConnectorConfig, *, renames: bool = False) -> Report:
    """Return what was found on both ends; `renames` says that there are transforms, which may choose other topics."""
    stored, unread = await _stored(config)
    source, database = await _examine_source(config, stored)
    longest, history = max(config.kafka.transaction_timeout, SNAPSHOT_TRANSACTION_SECONDS), _history_topic(config)
    sink = await kafka.examine(config.kafka, source.topics, longest, history)
    reached = not any(finding.area == "kafka" and finding.level == "error" for finding in sink)
    extra = [*(unread if reached else ()), *((_TRANSFORMED,) if renames else ())]
    findings = sorted([*source.findings, *sink, *extra], key=_place)
    guarded = _is_guarded(config.kafka) or not reached
    rights = least_rights(config.kafka, source.topics, history) if guarded else ()
    return Report(config.name, findings, source.rights, rights, database)


async def _examine_source(config: ConnectorConfig, stored: Offset | None) -> tuple[Diagnosis, str]:
    """Return what was found at the database, and the name of its product."""
    if isinstance(config.source, PostgresSettings):
        return await postgres.examine(config.source, stored), "PostgreSQL"
    return await mysql.examine(config.source, stored), "MySQL"


def _history_topic(config: ConnectorConfig) -> str:
    """Return the topic of the schema history, "" where there is none."""
    source = config.source
    if isinstance(source, MySqlSettings) and source.history.place is HistoryPlace.KAFKA:
        return source.history.topic
    return ""


_TRANSFORMED: Final = Finding(
    "note", "topics", "transforms", "Transforms may send records to other topics than those that were looked at"
)


async def _stored(config: ConnectorConfig) -> tuple[Offset | None, Sequence[Finding]]:
    """Return the stored offset, and why it cannot be read."""
    partition = {"server": config.source.topic_prefix}
    area = "slot" if isinstance(config.source, PostgresSettings) else "offset"
    try:
        return await kafka.stored_offset(config.kafka, config.name, partition), ()
    except SinkError as error:
        fact = f"The stored offset could not be read, and was not compared with the server: {error}"
        return None, [Finding("warning", area, "stored offset", fact.rstrip("."), error.remedy)]
    except ValueError as error:
        fact = f"The stored offset in topic {config.kafka.offset_topic} cannot be read: {error}"
        remedy = "Write the right offset under the same key, or a record without value to begin anew with a snapshot."
        return None, [Finding("error", area, "stored offset", fact, remedy)]


def _is_guarded(settings: KafkaSettings) -> bool:
    """Whether the brokers are likely to have access control lists."""
    return settings.security.protocol != "PLAINTEXT"


def _place(finding: Finding) -> tuple[int, int]:
    return list(AREAS).index(finding.area), list(LEVELS).index(finding.level)


def _print(report: Report, *, as_json: bool) -> None:
    console = Console()
    if as_json:
        print(json.dumps(document(report), ensure_ascii=False, indent=2))
    elif console.is_terminal:
        for line in drawn(report):
            console.print(line, soft_wrap=True)
    else:
        print("\n".join(plain(report)))


def document(report: Report) -> dict[str, object]:
    """Return the report as JSON has it."""
    return {
        "connector": report.connector,
        "ok": report.exit_code == 0,
        "findings": [asdict(finding) for finding in report.findings],
        "least_rights": {"sql": list(report.sql), "kafka": list(report.acls)},
    }


def plain(report: Report) -> Iterator[str]:
    """Yield a line for each finding, then the sum, then the statements and commands for the least rights."""
    for finding in report.findings:
        yield f"{finding.level} {finding.area} {_sentence(finding)}"
    yield report.summary
    if report.sql:
        yield from ("", f"-- The least rights for these tables, in {report.database}:", *report.sql)
    if report.acls:
        yield from ("", "# The least rights for these topics, in Kafka:", *report.acls)


def _sentence(finding: Finding) -> str:
    return f"{finding.fact}. {finding.remedy}" if finding.remedy else f"{finding.fact}."


def drawn(report: Report) -> Iterator[Text]:
    """Yield the lines for a terminal: by group, the remedy below what it mends."""
    for area, findings in groupby(report.findings, key=lambda finding: finding.area):
        yield Text(AREAS[area], style="bold")
        for finding in findings:
            yield Text.assemble("  ", (f"{finding.level:8}", LEVELS[finding.level]), f"{finding.fact}.")
            if finding.remedy:
                yield Text(f"          {finding.remedy}", style="cyan")
        yield Text()
    yield from _block(f"The least rights for these tables, in {report.database}", report.sql)
    yield from _block("The least rights for these topics, in Kafka", report.acls)
    yield Text(report.summary, style="bold red" if report.exit_code else "bold green")


def _block(title: str, lines: Sequence[str]) -> Iterator[Text]:
    if lines:
        yield Text(title, style="bold")
        yield from (Text(f"  {line}") for line in lines)
        yield Text()
