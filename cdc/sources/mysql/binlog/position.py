"""The position of a MySQL source, and its offset record in Debezium's words.

`file`, `pos` and `gtids` are where the last whole transaction ends, or where the one begins that is published in part; of that one, `event` events from its
BEGIN on are published, and `row` rows of the event behind them. The other keys are cdc-stream's own, and Debezium passes over them: which
server wrote the log, when it made the file, which transaction is published in part and how many rows of captured tables that is, and which distributed
transactions were prepared before and have not ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from cdc.errors import SourceLost
from cdc.model.position import Json, Offset
from cdc.snapshot.stored import was_interrupted
from cdc.sources.mysql.binlog.gtid import Gtid, GtidSet
from cdc.sources.mysql.binlog.mariadb_gtid import MariaDbGtid, MariaDbGtidSet
from cdc.sources.mysql.binlog.place import FilePosition, Start

#: Before the name of a collection: how many events of it the published part of a split transaction has.
COUNT: Final = "transaction_data_collection_order_"


@dataclass(frozen=True, slots=True)
class Partial:
    """What of a transaction is published: `events` from its BEGIN on, and `rows` of the event behind them.

    The transaction is the one of `gtid`, or else that which begins at `file` and `position`, or, if none of these is known, the first that
    comes. `ordinal` counts the rows of captured tables; it alone counts if `events` is 0: another server may have cut the same transaction
    into other events.
    """

    events: int = 0
    rows: int = 0
    gtid: str = ""
    file: str = ""
    position: int = 0
    ordinal: int = 0

    def is_of(self, gtid: Gtid | MariaDbGtid | None, file: str, position: int) -> bool:
        """Tell whether a transaction is the one that was published in part."""
        if self.gtid:
            return str(gtid) == self.gtid
        return not self.file or (file, position) == (self.file, self.position)


@dataclass(frozen=True, slots=True)
class OpenXa:
    """A distributed transaction that was prepared and has not ended: its id as the log prints it, and where its events begin."""

    xid: str
    file: str
    position: int
    gtid: str = ""

    def json(self) -> dict[str, Json]:
        """Return what stands for it in an offset record."""
        return {"xid": self.xid, "file": self.file, "pos": self.position, "gtid": self.gtid}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> OpenXa:
        """Read what `json` has written."""
        return cls(str(found["xid"]), str(found["file"]), int(found["pos"]), str(found.get("gtid") or ""))


@dataclass(frozen=True, slots=True)
class MySqlPosition:
    """Where a MySQL source stands.

    `gtids` is the canonical text of the transactions that are whole, None where the server has no GTIDs. `snapshot` is true while the
    snapshot is not complete. `file_created` is when the server made `file`, in seconds since 1970, 0 if that is not known. `counts` are the published events of a split transaction by collection, if they are counted.
    """

    file: str
    pos: int
    gtids: str | None = None
    server_uuid: str = ""
    server_id: int = 0
    commit_us: int = 0
    partial: Partial | None = None
    snapshot: bool = False
    counts: tuple[tuple[str, int], ...] = ()
    open_xa: tuple[OpenXa, ...] = ()
    file_created: int = 0

    def offset(self) -> Offset:
        """Return the value of the offset record."""
        found: dict[str, Json] = {
            "ts_sec": self.commit_us // 1_000_000 or None,
            "file": self.file,
            "pos": self.pos,
            "gtids": self.gtids,
            "server_id": self.server_id or None,
            "server_uuid": self.server_uuid or None,
            "file_ts_sec": self.file_created or None,
        }
        if self.partial:
            found |= {"event": self.partial.events, "row": self.partial.rows}
            found |= {"transaction_gtid": self.partial.gtid or None, "transaction_rows": self.partial.ordinal}
            found |= {COUNT + name: count for name, count in self.counts}
        if self.snapshot:
            found["snapshot"] = "INITIAL"
        if self.open_xa:
            found["open_xa"] = [each.json() for each in self.open_xa]
        return {key: value for key, value in found.items() if value is not None}

    @classmethod
    def from_offset(cls, offset: Offset) -> MySqlPosition:
        """Read the value of an offset record, ours or Debezium's; raises SourceLost for one that names no position."""
        file, pos = offset.get("file"), offset.get("pos")
        if not isinstance(file, str) or not isinstance(pos, int):
            raise SourceLost(
                f"the stored offset {dict(offset)} names no place in a binlog",
                "Remove the offset to begin with a new snapshot (cdc-stream offsets reset), or set the right one.",
            )
        gtids = offset.get("gtids")
        return cls(
            file=file,
            pos=pos,
            gtids=gtids if isinstance(gtids, str) else None,
            server_uuid=str(offset.get("server_uuid") or ""),
            server_id=_number(offset, "server_id"),
            commit_us=_number(offset, "ts_sec") * 1_000_000,
            partial=_partial(offset, file, pos),
            snapshot=was_interrupted(offset),
            counts=_counts(offset) if "event" in offset else (),
            file_created=_number(offset, "file_ts_sec"),
            open_xa=tuple(map(OpenXa.from_json, cast("list[Mapping[str, Any]]", offset.get("open_xa") or []))),
        )

    def start(self, *, mariadb: bool) -> Start:
        """Return where a dump begins that goes on from here: behind the GTIDs, or, without them, at the place in the log."""
        if self.gtids is None:
            return FilePosition(self.file, self.pos)
        return MariaDbGtidSet.parse(self.gtids) if mariadb else GtidSet.parse(self.gtids)

    def __str__(self) -> str:
        place = f"{self.file}:{self.pos}" + (f" ({self.gtids})" if self.gtids else "")
        if self.partial:
            return f"{place} + {self.partial.events} events and {self.partial.rows} rows"
        return place


def _partial(offset: Offset, file: str, pos: int) -> Partial | None:
    """Return what of a transaction is published. Debezium does not say of which, so it is the first one that comes."""
    events, rows = _number(offset, "event"), _number(offset, "row")
    if not events and not rows:
        return None
    ours = "transaction_rows" in offset
    gtid = str(offset.get("transaction_gtid") or "")
    place = (file, pos) if ours and not gtid else ("", 0)
    return Partial(events, rows, gtid, *place, ordinal=_number(offset, "transaction_rows"))


def _counts(offset: Offset) -> tuple[tuple[str, int], ...]:
    return tuple((name.removeprefix(COUNT), _number(offset, name)) for name in offset if name.startswith(COUNT))


def _number(offset: Offset, name: str) -> int:
    value = offset.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
