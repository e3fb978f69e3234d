"""Findings on the server: its version, its settings, what it keeps of its log."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from cdc.config.settings import PostgresSettings
from cdc.model.finding import Finding
from cdc.sources.postgres.doctor.facts import Facts, ServerFacts
from cdc.sources.postgres.server.planning import FAILOVER_VERSION, OLDEST
from cdc.sources.wording import shown_bytes, shown_seconds

#: From this version on a standby decodes, and keeps slots.
STANDBYS_DECODE: Final = 160000
_finding = partial(Finding, area="server")


def server_findings(facts: Facts, settings: PostgresSettings) -> Iterator[Finding]:
    """Yield what is to say of the server."""
    server = facts.server
    yield from _version(server)
    yield from _wal_level(server)
    yield from _standby(server)
    yield from _free_slots(server, needed=facts.slot is None)
    yield from _free_senders(server, needed=facts.slot is None or facts.slot.active_pid is None)
    yield from _retention(server)
    yield from _idle_slots(server)
    yield from _sender_timeout(server, settings.status_update_interval)
    if settings.slot_failover and server.version < FAILOVER_VERSION:
        fact = f"slot.failover=true needs PostgreSQL 17 or later, and this server is version {server.version // 10000}"
        yield _finding(level="error", subject="slot.failover", fact=fact, remedy="Leave slot.failover out.")


def _version(server: ServerFacts) -> Iterator[Finding]:
    if server.version < OLDEST:
        fact = f"The server is PostgreSQL {server.version // 10000}, and cdc-stream reads 14 and later"
        yield _finding(level="error", subject="version", fact=fact, remedy="Upgrade the server.")


def _wal_level(server: ServerFacts) -> Iterator[Finding]:
    if server.wal_level != "logical":
        fact = f"wal_level is {server.wal_level}, and logical decoding needs logical"
        remedy = "Run, and restart the server: ALTER SYSTEM SET wal_level = 'logical';"
        yield _finding(level="error", subject="wal_level", fact=fact, remedy=remedy)


def _standby(server: ServerFacts) -> Iterator[Finding]:
    if not server.standby:
        return
    if server.version < STANDBYS_DECODE:
        fact = f"The server is a standby, and PostgreSQL {server.version // 10000} decodes on a primary only"
        remedy = "Set database.hostname to the primary, or upgrade to PostgreSQL 16 or later."
        yield _finding(level="error", subject="standby", fact=fact, remedy=remedy)
        return
    fact = "The server is a standby: a slot is created there only when its primary writes the next snapshot of running transactions"
    remedy = "While the connector waits for its slot, run on the primary: SELECT pg_log_standby_snapshot();"
    yield _finding(level="warning", subject="standby", fact=fact, remedy=remedy)
    if not server.hot_standby_feedback:
        fact = "hot_standby_feedback is off, so the primary may remove catalogue rows that the slot needs, which invalidates it"
        remedy = "Run on the standby: ALTER SYSTEM SET hot_standby_feedback = on; SELECT pg_reload_conf();"
        yield _finding(level="error", subject="hot_standby_feedback", fact=fact, remedy=remedy)


def _free_slots(server: ServerFacts, *, needed: bool) -> Iterator[Finding]:
    most = server.numbers.get("max_replication_slots", 0)
    if needed and server.slots >= most:
        fact = f"All replication slots are taken ({server.slots} of max_replication_slots = {most:.0f}), and the connector needs one"
        remedy = (
            f"Run, and restart the server: ALTER SYSTEM SET max_replication_slots = {server.slots + 4}; "
            "Or drop one that pg_replication_slots shows and nobody needs."
        )
        yield _finding(level="error", subject="max_replication_slots", fact=fact, remedy=remedy)


def _free_senders(server: ServerFacts, *, needed: bool) -> Iterator[Finding]:
    most = server.numbers.get("max_wal_senders", 0)
    if needed and server.senders >= most:
        fact = (
            f"All WAL senders are taken ({server.senders} of max_wal_senders = {most:.0f}), and the connector needs one"
        )
        remedy = (
            f"Run, and restart the server: ALTER SYSTEM SET max_wal_senders = {server.senders + 4}; "
            "Or end one that pg_stat_replication shows and nobody needs."
        )
        yield _finding(level="error", subject="max_wal_senders", fact=fact, remedy=remedy)


def _retention(server: ServerFacts) -> Iterator[Finding]:
    bound = server.numbers.get("max_slot_wal_keep_size", -1)
    if bound < 0:
        fact = "max_slot_wal_keep_size is -1: while the connector is stopped its slot keeps log without end, until the disk is full"
        remedy = (
            "Watch the slot, or bound it: ALTER SYSTEM SET max_slot_wal_keep_size = '50GB'; SELECT pg_reload_conf();"
        )
        yield _finding(level="warning", subject="max_slot_wal_keep_size", fact=fact, remedy=remedy)
        return
    fact = f"max_slot_wal_keep_size is {shown_bytes(bound)}: a slot that lags more is invalidated, and a new snapshot is needed then"
    remedy = "Let it hold what is written in the longest stop of the connector that you allow."
    yield _finding(level="note", subject="max_slot_wal_keep_size", fact=fact, remedy=remedy)


def _idle_slots(server: ServerFacts) -> Iterator[Finding]:
    bound = server.numbers.get("idle_replication_slot_timeout", 0)
    if bound > 0:
        fact = f"idle_replication_slot_timeout is {shown_seconds(bound)}: a connector that is stopped for longer loses its slot"
        remedy = "Unless that is meant: ALTER SYSTEM SET idle_replication_slot_timeout = 0; SELECT pg_reload_conf();"
        yield _finding(level="warning", subject="idle_replication_slot_timeout", fact=fact, remedy=remedy)


def _sender_timeout(server: ServerFacts, status_interval: float) -> Iterator[Finding]:
    bound = server.numbers.get("wal_sender_timeout", 60.0)
    if bound == 0:
        fact = "wal_sender_timeout is 0, so the server keeps the slot of a connector that vanished active, and a new one cannot begin"
        remedy = "Run: ALTER SYSTEM SET wal_sender_timeout = '60s'; SELECT pg_reload_conf();"
        yield _finding(level="warning", subject="wal_sender_timeout", fact=fact, remedy=remedy)
    elif bound < 2 * status_interval:
        fact = (
            f"wal_sender_timeout is {shown_seconds(bound)}, and the connector reports each {shown_seconds(status_interval)}"
            " (status.update.interval.ms): the server may end the stream in between"
        )
        remedy = f"Set status.update.interval.ms to {round(bound * 1000 / 4)}, or raise wal_sender_timeout."
        yield _finding(level="warning", subject="wal_sender_timeout", fact=fact, remedy=remedy)
