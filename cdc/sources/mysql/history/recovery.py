"""From the schema history to the definitions at a position, and from a statement to its record there."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterable, Mapping
from typing import Any, Final

from cdc.errors import DdlUnreadable, HistoryUnreadable
from cdc.history.records import HistoryRecord
from cdc.metrics.counters import HistoryCounts
from cdc.model.position import Offset
from cdc.sources.mysql.binlog.gtid import GtidSet
from cdc.sources.mysql.binlog.mariadb_gtid import MariaDbGtidSet
from cdc.sources.mysql.ddl.definitions import CharsetChoice, Definitions
from cdc.sources.mysql.ddl.sql_tokens import SqlMode
from cdc.sources.mysql.ddl.statements import (
    ChangeType,
    DdlOutcome,
    DdlSession,
    StatementKind,
    TableChange,
    apply_ddl,
    forgotten,
    tells_server,
)
from cdc.sources.mysql.ddl.table_json import restored_change, stored_change
from cdc.sources.mysql.history.told import told_of

_ONE_GTID: Final = re.compile(r"[0-9a-f-]+(:\w+)?:\d+", re.IGNORECASE)
_MODES: Final = ("ansi_quotes", "no_backslash_escapes", "real_as_float")


def history_record(
    statement: str,
    session: DdlSession,
    outcome: DdlOutcome,
    *,
    source: Mapping[str, str],
    offset: Offset,
    ts_ms: int,
    comments: bool = False,
) -> HistoryRecord:
    """Return what the history keeps of a statement; `offset` is the one behind it, `comments` is include.schema.comments."""
    return HistoryRecord(
        source=source,
        position=offset,
        ts_ms=ts_ms,
        database=(outcome.relative and session.database) or outcome.database,
        ddl=statement,
        table_changes=tuple(stored_change(change, comments=comments) for change in told_of(outcome)),
        session=_stored_session(session, outcome),
    )


def _stored_session(session: DdlSession, outcome: DdlOutcome) -> dict[str, Any]:
    stored: dict[str, Any] = {name: True for name in _MODES if getattr(session.mode, name)}
    # Only what a database inherits depends on it.
    if (
        session.server is not None
        and outcome.kind is StatementKind.DATABASE
        and tells_server(session, outcome.definitions)
    ):
        stored |= {"server_charset": session.server.charset, "server_collation": session.server.collation}
    return stored if session.explicit_timestamps else {**stored, "explicit_timestamps": False}


def _restored_session(record: HistoryRecord) -> DdlSession:
    stored = record.session
    server = (
        CharsetChoice(stored["server_charset"], stored.get("server_collation")) if "server_charset" in stored else None
    )
    return DdlSession(
        database=record.database,
        mode=SqlMode(*(bool(stored.get(name)) for name in _MODES)),
        server=server,
        explicit_timestamps=bool(stored.get("explicit_timestamps", True)),
    )


async def recovered(
    definitions: Definitions,
    records: AsyncIterable[HistoryRecord],
    source: Mapping[str, str],
    until: Offset,
    counts: HistoryCounts | None = None,
) -> Definitions:
    """Return the definitions at an offset: the given ones, and every statement of the history up to it.

    A statement that is not understood is replaced by the table changes that stand beside it. One that is there twice, because the process
    ended between history and offset and the log sent it again, counts once; also if Debezium has recorded it first, and cdc-stream again.
    `counts` is told of the records that are read, and of those that are applied.

    Raises:
        HistoryUnreadable: no record lies before the offset, though the source has one; or neither a statement nor its changes are understood.
    """
    found, seen, of_debezium = False, set[tuple[str, str]](), set[tuple[str, str]]()
    counts = counts or HistoryCounts()
    async for record in records:
        counts.recover(time.monotonic())
        if dict(record.source) != dict(source) or not is_reached(record.position, until):
            continue
        found = True
        if record.position.get("snapshot"):
            seen.clear()  # it describes the tables anew, and perhaps another log
            of_debezium.clear()
        else:
            statement, standing = _identity(record), (_standing(record.position), record.ddl)
            if statement in seen or standing in of_debezium:
                continue
            seen.add(statement)
            if _precedes_statement(record.position):
                of_debezium.add(standing)
        definitions = replayed(definitions, record)
        counts.apply(time.monotonic())
    if not found:
        fact = f"The schema history has nothing about {dict(source)} up to the stored offset {dict(until)}"
        remedy = (
            "Restore it from a backup, or build it anew by snapshot.mode=recovery (safe if no table was changed since)."
        )
        raise HistoryUnreadable(fact, remedy)
    return definitions


def _identity(record: HistoryRecord) -> tuple[str, str]:
    """Return what a statement of the log is told by: its GTID, or else its place."""
    return str(record.position.get("gtids") or _standing(record.position)), record.ddl


def _standing(position: Mapping[str, Any]) -> str:
    return f"{position.get('file')}:{position.get('pos')}"


def _precedes_statement(position: Mapping[str, Any]) -> bool:
    """Tell whether the GTIDs of a position are those before the statement, as in streaming of Debezium's MySQL connector.

    Beside them it tells the server's number, and without the UUID that is in cdc-stream's records of snapshots. Those of streaming have one
    GTID, that of the statement, and no number if it is the first one of its server.
    """
    gtids = str(position.get("gtids"))
    if ":" not in gtids or "server_id" not in position or position.get("snapshot") or position.get("server_uuid"):
        return False
    return is_first(gtids) or not _ONE_GTID.fullmatch(gtids)


def is_first(gtids: str) -> bool:
    """Tell whether GTIDs are only the first one of a server, which Debezium's records have when nothing else has happened there."""
    return gtids.endswith(":1") and _ONE_GTID.fullmatch(gtids) is not None


def replayed(definitions: Definitions, record: HistoryRecord) -> Definitions:
    """Return the definitions behind a record.

    Raises:
        HistoryUnreadable: neither the statement nor the changes beside it are understood.
    """
    try:
        return apply_ddl(definitions, record.ddl, _restored_session(record)).definitions
    except DdlUnreadable as error:
        if not record.table_changes:
            return forgotten(definitions, error)
        return _changed(definitions, record)


def _changed(definitions: Definitions, record: HistoryRecord) -> Definitions:
    try:
        changes = [restored_change(stored) for stored in record.table_changes]
    except (KeyError, ValueError, TypeError, IndexError, AttributeError) as error:
        fact = f"The schema history at {dict(record.position)} holds changes of another form: {error!r}"
        raise HistoryUnreadable(fact, "Build the history anew by snapshot.mode=recovery.") from error
    for change in changes:
        definitions = _put(definitions, change)
    return definitions


def _put(definitions: Definitions, change: TableChange) -> Definitions:
    definitions = definitions.without_table(change.previous or change.id).without_table(change.id)
    if change.type is ChangeType.DROP or change.table is None:
        return definitions
    return definitions.with_table(change.table)


def is_reached(position: Mapping[str, Any], offset: Offset) -> bool:
    """Tell whether a position of the history is at or before an offset: by GTIDs where both have them, else by file and place.

    A position of the time before the server had GTIDs is before every offset that has some, on whichever server that goes on. What a
    snapshot recorded is before every offset that it led to, at the same place. What Debezium recorded in streaming is not before
    an offset with the same GTIDs: these do not have the statement, so the log sends it again.
    """
    mine, theirs = position.get("gtids"), offset.get("gtids")
    if isinstance(theirs, str):
        if not isinstance(mine, str):
            return True
        return _contained(mine, theirs) and not (_precedes_statement(position) and _contained(theirs, mine))
    return _place(position) <= _place(offset)


def _contained(mine: str, theirs: str) -> bool:
    if ":" in mine or ":" in theirs:
        return GtidSet.parse(mine) <= GtidSet.parse(theirs)
    return MariaDbGtidSet.parse(mine) <= MariaDbGtidSet.parse(theirs)


def _place(position: Mapping[str, Any]) -> tuple[int, int]:
    _, _, number = str(position.get("file") or "").rpartition(".")
    return int(number) if number.isdigit() else 0, int(position.get("pos") or 0)
