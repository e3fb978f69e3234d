"""The definitions of tables as the stream moves along: what each statement does to them, and who is told of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from cdc.config.mysql_settings import MySqlSettings
from cdc.errors import DdlUnreadable
from cdc.metrics.counters import HistoryCounts
from cdc.model.batch import ChangeBatch
from cdc.model.table import TableId
from cdc.sources.mysql.binlog.position import MySqlPosition
from cdc.sources.mysql.binlog.query_event import Query
from cdc.sources.mysql.ddl.definitions import Definitions, TableDefinition
from cdc.sources.mysql.ddl.sessions import session_of
from cdc.sources.mysql.ddl.statements import (
    ChangeType,
    DdlOutcome,
    StatementKind,
    TableChange,
    apply_ddl,
    forgotten,
)
from cdc.sources.mysql.history.recovery import history_record
from cdc.sources.mysql.history.schema_changes import SHELL, ChangeOrigin, SchemaChanges
from cdc.sources.mysql.history.told import Told, is_of_no_table, parts
from cdc.sources.mysql.values.charsets import decode_text

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Effect:
    """What a statement did: whether definitions may have changed, and which tables were emptied."""

    changed: bool = False
    truncated: tuple[TableId, ...] = ()


class SchemaTracker:
    """Follows the definitions of one log; one owner. `full_metadata` says that rows tell their own columns, so that no statement must be read.

    `counts` is told of each statement that belongs in the history.
    """

    def __init__(
        self,
        settings: MySqlSettings,
        definitions: Definitions,
        partition: Mapping[str, str],
        *,
        full_metadata: bool = False,
        counts: HistoryCounts | None = None,
    ) -> None:
        self._settings = settings
        self._counts = counts or HistoryCounts()
        self._partition = partition
        self._full_metadata = full_metadata
        self._changes = SchemaChanges(settings.topic_prefix, partition, comments=settings.include_schema_comments)
        self.definitions = definitions

    def learn(self, table: TableDefinition) -> None:
        """Take a definition that the rows themselves have told."""
        self.definitions = self.definitions.with_table(table)

    def apply(self, query: Query, batch: ChangeBatch, origin: ChangeOrigin, behind: MySqlPosition) -> Effect:
        """Follow a statement, and add to the batch what tells of it; `behind` is the position that it leads to.

        Raises:
            DdlUnreadable: it changes captured tables in a way that is not understood, and nothing else tells their columns.
        """
        statement, session = decode_text(query.client or _UTF8, query.text), session_of(query)
        try:
            outcome = apply_ddl(self.definitions, statement, session)
        except DdlUnreadable as error:
            return self._unreadable(error, Told(statement, session), batch, behind)
        self.tell(Told(statement, session, outcome), batch, origin, behind)
        emptied = tuple(change.id for change in outcome.changes if change.type is ChangeType.TRUNCATE)
        return Effect(outcome.kind is not StatementKind.OTHER, emptied)

    def tell(self, told: Told, batch: ChangeBatch, origin: ChangeOrigin, behind: MySqlPosition) -> None:
        """Take the definitions behind a statement, and add its records: in the history, and of schema changes."""
        self.definitions = told.outcome.definitions
        for part in parts(told):
            if self._belongs_in_history(part) and part.outcome.kind is not StatementKind.TRUNCATE:
                self._record(part, batch, behind)
            if self._settings.include_schema_changes and self._is_told(part):
                self._publish(part, batch, origin, behind)

    def _publish(self, told: Told, batch: ChangeBatch, origin: ChangeOrigin, behind: MySqlPosition) -> None:
        now_us = batch.stamp_ns // 1000
        record = self._changes.record(told.statement, told.outcome, origin, now_us, behind.offset(), tables=told.tables)
        if record is not None:
            batch.add_aside(record, SHELL + len(told.statement), context=True)

    def _record(self, told: Told, batch: ChangeBatch, behind: MySqlPosition) -> None:
        record = history_record(
            told.statement,
            told.session,
            told.outcome,
            source=self._partition,
            offset=behind.offset(),
            ts_ms=batch.stamp_ns // 1_000_000,
            comments=self._settings.include_schema_comments,
        )
        batch.history.append(record)
        self._counts.apply(time.monotonic())

    def _belongs_in_history(self, told: Told) -> bool:
        """Tell whether a statement is kept: those of other tables are too, as in Debezium, so that a table may be captured later."""
        rules, outcome = self._settings.history, told.outcome
        if rules.only_tables:
            return self._is_captured(outcome) if outcome.changes else outcome.kind is StatementKind.VARIABLE
        if not rules.only_databases or self._captures_database(outcome.database):
            return True
        return outcome.kind is StatementKind.INDEX and self._is_captured(outcome)

    def _is_told(self, told: Told) -> bool:
        """Tell whether a statement is published."""
        outcome = told.outcome
        if self._settings.history.only_tables and is_of_no_table(told):
            return False
        if not outcome.changes and self._settings.history.only_tables:
            return self._captures_database(outcome.database)
        return self._belongs_in_history(told)

    def _captures_database(self, database: str) -> bool:
        tables = self._settings.tables
        return not database or (database not in tables.system and tables.schemas.matches(database))

    def _is_captured(self, outcome: DdlOutcome) -> bool:
        """Whether a statement concerns what is captured: one of its tables, or for a database's own statements the database."""
        if outcome.changes:
            return any(self._captures(change) for change in outcome.changes)
        return self._captures_database(outcome.database)

    def _captures(self, change: TableChange) -> bool:
        ids = (change.id,) if change.previous is None else (change.id, change.previous)
        return any(self._settings.tables.matches(each.schema, each.table) for each in ids)

    def _unreadable(self, error: DdlUnreadable, told: Told, batch: ChangeBatch, behind: MySqlPosition) -> Effect:
        """Go on without the tables of a statement that is not understood, where that is safe: rows of theirs are read by their metadata, or refused."""
        captured = [each for each in error.tables if self._settings.tables.matches(*each)]
        harmless = bool(error.tables) and not captured
        if not (harmless or self._full_metadata or self._settings.history.skip_unparseable):
            raise error
        if not harmless:
            log.warning("%s It is passed over.", error.sentence())
        self.definitions = forgotten(self.definitions, error)
        self._record(replace(told, outcome=DdlOutcome(self.definitions)), batch, behind)
        return Effect(changed=True)


#: The number of utf8mb4_general_ci, for a statement of which the log does not tell the charset.
_UTF8 = 45
