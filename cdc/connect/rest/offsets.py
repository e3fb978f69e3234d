"""Offsets of connectors; only those of a stopped connector can be changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from aiohttp import web

from cdc.connect.herder import ConnectorOffset, RequestError
from cdc.connect.rest.answers import answer, connector_offset
from cdc.connect.rest.body import as_object, read_object, refuse_unknown
from cdc.connect.rest.routes import HERDER, Route


async def _get(request: web.Request) -> web.Response:
    offsets = await request.app[HERDER].offsets(request.match_info["connector"])
    return answer({"offsets": [connector_offset(offset) for offset in offsets]})


async def _alter(request: web.Request) -> web.Response:
    offsets = _offsets(await read_object(request, exact_numbers=False))
    return answer({"message": await request.app[HERDER].alter_offsets(request.match_info["connector"], offsets)})


async def _reset(request: web.Request) -> web.Response:
    return answer({"message": await request.app[HERDER].reset_offsets(request.match_info["connector"])})


def _offsets(document: dict[str, object]) -> Sequence[ConnectorOffset]:
    refuse_unknown(document, "offsets")
    given = document.get("offsets")
    if not given:
        raise RequestError("Partitions / offsets need to be provided for an alter offsets request")
    if not isinstance(given, list):
        raise RequestError("offsets is not an array", 'Send {"offsets": [{"partition": …, "offset": …}]}.')
    return [_offset(each, f"offsets[{number}]") for number, each in enumerate(given)]


def _offset(given: object, what: str) -> ConnectorOffset:
    entry = as_object(given, what)
    refuse_unknown(entry, "partition", "offset")
    partition, offset = as_object(entry.get("partition"), f"{what}.partition"), entry.get("offset")
    return ConnectorOffset(partition, None if offset is None else as_object(offset, f"{what}.offset"))


_OFFSETS: Final = "/connectors/{connector}/offsets"

ROUTES: Final = (
    Route("GET", _OFFSETS, "Get the committed offsets of a connector", _get, {200: "Offsets"}),
    Route("PATCH", _OFFSETS, "Alter offsets of a stopped connector", _alter, {200: "Message"}, "Offsets"),
    Route("DELETE", _OFFSETS, "Remove all offsets of a stopped connector", _reset, {200: "Message"}),
)
"""The routes of this group."""
