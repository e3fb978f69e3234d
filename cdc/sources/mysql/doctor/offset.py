"""Findings on the stored offset beside the server's binlog."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from cdc.config.mysql_settings import MySqlSettings
from cdc.model.finding import Finding
from cdc.sources.mysql.doctor.facts import Facts
from cdc.sources.wording import sentence

_finding = partial(Finding, area="offset", subject="stored offset")


def offset_findings(facts: Facts, settings: MySqlSettings) -> Iterator[Finding]:
    """Yield what is to say of where the connector begins."""
    if facts.lost is not None:
        overruled = settings.snapshot_policy.when_lost
        fact = sentence(facts.lost) + (
            f" (snapshot.mode = {settings.snapshot_mode}: a new snapshot is taken)" if overruled else ""
        )
        yield _finding(level="warning" if overruled else "error", fact=fact, remedy=facts.lost.remedy)
    elif not facts.stored:
        yield _finding(
            level="note",
            fact=f"No offset is stored: the connector begins anew (snapshot.mode = {settings.snapshot_mode})",
        )
