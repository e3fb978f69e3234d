"""Timelines: the branches of a server's log, of which each promotion of a standby begins a new one.

Format of the history file: the PostgreSQL manual, "Timelines" under "Continuous Archiving".
"""

from __future__ import annotations

from collections.abc import Mapping

from cdc.errors import SourceRefused
from cdc.model.position import parse_lsn


def parse_history(text: str) -> Mapping[int, int]:
    """Return where the log left each timeline that it comes from, as LSN by timeline.

    Raises:
        SourceRefused: the text is no timeline history.
    """
    lines = [line.split(maxsplit=2) for line in text.splitlines()]
    try:
        return {int(words[0]): parse_lsn(words[1]) for words in lines if words and not words[0].startswith("#")}
    except (IndexError, ValueError) as error:
        fact = f"the server's timeline history cannot be read: {text[:200]!r}"
        raise SourceRefused(fact, "Look at the .history files in the server's pg_wal folder.") from error
