"""The transactions that are whole at a position: MySQL's or MariaDB's GTIDs, or none where the server has none."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from cdc.sources.mysql.binlog.gtid import GtidSet
from cdc.sources.mysql.binlog.mariadb_gtid import MariaDbGtid, MariaDbGtidSet

#: A run of MySQL's GTIDs (UUID, tag, first, last), or one of MariaDB's.
Committed = tuple[str, str, int, int] | MariaDbGtid


class Executed:
    """Adds what commits to the GTIDs of a stored position. Without those it stays empty: a part of them would say something wrong."""

    def __init__(self, gtids: GtidSet | MariaDbGtidSet | None) -> None:
        self._gtids = gtids
        self._text = None if gtids is None else str(gtids)

    @classmethod
    def parse(cls, text: str | None, *, mariadb: bool) -> Self:
        """Read the text of a stored position; raises ConfigError for one that is none."""
        if text is None:
            return cls(None)
        return cls(MariaDbGtidSet.parse(text) if mariadb else GtidSet.parse(text))

    @property
    def text(self) -> str | None:
        """The canonical text; None where there are no GTIDs."""
        return self._text

    def add(self, committed: Iterable[Committed]) -> None:
        """Add what has committed."""
        gtids, changed = self._gtids, False
        for each in committed:
            changed = True
            if isinstance(each, MariaDbGtid):
                if isinstance(gtids, MariaDbGtidSet):
                    gtids.add(each)
            elif isinstance(gtids, GtidSet):
                gtids.add_interval(*each)
        if changed and gtids is not None:
            self._text = str(gtids)
