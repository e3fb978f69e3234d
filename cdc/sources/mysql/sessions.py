"""The session that a statement of the binlog ran in, as far as its meaning depends on it."""

from __future__ import annotations

from cdc.errors import ConversionError
from cdc.sources.mysql.charsets import charset_of
from cdc.sources.mysql.ddl import DdlSession
from cdc.sources.mysql.definitions import CharsetChoice
from cdc.sources.mysql.query_event import Query
from cdc.sources.mysql.sql_tokens import SqlMode


def session_of(query: Query) -> DdlSession:
    """Return the session of a statement."""
    return DdlSession(database=query.database, mode=SqlMode.of(query.sql_mode), server=_server(query.server))


def _server(collation: int) -> CharsetChoice | None:
    """Return the server's charset at that time; None if the log does not tell it."""
    try:
        return CharsetChoice(charset_of(collation)) if collation else None
    except ConversionError:
        return None
