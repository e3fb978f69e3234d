"""The file source against `bytes.splitlines`: whatever happens to the file and the reader, each complete line comes once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from cdc.sources.file.position import FilePosition
from cdc.sources.file.reader import FileReader

PIECES = st.tuples(st.just("write"), st.sampled_from(["\n", "\r", "\r\n"]), st.integers(0, 12), st.integers(0, 400))
STEPS = st.one_of(
    PIECES,
    PIECES,
    st.tuples(st.just("poll"), st.integers(1, 3)),
    st.just(("restart",)),
    st.just(("rotate",)),
    st.tuples(st.just("truncate"), st.booleans()),
)


class History:
    """A log file, the program that writes it, and a reader that is started again and again."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "app.log"
        self.numbers = count()
        self.held_back = b""
        self.content = b""
        self.expected: list[bytes] = []
        self.seen: list[bytes] = []
        self.offset: str | None = None
        self.clock = count()
        self.reader = self.started()

    def started(self) -> FileReader:
        stored = None if self.offset is None else FilePosition.from_offset(json.loads(self.offset))
        return FileReader(self.path, stored, lambda: float(next(self.clock)), 0.0)

    def write(self, end: str, cut: int, padding: int) -> None:
        """Add a line, save its last bytes: those come with the next one."""
        line = self.held_back + f"{next(self.numbers)} ü東{'.' * padding}{end}".encode()
        keep = max(0, len(line) - cut)
        self.append(line[:keep])
        self.held_back = line[keep:]

    def append(self, piece: bytes) -> None:
        with self.path.open("ab") as file:
            file.write(piece)
        self.content += piece

    def poll(self, limit: int) -> bool:
        lines = self.reader.lines(limit)
        assert len(lines) <= limit
        self.seen += [line.text for line in lines]
        if lines:
            self.offset = json.dumps(dict(lines[-1].position.offset()))
        return bool(lines)

    def restart(self) -> None:
        self.reader.close()
        self.reader = self.started()

    def rotate(self) -> None:
        """Rename app.log.1 to app.log.2 and so on, as logrotate does; the next file begins with a new line.

        Not before there is an offset: a connector that is new reads no rotated files.
        """
        if self.offset is None or not self.path.exists():
            return
        rotated = sorted(self.path.parent.glob("app.log.*"), key=lambda path: -int(path.suffix[1:]))
        for path in rotated:
            path.rename(path.with_suffix(f".{int(path.suffix[1:]) + 1}"))
        self.path.rename(self.path.with_name("app.log.1"))
        self.expected += self.content.splitlines()
        self.content = self.held_back = b""

    def truncate(self, down: bool) -> None:
        """Empty the file once everything in it was read; an unfinished line goes with it."""
        if not self.path.exists():
            return
        self.drain()
        if down:
            self.reader.close()
        self.path.write_bytes(b"")
        self.expected += self.complete()
        self.content = self.held_back = b""
        if down:
            self.restart()
        else:
            self.drain()

    def complete(self) -> list[bytes]:
        """Return the lines of the present file that nothing can be added to."""
        lines = self.content.splitlines(keepends=True)
        if lines and not lines[-1].endswith(b"\n"):
            lines.pop()
        return [line.rstrip(b"\r\n") for line in lines]

    def drain(self) -> None:
        quiet = 0
        while quiet < 3:
            quiet = 0 if self.poll(2) else quiet + 1


@contextmanager
def begun() -> Iterator[History]:
    with TemporaryDirectory() as folder:
        history = History(Path(folder))
        try:
            yield history
        finally:
            history.reader.close()


@given(st.lists(STEPS, max_size=40))
def test_each_complete_line_comes_once(steps):
    with begun() as history:
        for step, *arguments in steps:
            getattr(history, step)(*arguments)
        history.append(b"")  # a renamed file ends when there is a new one
        history.drain()
        history.restart()
        history.drain()
        assert history.seen == history.expected + history.complete()
