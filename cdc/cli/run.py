"""`cdc-stream run`: one connector, exactly once, no REST."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from pathlib import Path

from cdc.cli.progress import Look, show_progress
from cdc.config import load
from cdc.config.settings import ConnectorConfig
from cdc.errors import CdcError
from cdc.pipeline.assembly import build_pipeline
from cdc.pipeline.engine import Pipeline
from cdc.pipeline.retry import root_cause
from cdc.sources.base import Source

log = logging.getLogger(__name__)


def run_connector(path: Path, bootstrap_servers: str | None) -> int:
    """Run the connector of a file until it is stopped; return the exit code."""
    name, raw = load(path)
    if bootstrap_servers:
        raw = {**raw, "bootstrap.servers": bootstrap_servers}
    config = ConnectorConfig.from_raw({"name": name, **raw})
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    if config.notice:
        log.info("%s", config.notice)
    return asyncio.run(_run(config))


async def _run(config: ConnectorConfig) -> int:
    sources: list[Source] = []
    pipeline = build_pipeline(config, on_source=sources.append)
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
