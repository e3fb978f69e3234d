"""Findings on the replication slot, and on the stored offset beside it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from cdc.config.settings import PostgresSettings
from cdc.model.finding import Finding
from cdc.sources.postgres.doctor.facts import Facts, SlotFacts
from cdc.sources.postgres.server.slot import NEW_SNAPSHOT
from cdc.sources.wording import sentence, shown_bytes

_OTHER_NAME: Final = "Set slot.name to another name"
_finding = partial(Finding, area="slot")


def slot_findings(facts: Facts, settings: PostgresSettings) -> Iterator[Finding]:
    """Yield what is to say of the slot; one that is absent is created at the first start."""
    slot, name = facts.slot, settings.slot_name
    unusable = list(_unusable(slot, settings)) if slot is not None else []
    yield from unusable
    if facts.lost is not None and not unusable:
        yield _finding(
            level="warning" if facts.overruled else "error",
            subject="stored offset",
            fact=sentence(facts.lost)
            + (f" (offset.mismatch.strategy = {settings.offset_mismatch})" if facts.overruled else ""),
            remedy=facts.lost.remedy,
        )
    if slot is None:
        if not facts.stored:
            yield _finding(level="note", subject=name, fact=f"Slot {name} is created when the connector starts")
    elif not unusable:
        yield from _reader(slot, name)
        yield from _retained(slot, name, settings.slot_wal_warn_bytes)


def _unusable(slot: SlotFacts, settings: PostgresSettings) -> Iterator[Finding]:
    name = settings.slot_name
    drop = f"SELECT pg_drop_replication_slot('{name.replace(chr(39), chr(39) * 2)}');"
    error = partial(_finding, level="error", subject=name)
    if slot.slot_type != "logical":
        yield error(fact=f"Slot {name} is a physical slot", remedy=f"{_OTHER_NAME}.")
    elif slot.plugin != "pgoutput":
        remedy = f"{_OTHER_NAME}, or, if nobody needs it: {drop}"
        yield error(fact=f"Slot {name} uses the plugin {slot.plugin}, not pgoutput", remedy=remedy)
    elif slot.database != settings.dbname:
        fact = f"Slot {name} belongs to database {slot.database}, not to {settings.dbname}"
        yield error(fact=fact, remedy=f"{_OTHER_NAME}.")
    elif slot.temporary:
        yield error(fact=f"Slot {name} is temporary: it ends with its session", remedy=f"{_OTHER_NAME}.")
    elif slot.wal_status == "lost":
        why = f", invalidation_reason = {slot.reason}" if slot.reason else ""
        fact = f"Slot {name} was invalidated, and the changes since its position are lost (wal_status = lost{why})"
        yield error(fact=fact, remedy=f"Run: {drop} {NEW_SNAPSHOT}.")


def _reader(slot: SlotFacts, name: str) -> Iterator[Finding]:
    if slot.active_pid is None:
        return
    fact = f"Slot {name} is being read by PID {slot.active_pid}" + (
        f" ({slot.application})" if slot.application else ""
    )
    if slot.application == f"cdc-stream {name}":
        yield _finding(level="note", subject=name, fact=f"{fact}: the connector seems to run")
        return
    remedy = f"Stop it, or end its session (SELECT pg_terminate_backend({slot.active_pid});), or set slot.name to another name."
    yield _finding(level="error", subject=name, fact=fact, remedy=remedy)


def _retained(slot: SlotFacts, name: str, much: int) -> Iterator[Finding]:
    kept = f"Slot {name} keeps {shown_bytes(slot.retained)} of log (wal_status = {slot.wal_status})"
    read = "Start the connector, so that it is read"
    if slot.wal_status == "unreserved":
        remedy = f"{read}, at once, and raise the bound: ALTER SYSTEM SET max_slot_wal_keep_size = '…'; SELECT pg_reload_conf();"
        fact = f"{kept}, more than max_slot_wal_keep_size: the server may remove what is not read yet at its next checkpoint"
        yield _finding(level="error", subject=name, fact=fact, remedy=remedy)
    elif slot.wal_status == "extended" or 0 < much <= slot.retained:
        left = f", and is invalidated {shown_bytes(slot.safe)} from now" if slot.safe is not None else ""
        yield _finding(level="warning", subject=name, fact=f"{kept}{left}", remedy=f"{read}, or drop the slot.")
