"""Plugins: what connectors can be made of, and whether a configuration suits them."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from cdc.connect.herder import RequestError
from cdc.connect.rest.answers import answer, plugin_info
from cdc.connect.rest.body import NO_NULL, read_properties
from cdc.connect.rest.routes import HERDER, Query, Route


async def _list(request: web.Request) -> web.Response:
    connectors_only = request.query.get("connectorsOnly", "true").lower() == "true"
    plugins = await request.app[HERDER].plugins(connectors_only=connectors_only)
    return answer([plugin_info(plugin) for plugin in plugins])


async def _definition(request: web.Request) -> web.Response:
    definitions = await request.app[HERDER].plugin_config(request.match_info["plugin"])
    return answer([dict(definition) for definition in definitions])


async def _validate(request: web.Request) -> web.Response:
    plugin, given = request.match_info["plugin"], await read_properties(request)
    config = {name: value for name, value in given.items() if value is not None}
    _check_class(config.get("connector.class"), plugin)
    infos = await request.app[HERDER].validate(plugin, config)
    return answer(_with_nulls(dict(infos), [name for name, value in given.items() if value is None]))


def _check_class(connector_class: str | None, plugin: str) -> None:
    if connector_class is None:
        raise RequestError(
            "The configuration contains no connector type",
            f'Add "connector.class", as in "connector.class": "{plugin}".',
        )
    if not _alias(connector_class).endswith(_alias(plugin)):
        raise RequestError(f"Included connector type {connector_class} does not match request type {plugin}")


def _alias(name: str) -> str:
    return name.removesuffix("Connector") or name


def _with_nulls(infos: dict[str, Any], nulls: list[str]) -> dict[str, Any]:
    """Return the result of a validation with an error for each property that is null, as Connect lists it."""
    wrong = [{"definition": None, "value": _null(name)} for name in nulls]
    return {**infos, "error_count": infos["error_count"] + len(wrong), "configs": [*wrong, *infos["configs"]]}


def _null(name: str) -> dict[str, Any]:
    return {"name": name, "value": None, "recommended_values": [], "errors": [NO_NULL], "visible": True}


_PLUGINS: Final = "/connector-plugins"
_ONLY: Final = Query("connectorsOnly", "Whether to list only connectors; true if not given", "boolean")

ROUTES: Final = (
    Route("GET", _PLUGINS, "List the plugins that are installed", _list, {200: "Plugins"}, query=(_ONLY,)),
    Route(
        "GET", f"{_PLUGINS}/{{plugin}}/config", "Get the properties of a plugin", _definition, {200: "ConfigKeyInfos"}
    ),
    Route(
        "PUT",
        f"{_PLUGINS}/{{plugin}}/config/validate",
        "Check a configuration against the properties of a plugin",
        _validate,
        {200: "ConfigInfos"},
        "Properties",
    ),
)
"""The routes of this group."""
