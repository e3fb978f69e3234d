"""The server's binlog, looked at from time to time: how much of it is not published yet, and whether it is about to be removed."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Final

from cdc.config.mysql_settings import MySqlSettings
from cdc.errors import CdcError
from cdc.sources.base import Retention
from cdc.sources.mysql.binlog.position import MySqlPosition
from cdc.sources.mysql.protocol.connection import Connection
from cdc.sources.mysql.server.facts import LogFile, ServerFacts, read_facts
from cdc.sources.mysql.server.login import reopen

log = logging.getLogger(__name__)

#: How often the log is looked at, in seconds.
WATCH_SECONDS: Final = 30.0
#: From which share of binlog_expire_logs_seconds on a position is in danger.
DANGER_SHARE: Final = 0.8


class LogWatch:
    """Looks at the binlog of one source; anyone on the loop may read `lag` and `retention`. `now` is in seconds since the epoch."""

    def __init__(self, settings: MySqlSettings, now: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._now = now
        self._position: MySqlPosition | None = None
        self._in_danger = False
        self.lag: int | None = None
        self.retention: Retention | None = None

    def begin(self, position: MySqlPosition) -> None:
        """Take where streaming begins."""
        self._position = position

    def acknowledge(self, position: MySqlPosition) -> None:
        """Take what is published."""
        self._position = position

    async def run(self, beside: Connection) -> None:
        """Look again and again, by short connections to the server of `beside`. One that cannot be asked is for the stream to notice."""
        while True:
            try:
                async with await reopen(self._settings, beside.endpoint) as connection:
                    self.note(await read_facts(connection))
            except CdcError as error:
                log.debug("the binlog could not be looked at: %s", error.sentence())
                self.lag = self.retention = None
            await asyncio.sleep(WATCH_SECONDS)

    def note(self, facts: ServerFacts) -> None:
        """Take a measure, and warn when what is not published yet will soon be removed."""
        position = self._position
        if position is None:
            return
        unread = unread_bytes(facts.files, position)
        self.lag = unread
        age = self._now() - position.commit_us / 1_000_000 if position.commit_us and unread else 0.0
        expires = facts.retention_seconds
        danger = 0 < expires * DANGER_SHARE <= age
        self.retention = Retention(unread, None, "expiring" if danger else "kept")
        if danger and not self._in_danger:
            log.warning(
                "the binlog is read up to %s, %d seconds ago, and the server removes what is older than %d seconds"
                " (binlog_expire_logs_seconds): what is not read by then is lost. Look for what is slow, or raise that",
                position.file,
                round(age),
                expires,
            )
        self._in_danger = danger


def unread_bytes(files: Sequence[LogFile], position: MySqlPosition) -> int | None:
    """Return how many bytes of the log lie behind a position; None if it is not in one of the files."""
    names = [file.name for file in files]
    if position.file not in names:
        return None
    at = names.index(position.file)
    return max(0, sum(file.size for file in files[at:]) - position.pos)
