"""The distributed transactions that are prepared when a snapshot is taken: its view lacks their rows, and the log has them before its place.

XA RECOVER names them, and the log is searched backwards for their events, so that the stream has them when they commit.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence

from cdc.errors import SourceRefused
from cdc.sources.mysql.binlog.event_types import EventHeader, EventType, XaId
from cdc.sources.mysql.binlog.events import XaPrepare, parse_event
from cdc.sources.mysql.binlog.gtid_events import PREPARED, GtidEvent, MariaDbGtidEvent
from cdc.sources.mysql.binlog.place import FIRST_POSITION, FilePosition
from cdc.sources.mysql.binlog.position import OpenXa
from cdc.sources.mysql.binlog.query_event import Query
from cdc.sources.mysql.binlog.xa import XaVerb, canonical_xid, xa_statement, xid_of
from cdc.sources.mysql.protocol.connection import Connection
from cdc.sources.mysql.protocol.dump import BinlogStream, DumpSettings
from cdc.sources.mysql.protocol.endpoint import Endpoint
from cdc.sources.mysql.protocol.server_errors import ServerRefused

log = logging.getLogger(__name__)

_BEGINNINGS = (EventType.GTID, EventType.ANONYMOUS_GTID, EventType.GTID_TAGGED, EventType.MARIADB_GTID)
_SEARCHED = frozenset({*_BEGINNINGS, EventType.QUERY, EventType.QUERY_COMPRESSED, EventType.XA_PREPARE})
_TYPE_AT = 4


async def prepared_now(connection: Connection) -> set[str]:
    """Return the ids of the distributed transactions that are prepared, as the log writes them; none if the user may not see them."""
    try:
        rows = await connection.texts("XA RECOVER FORMAT='SQL'" if connection.mariadb else "XA RECOVER CONVERT XID")
    except ServerRefused:  # MySQL tells it to users with XA_RECOVER_ADMIN alone
        log.info(
            "which distributed transactions are prepared may not be seen: GRANT XA_RECOVER_ADMIN, if there are any"
        )
        return set()
    return {_xid(row) for row in rows}


def _xid(row: Sequence[str | None]) -> str:
    kind, *lengths, name = (each or "" for each in row)
    size, branch = map(int, lengths)
    if name.startswith("0x"):
        data = bytes.fromhex(name[2:])
        return xid_of(int(kind), data[:size], data[size:])
    if name.startswith("'"):  # MariaDB quotes what is printable: 'global id','branch',format
        behind = 1 + size + len("','")
        return xid_of(int(kind), name[1 : 1 + size].encode(), name[behind : behind + branch].encode())
    return canonical_xid(name)


async def find_prepared(
    connection: Connection, endpoint: Endpoint, settings: DumpSettings, wanted: Iterable[str], end: FilePosition
) -> tuple[OpenXa, ...]:
    """Return where those of the transactions begin that are prepared at `end`, a place in the log; the oldest first.

    Raises:
        SourceRefused: one was prepared in log that the server has removed, so that its rows could not be had when it commits.
        SourceUnavailable: the connection broke.
    """
    missing, found = set(wanted), list[OpenXa]()
    files = [str(row[0]) for row in await connection.texts("SHOW BINARY LOGS")] if missing else []
    for file in reversed([name for name in files if name <= end.file]):
        async with await BinlogStream.open(endpoint, settings) as stream:
            seen = await _search(stream, FilePosition(file, end.position if file == end.file else 0))
        found += [place for xid in missing if (place := seen.get(xid)) is not None]
        missing -= set(seen)
        if not missing:
            break
    if missing and not _is_first(files):
        raise SourceRefused(
            f"{endpoint}: the distributed transactions {', '.join(sorted(missing))} are prepared, and {files[0]}, the oldest file of the binlog,"
            " begins behind them: if they commit, their rows are neither in the snapshot nor in the stream",
            "End them (XA RECOVER shows them; XA COMMIT or XA ROLLBACK), and start the connector again.",
        )
    return tuple(sorted(found, key=lambda each: (each.file, each.position)))


def _is_first(files: Sequence[str]) -> bool:
    """Tell whether the log is all that there ever was: what is not in it is not logged, and comes to nobody."""
    return not files or files[0].rpartition(".")[2].strip("0") == "1"


async def _search(stream: BinlogStream, end: FilePosition) -> Mapping[str, OpenXa | None]:
    """Return which transactions a file says of that they are prepared, and where they begin, or have ended (None); the position 0 reads all of it."""
    seen: dict[str, OpenXa | None] = {}
    search = _Search(seen)
    await stream.start(FilePosition(end.file, FIRST_POSITION))
    while True:
        file, base, events = await stream.read()
        if file not in ("", end.file):
            return seen
        for event in events:
            if event[_TYPE_AT] in _SEARCHED and not search.take(event, end.file, base, end.position):
                return seen
        if end.position and stream.file == end.file and stream.position >= end.position:
            return seen


class _Search:
    """Follows the events of one file; notes in `seen` what becomes of distributed transactions."""

    def __init__(self, seen: dict[str, OpenXa | None]) -> None:
        self._seen = seen
        self._begin = 0
        self._gtid = ""

    def take(self, event: bytes, file: str, base: int, until: int) -> bool:
        """Take an event that ends at `until` or before, 0 for any; False for one behind."""
        header = EventHeader.of(event)
        end = base + header.log_pos
        if until and end > until:
            return False
        found = parse_event(event)
        match found:
            case GtidEvent() | MariaDbGtidEvent():
                self._begin, self._gtid = end - header.size, str(found.gtid) if found.gtid is not None else ""
                if isinstance(found, MariaDbGtidEvent) and found.flags & PREPARED and found.xa is not None:
                    self._prepared(found.xa, file)
            case XaPrepare(one_phase=False):
                self._prepared(found.xa, file)
            case Query():
                statement = xa_statement(found)
                if statement is not None and statement.verb is not XaVerb.OTHER:
                    self._seen[statement.xid] = None
        return True

    def _prepared(self, xa: XaId, file: str) -> None:
        xid = xid_of(xa.format_id, xa.global_id, xa.branch)
        self._seen[xid] = OpenXa(xid, file, self._begin, self._gtid)
