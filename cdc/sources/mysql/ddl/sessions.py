"""The session that a statement of the binlog ran in, as far as its meaning depends on it."""

from __future__ import annotations

from cdc.errors import ConversionError
from cdc.sources.mysql.binlog.query_event import Query
from cdc.sources.mysql.ddl.definitions import CharsetChoice
from cdc.sources.mysql.ddl.sql_tokens import SqlMode
from cdc.sources.mysql.ddl.statements import DdlSession
from cdc.sources.mysql.values.charsets import charset_of


def session_of(query: Query) -> DdlSession:
    """Return the session of a statement."""
    return DdlSession(database=query.database, mode=SqlMode.of(query.sql_mode), server=_server(query.server))


def _server(collation: int) -> CharsetChoice | None:
    """Return the server's charset at that time; None if the log does not tell it."""
    try:
        return CharsetChoice(charset_of(collation)) if collation else None
    except ConversionError:
        return None
