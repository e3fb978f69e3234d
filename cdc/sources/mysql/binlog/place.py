"""Places in a server's log: where an event begins, and where a reader of the log may start."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from cdc.sources.mysql.binlog.gtid import GtidSet
from cdc.sources.mysql.binlog.mariadb_gtid import MariaDbGtidSet

#: Behind the four bytes that each file begins with.
FIRST_POSITION = 4


class FilePosition(NamedTuple):
    """A place in the log: file, and offset in bytes, at the beginning of an event."""

    file: str
    position: int

    def __str__(self) -> str:
        return f"{self.file}:{self.position}"


Start: TypeAlias = FilePosition | GtidSet | MariaDbGtidSet
"""Where to begin: at an event, or after all of the given transactions."""
