"""What a stored offset, ours or Debezium's, tells of a snapshot that has not ended.

Debezium has one key for all of its snapshots: the one with which a connector begins, and those that somebody asks for by a signal while it streams.
Source: Debezium's `CommonOffsetContext`.
"""

from __future__ import annotations

import json
from typing import Any, Final

from cdc.errors import SnapshotUnfinished
from cdc.model.position import Offset

_INITIAL: Final = (True, "true", "INITIAL")
_DONE: Final = (True, "true")
_TABLES: Final = "incremental_snapshot_collections"


def was_interrupted(offset: Offset) -> bool:
    """Tell whether the snapshot with which the connector began is not complete, so that it must be taken again."""
    return offset.get("snapshot") in _INITIAL and offset.get("snapshot_completed") not in _DONE


def unfinished(offset: Offset) -> SnapshotUnfinished | None:
    """Return the error for a snapshot that Debezium was asked for and that has not read all rows; None where there is none.

    The stream could go on behind it, and what it has not read would then be missing for ever.
    """
    blocking = offset.get("snapshot") == "BLOCKING" and offset.get("snapshot_completed") not in _DONE
    tables = _tables(offset.get(_TABLES))
    if not blocking and not tables and offset.get("snapshot") != "INCREMENTAL":
        return None
    kind = "a blocking" if blocking else "an incremental"
    return SnapshotUnfinished(
        f"the stored offset was written in the midst of {kind} snapshot{f' of {tables}' if tables else ''}, whose other rows nothing would read",
        "Let Debezium end the snapshot, or a signal stop it, before Debezium is stopped. Or take a new one: set snapshot.mode=when_needed. Or do"
        " without these rows: set the offset without the keys snapshot and incremental_snapshot_* (cdc-stream offsets set).",
    )


def _tables(text: Any) -> str:
    """Return the names of the tables that an incremental snapshot still reads; what is not understood as it stands."""
    if not text:
        return ""
    try:
        return ", ".join(str(each[f"{_TABLES}_id"]) for each in json.loads(text))
    except (ValueError, TypeError, KeyError):
        return str(text)
