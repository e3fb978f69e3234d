"""The REST API as an application, and as a server on its listeners."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import ssl
from collections.abc import Mapping
from typing import Final

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from cdc.config.worker_rest import Listener
from cdc.connect.herder import Herder
from cdc.connect.metrics.collector import WorkerMetrics
from cdc.connect.metrics.health import Health
from cdc.connect.rest import admin, connectors, metrics, offsets, plugins, root, tasks
from cdc.connect.rest.answers import answer
from cdc.connect.rest.forwarding import Forwarding
from cdc.connect.rest.middlewares import authentication, errors, own_host
from cdc.connect.rest.openapi import describe
from cdc.connect.rest.routes import HERDER, Route
from cdc.connect.rest.settings import RestSettings, advertised, check, tls_context
from cdc.errors import ConfigError

_log = logging.getLogger(__name__)
_protocol_log = logging.getLogger(f"{__name__}.protocol")

_STOP_SECONDS: Final = 2.0
_EVERYWHERE: Final = {"", "0.0.0.0", "::"}  # noqa: S104 (compared, not bound)


def _hide_bytes(record: logging.LogRecord) -> bool:
    """Let a record pass without the bytes of a request that cannot be read: they may hold credentials."""
    if record.exc_info and isinstance(record.exc_info[1], HttpProcessingError):
        record.exc_info = None
    return True


_protocol_log.addFilter(_hide_bytes)


async def _description(request: web.Request) -> web.Response:
    return answer(describe(ROUTES))


ROUTES: Final = (
    *root.ROUTES,
    *connectors.ROUTES,
    *tasks.ROUTES,
    *offsets.ROUTES,
    *plugins.ROUTES,
    *admin.ROUTES,
    *metrics.ROUTES,
    Route("GET", "/openapi.json", "Get this description", _description, {200: "OpenApi"}),
)
"""The whole API."""


def app(herder: Herder, settings: RestSettings) -> web.Application:
    """Return the application that serves a herder; its credentials and its bound are those of the settings."""
    public = frozenset(route.path for route in ROUTES if route.public)
    guard = authentication(settings, public) if settings.demands_credentials else own_host(settings)
    forwarding = Forwarding(settings)
    application = web.Application(
        middlewares=[errors, guard, forwarding.middleware()], client_max_size=settings.max_body
    )
    application.cleanup_ctx.append(forwarding.run)
    application[HERDER] = herder
    application[root.SETTINGS] = settings
    application[root.HEALTH] = Health(herder)
    application[metrics.METRICS] = WorkerMetrics(herder)
    for route in ROUTES:
        _add(application.router, route)
    return application


def _add(router: web.UrlDispatcher, route: Route) -> None:
    # A name may hold any character but an unescaped slash; aiohttp's own pattern leaves out braces. As with Connect, a slash may end a path.
    path = re.sub(r"{(\w+)}", r"{\1:[^/]+}", route.path)
    path = path if path == "/" else path + "{slash:/?}"
    if route.method == "GET":
        router.add_get(path, route.handler, allow_head=True)
    else:
        router.add_route(route.method, path, route.handler)


class RestServer:
    """Serves a herder on the listeners of the settings, from `start` to `stop`.

    It does not own the herder. Start it once; all calls are made on one event loop.
    """

    def __init__(self, herder: Herder, settings: RestSettings) -> None:
        self._settings = settings
        self._advertised: Listener | None = None
        self._runner = web.AppRunner(
            app(herder, settings), access_log=None, logger=_protocol_log, shutdown_timeout=_STOP_SECONDS
        )

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Host and port of each socket that is listened on: the real port where 0 was asked for."""
        return [(address[0], address[1]) for address in self._runner.addresses]

    @property
    def url(self) -> str:
        """Where other workers reach this one, as "http://host:port/"; by the name of this machine where it listens at all addresses.

        It is known once `start` has returned; before, RuntimeError is raised.
        """
        if self._advertised is None:
            raise RuntimeError("the server has not been started")
        return f"{self._advertised}/"

    async def start(self) -> None:
        """Listen on all listeners, or on none.

        Raises:
            ConfigError: the settings cannot be used (see `check`), or an address cannot be listened on.
        """
        listeners = check(self._settings)
        secure = any(listener.scheme == "https" for listener in listeners)
        tls = await asyncio.to_thread(tls_context, self._settings) if secure else None
        try:
            await self._runner.setup()
            ports = {listener: await self._listen(listener, tls) for listener in listeners}
        except BaseException:
            await self._runner.cleanup()
            raise
        self._advertised = self._to_others(ports)
        _log.info("REST API listens at %s", ", ".join(f"{host}:{port}" for host, port in self.addresses))

    async def stop(self) -> None:
        """Take no more requests, let those under way come to their end for up to two seconds, and close everything."""
        await self._runner.cleanup()

    def _to_others(self, ports: Mapping[Listener, int]) -> Listener:
        """Return what others are told of the listeners that are open, each with its real port."""
        settings = self._settings
        found = advertised(tuple(ports), settings.advertised_scheme)
        own = socket.gethostname() if found.host in _EVERYWHERE else found.host
        return Listener(
            settings.advertised_scheme or found.scheme,
            settings.advertised_host or own,
            settings.advertised_port or ports[found],
        )

    async def _listen(self, listener: Listener, tls: ssl.SSLContext | None) -> int:
        """Listen, and return the real port."""
        context = tls if listener.scheme == "https" else None
        site = web.TCPSite(self._runner, listener.host or None, listener.port, ssl_context=context)
        try:
            await site.start()
        except OSError as error:
            raise ConfigError(
                f"the REST API cannot listen on {listener}: {error.strerror or error}",
                "Choose another address in listeners, or end what listens there.",
            ) from error
        return site.port
