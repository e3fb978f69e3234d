"""A file that grows by whole deliveries: what was not committed is cut off at the next start. Blocking, for a thread."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import stat
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NoReturn

from cdc.errors import SinkError
from cdc.model.connect_record import TopicPartition
from cdc.sinks.base import Offsets, RetryLater
from cdc.sinks.file import journal
from cdc.sinks.file.journal import Journal, journal_path

log = logging.getLogger(__name__)

#: How many bytes before the journalled length tell the file from another.
WINDOW: Final = 256
_FULL: Final = {errno.ENOSPC, errno.EDQUOT}


class FileInUse(RetryLater):
    """Another task or process writes to the file."""


class OutputFile:
    """The file of one sink and its journal; one caller at a time, and one process (`open` takes a lock on the file).

    `append` adds lines with the offsets behind them, `commit` makes all of that durable. After a crash the file is again what it was at
    the last commit, and `offsets` are those of then.
    """

    def __init__(self, path: Path, connector: str) -> None:
        self._path = path
        self._journal_path = journal_path(path)
        self._connector = connector
        self._descriptor: int | None = None
        self._length = 0
        self._offsets: dict[TopicPartition, int] = {}
        self._committed: Journal | None = None
        self._failure: SinkError | None = None

    @property
    def offsets(self) -> Offsets:
        """By partition, the offset of the first record that the file does not hold."""
        return self._offsets

    def open(self) -> None:
        """Lock the file, and cut off what was not committed.

        Raises:
            FileInUse: another one has the lock.
            SinkError: the file cannot be written, or is not as it was left: too short, or other content.
        """
        with self._failures(), self._closed_on_error():
            descriptor = self._locked()
            known = journal.load(self._journal_path)
            if known is None:
                self._length = os.fstat(descriptor).st_size
                self._save(descriptor)
            else:
                self._restore(descriptor, known)

    def append(self, lines: bytes, offsets: Offsets) -> None:
        """Add lines, and the offsets behind them; on any error the file is as it was.

        Raises:
            RetryLater: the disk is full.
            SinkError: it cannot be written.
        """
        with self._failures():
            descriptor = self._opened()
            try:
                _write(descriptor, lines, self._length)
            except OSError:
                os.ftruncate(descriptor, self._length)
                raise
            self._length += len(lines)
            self._offsets |= offsets

    def commit(self, offsets: Offsets) -> None:
        """Make everything durable that was appended, and note that all before these offsets was delivered.

        Raises:
            RetryLater: the disk is full; nothing is lost, and another commit can follow.
            SinkError: it cannot be made durable, or the file is not what was written.
        """
        with self._failures():
            descriptor = self._opened()
            for where, offset in offsets.items():
                self._offsets[where] = max(offset, self._offsets.get(where, 0))
            before = self._committed
            if before and (before.length, before.offsets) == (self._length, self._offsets):
                return
            self._check_unchanged(descriptor)
            self._sync(descriptor)
            self._save(descriptor)

    def change(self, offsets: Mapping[TopicPartition, int | None]) -> None:
        """Set the offsets at which reading goes on, or forget them where they are None; raises SinkError."""
        with self._failures():
            for where, offset in offsets.items():
                if offset is None:
                    self._offsets.pop(where, None)
                else:
                    self._offsets[where] = offset
            self._save(self._opened())

    def close(self) -> None:
        """Let go of the file; what was not committed is cut off at the next start."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _opened(self) -> int:
        if self._failure is not None:
            raise self._failure
        if self._descriptor is None:
            raise RuntimeError("the file is not open")
        return self._descriptor

    def _locked(self) -> int:
        # Without O_NONBLOCK, opening a named pipe would wait for a reader.
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
        self._descriptor = os.open(self._path, flags, 0o666)
        if not stat.S_ISREG(os.fstat(self._descriptor).st_mode):
            raise SinkError(f"{self._path} is not a regular file", "Give the path of a file.")
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FileInUse(
                f"Another task or process writes to {self._path}",
                "Give each connector a file of its own, and stop the worker that still writes to this one.",
            ) from error
        return self._descriptor

    def _restore(self, descriptor: int, known: Journal) -> None:
        """Make the file what it was at the last commit."""
        size = os.fstat(descriptor).st_size
        if size < known.length:
            self._refuse(f"{self._path} has {size} bytes, but {known.length} bytes were written to it")
        if _mark(descriptor, known.length) != known.mark:
            self._refuse(
                f"{self._path} is not the file that was written: its content before byte {known.length} is another"
            )
        if size > known.length:
            log.info("%s: cutting off %d bytes that were not committed", self._path, size - known.length)
            os.ftruncate(descriptor, known.length)
        self._length, self._committed = known.length, known
        # Another connector reads with another consumer group, whose offsets decide.
        self._offsets = dict(known.offsets) if known.connector == self._connector else {}

    def _refuse(self, fact: str) -> NoReturn:
        # For good: a runtime may only warn of a commit that failed, and come with more records.
        self._failure = SinkError(
            fact,
            f"Restore the file. To begin a new one, remove its journal {self._journal_path} with it; "
            "the connector goes on at the consumer group's offsets then.",
        )
        raise self._failure

    def _check_unchanged(self, descriptor: int) -> None:
        """Notice before each commit that somebody renamed, removed, truncated or wrote the file."""
        found = os.fstat(descriptor)
        present = None
        with suppress(FileNotFoundError):
            present = self._path.stat()
        if present is None or not os.path.samestat(found, present):
            self._refuse(f"{self._path} was removed or renamed while it was written")
        if found.st_size != self._length:
            self._refuse(f"{self._path} has {found.st_size} bytes, but {self._length} bytes were written to it")

    def _sync(self, descriptor: int) -> None:
        try:
            os.fsync(descriptor)
        except OSError as error:
            # The kernel may have dropped what it could not write, and a second fsync would not say so.
            self._failure = SinkError(
                f"{self._path} cannot be made durable: {error.strerror}",
                "Check the disk, and restart the task: it goes on behind the last commit.",
            )
            raise self._failure from error

    def _save(self, descriptor: int) -> None:
        state = Journal(self._connector, self._length, _mark(descriptor, self._length), dict(self._offsets))
        journal.store(self._journal_path, state)
        self._committed = state

    @contextmanager
    def _closed_on_error(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.close()
            raise

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """Turn the system's refusals into sentences."""
        try:
            yield
        except OSError as error:
            name = error.filename or self._path
            fact = f"{name} cannot be written: {error.strerror}"
            if error.errno in _FULL:
                raise RetryLater(fact, "Free some space: the records are kept, and written then.") from error
            raise SinkError(
                fact, "Check the path, the rights of the user that the worker runs as, and the disk."
            ) from error


def _write(descriptor: int, content: bytes, position: int) -> None:
    rest = memoryview(content)
    while rest:
        done = os.pwrite(descriptor, rest, position)
        rest, position = rest[done:], position + done


def _mark(descriptor: int, length: int) -> str:
    reach = min(WINDOW, length)
    return f"{zlib.crc32(os.pread(descriptor, reach, length - reach)):08x}"
