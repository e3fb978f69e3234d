"""The file sink in a process that is killed with -9, and through random histories of crashes and full disks."""

from __future__ import annotations

import errno
import os
import random
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

from hypothesis import given
from hypothesis import strategies as st

from cdc.sinks.base import RetryLater
from cdc.sinks.file.output import OutputFile
from cdc.testing.conformance.sink_task import ZERO, values

KILLS = 6
STEP = 400


def size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def started(folder: Path, number: int) -> subprocess.Popen[bytes]:
    program = [sys.executable, "-m", "tests.unit.sinks.file.killed_writer"]
    return subprocess.Popen([*program, str(folder / "out.txt"), str(folder / "committed"), str(number)])


def test_each_record_is_there_once_however_often_the_writer_is_killed(tmp_path):
    chance = random.Random(4)
    file = tmp_path / "out.txt"
    for _ in range(KILLS):
        goal = size(file) + chance.randrange(1000, 10_000)
        with started(tmp_path, 10**9) as writer:  # it never comes to its end
            give_up = time.monotonic() + 60
            while size(file) < goal:
                assert writer.poll() is None
                assert time.monotonic() < give_up
                time.sleep(0.001)
            writer.kill()
    number = file.read_text(errors="replace").count("\n") + STEP
    with started(tmp_path, number) as writer:
        assert writer.wait(60) == 0
    assert file.read_text().splitlines() == values(ZERO, *range(number))


class History:
    """A file that a sink writes, crash after crash, on a disk that may be full at any byte."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "out.txt"
        self.free = 10**9
        self.output = self.opened()

    def opened(self) -> OutputFile:
        output = OutputFile(self.path, "history")
        output.open()
        return output

    def append(self, number: int, free: int | None) -> None:
        """Add the next records; None is a disk with space enough."""
        self.free = 10**9 if free is None else free
        begin = self.output.offsets.get(ZERO, 0)
        lines = "".join(f"{value}\n" for value in values(ZERO, *range(begin, begin + number))).encode()
        with suppress(RetryLater):
            self.output.append(lines, {ZERO: begin + number})

    def commit(self) -> None:
        self.output.commit({})

    def crash(self) -> None:
        self.output.close()
        self.output = self.opened()

    def pwrite(self, descriptor: int, content: memoryview, position: int) -> int:
        if not self.free:
            raise OSError(errno.ENOSPC, "No space left on device")
        piece = bytes(content[: self.free])
        self.free -= len(piece)
        os.lseek(descriptor, position, os.SEEK_SET)
        return os.write(descriptor, piece)


STEPS = st.one_of(
    st.tuples(st.just("append"), st.integers(0, 3), st.none() | st.integers(0, 120)),
    st.just(("commit",)),
    st.just(("crash",)),
)


@given(st.lists(STEPS, max_size=30))
def test_through_any_history_the_file_is_what_its_offsets_say(steps):
    with TemporaryDirectory() as folder, mock.patch.object(os, "fsync"):
        history = History(Path(folder))
        with mock.patch.object(os, "pwrite", history.pwrite):
            for step, *arguments in steps:
                getattr(history, step)(*arguments)
                assert history.path.read_text().splitlines() == values(
                    ZERO, *range(history.output.offsets.get(ZERO, 0))
                )
        history.output.close()
