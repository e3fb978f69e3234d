"""How a connector's stand is shown: for a person, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from cdc.cli.positions.stand import Stand
from cdc.model.position import Json


def as_document(stand: Stand) -> str:
    """Return all that is known as one JSON document; places in the log are texts as the database prints them."""
    lost = stand.server.lost if stand.server is not None else None
    problem: Json = {"error": type(lost).__name__, "fact": str(lost), "remedy": lost.remedy} if lost else None
    document: dict[str, Json] = {
        "connector": stand.config.name,
        "topic": stand.config.kafka.offset_topic,
        "partition": dict(stand.partition),
        "offset": None if stand.offset is None else dict(stand.offset),
        "position": None if stand.position is None else dict(stand.log.described(stand.position)),
        "server": None if stand.server is None else dict(stand.server.document(stand.position)),
        "lost": problem,
        "unknown": stand.unknown,
        "unreadable": stand.unreadable,
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()


def as_text(stand: Stand) -> str:
    """Return what a person wants to know, a few lines long."""
    return "\n".join([f"connector {stand.config.name}", *_stored(stand), *_said(stand), *_judged(stand)])


def _stored(stand: Stand) -> Iterator[str]:
    position = stand.position
    if position is None:
        yield f"stored offset: {stand.unreadable or 'none; the connector begins anew, as snapshot.mode says'}"
        return
    incomplete = stand.log.described(position)["snapshot"]
    yield f"stored offset: {position}{' (the snapshot is not complete)' if incomplete else ''}"
    yield from (f"  {line}" for line in stand.log.told(position))


def _said(stand: Stand) -> Iterator[str]:
    if stand.server is None:
        yield f"server: unknown; {stand.unknown}"
        return
    yield from stand.server.lines(stand.position)


def _judged(stand: Stand) -> Iterator[str]:
    if stand.server is None or stand.position is None:
        return
    lost = stand.server.lost
    if lost is None:
        yield "the connector can go on"
        return
    yield f"the connector cannot go on: {type(lost).__name__}: {lost.sentence()}"
