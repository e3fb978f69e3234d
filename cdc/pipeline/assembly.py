"""From a connector's configuration to its pipeline: the one place that knows which parts go together."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import replace

from cdc.config.settings import ConnectorConfig
from cdc.converters.json import JsonConverter
from cdc.errors import CdcError
from cdc.kafka.offsets import KafkaOffsetStore
from cdc.kafka.publisher import TransactionalPublisher
from cdc.pipeline.engine import Pipeline
from cdc.pipeline.session import Session
from cdc.pipeline.status import PipelineStatus
from cdc.sources.base import Source
from cdc.sources.postgres.source import PostgresLog

#: Kafka's own default of `transaction.max.timeout.ms`: the longest that a transaction may last. A snapshot asks for it.
SNAPSHOT_TRANSACTION_SECONDS = 900.0


def build_pipeline(
    config: ConnectorConfig,
    *,
    on_source: Callable[[Source], None] | None = None,
    outages: tuple[type[CdcError], ...] = (),
) -> Pipeline:
    """Return the pipeline of a connector, not started.

    `on_source` hears of every new source, for progress and lag; `outages` are as for `Pipeline`.
    """
    run_id = str(uuid.uuid4())
    publishers = _Publishers(config)

    def new_session(status: PipelineStatus) -> Session[TransactionalPublisher]:
        source = PostgresLog(config.source)
        if on_source is not None:
            on_source(source)
        return Session(
            source,
            open_publisher=publishers.open,
            load_offset=lambda publisher: KafkaOffsetStore(config.kafka, config.name, publisher).load(source.partition),
            converter=JsonConverter(
                config.key_converter,
                config.value_converter,
                context_headers(config, run_id),
                config.source.unavailable_placeholder,
            ),
            settings=config.pipeline,
            status=status,
            transaction_timeouts=(config.kafka.transaction_timeout, SNAPSHOT_TRANSACTION_SECONDS),
            clock=time.monotonic,
        )

    return Pipeline(new_session, config.pipeline, outages=outages)


class _Publishers:
    """Makes the publishers of a connector, one after another; each knows what the one before it held."""

    def __init__(self, config: ConnectorConfig) -> None:
        self._config = config
        self._last: TransactionalPublisher | None = None

    def open(self, snapshot: bool) -> TransactionalPublisher:
        kafka = self._config.kafka
        seconds = SNAPSHOT_TRANSACTION_SECONDS if snapshot else kafka.transaction_timeout
        claim = self._last.claim if self._last is not None else None
        self._last = TransactionalPublisher(replace(kafka, transaction_timeout=seconds), self._config.name, claim=claim)
        return self._last


def context_headers(config: ConnectorConfig, run_id: str) -> tuple[tuple[str, bytes], ...]:
    """Return Debezium's extended headers, which every record carries unless they are switched off."""
    if not config.source.extended_headers:
        return ()
    prefix = "__debezium.context"
    return (
        (f"{prefix}.connectorLogicalName", config.source.topic_prefix.encode()),
        (f"{prefix}.taskId", b"0"),
        (f"{prefix}.connectorName", b"postgresql"),
        (f"{prefix}.runId", run_id.encode()),
    )
