"""Sets the replica identities that `replica.identity.autoset.values` asks for."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from psycopg import sql

from cdc.config.identities import ReplicaIdentity
from cdc.config.settings import PostgresSettings
from cdc.errors import SourceRefused
from cdc.sources.postgres.protocol.connection import Connection, refusals
from cdc.sources.postgres.server.publication import PublishedTable

log = logging.getLogger(__name__)

_WORDS = {"d": "DEFAULT", "f": "FULL", "n": "NOTHING"}
_INDEX = """
select c.relname from pg_index i join pg_class c on c.oid = i.indexrelid where i.indrelid = %s and i.indisreplident
"""


async def set_identities(connection: Connection, settings: PostgresSettings, tables: Iterable[PublishedTable]) -> bool:
    """Give each table the identity that the configuration says, where it has another; return whether one was changed.

    What the server refuses is logged with the statement for the table's owner: the stream is right without it, but its old rows say less.
    """
    changed = False
    for table in tables:
        wanted = settings.replica_identities.choose(str(table.id))
        if wanted is not None and await _present(connection, settings, table) != wanted:
            changed |= await _set(connection, settings, table, wanted)
    return changed


async def _present(connection: Connection, settings: PostgresSettings, table: PublishedTable) -> ReplicaIdentity:
    if table.identity != "i":
        return ReplicaIdentity(table.identity)
    with refusals(settings):
        cursor = await connection.execute(_INDEX.encode(), (table.oid,))
        row = await cursor.fetchone()
    return ReplicaIdentity("i", str(row[0]) if row else "")


async def _set(
    connection: Connection, settings: PostgresSettings, table: PublishedTable, wanted: ReplicaIdentity
) -> bool:
    word = (
        sql.SQL(_WORDS[wanted.letter])
        if not wanted.index
        else sql.SQL("USING INDEX {}").format(sql.Identifier(wanted.index))
    )
    statement = sql.SQL("ALTER TABLE {} REPLICA IDENTITY {}").format(sql.Identifier(table.schema, table.name), word)
    text = statement.as_string(connection)
    try:
        with refusals(settings):
            await connection.execute(statement)
    except SourceRefused as error:
        log.warning("the replica identity of %s stays as it is: %s Let its owner run: %s", table.id, error, text)
        return False
    log.info("%s", text)
    return True
