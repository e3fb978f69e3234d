"""Administration of this worker: the levels of its loggers."""

from __future__ import annotations

from dataclasses import asdict
from typing import Final

from aiohttp import web

from cdc.connect.herder import NotFound, RequestError
from cdc.connect.rest.answers import answer
from cdc.connect.rest.body import read_properties
from cdc.connect.rest.loggers import LEVELS, Loggers
from cdc.connect.rest.routes import Query, Route

LOGGERS: Final = web.AppKey("loggers", Loggers)
"""The loggers that an application serves."""


async def _list(request: web.Request) -> web.Response:
    return answer({name: asdict(level) for name, level in request.app[LOGGERS].all().items()})


async def _get(request: web.Request) -> web.Response:
    name = request.match_info["logger"]
    level = request.app[LOGGERS].level(name)
    if level is None:
        raise NotFound(f"Logger {name} not found.")
    return answer(asdict(level))


async def _set(request: web.Request) -> web.Response:
    scope = request.query.get("scope", "worker")
    if scope.lower() != "worker":
        raise RequestError(f"The scope is {scope!r}", "Only worker is known: set the level at each worker.")
    level = (await read_properties(request)).get("level")
    if level is None:
        raise RequestError("Desired 'level' parameter was not specified in request.")
    if level.upper() not in LEVELS:
        raise NotFound(f"invalid log level '{level}'.")
    return answer(request.app[LOGGERS].set_level(request.match_info["logger"], level))


_LOGGERS: Final = "/admin/loggers"
_SCOPE: Final = Query("scope", "Whose loggers to set; only worker is known")

ROUTES: Final = (
    Route("GET", _LOGGERS, "List the loggers whose level is set", _list, {200: "LoggerLevels"}),
    Route("GET", f"{_LOGGERS}/{{logger}}", "Get the level of a logger", _get, {200: "LoggerLevel"}),
    Route(
        "PUT",
        f"{_LOGGERS}/{{logger}}",
        "Set the level of a logger and of those below it",
        _set,
        {200: "Names"},
        "NewLevel",
        (_SCOPE,),
    ),
)
"""The routes of this group."""
