"""What differs from database to database when a pipeline is put together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from cdc.config.connector import SourceSettings
from cdc.config.settings import PostgresSettings
from cdc.errors import ConfigError
from cdc.sources.base import Source
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


def database_of(settings: SourceSettings) -> Database:
    """Return the database that settings are for."""
    if isinstance(settings, PostgresSettings):
        retire = partial(drop_slot, settings) if settings.slot_drop_on_stop else None
        return Database("postgres", "postgresql", lambda resumed: PostgresLog(settings, resumed=resumed), retire)
    raise ConfigError("the MySQL connector is not there yet", "Use the PostgreSQL connector.")
