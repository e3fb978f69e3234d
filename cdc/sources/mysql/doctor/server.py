"""Findings on the server: whether it logs, what its binlog holds of a row, and for how long it is kept."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from cdc.config.mysql_settings import MySqlSettings
from cdc.model.finding import Finding
from cdc.sources.mysql.doctor.facts import Facts, UserFacts
from cdc.sources.mysql.protocol.endpoint import PROGRAM
from cdc.sources.mysql.server.facts import ServerFacts
from cdc.sources.wording import shown_seconds

#: A binlog that is kept for less than that, in seconds, is short for a stop over a weekend.
SHORT_RETENTION: Final = 3 * 86400
_finding = partial(Finding, area="server")


def server_findings(facts: Facts, settings: MySqlSettings) -> Iterator[Finding]:
    """Yield what is to say of the server."""
    server = facts.server
    yield from _binlog(server)
    yield from _format(server)
    yield from _image(server)
    yield from _metadata(server)
    yield from _server_id(facts, settings)
    yield from _gtids(server, settings)
    yield from _retention(server)
    yield from _query(server, settings)
    yield from _clear(facts.user)


def logs_changes(server: ServerFacts) -> bool:
    """Whether the server writes a binlog."""
    return server.variables.get("log_bin", "").upper() in {"ON", "1"}


def _binlog(server: ServerFacts) -> Iterator[Finding]:
    if not logs_changes(server):
        remedy = "Start it with log_bin and a server_id in its option file; changes before that are in no log."
        yield _finding(level="error", subject="log_bin", fact=f"{server.server} writes no binlog", remedy=remedy)


def _format(server: ServerFacts) -> Iterator[Finding]:
    found = server.variables.get("binlog_format", "ROW").upper()
    if found != "ROW":
        fact = f"binlog_format is {found}: the binlog lacks the rows of some changes, or of all"
        remedy = f"Run, and let all sessions begin anew: {_set(server, 'binlog_format', 'ROW')}"
        yield _finding(level="error", subject="binlog_format", fact=fact, remedy=remedy)


def _image(server: ServerFacts) -> Iterator[Finding]:
    found = server.variables.get("binlog_row_image", "FULL").upper()
    if found != "FULL":
        fact = (
            f"binlog_row_image is {found}: the binlog leaves columns out, and unavailable.value.placeholder or null"
            " stands for them in the records"
        )
        remedy = f"Run, and let all sessions begin anew: {_set(server, 'binlog_row_image', 'FULL')}"
        yield _finding(level="warning", subject="binlog_row_image", fact=fact, remedy=remedy)


def _metadata(server: ServerFacts) -> Iterator[Finding]:
    if server.full_metadata:
        fact = "binlog_row_metadata is FULL: rows tell their own columns, so that DDL that cannot be read stops nothing"
        yield _finding(level="note", subject="binlog_row_metadata", fact=fact)
        return
    fact = "binlog_row_metadata is not FULL: the columns of rows are known by following each DDL statement alone"
    remedy = f"Run: {_set(server, 'binlog_row_metadata', 'FULL')}"
    yield _finding(level="note", subject="binlog_row_metadata", fact=fact, remedy=remedy)


def _server_id(facts: Facts, settings: MySqlSettings) -> Iterator[Finding]:
    server, ours, subject = facts.server, settings.server_id, "database.server.id"
    remedy = "Set database.server.id to a number that no server or replica of the topology has."
    if not server.server_id:
        fact = "server_id is 0, with which the server sends its binlog to nobody"
        yield _finding(level="error", subject="server_id", fact=fact, remedy=f"Run: {_set(server, 'server_id', '1')}")
    if server.server_id == ours:
        fact = f"database.server.id is {ours}, and that is the server's own server_id"
        yield _finding(level="error", subject=subject, fact=fact, remedy=remedy)
    for replica in facts.replicas:
        if replica.server_id != ours:
            continue
        if replica.host == PROGRAM:
            fact = f"A cdc-stream reads the binlog with the server id {ours} now"
            yield _finding(
                level="warning", subject=subject, fact=fact, remedy=f"If it is not this connector: {_lowered(remedy)}"
            )
        else:
            where = f" at {replica.host}" if replica.host else ""
            fact = f"database.server.id is {ours}, and a replica{where} has it"
            yield _finding(level="error", subject=subject, fact=fact, remedy=remedy)


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]


def _gtids(server: ServerFacts, settings: MySqlSettings) -> Iterator[Finding]:
    if server.mariadb:
        return
    mode = server.variables.get("gtid_mode", "OFF").upper()
    several = len(settings.hosts) > 1
    if mode != "ON":
        fact = f"gtid_mode is {mode}: the position is a place in this server's binlog, and the stream cannot go on at another server"
        remedy = (
            f"If it is to survive a failover, set at all servers, in this order: {_set(server, 'enforce_gtid_consistency', 'ON')}"
            " then gtid_mode to OFF_PERMISSIVE, ON_PERMISSIVE and ON."
        )
        yield _finding(level="warning" if several else "note", subject="gtid_mode", fact=fact, remedy=remedy)
    elif server.variables.get("enforce_gtid_consistency", "ON").upper() not in {"ON", "1"}:
        fact = "enforce_gtid_consistency is not ON, though gtid_mode is"
        remedy = f"Run: {_set(server, 'enforce_gtid_consistency', 'ON')}"
        yield _finding(level="warning", subject="enforce_gtid_consistency", fact=fact, remedy=remedy)


def _retention(server: ServerFacts) -> Iterator[Finding]:
    seconds, subject = server.retention_seconds, "binlog_expire_logs_seconds"
    if not logs_changes(server):
        return
    if not seconds:
        fact = f"{subject} is 0: the server never removes its binlog by itself"
        yield _finding(level="note", subject=subject, fact=fact, remedy="Watch the disk, or set a bound.")
    elif seconds < SHORT_RETENTION:
        fact = f"{subject} is {shown_seconds(seconds)}: a connector that is stopped for longer needs a new snapshot"
        remedy = f"Run, for a week: {_set(server, subject, '604800')}"
        yield _finding(level="warning", subject=subject, fact=fact, remedy=remedy)


def _query(server: ServerFacts, settings: MySqlSettings) -> Iterator[Finding]:
    # MariaDB calls it binlog_annotate_row_events, which is ON unless somebody has changed it.
    if (
        settings.include_query
        and not server.mariadb
        and server.variables.get("binlog_rows_query_log_events", "").upper() != "ON"
    ):
        fact = (
            "include.query is true, and binlog_rows_query_log_events is not ON: the statements of changes are not in the binlog,"
            " and source.query stays null"
        )
        remedy = f"Run, and let all sessions begin anew: {_set(server, 'binlog_rows_query_log_events', 'ON')}"
        yield _finding(level="warning", subject="include.query", fact=fact, remedy=remedy)


def _clear(user: UserFacts) -> Iterator[Finding]:
    if not user.cipher:
        fact = "The connection is not encrypted: rows and statements travel in the clear"
        remedy = "Unless the network is trusted, set database.ssl.mode to verify_identity, or to required at least."
        yield _finding(level="note", subject="database.ssl.mode", fact=fact, remedy=remedy)


def _set(server: ServerFacts, name: str, value: str) -> str:
    """Return the statement that changes a setting for good: MySQL keeps it, MariaDB has its option file for that."""
    return f"SET GLOBAL {name} = {value};" if server.mariadb else f"SET PERSIST {name} = {value};"
