"""How the rows of a binlog are decoded: by the definition that they were written under, or not at all."""

from __future__ import annotations

import logging

from cdc.config.mysql_settings import InconsistentSchema, MySqlSettings
from cdc.errors import DefinitionMismatch, DefinitionUnknown, SourceError
from cdc.model.table import TableId
from cdc.sources.mysql.binlog.table_map import TableMap, parse_table_map, table_of
from cdc.sources.mysql.ddl.definitions import TableDefinition
from cdc.sources.mysql.history.tracking import SchemaTracker
from cdc.sources.mysql.reselection.reselection import MySqlReselection
from cdc.sources.mysql.schema.row_metadata import definition_of, is_sequence
from cdc.sources.mysql.schema.table_schema import TablePlans
from cdc.sources.mysql.stream.rows import BoundTable

log = logging.getLogger(__name__)


class RowBinding:
    """Binds the tables of one stream to plans, by the definitions that `tracker` has at the time; `reselection` makes plans of its own."""

    def __init__(
        self, settings: MySqlSettings, plans: TablePlans, tracker: SchemaTracker, reselection: MySqlReselection | None
    ) -> None:
        self._settings = settings
        self._plans = plans
        self._tracker = tracker
        self._reselection = reselection

    def bound(self, event: bytes) -> BoundTable | None:
        """Say how rows behind a TABLE_MAP are decoded; None for those that are not wanted.

        Raises:
            DefinitionUnknown, DefinitionMismatch: `inconsistent.schema.handling.mode` is fail, and the definition is not known or another one.
            DecodeError: the event is not one.
        """
        table = table_of(event)
        if not self._settings.tables.matches(table.schema, table.table):
            return None
        images = parse_table_map(event)
        definition = self._tracker.definitions.get(table.schema, table.table)
        told = definition_of(images)
        if definition is not None:
            try:
                return self._bind(images, definition)
            except DefinitionMismatch as mismatch:
                if told is None:
                    self._refuse(table, mismatch)
                    return None
        if definition is None and self._tracker.definitions.mariadb and is_sequence(images):
            log.info("%s is left out: it is a sequence", table)
            return None
        if told is None:
            self._refuse(table, _unknown(table))
            return None
        log.info("the definition of %s is taken from the binlog, without defaults and comments", table)
        self._tracker.learn(told)
        return self._bind(images, told)

    def _bind(self, images: TableMap, definition: TableDefinition) -> BoundTable:
        row_end = next((at for at, column in enumerate(definition.columns) if column.row_end), -1)
        if self._reselection is None:
            return BoundTable(images, self._plans.streamed(definition, images), row_end)
        return BoundTable(images, self._reselection.plan(self._plans, definition, images), row_end)

    def _refuse(self, table: TableId, error: SourceError) -> None:
        """Do what the settings say of rows whose definition is not known, or another one."""
        match self._settings.inconsistent_schema:
            case InconsistentSchema.FAIL:
                raise error
            case InconsistentSchema.WARN:
                log.warning("rows of %s are left out: %s", table, error)


def _unknown(table: TableId) -> DefinitionUnknown:
    return DefinitionUnknown(
        f"rows of {table} came, and its definition is not in the schema history",
        "Take the definitions anew with snapshot.mode=recovery, or set binlog_row_metadata=FULL at the server;"
        " inconsistent.schema.handling.mode=warn leaves such rows out.",
    )
