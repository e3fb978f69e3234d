"""Where a reader stands in a file, and whether a file is still the one that it stood in."""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass
from typing import Final

from cdc.errors import ConfigError
from cdc.model.position import Json, Offset

#: How many bytes from the start of the file, and how many before the position, tell its content from another.
WINDOW: Final = 256


@dataclass(frozen=True, slots=True)
class FilePosition:
    """A place between two lines: `position` bytes of the file are done.

    `inode` finds the file when it was renamed. `fingerprint` is a checksum of the first bytes and of those before the position, so that
    other content under the same name or inode is noticed. An offset that Connect or a person wrote has neither.
    """

    position: int = 0
    inode: int | None = None
    fingerprint: str | None = None

    def offset(self) -> Offset:
        """Return what is stored: Connect's `{"position": bytes}`, and what is known beyond that."""
        known: dict[str, Json] = {"position": self.position}
        if self.inode is not None:
            known["inode"] = self.inode
        if self.fingerprint is not None:
            known["fingerprint"] = self.fingerprint
        return known

    @classmethod
    def from_offset(cls, offset: Offset) -> FilePosition:
        """Return the place that a stored offset means; raises ConfigError for one that means none."""
        position = offset.get("position")
        if "position" not in offset:
            raise _unusable(offset, "it has no position")
        if not isinstance(position, int) or isinstance(position, bool):
            raise _unusable(offset, "its position is not a whole number")
        if position < 0:
            raise _unusable(offset, "its position is negative")
        inode, fingerprint = offset.get("inode"), offset.get("fingerprint")
        if inode is not None and (not isinstance(inode, int) or isinstance(inode, bool)):
            raise _unusable(offset, "its inode is not a whole number")
        if fingerprint is not None and not isinstance(fingerprint, str):
            raise _unusable(offset, "its fingerprint is not a text")
        return cls(position, inode, fingerprint)

    def fits(self, descriptor: int) -> bool:
        """Return whether an open file has, up to this place, the content that was read."""
        if os.fstat(descriptor).st_size < self.position:
            return False
        if self.fingerprint is None:
            return True
        reach = min(WINDOW, self.position)
        head = os.pread(descriptor, reach, 0)
        return fingerprint(head, os.pread(descriptor, reach, self.position - reach)) == self.fingerprint


def fingerprint(head: bytes, before: bytes) -> str:
    """Return the checksum of the first bytes of a file and the bytes before a position, WINDOW of each or what there is."""
    return f"{zlib.crc32(before, zlib.crc32(head)):08x}"


def _unusable(offset: Offset, why: str) -> ConfigError:
    return ConfigError(
        f"the offset {dict(offset)} of a file cannot be used: {why}",
        'Give {"position": N}, N being how many bytes of the file are done.',
    )
