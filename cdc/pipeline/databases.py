"""What differs from database to database when a pipeline is put together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from cdc.config.connector import SourceSettings
from cdc.config.settings import PostgresSettings
from cdc.errors import ConfigError
from cdc.sources.base import Source
from cdc.sources.columns.converter import ColumnConverters
from cdc.sources.postgres.slot import drop_slot
from cdc.sources.postgres.source import PostgresLog


@dataclass(frozen=True, slots=True)
class Database:
    """One connector's database: `plugin` is our word for it, `connector` Debezium's.

    `open` makes a new source, told whether the connector has taken its snapshot since it was started; `retire` gives up what the server
    keeps for the connector, None where nothing is to be.
    """

    plugin: str
    connector: str
    open: Callable[[bool], Source]
    retire: Callable[[], Awaitable[None]] | None = None


def database_of(settings: SourceSettings, converters: ColumnConverters | None = None) -> Database:
    """Return the database that settings are for; `converters` are the custom ones of its columns."""
    if isinstance(settings, PostgresSettings):
        retire = partial(drop_slot, settings) if settings.slot_drop_on_stop else None

        def opened(resumed: bool) -> Source:
            return PostgresLog(settings, resumed=resumed, converters=converters)

        return Database("postgres", "postgresql", opened, retire)
    raise ConfigError("the MySQL connector is not there yet", "Use the PostgreSQL connector.")
