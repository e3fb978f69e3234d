"""The slot and the publication of a stream, looked at from time to time: the log that is kept is measured, and warned about."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from cdc.config.settings import PostgresSettings
from cdc.errors import CdcError
from cdc.sources.base import Retention
from cdc.sources.postgres.protocol.connection import Connection, connect
from cdc.sources.postgres.server.publication import find_publication
from cdc.sources.postgres.server.slot import Slot, find_slot
from cdc.sources.postgres.wal.position import PublicationEvidence

log = logging.getLogger(__name__)

#: How often the slot is looked at, in seconds.
WATCH_SECONDS: Final = 30.0
# PostgreSQL's words for a slot that needs more log than max_slot_wal_keep_size lets it keep: the next checkpoint may take it away.
IN_DANGER: Final = frozenset({"unreserved", "lost"})


class SlotWatch:
    """Looks at the slot and the publication of one source; `seen` and `found` hear of them each time, and `found` may raise.

    One task runs `run`, and anyone on the loop may read `retention`.
    """

    def __init__(
        self, settings: PostgresSettings, seen: Callable[[Slot], None], found: Callable[[PublicationEvidence], None]
    ) -> None:
        self._settings = settings
        self._seen = seen
        self._found = found
        self._large = False
        self._in_danger = False
        self.retention: Retention | None = None

    async def run(self, beside: Connection) -> None:
        """Look again and again, by short connections of its own to the server of `beside`, which a snapshot may keep busy.

        A server that cannot be asked is for the stream to notice; the measure is unknown meanwhile. Raises what `found` raises.
        """
        while True:
            publication = None
            try:
                async with await connect(self._settings, beside=beside) as connection:
                    slot = await find_slot(connection, self._settings)
                    publication = await find_publication(connection, self._settings)
            except CdcError as error:
                log.debug("the slot could not be looked at: %s", error.sentence())
                slot = None
            self.note(slot)
            if slot is not None and publication is not None:
                self._found(publication)
            await asyncio.sleep(WATCH_SECONDS)

    def note(self, slot: Slot | None) -> None:
        """Take a measure, and warn when a bound has been crossed since the last one."""
        if slot is None:
            self.retention = None
            return
        self.retention = Retention(slot.retained_bytes, slot.safe_bytes, slot.wal_status)
        self._warn_of_size(slot.retained_bytes or 0)
        self._warn_of_danger(slot)
        self._seen(slot)

    def _warn_of_size(self, kept: int) -> None:
        limit = self._settings.slot_wal_warn_bytes
        was, self._large = self._large, 0 < limit <= kept
        if self._large and not was:
            log.warning(
                "the server keeps %d bytes of log for slot %s (slot.wal.warn.bytes is %d): its disk may fill. "
                "Look for what is slow, or for a transaction that does not end",
                kept,
                self._settings.slot_name,
                limit,
            )
        elif was and not self._large:
            log.info("the server keeps %d bytes of log for slot %s again", kept, self._settings.slot_name)

    def _warn_of_danger(self, slot: Slot) -> None:
        was, self._in_danger = self._in_danger, slot.wal_status in IN_DANGER
        if self._in_danger and not was:
            log.warning(
                "slot %s needs more log than the server may keep for it (wal_status = %s): it may be invalidated at the next checkpoint. "
                "Raise max_slot_wal_keep_size",
                self._settings.slot_name,
                slot.wal_status,
            )
