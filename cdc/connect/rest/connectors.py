"""Connectors: their configurations, states and topics."""

from __future__ import annotations

import contextlib
from typing import Any, Final

from aiohttp import web

from cdc.connect.herder import Herder, NotFound, RequestError, TargetState
from cdc.connect.rest.answers import answer, connector_info, connector_status, empty, put_answer
from cdc.connect.rest.body import (
    configuration,
    properties,
    read_object,
    read_properties,
    refuse_other_name,
    refuse_unknown,
)
from cdc.connect.rest.routes import HERDER, Handler, Query, Route

_INITIAL_STATES: Final = {
    "RUNNING": TargetState.STARTED,
    "PAUSED": TargetState.PAUSED,
    "STOPPED": TargetState.STOPPED,
}


async def _list(request: web.Request) -> web.Response:
    herder = request.app[HERDER]
    names = await herder.connectors()
    if "expand" not in request.query:
        return answer(list(names))
    expansions, found = request.query.getall("expand"), {}
    for name in names:
        # One that is deleted meanwhile is left out.
        with contextlib.suppress(NotFound):
            found[name] = await _expand(herder, name, expansions)
    return answer(found)


async def _expand(herder: Herder, name: str, expansions: list[str]) -> dict[str, Any]:
    expanded = {}
    if "status" in expansions:
        expanded["status"] = connector_status(await herder.status(name))
    if "info" in expansions:
        expanded["info"] = connector_info(await herder.connector(name))
    return expanded


async def _create(request: web.Request) -> web.Response:
    document = await read_object(request, exact_numbers=True)
    refuse_unknown(document, "name", "config", "initial_state")
    given = properties({key: value for key, value in document.items() if key != "config"}, "The body")
    config = configuration((given.get("name") or "").strip(), _config(document))
    target = _target(given.get("initial_state"))
    created = await request.app[HERDER].put_connector(config["name"], config, replace=False, target=target)
    return put_answer(request, *created)


def _config(document: dict[str, Any]) -> dict[str, str | None]:
    if document.get("config") is None:
        raise RequestError("The body has no config", 'Send {"name": …, "config": {"connector.class": …}}.')
    return properties(document["config"], "config")


def _target(word: str | None) -> TargetState | None:
    if word is None:
        return None
    if word.upper() not in _INITIAL_STATES:
        raise RequestError(f"The initial_state is {word!r}", f"Known are: {', '.join(_INITIAL_STATES)}.")
    return _INITIAL_STATES[word.upper()]


async def _get(request: web.Request) -> web.Response:
    return answer(connector_info(await request.app[HERDER].connector(request.match_info["connector"])))


async def _delete(request: web.Request) -> web.Response:
    await request.app[HERDER].delete_connector(request.match_info["connector"])
    return empty(204)


async def _get_config(request: web.Request) -> web.Response:
    info = await request.app[HERDER].connector(request.match_info["connector"])
    return answer(dict(info.config))


async def _put_config(request: web.Request) -> web.Response:
    name = request.match_info["connector"]
    config = configuration(name, await read_properties(request))
    return put_answer(request, *await request.app[HERDER].put_connector(name, config, replace=True))


async def _patch_config(request: web.Request) -> web.Response:
    name = request.match_info["connector"]
    patch = await read_properties(request)
    refuse_other_name(name, patch)
    return answer(connector_info(await request.app[HERDER].patch_connector(name, patch)))


async def _status(request: web.Request) -> web.Response:
    return answer(connector_status(await request.app[HERDER].status(request.match_info["connector"])))


async def _restart(request: web.Request) -> web.Response:
    include_tasks, only_failed = (
        request.query.get(name, "").lower() == "true" for name in ("includeTasks", "onlyFailed")
    )
    status = await request.app[HERDER].restart(
        request.match_info["connector"], include_tasks=include_tasks, only_failed=only_failed
    )
    return empty(204) if status is None else answer(connector_status(status), 202)


def _setter(target: TargetState, status: int) -> Handler:
    async def set_target(request: web.Request) -> web.Response:
        await request.app[HERDER].set_target(request.match_info["connector"], target)
        return empty(status)

    return set_target


async def _topics(request: web.Request) -> web.Response:
    name = request.match_info["connector"]
    return answer({name: {"topics": list(await request.app[HERDER].topics(name))}})


async def _reset_topics(request: web.Request) -> web.Response:
    await request.app[HERDER].reset_topics(request.match_info["connector"])
    return empty(202)


_CONNECTOR: Final = "/connectors/{connector}"
_EXPAND: Final = Query("expand", "What to tell of each connector, instead of its name alone: status, info", many=True)
_RESTART: Final = (
    Query("includeTasks", "Whether to restart the tasks too; false if not given", "boolean"),
    Query("onlyFailed", "Whether to restart only what has failed; false if not given", "boolean"),
)

ROUTES: Final = (
    Route("GET", "/connectors", "List all connectors", _list, {200: "Connectors"}, query=(_EXPAND,)),
    Route("POST", "/connectors", "Create a connector", _create, {201: "ConnectorInfo"}, "CreateConnectorRequest"),
    Route("GET", _CONNECTOR, "Get a connector", _get, {200: "ConnectorInfo"}),
    Route("DELETE", _CONNECTOR, "Delete a connector; its offsets stay", _delete, {204: ""}),
    Route("GET", f"{_CONNECTOR}/config", "Get the configuration of a connector", _get_config, {200: "Properties"}),
    Route(
        "PUT",
        f"{_CONNECTOR}/config",
        "Create a connector, or give it another configuration",
        _put_config,
        {200: "ConnectorInfo", 201: "ConnectorInfo"},
        "Properties",
    ),
    Route(
        "PATCH",
        f"{_CONNECTOR}/config",
        "Change some properties of a connector; null removes one",
        _patch_config,
        {200: "ConnectorInfo"},
        "PropertiesPatch",
    ),
    Route("GET", f"{_CONNECTOR}/status", "Get the state of a connector and its tasks", _status, {200: "Status"}),
    Route("POST", f"{_CONNECTOR}/restart", "Restart a connector", _restart, {202: "Status", 204: ""}, query=_RESTART),
    Route("PUT", f"{_CONNECTOR}/pause", "Pause a connector", _setter(TargetState.PAUSED, 202), {202: ""}),
    Route("PUT", f"{_CONNECTOR}/resume", "Resume a connector", _setter(TargetState.STARTED, 202), {202: ""}),
    Route("PUT", f"{_CONNECTOR}/stop", "Stop a connector", _setter(TargetState.STOPPED, 204), {204: ""}),
    Route("GET", f"{_CONNECTOR}/topics", "List the topics that a connector has used", _topics, {200: "Topics"}),
    Route("PUT", f"{_CONNECTOR}/topics/reset", "Forget which topics it has used", _reset_topics, {202: ""}),
)
"""The routes of this group."""
