"""The records of the schema changes topic, `<topic.prefix>`, in Debezium's schemas."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import cdc
from cdc.model.connect_record import SourceRecord
from cdc.model.position import Offset
from cdc.model.schema import BOOLEAN, INT32, INT64, STRING, Field, array, struct
from cdc.model.table import TableId
from cdc.sources.mysql.ddl.statements import DdlOutcome, StatementKind
from cdc.sources.mysql.ddl.table_json import told_changes
from cdc.sources.mysql.history.told import told_of
from cdc.sources.mysql.schema.table_schema import SOURCE_SCHEMA

KEY: Final = struct("io.debezium.connector.mysql.SchemaChangeKey", (Field("databaseName", STRING),), version=1)
_COLUMN: Final = struct(
    "io.debezium.connector.schema.Column",
    (
        Field("name", STRING),
        Field("jdbcType", INT32),
        Field("nativeType", INT32.as_optional()),
        Field("typeName", STRING),
        Field("typeExpression", STRING.as_optional()),
        Field("charsetName", STRING.as_optional()),
        Field("length", INT32.as_optional()),
        Field("scale", INT32.as_optional()),
        Field("position", INT32),
        Field("optional", BOOLEAN.as_optional()),
        Field("autoIncremented", BOOLEAN.as_optional()),
        Field("generated", BOOLEAN.as_optional()),
        Field("comment", STRING.as_optional()),
        Field("defaultValueExpression", STRING.as_optional()),
        Field("enumValues", array(STRING, optional=True)),
    ),
    version=1,
)
_TABLE: Final = struct(
    "io.debezium.connector.schema.Table",
    (
        Field("defaultCharsetName", STRING.as_optional()),
        Field("primaryKeyColumnNames", array(STRING, optional=True)),
        Field("columns", array(_COLUMN)),
        Field("comment", STRING.as_optional()),
    ),
    optional=True,
    version=1,
)
_CHANGE: Final = struct(
    "io.debezium.connector.schema.Change",
    (Field("type", STRING), Field("id", STRING), Field("table", _TABLE)),
    version=1,
)
VALUE: Final = struct(
    "io.debezium.connector.mysql.SchemaChangeValue",
    (
        Field("source", SOURCE_SCHEMA),
        Field("ts_ms", INT64),
        Field("databaseName", STRING.as_optional()),
        Field("schemaName", STRING.as_optional()),
        Field("ddl", STRING.as_optional()),
        Field("tableChanges", array(_CHANGE)),
    ),
    version=1,
)
_DATABASE: Final = re.compile(r"(?:CREATE|DROP)\s+(?:DATABASE|SCHEMA)\b", re.IGNORECASE)
#: About what a record takes beside its statement, in bytes: what it weighs in a batch.
SHELL: Final = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeOrigin:
    """Where a statement is from; `at_us` is when it ran, in microseconds since the epoch. In a snapshot there is no GTID.

    `snapshot` is the source block's word: "false", "true", or "last" for the last record of a snapshot, when no rows come behind it.
    `row` is that of the row that was published last: Debezium leaves it standing. `thread` is the session's number where a transaction with
    rows has told it, as that of CREATE TABLE … SELECT.
    """

    at_us: int
    server_id: int
    file: str
    position: int
    gtid: str | None = None
    row: int = 0
    thread: int | None = None
    snapshot: str = "false"


class SchemaChanges:
    """Makes the records of one connector; `comments` is include.schema.comments."""

    def __init__(self, prefix: str, partition: Mapping[str, str], *, comments: bool = False) -> None:
        self._prefix = prefix
        self._partition = partition
        self._comments = comments

    def record(
        self,
        statement: str,
        outcome: DdlOutcome,
        origin: ChangeOrigin,
        now_us: int,
        offset: Offset,
        *,
        tables: Sequence[TableId] = (),
    ) -> SourceRecord | None:
        """Return the record about a statement, None for TRUNCATE, of which Debezium tells nothing.

        `now_us` is the time of reading, in microseconds since the epoch; `offset` goes into the record's source offset; `tables` are all that
        the statement changes, if it is a part of one.
        """
        if outcome.kind is StatementKind.TRUNCATE:
            return None
        changes = told_of(outcome)
        return SourceRecord(
            topic=self._prefix,
            key={"databaseName": outcome.database},
            key_schema=KEY,
            value={
                "source": self._source(
                    outcome,
                    origin,
                    ",".join(table.table for table in tables or [each.id for each in changes])
                    or _no_table(statement, origin),
                ),
                "ts_ms": now_us // 1000,
                "databaseName": outcome.database,
                "schemaName": None,
                "ddl": statement,
                "tableChanges": told_changes(changes, comments=self._comments),
            },
            value_schema=VALUE,
            source_partition=self._partition,
            source_offset=offset,
        )

    def _source(self, outcome: DdlOutcome, origin: ChangeOrigin, tables: str | None) -> dict[str, object]:
        return {
            "version": cdc.__version__,
            "connector": "mysql",
            "name": self._prefix,
            "ts_ms": origin.at_us // 1000,
            "snapshot": origin.snapshot,
            "db": outcome.database,
            "sequence": None,
            "ts_us": origin.at_us,
            "ts_ns": origin.at_us * 1000,
            "table": tables,
            "server_id": origin.server_id,
            "gtid": origin.gtid,
            "file": origin.file,
            "pos": origin.position,
            "row": origin.row,
            "thread": origin.thread,
            "query": None,
        }


def _no_table(statement: str, origin: ChangeOrigin) -> str | None:
    """Return what stands for the tables of a statement that is about none: for Debezium, one that makes or drops a database is another kind."""
    return None if origin.snapshot != "false" or _DATABASE.match(statement) else ""
