"""The metrics of this worker, for Prometheus."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from cdc.connect.metrics.collector import WorkerMetrics
from cdc.connect.rest.routes import Route
from cdc.metrics.exposition import exposition

METRICS: Final = web.AppKey("metrics", WorkerMetrics)
"""What is scraped."""


async def _scrape(request: web.Request) -> web.Response:
    body, content_type = exposition(request.app[METRICS], request.headers.get("Accept", ""))
    return web.Response(body=body, headers={"Content-Type": content_type})


ROUTES: Final = (
    Route(
        "GET",
        "/metrics",
        "Get the metrics of this worker, in OpenMetrics where that is accepted, else in Prometheus' text format",
        _scrape,
        {200: "Metrics"},
    ),
)
"""The routes of this group."""
