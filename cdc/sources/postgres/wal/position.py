"""The position of a PostgreSQL source, and its offset record in Debezium's words.

`lsn_proc` is where streaming goes on: everything that committed before it has been published, nothing after it has been acknowledged.
`lsn`, `lsn_commit`, `txId`, `ts_usec` and `messageType` describe the last published event, as Debezium's connector stores them.
The other keys are cdc-stream's own, and Debezium passes over them: which server, timeline, slot and publication the position belongs to, the
part of a split transaction that is published, and which transactions a snapshot has already seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from cdc.errors import SourceLost
from cdc.model.position import Json, Offset, format_lsn
from cdc.snapshot.stored import was_interrupted

MESSAGE_TYPES = {"c": "INSERT", "u": "UPDATE", "d": "DELETE", "t": "TRUNCATE", "m": "MESSAGE"}
#: Before the name of a collection: how many events of it the published part of a split transaction has.
COUNT = "transaction_data_collection_order_"
OPERATIONS = {message_type: operation for operation, message_type in MESSAGE_TYPES.items()}


@dataclass(frozen=True, slots=True)
class Visibility:
    """Which transactions a snapshot has seen, for a snapshot that the slot did not export.

    `text` is PostgreSQL's pg_snapshot (`xmin:xmax:xip,…`). Transactions that committed at or after `until` were not seen.
    """

    text: str
    until: int

    def sees(self, commit_lsn: int, xid: int) -> bool:
        """Tell whether the snapshot has seen the transaction; `xid` is the 32 bits that the log carries."""
        if commit_lsn >= self.until:
            return False
        low, high, *running = (int(part) for part in self.text.replace(":", ",").split(",") if part)
        full = widen(xid, high)
        return full < low or (full < high and full not in running)


def still_needed(visibility: Visibility | None, lsn: int) -> Visibility | None:
    """Return the visibility as long as a stream that has come to `lsn` can meet transactions that it decides, then None."""
    return visibility if visibility is not None and lsn < visibility.until else None


def widen(xid: int, near: int) -> int:
    """Return the 64-bit transaction id that ends in `xid` and lies nearest to `near`."""
    full = (near & ~0xFFFFFFFF) | xid
    if full > near + (1 << 31):
        full -= 1 << 32
    elif full < near - (1 << 31):
        full += 1 << 32
    return full


@dataclass(frozen=True, slots=True)
class SnapshotPart:
    """Tables (`schema.table`) that a view has published before the snapshot was interrupted: `complete` whole, `begun` in part.

    What follows their rows is the log from that view on; `visibility` None is that of the slot itself, which shows all before its log.
    """

    visibility: Visibility | None
    complete: tuple[str, ...] = ()
    begun: tuple[str, ...] = ()

    def json(self) -> dict[str, Json]:
        """Return what stands for it in an offset record."""
        found: dict[str, Json] = {"complete": list(self.complete), "begun": list(self.begun)}
        if self.visibility:
            found |= {"visible": self.visibility.text, "until": self.visibility.until}
        return found

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> SnapshotPart:
        """Read what `json` has written."""
        visible = found.get("visible")
        visibility = Visibility(str(visible), int(found["until"])) if visible else None
        return cls(visibility, tuple(found.get("complete") or ()), tuple(found.get("begun") or ()))


@dataclass(frozen=True, slots=True)
class SlotEvidence:
    """What a position knows of its slot, by which another slot of the same name is told from it.

    `began` is where the slot began when it was created, or stood when it was first used. `restart` is the oldest log that it needed when it
    was last looked at, and `decoded` how many bytes of changes it had decoded; neither goes back while the slot lives, but the count begins
    anew when the server crashes.
    """

    name: str
    began: int = 0
    restart: int = 0
    decoded: int = 0


@dataclass(frozen=True, slots=True)
class PublicationEvidence:
    """The publication whose changes were read, by which another one of the same name is told from it; `oid` is 0 where there is none."""

    name: str
    oid: int = 0


@dataclass(frozen=True, slots=True)
class Witness:
    """A commit that was read, by which the log is known again: where its record begins, and its time in microseconds since the epoch."""

    lsn: int
    commit_us: int


@dataclass(frozen=True, slots=True)
class PostgresPosition:
    """Where a PostgreSQL source stands.

    `lsn` is the end of the last whole transaction. `partial` is (commit LSN, number of changes) of a transaction behind it that is published
    in part, `counts` its published events by collection, if they are counted. `snapshot` is true while the snapshot is not complete.
    `parts` are what earlier views have published of a snapshot that was interrupted, oldest first; all other tables are as `visibility` says.
    """

    lsn: int
    system_id: str = ""
    timeline: int = 0
    last_commit: int = 0
    event_lsn: int = 0
    xid: int = 0
    commit_us: int = 0
    operation: str = ""
    partial: tuple[int, int] | None = None
    snapshot: bool = False
    visibility: Visibility | None = None
    counts: tuple[tuple[str, int], ...] = ()
    parts: tuple[SnapshotPart, ...] = ()
    slot: SlotEvidence | None = None
    publication: PublicationEvidence | None = None
    witness: Witness | None = None

    def offset(self) -> Offset:
        """Return the value of the offset record."""
        found: dict[str, Json] = {
            "lsn_proc": self.lsn,
            "lsn_events_processed": self.partial[1] if self.partial else 0,
            "messageType": MESSAGE_TYPES.get(self.operation),
            "lsn_commit": self.last_commit or None,
            "lsn": self.event_lsn or self.lsn,
            "txId": self.xid or None,
            "ts_usec": self.commit_us or None,
            "system_id": self.system_id,
            "timeline": self.timeline,
        }
        if self.partial:
            found["transaction_lsn"] = self.partial[0]
            found |= {COUNT + name: count for name, count in self.counts}
        if self.snapshot:
            found |= {"snapshot": "INITIAL", "snapshot_completed": False}
        if self.slot:
            found |= {"slot": self.slot.name, "slot_began": self.slot.began}
            found |= {"slot_restart": self.slot.restart, "slot_decoded": self.slot.decoded}
        if self.publication:
            found |= {"publication": self.publication.name, "publication_oid": self.publication.oid}
        if self.witness:
            found |= {"witness_lsn": self.witness.lsn, "witness_us": self.witness.commit_us}
        if self.visibility:
            found |= {"snapshot_visible": self.visibility.text, "snapshot_until": self.visibility.until}
        if self.parts:
            found["snapshot_parts"] = [part.json() for part in self.parts]
        return {key: value for key, value in found.items() if value is not None}

    @classmethod
    def from_offset(cls, offset: Offset) -> PostgresPosition:
        """Read the value of an offset record, ours or Debezium's; raises SourceLost for one that names no position."""
        ours = "system_id" in offset
        lsn = _number(offset, "lsn_proc") if ours else _number(offset, "lsn_commit", "lsn_proc", "lsn")
        if not lsn:
            raise SourceLost(
                f"the stored offset {dict(offset)} names no log position",
                "Remove the offset to begin with a new snapshot (cdc-stream offsets reset), or set the right one (cdc-stream offsets set).",
            )
        visible = cast("str | None", offset.get("snapshot_visible"))
        split = _number(offset, "transaction_lsn")
        seen = _number(offset, "witness_lsn")
        return cls(
            lsn=lsn,
            system_id=str(offset.get("system_id") or ""),
            timeline=_number(offset, "timeline"),
            last_commit=_number(offset, "lsn_commit"),
            event_lsn=_number(offset, "lsn"),
            xid=_number(offset, "txId"),
            commit_us=_number(offset, "ts_usec"),
            operation=OPERATIONS.get(str(offset.get("messageType")), ""),
            partial=(split, _number(offset, "lsn_events_processed")) if split else None,
            snapshot=was_interrupted(offset),
            visibility=Visibility(visible, _number(offset, "snapshot_until")) if visible else None,
            counts=_counts(offset) if split else (),
            parts=tuple(
                map(SnapshotPart.from_json, cast("list[Mapping[str, Any]]", offset.get("snapshot_parts") or []))
            ),
            slot=_evidence(offset),
            publication=_publication(offset),
            witness=Witness(seen, _number(offset, "witness_us")) if seen else None,
        )

    def __str__(self) -> str:
        place = format_lsn(self.lsn)
        return (
            f"{place} + {self.partial[1]} changes of the transaction at {format_lsn(self.partial[0])}"
            if self.partial
            else place
        )


def _counts(offset: Offset) -> tuple[tuple[str, int], ...]:
    return tuple((name.removeprefix(COUNT), _number(offset, name)) for name in offset if name.startswith(COUNT))


def _evidence(offset: Offset) -> SlotEvidence | None:
    name = offset.get("slot")
    if not isinstance(name, str) or not name:
        return None
    numbers = (_number(offset, key) for key in ("slot_began", "slot_restart", "slot_decoded"))
    return SlotEvidence(name, *numbers)


def _publication(offset: Offset) -> PublicationEvidence | None:
    name = offset.get("publication")
    return PublicationEvidence(name, _number(offset, "publication_oid")) if isinstance(name, str) and name else None


def _number(offset: Offset, *names: str) -> int:
    """Return the first of the named values that is a number, else 0."""
    for name in names:
        value = offset.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    return 0
