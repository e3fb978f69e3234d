"""The worker itself: who it is, and whether it is ready."""

from __future__ import annotations

from typing import Final

from aiohttp import web

import cdc
from cdc.connect.rest.answers import answer
from cdc.connect.rest.routes import HERDER, Route

_HEALTHY: Final = {
    "status": "healthy",
    "message": "Worker has completed startup and is ready to handle requests.",
}
_STARTING: Final = {"status": "starting", "message": "Worker is still starting up."}


async def _worker(request: web.Request) -> web.Response:
    cluster = await request.app[HERDER].kafka_cluster_id()
    return answer({"version": cdc.__version__, "commit": "unknown", "kafka_cluster_id": cluster})


async def _health(request: web.Request) -> web.Response:
    ready = request.app[HERDER].ready
    return answer(_HEALTHY) if ready else answer(_STARTING, 503)


ROUTES: Final = (
    Route("GET", "/", "Get the version of this worker and the id of its Kafka cluster", _worker, {200: "ServerInfo"}),
    Route(
        "GET",
        "/health",
        "Tell whether this worker is ready",
        _health,
        {200: "WorkerStatus", 503: "WorkerStatus"},
        public=True,
    ),
)
"""The routes of this group."""
