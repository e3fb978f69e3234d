"""What differs from database to database when a pipeline is put together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

from cdc.config.connector import SourceSettings
from cdc.config.history import HistoryPlace
from cdc.config.mysql_settings import MySqlSettings
from cdc.config.settings import KafkaSettings, PostgresSettings
from cdc.history.base import SchemaHistory
from cdc.kafka.history import history_topic
from cdc.kafka.topics import NewTopic
from cdc.pipeline.history import open_history
from cdc.sources.base import Source
from cdc.sources.columns.converter import ColumnConverters
from cdc.sources.mysql.source import MySqlLog
from cdc.sources.postgres.server.slot import drop_slot
from cdc.sources.postgres.source import PostgresLog


@dataclass(frozen=True, slots=True)
class Database:
    """One connector's database: `plugin` is our word for it.

    `open` makes a new source, told whether the connector has taken its snapshot since it was started; `retire` gives up what the server
    keeps for the connector, None where nothing is to be. `history` keeps the definitions of tables where the log does not tell them, and
    `own_topics` are topics that have settings of their own.
    """

    plugin: str
    open: Callable[[bool], Source]
    retire: Callable[[], Awaitable[None]] | None = None
    history: SchemaHistory | None = None
    own_topics: Sequence[NewTopic] = ()


def connector_word(settings: SourceSettings) -> str:
    """Return Debezium's word for the database that settings are for."""
    return "postgresql" if isinstance(settings, PostgresSettings) else "mysql"


def database_of(settings: SourceSettings, kafka: KafkaSettings, converters: ColumnConverters | None = None) -> Database:
    """Return the database that settings are for; `converters` are the custom ones of its columns."""
    if isinstance(settings, PostgresSettings):
        return _postgres(settings, converters)
    return _mysql(settings, kafka, converters)


def _postgres(settings: PostgresSettings, converters: ColumnConverters | None) -> Database:
    def opened(resumed: bool) -> Source:
        return PostgresLog(settings, resumed=resumed, converters=converters)

    retire = partial(drop_slot, settings) if settings.slot_drop_on_stop else None
    return Database("postgres", opened, retire)


def _mysql(settings: MySqlSettings, kafka: KafkaSettings, converters: ColumnConverters | None) -> Database:
    history = open_history(settings.history, kafka)

    def opened(resumed: bool) -> Source:
        return MySqlLog(settings, history, resumed=resumed, converters=converters)

    own = [history_topic(settings.history.topic)] if settings.history.place is HistoryPlace.KAFKA else []
    return Database("mysql", opened, history=history, own_topics=own)
