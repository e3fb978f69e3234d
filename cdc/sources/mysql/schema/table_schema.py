"""From the definition of a table to its schemas and the plan of its rows, in the binlog and in a SELECT."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import cdc
from cdc.config.mysql_settings import MySqlSettings
from cdc.config.settings import TimeMode
from cdc.errors import DefinitionMismatch
from cdc.model.schema import INT32, INT64, STRING, Default, Field, struct
from cdc.model.table import Column, Table, TableId
from cdc.snapshot.marking import MARKER
from cdc.sources.columns.converter import ColumnConverters, RelationalColumn
from cdc.sources.columns.layout import NOTHING_KEPT, Kept, LayoutRules, WireColumn
from cdc.sources.columns.resolved import ResolvedColumn
from cdc.sources.columns.row import RowPlan
from cdc.sources.mysql.binlog.table_map import ImageColumn, TableMap
from cdc.sources.mysql.ddl.definitions import ColumnDefinition, TableDefinition
from cdc.sources.mysql.ddl.table_json import written
from cdc.sources.mysql.schema.handling import ValueHandling
from cdc.sources.mysql.schema.row_metadata import disagreement
from cdc.sources.mysql.schema.types import resolve
from cdc.sources.naming import NameAdjuster, TableTopics

log = logging.getLogger(__name__)

SOURCE_SCHEMA: Final = struct(
    "io.debezium.connector.mysql.Source",
    (
        Field("version", STRING),
        Field("connector", STRING),
        Field("name", STRING),
        Field("ts_ms", INT64),
        Field("snapshot", MARKER),
        Field("db", STRING),
        Field("sequence", STRING.as_optional()),
        Field("ts_us", INT64.as_optional()),
        Field("ts_ns", INT64.as_optional()),
        Field("table", STRING.as_optional()),
        Field("server_id", INT64),
        Field("gtid", STRING.as_optional()),
        Field("file", STRING),
        Field("pos", INT64),
        Field("row", INT32),
        Field("thread", INT64.as_optional()),
        Field("query", STRING.as_optional()),
    ),
    version=1,
)


class TablePlans:
    """Makes the plans of rows for one connector; remembers what it has warned of."""

    def __init__(self, settings: MySqlSettings, converters: ColumnConverters | None = None) -> None:
        """Take the custom converters of columns, none without them."""
        self._settings = settings
        self._converters = converters or ColumnConverters()
        self._handling = ValueHandling.of(settings)
        self._layouts = LayoutRules(settings.columns, settings.field_names)
        self._schema_names = NameAdjuster(settings.schema_names, dotted=True)
        self._topics = TableTopics(settings)
        self._left_out: set[tuple[TableId, str]] = set()

    def streamed(
        self, definition: TableDefinition, images: TableMap, kept: Mapping[str, Kept] = NOTHING_KEPT
    ) -> RowPlan:
        """Return how rows of the binlog are decoded that a TABLE_MAP describes; `kept` are columns that are wanted in another form beside.

        Raises:
            DefinitionMismatch: they were not written under this definition.
        """
        check_definition(definition, images)
        return self._plan(definition, images.columns, kept=kept)

    def selected(self, definition: TableDefinition, columns: Sequence[ColumnDefinition] | None = None) -> RowPlan:
        """Return how rows are decoded that a SELECT returns, of all columns or of some in another order."""
        return self._plan(definition, None, columns)

    def _plan(
        self,
        definition: TableDefinition,
        images: Sequence[ImageColumn] | None,
        columns: Sequence[ColumnDefinition] | None = None,
        kept: Mapping[str, Kept] = NOTHING_KEPT,
    ) -> RowPlan:
        table = definition.id
        chosen = definition.columns if columns is None else columns
        known = [None] * len(chosen) if images is None else images[: len(chosen)]
        wire = [self._on_wire(table, column, image) for column, image in zip(chosen, known, strict=True)]
        hidden = len(images or chosen) - len(chosen)
        wire += [WireColumn("", "BIGINT", None, None, None)] * hidden
        key = self.key(definition)
        # An excluded column of the key keeps its definition in the stream too, unlike PostgreSQL's.
        layout = self._layouts.lay_out(table, wire, key, streamed=False, mark=self._topics.mark(table), kept=kept)
        return RowPlan(
            self._table(table, layout.columns, layout.key),
            layout.decoders,
            tuple(layout.targets),
            self._settings.converting_failure.value,
            tuple(column.name for column in wire),
            constants=layout.constants,
        )

    def _on_wire(self, table: TableId, column: ColumnDefinition, image: ImageColumn | None) -> WireColumn:
        resolved = resolve(column, self._handling, image)
        if self._converters:
            facts = _facts(table, column, resolved)
            resolved = self._converters.apply(table, facts, resolved, lambda: self._with_zero_dates(column, image))
        if resolved is None and (table, column.name) not in self._left_out:
            self._left_out.add((table, column.name))
            log.warning(
                "column %s.%s is left out: its type %s is not known to cdc-stream", table, column.name, column.type
            )
        comment = written(column.comment) if self._settings.include_schema_comments and column.comment else None
        if resolved is not None and comment is not None:
            resolved = replace(resolved, schema=replace(resolved.schema, doc=comment))
        kind = column.written or column
        return WireColumn(column.name, kind.type, kind.length, kind.scale, resolved, comment)

    def _with_zero_dates(self, column: ColumnDefinition, image: ImageColumn | None) -> ResolvedColumn | None:
        """Resolve a column so that a date that is none is null, in Debezium's default precision."""
        lenient = replace(column, optional=True, default=None)
        return resolve(lenient, replace(self._handling, time=TimeMode.ADAPTIVE_TIME_MICROSECONDS), image)

    def key(self, definition: TableDefinition) -> list[str]:
        """Return the columns of the record key: what `message.key.columns` says, or the table's own key."""
        names = [column.name for column in definition.columns]
        return self._settings.columns.keys.choose(str(definition.id), names) or list(definition.record_key)

    def warn_of_key(self, table: TableId, column: ColumnDefinition) -> None:
        """Say once that rows of a table are not read again, as they are not found by a column of its key."""
        if (table, f"key {column.name}") not in self._left_out:
            self._left_out.add((table, f"key {column.name}"))
            log.warning("values of %s are not read again: rows are not found by %s %s", table, column.name, column.type)

    def _table(self, table: TableId, columns: Sequence[Column], key: Sequence[int]) -> Table:
        topic = self._topics.topic(table)
        name = self._schema_names.adjust(topic)
        return Table(
            table, topic, tuple(columns), tuple(key), SOURCE_SCHEMA, self._constants(table), name, marks_absent=True
        )

    def _constants(self, table: TableId) -> Mapping[str, Default]:
        return {
            "version": cdc.__version__,
            "connector": "mysql",
            "name": self._settings.topic_prefix,
            "db": table.schema,
            "sequence": None,
            "table": table.table,
        }


def check_definition(definition: TableDefinition, images: TableMap) -> None:
    """Make sure that rows were written under a definition; raises DefinitionMismatch if not."""
    fact = disagreement(definition, images)
    if fact is not None:
        raise DefinitionMismatch(
            f"rows in the binlog do not fit the definition that is known: {fact}",
            "The table was changed while nobody could see it. Take its definition anew with snapshot.mode=recovery, or set"
            " binlog_row_metadata=FULL at the server.",
        )


def _facts(table: TableId, column: ColumnDefinition, resolved: ResolvedColumn | None) -> RelationalColumn:
    default = resolved.schema.default if resolved is not None else None
    return RelationalColumn(
        column.name, str(table), column.type, column.length, column.scale, column.optional, default, column.charset
    )
