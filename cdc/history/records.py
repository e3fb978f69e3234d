"""Records of a schema history, as JSON in Debezium's form, so that one takes up the other's history.

`{"source": {"server"}, "position": {"file", "pos", "gtids", …}, "ts_ms", "databaseName", "ddl", "tableChanges": […]}`; `schemaName` is left
out for sources without schemas.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from cdc.errors import HistoryUnreadable

_REMEDY = "Restore the history from a backup, or build it anew from the source by snapshot.mode=recovery."


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRecord:
    """One statement, or one of those that stand for a table in a snapshot.

    `source` is the source partition, `position` the offset behind the statement. `ts_ms` is in milliseconds since the epoch.
    `table_changes` are in Debezium's form. `session` holds what else the statement depends on, under the key "session", which Debezium
    passes over; it is empty in Debezium's own records.
    """

    source: Mapping[str, str]
    position: Mapping[str, Any]
    ts_ms: int
    database: str
    ddl: str
    table_changes: tuple[Mapping[str, Any], ...] = ()
    session: Mapping[str, Any] = field(default_factory=dict)

    def encode(self) -> bytes:
        """Return the record as one line of JSON, without the end of the line."""
        fields: dict[str, Any] = {
            "source": dict(self.source),
            "position": dict(self.position),
            "ts_ms": self.ts_ms,
            "databaseName": self.database,
            "ddl": self.ddl.encode("utf-8", "replace").decode() if not _is_text(self.ddl) else self.ddl,
            "tableChanges": [dict(change) for change in self.table_changes],
        }
        if self.session:
            fields["session"] = dict(self.session)
        return orjson.dumps(fields)

    @classmethod
    def decode(cls, data: bytes, where: str) -> HistoryRecord:
        """Return the record of a JSON object; `where` says for an error where it is from.

        Raises:
            HistoryUnreadable: it is no record of a schema history.
        """
        try:
            found = orjson.loads(data)
        except ValueError as error:
            raise HistoryUnreadable(f"The schema history has no record in {where}: {error}", _REMEDY) from error
        match found:
            case {"source": dict(source), "position": dict(position)}:
                return cls(
                    source=source,
                    position=position,
                    ts_ms=int(found.get("ts_ms") or 0),
                    database=found.get("databaseName") or "",
                    ddl=found.get("ddl") or "",
                    table_changes=tuple(found.get("tableChanges") or ()),
                    session=found.get("session") or {},
                )
        raise HistoryUnreadable(
            f"The schema history has in {where} something else than a record with source and position", _REMEDY
        )


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
