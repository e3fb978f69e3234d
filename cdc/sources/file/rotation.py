"""The files that a log was before it was rotated: renamed beside its path, such as `app.log.1` or `app-2026-01-31.log`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, order=True)
class RotatedFile:
    """A file that rotation has put aside; files sort from the oldest to the newest.

    The time of the last write counts. Where it is the same, of `app.log.1` and `app.log.2` the higher number is the older one, and of
    dates the earlier.
    """

    written_ns: int
    rank: int
    name: str
    inode: int

    @classmethod
    def of(cls, entry: os.DirEntry[str], log_name: str) -> RotatedFile:
        """Describe a directory entry; raises OSError when it is gone."""
        found = entry.stat()
        count = re.fullmatch(r"[.-](\d{1,4})", entry.name.removeprefix(log_name))
        return cls(found.st_mtime_ns, -int(count[1]) if count else 0, entry.name, found.st_ino)


def find_inode(log: Path, inode: int) -> Path | None:
    """Return the file of that inode in the log's folder, whatever its name, the log itself excepted."""
    for entry in _files(log):
        # Not entry.inode(), which would be that of a symbolic link.
        if entry.name != log.name and entry.stat().st_ino == inode:
            return log.with_name(entry.name)
    return None


def successor(log: Path, inode: int, written_ns: int) -> Path:
    """Return what was written after the file of that inode and time of last write: the next rotated file, or the log itself."""
    rotated = sorted(RotatedFile.of(entry, log.name) for entry in _files(log) if has_rotated_name(log, entry.name))
    own = next((file for file in rotated if file.inode == inode), None)
    later = [file for file in rotated if (file > own if own else file.written_ns > written_ns)]
    return log.with_name(later[0].name) if later else log


def has_rotated_name(log: Path, name: str) -> bool:
    """Return whether rotation gives such names: the log's, with a number or a time behind it or before its suffix."""
    count = r"[._-]\d[\dTZ:._-]*"
    whole, stem, suffix = re.escape(log.name), re.escape(log.stem), re.escape(log.suffix)
    return re.fullmatch(f"{whole}{count}|{stem}{count}{suffix}", name) is not None


def _files(log: Path) -> Iterator[os.DirEntry[str]]:
    """List the regular files of the log's folder; one that goes away meanwhile is left out."""
    try:
        with os.scandir(log.parent) as entries:
            listed = list(entries)
    except FileNotFoundError:
        return
    for entry in listed:
        try:
            if entry.is_file():
                entry.stat()  # kept by the entry, so that nobody meets its disappearance later
                yield entry
        except FileNotFoundError:
            continue
