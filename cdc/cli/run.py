"""`cdc-stream run`: one connector, exactly once, no REST."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cdc.cli.progress import Look, show_progress
from cdc.config import load
from cdc.config.connector import ConnectorConfig
from cdc.config.providers import PROVIDERS
from cdc.connect.batch_encoding import batch_encoders
from cdc.connect.effective import effective
from cdc.connect.encoding import RecordEncoder, record_encoder
from cdc.connect.herder import TaskId
from cdc.connect.plugins import Plugins
from cdc.errors import CdcError
from cdc.pipeline.assembly import build_pipeline
from cdc.pipeline.engine import Pipeline
from cdc.pipeline.retry import root_cause
from cdc.sources.base import Source

log = logging.getLogger(__name__)

DEFAULT_CONVERTERS: Final = {
    "key.converter": "org.apache.kafka.connect.json.JsonConverter",
    "value.converter": "org.apache.kafka.connect.json.JsonConverter",
    "header.converter": "org.apache.kafka.connect.storage.SimpleHeaderConverter",
}


def run_connector(path: Path, bootstrap_servers: str | None) -> int:
    """Run the connector of a file until it is stopped; return the exit code."""
    name, raw = load(path)
    if bootstrap_servers:
        raw = {**raw, "bootstrap.servers": bootstrap_servers}
    raw = {"name": name, **raw}
    config = ConnectorConfig.from_raw(raw)
    encoder = _encoder(config, raw)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    if config.notice:
        log.info("%s", config.notice)
    return asyncio.run(_run(config, encoder))


def _encoder(config: ConnectorConfig, raw: Mapping[str, str]) -> RecordEncoder:
    """Return what converts single rows: by installed plugins, as there is no plugin.path without a worker."""
    found = effective(config.name, raw, DEFAULT_CONVERTERS, {}, PROVIDERS)
    return record_encoder(Plugins.discover(), found, TaskId(config.name, 0))


async def _run(config: ConnectorConfig, encoder: RecordEncoder) -> int:
    sources: list[Source] = []
    new_encoder = batch_encoders(encoder, by_record=config.by_record)
    pipeline = build_pipeline(
        config, on_source=sources.append, new_encoder=new_encoder, columns=encoder.conversion.columns
    )
    work = asyncio.ensure_future(_watched(pipeline, lambda: sources[-1].progress if sources else None))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, work.cancel)
    try:
        await work
    except asyncio.CancelledError:
        log.info("stopped at %s, %d rows published", pipeline.status.position or "the start", pipeline.status.rows)
    except CdcError as error:
        log.error("%s", error.sentence())  # noqa: TRY400 - a person sees the sentence, not the traceback
        return error.exit_code
    finally:
        encoder.conversion.chain.close()
    return 0


async def _watched(pipeline: Pipeline, look: Look) -> None:
    """Run the pipeline and show its snapshot's progress meanwhile."""
    try:
        async with asyncio.TaskGroup() as group:
            shown = group.create_task(show_progress(look))
            await pipeline.run()
            shown.cancel()
    except ExceptionGroup as error:
        raise root_cause(error) from error
