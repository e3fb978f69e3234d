"""Setting and removing a stored offset: in one transaction, which shuts out whoever else writes under the connector's name."""

from __future__ import annotations

import asyncio
import sys

import orjson
import typer

from cdc.cli.positions.stand import Stand, look
from cdc.config.connector import ConnectorConfig
from cdc.connect.connector_offsets import store_source_offsets
from cdc.errors import ConfigError, SlotInUse, SourceError
from cdc.model.position import Offset, parse_lsn
from cdc.sources.postgres.inspection import inspect
from cdc.sources.postgres.position import PostgresPosition


def set_position(config: ConnectorConfig, where: str, *, yes: bool, fence: bool, as_json: bool) -> None:
    """Store the offset that `where` means, and say what is the case then; raises as `_store`, and ConfigError for no place."""
    stand = asyncio.run(look(config))
    offset = _offset(where, stand)
    position = PostgresPosition.from_offset(offset)
    question = f"Set the offset of {config.name}, which is {stand.position or 'not stored'}, to {position}?"
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


def _offset(where: str, stand: Stand) -> Offset:
    """Return the offset that is meant, with what is known of the server it is about."""
    if where.lstrip().startswith("{"):
        return _given(where)
    found = stand.server
    if where == "slot":
        if found is None or found.slot is None:
            why = stand.unknown or f"slot {stand.config.postgres.slot_name} does not exist"
            raise ConfigError(f"It is not known where the slot stands: {why}", "Give a place in the log.")
        lsn = found.slot.confirmed_lsn
    else:
        lsn = _place(where)
    if found is None:
        return PostgresPosition(lsn).offset()
    evidence = found.slot.evidence(stand.config.postgres.slot_name) if found.slot is not None else None
    return PostgresPosition(lsn, found.server.system_id, found.server.timeline, slot=evidence).offset()


def _given(text: str) -> Offset:
    try:
        found = orjson.loads(text)
    except ValueError as error:
        raise ConfigError(f"{text!r} is not JSON: {error}", "Give the offset as a JSON object.") from error
    offset: Offset = dict(found)
    return offset


def _place(text: str) -> int:
    try:
        lsn = parse_lsn(text)
    except ValueError as error:
        remedy = "Give one as PostgreSQL prints it, as in 0/16B3748, or the word slot, or an offset as JSON."
        raise ConfigError(f"{text!r} is no place in the log", remedy) from error
    if not lsn:
        raise ConfigError(
            f"{text} is no place in the log", "To begin anew, remove the offset: cdc-stream offsets reset."
        )
    return lsn


async def _warning(stand: Stand, position: PostgresPosition) -> str:
    """Return a line that says what the connector would meet, "" when it could go on."""
    if stand.server is None:
        return f"The server could not be asked: {stand.unknown}\n"
    try:
        lost = (await inspect(stand.config.postgres, position)).lost
    except SourceError as error:
        return f"The server could not be asked: {error.sentence()}\n"
    return f"From there the connector cannot go on: {type(lost).__name__}: {lost}\n" if lost is not None else ""


def _store(stand: Stand, offset: Offset | None, question: str, *, yes: bool, fence: bool) -> None:
    """Ask, and store.

    Raises:
        SlotInUse: an instance still runs, as far as the server knows, and it is not to be shut out.
        ConfigError: there is nobody to ask.
        SinkError: it could not be stored.
    """
    slot = stand.server.slot if stand.server is not None else None
    if slot is not None and slot.active_pid is not None and not fence:
        raise SlotInUse(
            f"The connector seems to run: slot {stand.config.postgres.slot_name} is read by PID {slot.active_pid} of the server",
            "Stop it first, or give --fence to shut it out.",
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
