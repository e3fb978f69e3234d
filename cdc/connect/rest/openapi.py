"""The description of the API, made from its table of routes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final

import cdc
from cdc.connect.rest.routes import Query, Route
from cdc.connect.rest.schemas import PLAIN, SCHEMAS, reference

_PARAMETERS: Final = {
    "connector": ("string", "The name of the connector; a slash in it is written %2F"),
    "task": ("integer", "The number of the task, from 0"),
    "plugin": ("string", "The class of the plugin, or its alias"),
    "logger": ("string", "The name of the logger; root is the root's"),
}


def describe(routes: Iterable[Route]) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of the routes."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    schemes = {"bearer": {"type": "http", "scheme": "bearer"}, "basic": {"type": "http", "scheme": "basic"}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "cdc-stream: Kafka Connect's REST API", "version": cdc.__version__},
        "paths": paths,
        "components": {"schemas": dict(SCHEMAS), "securitySchemes": schemes},
        "security": [{}, {"bearer": []}, {"basic": []}],
    }


def _operation(route: Route) -> dict[str, Any]:
    answers = {str(status): _answer(status, schema) for status, schema in route.answers.items()}
    operation: dict[str, Any] = {
        "operationId": _identifier(route),
        "summary": route.summary,
        "parameters": [*map(_path_parameter, re.findall(r"{(\w+)}", route.path)), *map(_query_parameter, route.query)],
        "responses": {**answers, "default": {"description": "An error", "content": _content("ErrorMessage")}},
    }
    if route.body:
        operation["requestBody"] = {"required": True, "content": _content(route.body)}
    return {**operation, "security": []} if route.public else operation


def _identifier(route: Route) -> str:
    return "_".join([route.method.lower(), *re.findall(r"\w+", route.path)])


def _answer(status: int, schema: str) -> dict[str, Any]:
    content = {"content": _content(schema)} if schema else {}
    return {"description": HTTPStatus(status).phrase, **content}


def _content(schema: str) -> dict[str, Any]:
    return {"text/plain" if schema in PLAIN else "application/json": {"schema": reference(schema)}}


def _path_parameter(name: str) -> dict[str, Any]:
    kind, doc = _PARAMETERS[name]
    return {"name": name, "in": "path", "required": True, "description": doc, "schema": {"type": kind}}


def _query_parameter(query: Query) -> dict[str, Any]:
    item = {"type": query.type}
    schema = {"type": "array", "items": item} if query.many else item
    return {"name": query.name, "in": "query", "required": False, "description": query.doc, "schema": schema}
