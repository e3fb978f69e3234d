"""Positions in MySQL's log: a place in a file of the binlog, and the GTIDs of the transactions that are whole there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from cdc.cli.positions.log import View
from cdc.cli.positions.wording import given_offset, shown_time
from cdc.config.mysql_settings import MySqlSettings
from cdc.errors import CdcError, ConfigError, ServerIdInUse, SourceLost
from cdc.model.position import Json, Offset, Position
from cdc.sources.mysql.binlog.gtid import GtidSet
from cdc.sources.mysql.binlog.mariadb_gtid import MariaDbGtidSet
from cdc.sources.mysql.binlog.position import MySqlPosition
from cdc.sources.mysql.server.facts import ServerFacts
from cdc.sources.mysql.server.inspection import Inspection, inspect
from cdc.sources.mysql.server.retention import unread_bytes
from cdc.sources.wording import shown_seconds

_PLACE: Final = re.compile(r"(?P<file>[^:/\s]+\.\d{6,}):(?P<pos>\d+)")


@dataclass(frozen=True, slots=True)
class MySqlView:
    """A `View` of a MySQL or MariaDB server."""

    found: Inspection
    in_use: ClassVar[type[CdcError]] = ServerIdInUse

    @property
    def lost(self) -> SourceLost | None:
        """See `View.lost`."""
        return self.found.lost

    @property
    def reader(self) -> str:
        """See `View.reader`."""
        return self.found.reader

    def document(self, position: Position | None) -> Mapping[str, Json]:
        """See `View.document`."""
        server = self.found.server
        known = None if position is None else _own(position)
        return {
            "uuid": server.uuid or None,
            "server_id": server.server_id,
            "end": f"{server.file}:{server.position}" if server.file else None,
            "lag_bytes": None if known is None else unread_bytes(server.files, known),
            "lag_transactions": None if known is None else _unread(server, known),
            "executed": None if server.executed is None else str(server.executed),
            "purged": None if server.purged is None else str(server.purged),
            "oldest_file": server.files[0].name if server.files else None,
            "kept_seconds": server.retention_seconds or None,
        }

    def lines(self, position: Position | None) -> Iterator[str]:
        """See `View.lines`."""
        server = self.found.server
        yield f"server: {_name(server.uuid, server.server_id)}"
        if not server.file:
            yield "  it writes no binlog"
            return
        lag = _lag(server, position) if isinstance(position, MySqlPosition) else ""
        yield f"  end of its log: {server.file}:{server.position}{lag}"
        if server.executed is not None:
            yield f"  executed: {server.executed or 'none'}"
        if server.purged:
            yield f"  removed from its log: {server.purged}"
        kept = (
            f"for {shown_seconds(server.retention_seconds)}"
            if server.retention_seconds
            else "until somebody removes it"
        )
        yield f"  its log begins with {server.files[0].name if server.files else '?'}, and is kept {kept}"
        yield f"  {self.found.reader or 'no connector with this database.server.id reads it'}"


@dataclass(frozen=True, slots=True)
class MySqlPositions:
    """A `Log` of MySQL or MariaDB."""

    settings: MySqlSettings

    def position(self, offset: Offset) -> MySqlPosition:
        """See `Log.position`."""
        return MySqlPosition.from_offset(offset)

    async def look(self, position: Position | None) -> MySqlView:
        """See `Log.look`."""
        known = None if position is None else _own(position)
        return MySqlView(await inspect(self.settings, known))

    def offset(self, where: str, server: View | None, unknown: str) -> Offset:
        """See `Log.offset`: a place as in binlog.000003:4711, a set of GTIDs, or JSON.

        A server that can be asked must have the place. With GTIDs a place alone would not do, as nothing tells which transactions lie before it;
        and behind a set of GTIDs the server itself finds the place.
        """
        if (given := given_offset(where)) is not None:
            return given
        known = server.found.server if isinstance(server, MySqlView) else None
        if (place := _PLACE.fullmatch(where.strip())) is not None:
            found = MySqlPosition(place["file"], int(place["pos"]))
        else:
            found = _behind(where.strip(), known, unknown)
        if known is None:
            return found.offset()
        return MySqlPosition(found.file, found.pos, found.gtids, known.uuid, known.server_id).offset()

    def between(self, before: Position, after: Position) -> str:
        """See `Log.between`: by GTIDs, or by the order of places."""
        old, new = _own(before), _own(after)
        if old.gtids is None or new.gtids is None:
            if (old.file, old.pos) == (new.file, new.pos):
                return ""
            forwards = (old.file, old.pos) < (new.file, new.pos)
            return f"What lies between them {'is left out' if forwards else 'comes again'}"
        if _is_of_mysql(old.gtids) and _is_of_mysql(new.gtids):
            had, has = GtidSet.parse(old.gtids), GtidSet.parse(new.gtids)
            return _moved(str(has - had), str(had - has))
        before_it, behind_it = MariaDbGtidSet.parse(old.gtids), MariaDbGtidSet.parse(new.gtids)
        skipped, again = str(behind_it - before_it), str(before_it - behind_it)
        return _moved(f"up to {skipped}" if skipped else "", f"up to {again}" if again else "")

    def described(self, position: Position) -> Mapping[str, Json]:
        """See `Log.described`."""
        position = _own(position)
        partial = position.partial
        return {
            "file": position.file,
            "pos": position.pos,
            "gtids": position.gtids,
            "time": shown_time(position.commit_us),
            "snapshot": position.snapshot,
            "server_uuid": position.server_uuid or None,
            "server_id": position.server_id or None,
            "published_of_next": None if partial is None else {"events": partial.events, "rows": partial.rows},
            "open_xa": [transaction.json() for transaction in position.open_xa],
        }

    def told(self, position: Position) -> Iterator[str]:
        """See `Log.told`."""
        position = _own(position)
        if position.commit_us:
            yield f"last transaction: committed {shown_time(position.commit_us)}"
        yield f"server: {_name(position.server_uuid, position.server_id)}"
        if (partial := position.partial) is not None:
            of = f" {partial.gtid}" if partial.gtid else ""
            yield f"of the next transaction{of}, {partial.events} events and {partial.rows} rows are published"
        for open_xa in position.open_xa:
            yield f"prepared and not ended: {open_xa.xid}, at {open_xa.file}:{open_xa.position}"


def _is_of_mysql(gtids: str) -> bool:
    return not gtids or ":" in gtids


def _moved(skipped: str, again: str) -> str:
    parts = [f"{skipped} are left out"] if skipped else []
    parts += [f"{again} come again"] if again else []
    return f"The transactions {', and '.join(parts)}" if parts else ""


def _own(position: Position) -> MySqlPosition:
    if not isinstance(position, MySqlPosition):
        raise TypeError(f"{position} is no position in this log")
    return position


def _name(uuid: str, server_id: int) -> str:
    return ", ".join(([uuid] if uuid else []) + ([f"server id {server_id}"] if server_id else [])) or "unknown"


def _lag(server: ServerFacts, position: MySqlPosition) -> str:
    size, count = unread_bytes(server.files, position), _unread(server, position)
    parts = [] if size is None else [f"{size} bytes"]
    parts += [] if count is None else [f"{count} transactions"]
    return f", {' and '.join(parts)} after the stored offset" if parts else ""


def _unread(server: ServerFacts, position: MySqlPosition) -> int | None:
    """Return how many transactions the server has that are not published; None where that is not known."""
    if position.gtids is None or not isinstance(server.executed, GtidSet):
        return None
    return (server.executed - GtidSet.parse(position.gtids)).count()


def _behind(text: str, server: ServerFacts | None, unknown: str) -> MySqlPosition:
    """Return the position behind a set of GTIDs; the place in the log is only where to look, so it is the oldest that there is."""
    try:
        gtids = str(MariaDbGtidSet.parse(text) if server is not None and server.mariadb else GtidSet.parse(text))
    except ConfigError as error:
        remedy = "Give a place, as in binlog.000003:4711, or a set of GTIDs, as the server prints gtid_executed, or an offset as JSON."
        raise ConfigError(f"{text!r} is no place in the binlog: {error}", remedy) from error
    if server is None:
        raise ConfigError(
            f"The GTIDs cannot be compared with the server: {unknown}",
            "Try again when it can be reached, or give an offset as JSON.",
        )
    if not server.has_gtids:
        raise ConfigError(
            f"{server.server} has no GTIDs (gtid_mode is {server.variables.get('gtid_mode', 'OFF')})",
            "Give a place, as in binlog.000003:4711.",
        )
    return MySqlPosition(server.files[0].name if server.files else "", 4, gtids)
