"""`cdc-stream connect standalone`: connectors on one worker, with its REST API."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from cdc.config import load
from cdc.config.files import parse_properties, read_text
from cdc.config.secret import Secret
from cdc.config.worker import RestSettings as WorkerRest
from cdc.config.worker import WorkerSettings
from cdc.connect.conversion import conversion
from cdc.connect.effective import Effective
from cdc.connect.plugins import Plugins
from cdc.connect.rest.server import RestServer
from cdc.connect.rest.settings import ClientAuth, RestSettings
from cdc.connect.standalone import StandaloneHerder
from cdc.connect.worker import Worker
from cdc.errors import CdcError, ConfigError
from cdc.pipeline.retry import root_cause

log = logging.getLogger(__name__)

#: How much longer than task.shutdown.graceful.timeout.ms the worker waits for its tasks when it is stopped, in seconds.
STOP_SECONDS: Final = 3.0


def run_standalone(worker: Path, connectors: Sequence[Path]) -> int:
    """Run the connectors of some files on one worker until it is stopped; return the exit code."""
    settings = WorkerSettings.from_raw(parse_properties(read_text(worker), str(worker)))
    configs = _connectors(connectors)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    if settings.notice:
        log.info("%s", settings.notice)
    plugins = Plugins.discover(settings.plugin_path)
    conversion(plugins, Effective("worker", {}, settings.converters, frozenset(), {}))  # before anything starts
    return asyncio.run(_until_stopped(settings, plugins, configs))


async def _until_stopped(settings: WorkerSettings, plugins: Plugins, configs: Mapping[str, Mapping[str, str]]) -> int:
    work = asyncio.ensure_future(_run(settings, plugins, configs))
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


async def _run(settings: WorkerSettings, plugins: Plugins, configs: Mapping[str, Mapping[str, str]]) -> None:
    herder = StandaloneHerder(
        Worker(settings, plugins),
        topic_tracking=settings.topic_tracking,
        topic_reset=settings.topic_tracking_reset,
    )
    server = RestServer(herder, _rest_settings(settings.rest))
    async with asyncio.TaskGroup() as group:
        group.create_task(herder.run())
        try:
            await herder.wait_until_ready()
            await server.start()
            herder.advertise(_advertised(settings.rest, *server.addresses[0]))
            for name, config in configs.items():
                await herder.put_connector(name, config, replace=False)
            await asyncio.Event().wait()
        finally:
            await server.stop()


def _advertised(rest: WorkerRest, host: str, port: int) -> str:
    """Return host and port that the worker is known by: where it listens at all addresses, by the name of its machine."""
    own = socket.gethostname() if host in {"0.0.0.0", "::"} else host  # noqa: S104 (compared, not bound)
    return f"{rest.advertised_host or own}:{rest.advertised_port or port}"


def _rest_settings(found: WorkerRest) -> RestSettings:
    user, _, password = found.basic_auth.reveal().partition(":")
    return RestSettings(
        listeners=tuple(map(str, found.listeners)),
        certificate=_path(found.certificate_file),
        key=_path(found.key_file),
        key_password=found.key_password,
        ca=_path(found.ca_file),
        client_auth=ClientAuth(found.client_auth),
        token=found.token,
        user=user,
        password=Secret(password),
    )


def _path(text: str) -> Path | None:
    return Path(text) if text else None
