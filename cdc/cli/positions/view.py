"""How a connector's stand is shown: for a person, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import orjson

from cdc.cli.positions.stand import Stand
from cdc.model.position import Json, format_lsn
from cdc.sources.postgres.inspection import Inspection
from cdc.sources.postgres.position import PostgresPosition
from cdc.sources.postgres.slot import Slot


def as_document(stand: Stand) -> str:
    """Return all that is known as one JSON document; places in the log are texts as PostgreSQL prints them."""
    lost = stand.server.lost if stand.server is not None else None
    problem: Json = {"error": type(lost).__name__, "fact": str(lost), "remedy": lost.remedy} if lost else None
    document: dict[str, Json] = {
        "connector": stand.config.name,
        "topic": stand.config.kafka.offset_topic,
        "partition": dict(stand.partition),
        "offset": None if stand.offset is None else dict(stand.offset),
        "position": None if stand.position is None else _position(stand.position),
        "server": None if stand.server is None else _server(stand.server, stand.position),
        "lost": problem,
        "unknown": stand.unknown,
        "unreadable": stand.unreadable,
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()


def _position(position: PostgresPosition) -> dict[str, Json]:
    slot = position.slot
    return {
        "lsn": format_lsn(position.lsn),
        "time": _time(position),
        "transaction": position.xid or None,
        "published_of_next": position.partial[1] if position.partial else 0,
        "snapshot": position.snapshot,
        "system_id": position.system_id,
        "timeline": position.timeline,
        "slot": {"name": slot.name, "began": format_lsn(slot.began), "restart": format_lsn(slot.restart)}
        if slot
        else None,
    }


def _server(found: Inspection, position: PostgresPosition | None) -> dict[str, Json]:
    return {
        "system_id": found.server.system_id,
        "timeline": found.server.timeline,
        "end": format_lsn(found.server.flushed),
        "lag_bytes": None if position is None else found.server.flushed - position.lsn,
        "slot": None if found.slot is None else _slot(found.slot),
    }


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


def as_text(stand: Stand) -> str:
    """Return what a person wants to know, a few lines long."""
    return "\n".join([f"connector {stand.config.name}", *_stored(stand), *_said(stand), *_judged(stand)])


def _stored(stand: Stand) -> Iterator[str]:
    position = stand.position
    if position is None:
        yield f"stored offset: {stand.unreadable or 'none; the connector begins anew, as snapshot.mode says'}"
        return
    yield f"stored offset: {position}{' (the snapshot is not complete)' if position.snapshot else ''}"
    if position.commit_us:
        yield f"  last transaction: {position.xid}, committed {_time(position)}"
    known = f"system identifier {position.system_id}, timeline {position.timeline}" if position.system_id else "unknown"
    yield f"  server: {known}"
    if position.slot is not None:
        yield f"  slot: {position.slot.name}, which began at {format_lsn(position.slot.began)}"


def _said(stand: Stand) -> Iterator[str]:
    found, name = stand.server, stand.config.postgres.slot_name
    if found is None:
        yield f"server: unknown; {stand.unknown}"
        return
    lag = (
        "" if stand.position is None else f", {found.server.flushed - stand.position.lsn} bytes after the stored offset"
    )
    yield f"server: system identifier {found.server.system_id}, timeline {found.server.timeline}"
    yield f"  end of its log: {format_lsn(found.server.flushed)}{lag}"
    if found.slot is None:
        yield f"  slot {name}: does not exist"
        return
    reader = f"read by PID {found.slot.active_pid}" if found.slot.active_pid else "nobody reads it"
    yield f"  slot {name}: stands at {format_lsn(found.slot.confirmed_lsn)}, {reader}"
    kept = f"{found.slot.retained_bytes or 0} bytes of log (wal_status {found.slot.wal_status})"
    safe = "" if found.slot.safe_bytes is None else f", {found.slot.safe_bytes} more are safe"
    yield f"  kept for it: {kept}{safe}"


def _judged(stand: Stand) -> Iterator[str]:
    if stand.server is None or stand.position is None:
        return
    lost = stand.server.lost
    if lost is None:
        yield "the connector can go on"
        return
    yield f"the connector cannot go on: {type(lost).__name__}: {lost.sentence()}"


def _time(position: PostgresPosition) -> str | None:
    if not position.commit_us:
        return None
    return datetime.fromtimestamp(position.commit_us / 1_000_000, UTC).isoformat()
