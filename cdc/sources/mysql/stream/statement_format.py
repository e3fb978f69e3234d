"""Changes that the log has as statements, without their rows: they cannot be published, and must not be passed over."""

from __future__ import annotations

import re
from typing import Final

from cdc.config.filters import TableFilter
from cdc.errors import StatementLogged
from cdc.sources.mysql.binlog.query_event import Query

_NAME: Final = rb"(?:`(?:[^`]|``)+`|[\w$\x80-\xff]+)"
_CHANGE: Final = re.compile(
    rb"\s*(?:(?>/\*.*?\*/)\s*)*(INSERT|REPLACE|UPDATE|DELETE|LOAD\s+DATA)\b[^`\w]*(?:(?:LOW_PRIORITY|DELAYED|HIGH_PRIORITY|QUICK|IGNORE|INTO|FROM)\b\s*)*"
    rb"(?:(" + _NAME + rb")\s*\.\s*)?(" + _NAME + rb")?",
    re.IGNORECASE | re.DOTALL,
)


def check_loggable(query: Query, tables: TableFilter, place: str) -> None:
    """Make sure that a statement changes no rows of a captured table.

    Raises:
        StatementLogged: it does, or may do; `place` says where in the log it stands.
    """
    found = _CHANGE.match(query.text)
    if found is None:
        return
    database, table = (_plain(found[2]) or query.database), _plain(found[3])
    others = [each for each in query.databases or () if each not in ("", database)]
    if not (tables.matches(database, table) or any(tables.schemas.matches(each) for each in others)):
        return
    shown = query.text[:200].decode("utf-8", "replace")
    raise StatementLogged(
        f"the binlog has a change as a statement at {place}, without the rows that it changed: {shown}",
        "Set binlog_format=ROW at the server and for all of its sessions, and take a new snapshot.",
    )


def _plain(name: bytes | None) -> str:
    text = (name or b"").decode("utf-8", "replace")
    return text[1:-1].replace("``", "`") if text.startswith("`") else text
