"""`cdc-stream connect`: a worker with its REST API, on its own or as one of a cluster."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cdc.cli.worker_file import read_worker
from cdc.config import load
from cdc.config.worker import WorkerSettings
from cdc.connect.cluster.kafka import KafkaLinks
from cdc.connect.conversion import conversion
from cdc.connect.distributed import DistributedHerder
from cdc.connect.effective import Effective
from cdc.connect.plugins import Plugins
from cdc.connect.rest.server import RestServer
from cdc.connect.rest.settings import RestSettings
from cdc.connect.standalone import StandaloneHerder
from cdc.connect.worker import Worker
from cdc.errors import CdcError, ConfigError
from cdc.pipeline.retry import root_cause

log = logging.getLogger(__name__)

#: How much longer than task.shutdown.graceful.timeout.ms the worker waits for its tasks when it is stopped, in seconds.
STOP_SECONDS: Final = 3.0
#: How much longer than that a task may take to end: a sink task gives itself all of that time to flush, in seconds.
BEYOND_FLUSH_SECONDS: Final = 1.0


def run_standalone(worker: Path, connectors: Sequence[Path]) -> int:
    """Run the connectors of some files on one worker until it is stopped; return the exit code."""
    settings, plugins = _prepared(worker, distributed=False)
    configs = _connectors(connectors)
    return asyncio.run(_until_stopped(settings, _standalone(settings, plugins, configs)))


def run_distributed(worker: Path) -> int:
    """Run a worker as one of its cluster until it is stopped; return the exit code."""
    settings, plugins = _prepared(worker, distributed=True)
    return asyncio.run(_until_stopped(settings, _distributed(settings, plugins)))


def _prepared(worker: Path, *, distributed: bool) -> tuple[WorkerSettings, Plugins]:
    """Begin to log, and return what a worker's file says, with the plugins.

    Raises:
        InvalidConfig: with every problem of the file, or when the worker's converters are not among the plugins.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    settings, plugins = read_worker(worker, distributed=distributed)
    if settings.notice:
        log.info("%s", settings.notice)
    conversion(plugins, Effective("worker", {}, settings.converters, frozenset(), {}))  # before anything starts
    return settings, plugins


async def _until_stopped(settings: WorkerSettings, worker: Coroutine[None, None, None]) -> int:
    work = asyncio.ensure_future(worker)
    loop = asyncio.get_running_loop()

    def stop() -> None:
        work.cancel()
        loop.call_later(settings.shutdown_timeout + STOP_SECONDS, _give_up)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        await work
    except asyncio.CancelledError:
        log.info("stopped")
    except Exception as error:
        cause = root_cause(error)
        if not isinstance(cause, CdcError):
            raise
        log.error("%s", cause.sentence())  # noqa: TRY400 - a person sees the sentence, not the traceback
        return cause.exit_code
    return 0


def _connectors(files: Sequence[Path]) -> Mapping[str, Mapping[str, str]]:
    configs: dict[str, Mapping[str, str]] = {}
    for file in files:
        name, config = load(file)
        if name in configs:
            raise ConfigError(
                f"{file} names its connector {name}, as another file does", "Give each a name of its own."
            )
        configs[name] = config
    return configs


def _give_up() -> None:
    """End the process although a plugin hangs; what was not committed is delivered again by the next one."""
    log.error("a task does not end; the worker ends without it")
    logging.shutdown()
    os._exit(1)


async def _standalone(settings: WorkerSettings, plugins: Plugins, configs: Mapping[str, Mapping[str, str]]) -> None:
    herder = StandaloneHerder(
        Worker(settings, plugins),
        topic_tracking=settings.topic_tracking,
        topic_reset=settings.topic_tracking_reset,
    )
    server = RestServer(herder, RestSettings.of(settings.rest))
    async with asyncio.TaskGroup() as group:
        group.create_task(herder.run())
        try:
            await herder.wait_until_ready()
            await server.start()
            herder.advertise(_worker_id(server.url))
            for name, config in configs.items():
                await herder.put_connector(name, config, replace=False)
            await asyncio.Event().wait()
        finally:
            await server.stop()


async def _distributed(settings: WorkerSettings, plugins: Plugins) -> None:
    herder = DistributedHerder(
        Worker(settings, plugins),
        KafkaLinks(settings),
        topic_tracking=settings.topic_tracking,
        topic_reset=settings.topic_tracking_reset,
        grace=settings.shutdown_timeout + BEYOND_FLUSH_SECONDS,
    )
    server = RestServer(herder, RestSettings.of(settings.rest))
    await server.start()
    try:
        herder.advertise(_worker_id(server.url), server.url)
        await herder.run()
    finally:
        await server.stop()


def _worker_id(url: str) -> str:
    """Return host and port of a worker's URL: its name in statuses."""
    return urlsplit(url).netloc
