"""The moment that a snapshot shows: one transaction on the server, and others that are pinned to what it sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql

from cdc.config.settings import PostgresSettings
from cdc.errors import SourceRefused, SourceUnavailable
from cdc.sources.postgres.protocol.connection import Connection, connect, refusals
from cdc.sources.postgres.server.publication import PublishedTable
from cdc.sources.postgres.wal.position import Visibility

BEGIN = "begin isolation level repeatable read read only"
PIN = "set transaction snapshot {}"


@dataclass(frozen=True, slots=True)
class View:
    """A consistent view: streaming goes on at `lsn`, but for the transactions that `visibility` says the view has seen.

    `seen` is PostgreSQL's pg_snapshot of it; `pin` is the name under which other sessions may see the same while the view is open, or "".
    """

    lsn: int
    xid: int
    visibility: Visibility | None
    seen: str = ""
    pin: str = ""


async def open_view(
    connection: Connection,
    settings: PostgresSettings,
    lsn: int,
    exported: str | None,
    tables: Sequence[PublishedTable] = (),
) -> View:
    """Begin a read-only transaction in the slot's exported snapshot, or in a new one when the slot was there before.

    With a new one, transactions that the slot will stream although the view has seen them are told apart by their ids. `tables` are locked
    first, as the settings say, so that their definition cannot change meanwhile.

    Raises:
        SourceUnavailable: a table is locked by others for longer than the settings allow.
    """
    with refusals(settings):
        await connection.execute(BEGIN)
        if tables and (settings.snapshot.locks or settings.snapshot.threads > 1):
            await _lock(connection, settings, tables)
        if exported is not None:
            await connection.execute(sql.SQL(PIN).format(exported))
        cursor = await connection.execute(
            "select pg_current_snapshot()::text, pg_snapshot_xmax(pg_current_snapshot())::text::bigint, "
            "(case when pg_is_in_recovery() then greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) "
            "else pg_current_wal_insert_lsn() end "
            "- '0/0')::bigint"
        )
        row = await cursor.fetchone()
        pin = await _export(connection) if settings.snapshot.threads > 1 else ""
    if row is None:
        raise RuntimeError("a query of one row returned none")
    text, xid, end = row
    return View(lsn, int(xid), None if exported is not None else Visibility(str(text), int(end)), str(text), pin)


async def _lock(connection: Connection, settings: PostgresSettings, tables: Sequence[PublishedTable]) -> None:
    """Lock tables against changes of their definition; reading and writing goes on."""
    names = sql.SQL(", ").join(sql.Identifier(table.schema, table.name) for table in tables)
    seconds = settings.snapshot.lock_timeout
    await connection.execute(f"set local lock_timeout = {int(seconds * 1000)}".encode())
    try:
        await connection.execute(sql.SQL("lock table {} in access share mode").format(names))
    except psycopg.errors.LockNotAvailable as error:
        raise SourceUnavailable(
            f"another session has had a table of the snapshot locked for {seconds:g} s ({', '.join(str(table.id) for table in tables[:10])})",
            "Wait until its change is complete, or raise snapshot.lock.timeout.ms.",
        ) from error
    await connection.execute("set local lock_timeout = 0")


async def _export(connection: Connection) -> str:
    cursor = await connection.execute("select pg_export_snapshot()")
    row = await cursor.fetchone()
    return str(row[0]) if row else ""


async def open_pinned(settings: PostgresSettings, view: View) -> Connection:
    """Open another connection that sees what the view sees, and nothing else.

    Raises:
        SourceUnavailable: the view is no longer open, or the connection sees something else; both end the snapshot.
    """
    connection = await connect(settings)
    try:
        await _pin(connection, settings, view)
    except BaseException:
        await connection.close()
        raise
    return connection


async def _pin(connection: Connection, settings: PostgresSettings, view: View) -> None:
    try:
        with refusals(settings):
            await connection.execute(BEGIN)
            await connection.execute(sql.SQL(PIN).format(view.pin))
            cursor = await connection.execute("select pg_current_snapshot()::text")
            row = await cursor.fetchone()
    except SourceRefused as error:
        raise SourceUnavailable(f"the view of the snapshot cannot be shared: {error}", "It is taken again.") from error
    if row is None or row[0] != view.seen:
        raise SourceUnavailable(
            f"a connection of the snapshot sees {row and row[0]}, not {view.seen}", "The snapshot is taken again."
        )
