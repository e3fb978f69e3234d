"""The worker itself: who it is, whether it is ready, and whether it is alive."""

from __future__ import annotations

from typing import Final

from aiohttp import web

import cdc
from cdc.connect.metrics.health import Health
from cdc.connect.rest.answers import answer
from cdc.connect.rest.middlewares import is_authentic
from cdc.connect.rest.routes import HERDER, Route
from cdc.connect.rest.settings import RestSettings

HEALTH: Final = web.AppKey("health", Health)
"""What looks at the tasks."""
SETTINGS: Final = web.AppKey("settings", RestSettings)
"""By which credentials who asks may hear more than others."""

_HEALTHY: Final = {
    "status": "healthy",
    "message": "Worker has completed startup and is ready to handle requests.",
}
_STARTING: Final = {"status": "starting", "message": "Worker is still starting up."}
_ALIVE: Final = {"status": "healthy", "message": "Worker answers."}
#: Why a worker is unhealthy, in as many clauses as fit a message.
_MOST_TROUBLES: Final = 10


async def _worker(request: web.Request) -> web.Response:
    cluster = await request.app[HERDER].kafka_cluster_id()
    return answer({"version": cdc.__version__, "commit": "unknown", "kafka_cluster_id": cluster})


async def _health(request: web.Request) -> web.Response:
    if not request.app[HERDER].ready:
        return answer(_STARTING, 503)
    troubles = request.app[HEALTH].troubles(detailed=_may_know(request))
    return answer(_unhealthy(troubles), 503) if troubles else answer(_HEALTHY)


async def _alive(request: web.Request) -> web.Response:
    return answer(_ALIVE)


def _may_know(request: web.Request) -> bool:
    """Tell whether who asks for the health, which anybody may, could ask for the rest as well."""
    settings = request.app[SETTINGS]
    return not settings.demands_credentials or is_authentic(request.headers.get("Authorization", ""), settings)


def _unhealthy(troubles: list[str]) -> dict[str, str]:
    more = len(troubles) - _MOST_TROUBLES
    clauses = [*troubles[:_MOST_TROUBLES], *([f"and {more} more"] if more > 0 else [])]
    text = "; ".join(clauses)
    return {"status": "unhealthy", "message": f"{text[:1].upper()}{text[1:]}."}


ROUTES: Final = (
    Route("GET", "/", "Get the version of this worker and the id of its Kafka cluster", _worker, {200: "ServerInfo"}),
    Route(
        "GET",
        "/health",
        "Tell whether this worker is ready: it has started, none of its tasks has failed, and none stalls",
        _health,
        {200: "WorkerStatus", 503: "WorkerStatus"},
        public=True,
    ),
    Route(
        "GET",
        "/health/live",
        "Answer, whatever the tasks do: a worker that does not is to be restarted",
        _alive,
        {200: "WorkerStatus"},
        public=True,
    ),
)
"""The routes of this group."""
