"""Positions in PostgreSQL's log: LSNs, and the slot that keeps the log from there on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from cdc.cli.positions.log import View
from cdc.cli.positions.wording import given_offset, shown_time
from cdc.config.settings import PostgresSettings
from cdc.errors import CdcError, ConfigError, SlotInUse, SourceLost
from cdc.model.position import Json, Offset, Position, format_lsn, parse_lsn
from cdc.sources.postgres.server.inspection import Inspection, inspect
from cdc.sources.postgres.server.slot import Slot
from cdc.sources.postgres.wal.position import PostgresPosition


@dataclass(frozen=True, slots=True)
class PostgresView:
    """A `View` of a PostgreSQL server and of the slot `name` there."""

    found: Inspection
    name: str
    in_use: ClassVar[type[CdcError]] = SlotInUse

    @property
    def lost(self) -> SourceLost | None:
        """See `View.lost`."""
        return self.found.lost

    @property
    def reader(self) -> str:
        """See `View.reader`."""
        slot = self.found.slot
        if slot is None or slot.active_pid is None:
            return ""
        return f"slot {self.name} is read by PID {slot.active_pid} of the server"

    def document(self, position: Position | None) -> Mapping[str, Json]:
        """See `View.document`."""
        server, slot = self.found.server, self.found.slot
        return {
            "system_id": server.system_id,
            "timeline": server.timeline,
            "end": format_lsn(server.flushed),
            "lag_bytes": server.flushed - position.lsn if isinstance(position, PostgresPosition) else None,
            "slot": None if slot is None else _slot(slot),
        }

    def lines(self, position: Position | None) -> Iterator[str]:
        """See `View.lines`."""
        server, slot = self.found.server, self.found.slot
        lag = ""
        if isinstance(position, PostgresPosition):
            lag = f", {server.flushed - position.lsn} bytes after the stored offset"
        yield f"server: system identifier {server.system_id}, timeline {server.timeline}"
        yield f"  end of its log: {format_lsn(server.flushed)}{lag}"
        if slot is None:
            yield f"  slot {self.name}: does not exist"
            return
        reader = f"read by PID {slot.active_pid}" if slot.active_pid else "nobody reads it"
        yield f"  slot {self.name}: stands at {format_lsn(slot.confirmed_lsn)}, {reader}"
        kept = f"{slot.retained_bytes or 0} bytes of log (wal_status {slot.wal_status})"
        safe = "" if slot.safe_bytes is None else f", {slot.safe_bytes} more are safe"
        yield f"  kept for it: {kept}{safe}"


@dataclass(frozen=True, slots=True)
class PostgresPositions:
    """A `Log` of PostgreSQL."""

    settings: PostgresSettings

    def position(self, offset: Offset) -> PostgresPosition:
        """See `Log.position`."""
        return PostgresPosition.from_offset(offset)

    async def look(self, position: Position | None) -> PostgresView:
        """See `Log.look`."""
        known = None if position is None else _own(position)
        return PostgresView(await inspect(self.settings, known), self.settings.slot_name)

    def offset(self, where: str, server: View | None, unknown: str) -> Offset:
        """See `Log.offset`: a place in the log, the word slot, or JSON; with what is known of the server it is about."""
        if (given := given_offset(where)) is not None:
            return given
        found = server.found if isinstance(server, PostgresView) else None
        name = self.settings.slot_name
        if where == "slot":
            if found is None or found.slot is None:
                why = unknown or f"slot {name} does not exist"
                raise ConfigError(f"It is not known where the slot stands: {why}", "Give a place in the log.")
            lsn = found.slot.confirmed_lsn
        else:
            lsn = _place(where)
        if found is None:
            return PostgresPosition(lsn).offset()
        evidence = found.slot.evidence(name) if found.slot is not None else None
        return PostgresPosition(lsn, found.server.system_id, found.server.timeline, slot=evidence).offset()

    def between(self, before: Position, after: Position) -> str:
        """See `Log.between`."""
        way = _own(after).lsn - _own(before).lsn
        return f"{abs(way)} bytes of log {'are left out' if way > 0 else 'come again'}" if way else ""

    def described(self, position: Position) -> Mapping[str, Json]:
        """See `Log.described`."""
        position = _own(position)
        slot = position.slot
        return {
            "lsn": format_lsn(position.lsn),
            "time": shown_time(position.commit_us),
            "transaction": position.xid or None,
            "published_of_next": position.partial[1] if position.partial else 0,
            "snapshot": position.snapshot,
            "system_id": position.system_id,
            "timeline": position.timeline,
            "slot": {"name": slot.name, "began": format_lsn(slot.began), "restart": format_lsn(slot.restart)}
            if slot
            else None,
        }

    def told(self, position: Position) -> Iterator[str]:
        """See `Log.told`."""
        position = _own(position)
        if position.commit_us:
            yield f"last transaction: {position.xid}, committed {shown_time(position.commit_us)}"
        known = f"system identifier {position.system_id}, timeline {position.timeline}"
        yield f"server: {known if position.system_id else 'unknown'}"
        if position.slot is not None:
            yield f"slot: {position.slot.name}, which began at {format_lsn(position.slot.began)}"


def _own(position: Position) -> PostgresPosition:
    if not isinstance(position, PostgresPosition):
        raise TypeError(f"{position} is no position in this log")
    return position


def _slot(slot: Slot) -> dict[str, Json]:
    return {
        "confirmed": format_lsn(slot.confirmed_lsn),
        "restart": format_lsn(slot.restart_lsn),
        "retained_bytes": slot.retained_bytes,
        "safe_bytes": slot.safe_bytes,
        "wal_status": slot.wal_status,
        "invalidation": slot.invalidation,
        "failover": slot.failover,
        "active_pid": slot.active_pid,
    }


def _place(text: str) -> int:
    try:
        lsn = parse_lsn(text)
    except ValueError as error:
        remedy = "Give one as PostgreSQL prints it, as in 0/16B3748, or the word slot, or an offset as JSON."
        raise ConfigError(f"{text!r} is no place in the log", remedy) from error
    if not lsn:
        raise ConfigError(
            f"{text} is no place in the log", "To begin anew, remove the offset: cdc-stream offsets reset."
        )
    return lsn
