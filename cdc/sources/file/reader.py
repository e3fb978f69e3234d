"""Follows a file as it grows, is renamed and made anew, or is truncated; blocking, for a thread."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cdc.errors import ConversionError, SourceRefused, SourceUnavailable
from cdc.sources.file.lines import Line, LineBuffer
from cdc.sources.file.position import WINDOW, FilePosition, fingerprint
from cdc.sources.file.rotation import find_inode, has_rotated_name, successor

log = logging.getLogger(__name__)

#: How much is read at once, and the longest line, in bytes.
PIECE: Final = 1 << 20
LONGEST_LINE: Final = 16 << 20


@dataclass(frozen=True, slots=True)
class PlacedLine:
    """A line without its end, the file and the byte at which it begins, and the place behind it."""

    text: bytes
    file: Path
    start: int
    position: FilePosition


class FileReader:
    """Reads whole lines behind a stored position, from one caller at a time.

    Renamed and made anew: the old file is read until nothing was added to it for `grace_seconds`, by `clock`; a last line without an
    end counts then, as nobody will complete it. Then comes whatever was written next. Truncated: the file is read from its start.
    Not there: it is waited for.
    """

    def __init__(
        self, path: Path, stored: FilePosition | None, clock: Callable[[], float], grace_seconds: float
    ) -> None:
        self._path = path
        self._stored = stored or FilePosition()
        self._clock = clock
        self._grace_seconds = grace_seconds
        self._file: _OpenFile | None = None
        self._waiting = False
        self._quiet_since: float | None = None

    def lines(self, limit: int) -> Sequence[PlacedLine]:
        """Return the next lines of one file, at most `limit`; none when none is complete.

        Raises:
            SourceRefused: the file cannot be opened as it is.
            SourceUnavailable: it cannot be read now.
            ConversionError: a line is too long.
        """
        with _failures(self._path):
            file = self._file or self._begin()
            while file is not None:
                found = file.take(limit) or self._more(file, limit)
                if found or not self._is_left(file):
                    return found
                if rest := file.take_rest():
                    return rest
                file = self._follow(file)
            return []

    def close(self) -> None:
        """Close what is open."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _more(self, file: _OpenFile, limit: int) -> Sequence[PlacedLine]:
        """Read on until there is a whole line, or the end."""
        found: Sequence[PlacedLine] = []
        while not found and file.fill():
            self._quiet_since = None
            found = file.take(limit)
        return found

    def _begin(self) -> _OpenFile | None:
        """Open the file that the stored position belongs to, or else one from its start; None while there is none.

        The file may have another name by now. One that has the name and the content, under another inode, was restored from a copy.
        """
        aside = None if self._stored.inode is None else find_inode(self._path, self._stored.inode)
        for path in [aside, self._path] if aside else [self._path]:
            file = _opened(path)
            if file is not None and self._stored.fits(file.descriptor):
                file.go_to(self._stored.position)
                return self._adopt(file)
            if file is not None:
                file.close()
        # What has the inode and not the content was truncated before it was renamed.
        return self._begin_anew(aside if aside and has_rotated_name(self._path, aside.name) else self._path)

    def _begin_anew(self, path: Path) -> _OpenFile | None:
        file = _opened(path)
        if file is not None:
            log.warning(
                "%s was truncated, or is not the file that was read up to byte %d, and that one is not beside it under "
                "another name; reading begins at its start",
                path,
                self._stored.position,
            )
            return self._adopt(file)
        if not self._waiting:
            log.warning("%s does not exist; waiting for it to be created", path)
        self._waiting = True
        return None

    def _adopt(self, file: _OpenFile) -> _OpenFile:
        """Read this file from now on."""
        self.close()
        self._file = file
        self._quiet_since = None
        return file

    def _is_left(self, file: _OpenFile) -> bool:
        """Return whether the path has become another file long enough ago; called at the end of the present one."""
        try:
            present = self._path.stat()
        except FileNotFoundError:
            return False
        if os.path.samestat(present, os.fstat(file.descriptor)):
            self._quiet_since = None
            return False
        if self._quiet_since is None:
            # Never at first sight: something may have been added between the last look and the renaming.
            self._quiet_since = self._clock()
            return False
        return self._clock() - self._quiet_since >= self._grace_seconds

    def _follow(self, file: _OpenFile) -> _OpenFile | None:
        """Open what was written after a file that was left, and is read to its end; None when it is renamed just now."""
        done = os.fstat(file.descriptor)
        path = successor(self._path, done.st_ino, done.st_mtime_ns)
        following = _opened(path)
        if following is None:
            return None
        log.info("%s was rotated; going on with %s", self._path, path)
        return self._adopt(following)


class _OpenFile:
    """An open file and how far it is read."""

    def __init__(self, path: Path) -> None:
        """Open it at its start; raises OSError, SourceRefused for what is no file."""
        # Without O_NONBLOCK, opening a named pipe would wait for a writer.
        self.descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        found = os.fstat(self.descriptor)
        if not stat.S_ISREG(found.st_mode):
            self.close()
            raise SourceRefused(f"{path} is not a regular file", "Give the path of a file that lines are appended to.")
        self._path = path
        self._inode = found.st_ino
        self.go_to(0)

    def close(self) -> None:
        """Close it; once."""
        os.close(self.descriptor)

    def go_to(self, position: int) -> None:
        """Read on from a position, in bytes."""
        self._head = os.pread(self.descriptor, WINDOW, 0)
        reach = min(WINDOW, position)
        self._buffer = LineBuffer(position, os.pread(self.descriptor, reach, position - reach))

    def fill(self) -> bool:
        """Read the next piece, and return whether there was one; from the start when the content is another than before."""
        known, end = self._buffer.known, self._buffer.end
        data = os.pread(self.descriptor, len(known) + PIECE, end - len(known))
        if not data.startswith(known):
            self._start_over()
            return True
        self._buffer.add(data[len(known) :])
        if self._buffer.waiting > LONGEST_LINE:
            raise ConversionError(
                f"the line of {self._path} that begins at byte {self._buffer.start} is longer than {LONGEST_LINE >> 20} MiB",
                "Lines must end with a newline or a carriage return. To leave it out, stop the connector and store the "
                "position behind it with PATCH /connectors/…/offsets.",
            )
        if len(self._head) < WINDOW:
            self._head = os.pread(self.descriptor, WINDOW, 0)
        return len(data) > len(known)

    def take(self, limit: int) -> Sequence[PlacedLine]:
        """Return the next whole lines that were read, at most `limit`."""
        return [self._placed(line) for line in self._buffer.take(limit)]

    def take_rest(self) -> Sequence[PlacedLine]:
        """Return what stands behind the last line's end, as a line."""
        return [self._placed(line) for line in self._buffer.take_rest()]

    def _placed(self, line: Line) -> PlacedLine:
        mark = fingerprint(self._head[: line.end], line.before)
        return PlacedLine(line.text, self._path, line.start, FilePosition(line.end, self._inode, mark))

    def _start_over(self) -> None:
        log.warning(
            "%s was truncated, or overwritten before byte %d; reading begins at its start again%s",
            self._path,
            self._buffer.end,
            f", {self._buffer.waiting} bytes of an unfinished line are left out" if self._buffer.waiting else "",
        )
        self.go_to(0)


def _opened(path: Path) -> _OpenFile | None:
    """Open a file at its start; None when it does not exist."""
    try:
        return _OpenFile(path)
    except FileNotFoundError:
        return None


@contextmanager
def _failures(path: Path) -> Iterator[None]:
    """Turn the system's refusals into sentences."""
    try:
        yield
    except (PermissionError, IsADirectoryError, NotADirectoryError) as error:
        fact = f"{error.filename or path} cannot be read: {error.strerror}"
        raise SourceRefused(fact, "Check the path, and the rights of the user that the worker runs as.") from error
    except OSError as error:
        raise SourceUnavailable(
            f"{error.filename or path} cannot be read now: {error.strerror}", "Check the disk."
        ) from error
