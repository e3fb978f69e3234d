"""What the databases say alike of a position."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson

from cdc.errors import ConfigError
from cdc.model.position import Offset


def shown_time(commit_us: int) -> str | None:
    """Return the time of a commit, given in microseconds since the epoch; None for 0, which is unknown."""
    return datetime.fromtimestamp(commit_us / 1_000_000, UTC).isoformat() if commit_us else None


def given_offset(text: str) -> Offset | None:
    """Return an offset that is given as JSON, None for a text that is something else; raises ConfigError for JSON that is broken."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        found = orjson.loads(text)
    except ValueError as error:
        raise ConfigError(f"{text!r} is not JSON: {error}", "Give the offset as a JSON object.") from error
    offset: Offset = dict(found)
    return offset
