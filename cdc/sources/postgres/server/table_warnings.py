"""What is said of the published tables before a stream begins."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from cdc.config.settings import PostgresSettings
from cdc.sources.postgres.server.publication import PublishedTable, no_table

log = logging.getLogger(__name__)


def warn_of_tables(
    settings: PostgresSettings,
    published: Sequence[PublishedTable],
    captured: Sequence[PublishedTable],
    unlogged: Sequence[PublishedTable],
) -> None:
    """Say what will not work: no table at all, unlogged ones, and tables whose updates the server refuses while they are published.

    Raises:
        SourceRefused: none of the tables that the configuration names is published.
    """
    if not captured:
        if settings.tables.tables.include or settings.tables.schemas.include:
            raise no_table(settings, [table.id for table in published])
        log.warning("no table is captured yet; tables are captured when they are created")
    for table in unlogged:
        log.warning("table %s is unlogged: a snapshot reads it, but its changes are never in the log", table.id)
    for table in published:
        if table.identity == "n" or (table.identity == "d" and not table.has_primary_key):
            log.warning(
                "table %s has no replica identity, so PostgreSQL refuses UPDATE and DELETE on it while it is published. "
                "Give it a primary key, or: ALTER TABLE %s REPLICA IDENTITY FULL",
                table.id,
                table.id,
            )
