"""From a connector's configuration to its pipeline: the one place that knows which parts go together."""

from __future__ import annotations

import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final

from cdc.config.connector import ConnectorConfig, SourceSettings
from cdc.config.settings import ConvertingFailure
from cdc.converters.asides import JsonAsides
from cdc.converters.change_records import ChangeRecords
from cdc.converters.json import JsonConverter
from cdc.errors import CdcError, ConfigError
from cdc.history.base import SchemaHistory
from cdc.kafka.offsets import KafkaOffsetStore
from cdc.kafka.publisher import TransactionalPublisher
from cdc.kafka.topics import NewTopic
from cdc.pipeline.databases import connector_word, database_of
from cdc.pipeline.encoding import BatchEncoder, DirectEncoder, NewEncoder
from cdc.pipeline.engine import Pipeline
from cdc.pipeline.heartbeat import Heartbeat
from cdc.pipeline.history import HistoryEncoder
from cdc.pipeline.session import Session
from cdc.pipeline.status import PipelineStatus
from cdc.sources.base import Source
from cdc.sources.columns.converter import ColumnConverters
from cdc.sources.naming import beside_topic

#: Kafka's own default of `transaction.max.timeout.ms`: the longest that a transaction may last. A snapshot asks for it.
SNAPSHOT_TRANSACTION_SECONDS = 900.0
_NEEDS_PLUGINS: Final = "Run it with `cdc-stream run` or in a worker, or leave these properties out."


def build_pipeline(
    config: ConnectorConfig,
    *,
    on_source: Callable[[Source], None] | None = None,
    outages: tuple[type[CdcError], ...] = (),
    new_encoder: NewEncoder | None = None,
    columns: ColumnConverters | None = None,
    verify: Callable[[], Awaitable[None]] | None = None,
) -> Pipeline:
    """Return the pipeline of a connector, not started.

    `on_source` hears of every new source, for progress and lag; `outages` are as for `Pipeline`. `new_encoder` makes what applies
    transforms, other converters and the error policy, which take plugins (`cdc.connect.batch_encoding`); without it the compiled JSON
    converter works alone, and its errors end the pipeline. `columns` are the custom converters of columns, plugins too. `verify` is as for `TransactionalPublisher`.

    Raises:
        ConfigError: the connector has transforms, post processors or converters, and what makes these is not given.
    """
    if (new_encoder is None and config.by_record) or (columns is None and config.custom_converters):
        raise ConfigError(
            f"connector {config.name} has transforms, post processors or converters that need plugins", _NEEDS_PLUGINS
        )
    settings = config.source if new_encoder is None else _keeping(config.source)
    headers = context_headers(config, connector_word(settings), str(uuid.uuid4()))
    database = database_of(settings, config.kafka, columns)
    publishers = _Publishers(config, database.own_topics, verify)

    def new_session(status: PipelineStatus) -> Session[TransactionalPublisher]:
        source = database.open(status.snapshot.ended is not None)
        if on_source is not None:
            on_source(source)
        return Session(
            source,
            open_publisher=publishers.open,
            load_offset=lambda publisher: KafkaOffsetStore(config.kafka, config.name, publisher).load(source.partition),
            encoder=_with_history(_encoder(config, source, headers, new_encoder), database.history),
            settings=config.pipeline,
            status=status,
            transaction_timeouts=(config.kafka.transaction_timeout, SNAPSHOT_TRANSACTION_SECONDS),
            clock=time.monotonic,
            heartbeat=_heartbeat(config.source),
        )

    pipeline = Pipeline(new_session, config.pipeline, outages=outages, retire=database.retire)
    pipeline.status.plugin = database.plugin
    return pipeline


def _heartbeat(source: SourceSettings) -> Heartbeat | None:
    """Return the heartbeat of a session, or None where there is to be none."""
    beside = source.beside
    if beside.heartbeat_interval <= 0:
        return None
    topic = beside.heartbeat_topic or beside_topic(
        beside.heartbeat_topic_prefix, source.topic_prefix, delimiter=source.topic_delimiter
    )
    return Heartbeat(topic, source.topic_prefix, beside.heartbeat_interval, time.monotonic, time.time_ns)


def _keeping(source: SourceSettings) -> SourceSettings:
    """Return settings by which the encoder, which knows the row and its key, meets what the decoder would fail at."""
    if source.converting_failure is not ConvertingFailure.FAIL:
        return source
    return replace(source, converting_failure=ConvertingFailure.KEEP)


def _encoder(
    config: ConnectorConfig, source: Source, headers: tuple[tuple[str, bytes], ...], new_encoder: NewEncoder | None
) -> BatchEncoder:
    placeholder = config.source.unavailable_placeholder
    converter = JsonConverter(config.key_converter, config.value_converter, headers, placeholder)
    if new_encoder is None:
        return DirectEncoder(converter, JsonAsides(config.key_converter, config.value_converter, headers))
    return new_encoder(converter, ChangeRecords(headers, placeholder, source.partition))


def _with_history(encoder: BatchEncoder, history: SchemaHistory | None) -> BatchEncoder:
    return encoder if history is None else HistoryEncoder(encoder, history)


class _Publishers:
    """Makes the publishers of a connector, one after another; each knows what the one before it held."""

    def __init__(
        self, config: ConnectorConfig, own_topics: Sequence[NewTopic], verify: Callable[[], Awaitable[None]] | None
    ) -> None:
        self._config = config
        self._own_topics = own_topics
        self._verify = verify
        self._last: TransactionalPublisher | None = None

    def open(self, snapshot: bool) -> TransactionalPublisher:
        kafka = self._config.kafka
        seconds = SNAPSHOT_TRANSACTION_SECONDS if snapshot else kafka.transaction_timeout
        claim = self._last.claim if self._last is not None else None
        self._last = TransactionalPublisher(
            replace(kafka, transaction_timeout=seconds),
            self._config.name,
            claim=claim,
            own_topics=self._own_topics,
            verify=self._verify,
        )
        return self._last


def context_headers(config: ConnectorConfig, connector: str, run_id: str) -> tuple[tuple[str, bytes], ...]:
    """Return Debezium's extended headers, which every record carries unless they are switched off; `connector` is its word for the database."""
    if not config.source.extended_headers:
        return ()
    prefix = "__debezium.context"
    return (
        (f"{prefix}.connectorLogicalName", config.source.topic_prefix.encode()),
        (f"{prefix}.taskId", b"0"),
        (f"{prefix}.connectorName", connector.encode()),
        (f"{prefix}.runId", run_id.encode()),
    )
