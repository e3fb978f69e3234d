"""Administration of this worker, or of all: the levels of loggers."""

from __future__ import annotations

from dataclasses import asdict
from typing import Final

from aiohttp import web

from cdc.connect.herder import NotFound, RequestError
from cdc.connect.loggers import LEVELS
from cdc.connect.rest.answers import answer, empty
from cdc.connect.rest.body import read_properties
from cdc.connect.rest.routes import HERDER, Query, Route


async def _list(request: web.Request) -> web.Response:
    return answer({name: asdict(level) for name, level in request.app[HERDER].loggers.all().items()})


async def _get(request: web.Request) -> web.Response:
    name = request.match_info["logger"]
    level = request.app[HERDER].loggers.level(name)
    if level is None:
        raise NotFound(f"Logger {name} not found.")
    return answer(asdict(level))


async def _set(request: web.Request) -> web.Response:
    scope = request.query.get("scope", "worker").lower()
    if scope not in {"worker", "cluster"}:
        raise RequestError(f"The scope is {scope!r}", "It is worker, for this one, or cluster, for all of them.")
    level = (await read_properties(request)).get("level")
    if level is None:
        raise RequestError("Desired 'level' parameter was not specified in request.")
    if level.upper() not in LEVELS:
        raise NotFound(f"invalid log level '{level}'.")
    herder, name = request.app[HERDER], request.match_info["logger"]
    if scope == "cluster":
        await herder.set_cluster_level(name, level)
        return empty(204)
    return answer(herder.loggers.set_level(name, level))


_LOGGERS: Final = "/admin/loggers"
_SCOPE: Final = Query("scope", "Whose loggers to set: worker, the default, for this one, or cluster for all that run")

ROUTES: Final = (
    Route("GET", _LOGGERS, "List the loggers whose level is set", _list, {200: "LoggerLevels"}),
    Route("GET", f"{_LOGGERS}/{{logger}}", "Get the level of a logger", _get, {200: "LoggerLevel"}),
    Route(
        "PUT",
        f"{_LOGGERS}/{{logger}}",
        "Set the level of a logger and of those below it",
        _set,
        {200: "Names", 204: ""},
        "NewLevel",
        (_SCOPE,),
    ),
)
"""The routes of this group."""
