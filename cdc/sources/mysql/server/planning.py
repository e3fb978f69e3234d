"""Where a source begins: whether the binlog still has what the stored offset needs, and which snapshot is to be taken."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from cdc.config.mysql_settings import MySqlSettings
from cdc.config.snapshot import SnapshotMode
from cdc.errors import LogDiverged, LogPurged, OtherServer, SourceLost
from cdc.model.position import Offset
from cdc.snapshot.stored import unfinished
from cdc.sources.mysql.binlog.gtid import GtidSet
from cdc.sources.mysql.binlog.mariadb_gtid import MariaDbGtidSet
from cdc.sources.mysql.binlog.place import FilePosition, Start
from cdc.sources.mysql.binlog.position import MySqlPosition, OpenXa, Partial
from cdc.sources.mysql.server.facts import ServerFacts

log = logging.getLogger(__name__)

_SNAPSHOT_REMEDY: Final = (
    "Take a new snapshot: set snapshot.mode=when_needed, or remove the offset (cdc-stream offsets reset)."
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a source begins with: a snapshot, whose rows are read with `data`, or the stream from `start` on, for which `position` holds.

    `recovers` says that the definitions are read anew although nothing else is. `catch_up` is as for `BinlogDecoder`.
    """

    snapshot: bool
    data: bool = True
    position: MySqlPosition | None = None
    start: Start | None = None
    catch_up: tuple[str, int] | None = None
    recovers: bool = False


def plan(settings: MySqlSettings, stored: Offset | None, facts: ServerFacts, *, resumed: bool) -> Plan:
    """Decide what to begin with; `resumed` says that the connector has taken a snapshot since it was started.

    Raises:
        LogPurged: the server has removed log that the stored offset needs.
        LogDiverged: its log is another one than was read.
        SnapshotUnfinished: Debezium has not read all rows of a snapshot that it was asked for.
        OtherServer: it is another server, and there are no GTIDs by which to find the place in its log, or that of prepared transactions.
        SourceLost: the offset means nothing, or there is none and the mode is for one that there is.
    """
    policy = settings.snapshot_policy
    if stored is None:
        _check_first(settings)
        return Plan(snapshot=True, data=policy.at_first)
    try:
        position = MySqlPosition.from_offset(stored)
        if position.snapshot:
            log.info("the snapshot was interrupted, and is taken from the beginning")
            return Plan(snapshot=True)
        if policy.at_each_start and not resumed:
            return Plan(snapshot=True)
        if (rest := unfinished(stored)) is not None:
            raise rest
        found = resume(settings, position, facts)
    except SourceLost as lost:
        if not policy.when_lost:
            raise
        log.warning("%s A new snapshot is taken.", lost.sentence())
        return Plan(snapshot=True)
    return replace(found, recovers=settings.snapshot_mode is SnapshotMode.RECOVERY)


def _check_first(settings: MySqlSettings) -> None:
    """Refuse to begin anew where the definitions of a stored place were asked for: what came between would be missed."""
    if settings.snapshot_mode is SnapshotMode.RECOVERY:
        raise SourceLost(
            "snapshot.mode is recovery, which reads definitions anew for a stored offset, and there is none",
            "Set snapshot.mode=initial, or no_data to begin without the rows that there are.",
        )


def resume(settings: MySqlSettings, position: MySqlPosition, facts: ServerFacts) -> Plan:
    """Return how the stream goes on behind a position; raises the kinds of SourceLost that `plan` tells."""
    position = _for_server(position, facts)
    if position.gtids is not None and facts.has_gtids:
        if facts.mariadb:
            return _by_mariadb_gtids(position, facts)
        return _by_gtids(settings, position, facts)
    if not position.file:
        raise SourceLost(
            f"the stream is to begin behind the GTIDs {position.gtids}, and {facts.server} has none (gtid_mode is not ON)",
            "Begin at a place of its binlog, as in binlog.000003:157.",
        )
    return _by_place(position, facts)


def _for_server(position: MySqlPosition, facts: ServerFacts) -> MySqlPosition:
    """Count the published part of a transaction in rows where another server may have cut it into other events."""
    partial = position.partial
    if partial is None or not position.server_uuid or position.server_uuid == facts.uuid:
        return position
    return replace(position, partial=Partial(gtid=partial.gtid, ordinal=partial.ordinal))


def _by_gtids(settings: MySqlSettings, position: MySqlPosition, facts: ServerFacts) -> Plan:
    counts: Callable[[str], bool] = settings.gtid_sources.matches
    executed = facts.executed if isinstance(facts.executed, GtidSet) else GtidSet()
    known = GtidSet.parse(position.gtids or "")
    _check_executed(known.restricted(counts) - executed, facts)
    start = known
    if settings.filters_changes_by_gtid:
        # Of other servers nothing is published, so nothing of theirs need be read.
        start = known | executed.restricted(lambda uuid: not counts(uuid))
    _check_purged((facts.purged or GtidSet()) - start, facts)
    waiting = GtidSet.parse(",".join(each.gtid for each in position.open_xa if each.gtid))
    _check_purged(waiting & (facts.purged or GtidSet()), facts)
    return Plan(snapshot=False, position=replace(position, gtids=str(start)), start=start - waiting)


def _check_executed(foreign: GtidSet, facts: ServerFacts) -> None:
    if foreign:
        raise LogDiverged(
            f"{facts.server} ({facts.uuid}) has never had the transactions {foreign}, which were read: its binlog was reset, it was restored"
            " from an older copy, or it is a replica that lacks them",
            _SNAPSHOT_REMEDY + " If it is a replica that is behind, wait until it has caught up.",
        )


def _check_purged(lost: GtidSet, facts: ServerFacts) -> None:
    if lost:
        raise LogPurged(
            f"{facts.server} ({facts.uuid}) has removed log that has not been read: the transactions {lost}",
            _SNAPSHOT_REMEDY + " A longer binlog_expire_logs_seconds keeps the log for a stopped connector.",
        )


def _by_mariadb_gtids(position: MySqlPosition, facts: ServerFacts) -> Plan:
    known = MariaDbGtidSet.parse(position.gtids or "")
    executed = facts.executed if isinstance(facts.executed, MariaDbGtidSet) else MariaDbGtidSet()
    if not known <= executed:
        raise LogDiverged(
            f"{facts.server} has never had all of the transactions {known}, which were read; it stands at {executed}",
            _SNAPSHOT_REMEDY + " If it is a replica that is behind, wait until it has caught up.",
        )
    if position.open_xa:
        _check_same(position, facts)
        return _by_place(position, facts)
    return Plan(snapshot=False, position=position, start=known)


def _check_same(position: MySqlPosition, facts: ServerFacts) -> None:
    """Make sure that places mean something: rows of prepared transactions are found by them, and MariaDB tells servers apart by their numbers."""
    if position.server_id and position.server_id != facts.server_id:
        xids = ", ".join(each.xid for each in position.open_xa)
        raise OtherServer(
            f"the stored offset is of the server with server_id {position.server_id}, and this one has {facts.server_id}: the rows of the"
            f" prepared distributed transactions {xids} cannot be found in its log",
            "Connect to the former server until XA RECOVER is empty there, or take a new snapshot.",
        )


def _by_place(position: MySqlPosition, facts: ServerFacts) -> Plan:
    if position.server_uuid and facts.uuid and position.server_uuid != facts.uuid:
        raise OtherServer(
            f"the stored offset is of the server {position.server_uuid}, and this one is {facts.uuid}; without GTIDs a place in one log"
            " means nothing in another",
            "Connect to the former server, or take a new snapshot. With gtid_mode=ON the stream goes on at another server.",
        )
    oldest = min(position.open_xa, key=_place, default=OpenXa("", position.file, position.pos))
    for file, pos in ((oldest.file, oldest.position), (position.file, position.pos)):
        _check_place(file, pos, facts)
    waits = _place(oldest) < (position.file, position.pos)
    catch_up = (position.file, position.pos) if waits else None
    return Plan(snapshot=False, position=position, start=FilePosition(oldest.file, oldest.position), catch_up=catch_up)


def _place(transaction: OpenXa) -> tuple[str, int]:
    return transaction.file, transaction.position


def _check_place(file: str, pos: int, facts: ServerFacts) -> None:
    found = next((each for each in facts.files if each.name == file), None)
    if found is None:
        names = f"{facts.files[0].name} to {facts.files[-1].name}" if facts.files else "no files"
        raise LogPurged(
            f"{facts.server} has no binlog file {file} any more, which has not been read to its end; it has {names}",
            _SNAPSHOT_REMEDY + " A longer binlog_expire_logs_seconds keeps the log for a stopped connector.",
        )
    if pos > found.size:
        raise LogDiverged(
            f"the stored offset stands at {file}:{pos}, and the file ends at {found.size}: the binlog was reset, or the server was restored"
            " from an older copy",
            _SNAPSHOT_REMEDY,
        )
