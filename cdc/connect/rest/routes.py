"""What a route is: everything that serves it and describes it, in one row."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from aiohttp import web

from cdc.connect.herder import Herder

HERDER: Final = web.AppKey("herder", Herder)
"""The herder that an application serves."""

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.Response]]


@dataclass(frozen=True, slots=True)
class Query:
    """A parameter after the question mark; `type` is a JSON schema's, and `many` says that it may stand several times."""

    name: str
    doc: str
    type: str = "string"
    many: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """A method of a path.

    `path` is written as in OpenAPI, `{connector}` being a parameter. `answers` and `body` name schemas of `cdc.connect.rest.schemas`, by
    status; "" is no body. Errors are not listed: all have one shape. A `public` route needs no credentials.
    """

    method: str
    path: str
    summary: str
    handler: Handler
    answers: Mapping[int, str]
    body: str = ""
    query: tuple[Query, ...] = ()
    public: bool = field(default=False, kw_only=True)
