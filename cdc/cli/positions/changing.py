"""Setting and removing a stored offset: in one transaction, which shuts out whoever else writes under the connector's name."""

from __future__ import annotations

import asyncio
import sys

import orjson
import typer

from cdc.cli.positions.stand import Stand, look
from cdc.config.connector import ConnectorConfig
from cdc.connect.connector_offsets import store_source_offsets
from cdc.errors import ConfigError, SourceError
from cdc.model.position import Offset, Position


def set_position(config: ConnectorConfig, where: str, *, yes: bool, fence: bool, as_json: bool) -> None:
    """Store the offset that `where` means, and say what is the case then; raises as `_store`, and ConfigError for no place."""
    stand = asyncio.run(look(config))
    offset = stand.log.offset(where, stand.server, stand.unknown)
    position = stand.log.position(offset)
    between = "" if stand.position is None else stand.log.between(stand.position, position)
    question = f"{between}. " if between else ""
    question += f"Set the offset of {config.name}, which is {stand.position or 'not stored'}, to {position}?"
    warning = asyncio.run(_warning(stand, position))
    _store(stand, offset, f"{warning}{question}", yes=yes, fence=fence)
    _report(stand, offset, f"the offset of {config.name} is {position} now", as_json=as_json)
    if warning:
        typer.echo(warning.strip(), err=True)


def remove_position(config: ConnectorConfig, *, yes: bool, fence: bool, as_json: bool) -> None:
    """Remove the offset; raises as `_store`."""
    stand = asyncio.run(look(config))
    if stand.offset is None:
        _report(stand, None, f"no offset of {config.name} is stored", as_json=as_json)
        return
    question = (
        f"Remove the offset of {config.name}, which is {stand.position or dict(stand.offset)}? It begins anew then."
    )
    _store(stand, None, question, yes=yes, fence=fence)
    _report(
        stand, None, f"the offset of {config.name} is removed; it begins anew, as snapshot.mode says", as_json=as_json
    )


async def _warning(stand: Stand, position: Position) -> str:
    """Return a line that says what the connector would meet, "" when it could go on."""
    if stand.server is None:
        return f"The server could not be asked: {stand.unknown}\n"
    try:
        lost = (await stand.log.look(position)).lost
    except SourceError as error:
        return f"The server could not be asked: {error.sentence()}\n"
    return f"From there the connector cannot go on: {type(lost).__name__}: {lost}\n" if lost is not None else ""


def _store(stand: Stand, offset: Offset | None, question: str, *, yes: bool, fence: bool) -> None:
    """Ask, and store.

    Raises:
        SlotInUse, ServerIdInUse: an instance still runs, as far as the server knows, and it is not to be shut out.
        ConfigError: there is nobody to ask.
        SinkError: it could not be stored.
    """
    if stand.server is not None and stand.server.reader and not fence:
        raise stand.server.in_use(
            f"The connector seems to run: {stand.server.reader}", "Stop it first, or give --fence to shut it out."
        )
    if not yes:
        if not sys.stdin.isatty():
            raise ConfigError("There is nobody to ask on this terminal", "Give --yes.")
        typer.confirm(question, abort=True, err=True)
    asyncio.run(store_source_offsets(stand.config.kafka, stand.config.name, [(stand.partition, offset)]))


def _report(stand: Stand, offset: Offset | None, words: str, *, as_json: bool) -> None:
    if not as_json:
        typer.echo(words)
        return
    before = None if stand.offset is None else dict(stand.offset)
    after = None if offset is None else dict(offset)
    typer.echo(orjson.dumps({"connector": stand.config.name, "before": before, "after": after}).decode())
