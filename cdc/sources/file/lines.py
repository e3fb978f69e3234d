"""Bytes of a file, cut into lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cdc.sources.file.position import WINDOW

# Behind a carriage return at the very end a newline may still come.
_LINE_END: Final = re.compile(rb"\n|\r\n|\r(?!\Z)")


@dataclass(frozen=True, slots=True)
class Line:
    """A line without its end; `start` and `end` are positions in the file, `before` the WINDOW of bytes that stands before `end`."""

    text: bytes
    start: int
    end: int
    before: bytes


class LineBuffer:
    """What was read of one file and is not handed out yet, and the WINDOW of bytes before it.

    Lines end with a newline, a carriage return, or both, as Connect's do.
    """

    def __init__(self, position: int = 0, before: bytes = b"") -> None:
        """Begin at a position; `before` are the bytes that stand before it."""
        self._data = before
        self._base = position - len(before)
        self._done = self._searched = len(before)

    @property
    def end(self) -> int:
        """The position in the file behind the last byte."""
        return self._base + len(self._data)

    @property
    def known(self) -> bytes:
        """The last bytes, WINDOW of them or as many as the file has."""
        return self._data[-WINDOW:]

    @property
    def waiting(self) -> int:
        """How many bytes are not handed out."""
        return len(self._data) - self._done

    @property
    def start(self) -> int:
        """The position of the first byte that is not handed out."""
        return self._base + self._done

    def add(self, piece: bytes) -> None:
        """Append what stands at `end`."""
        cut = max(0, self._done - WINDOW)
        self._data = self._data[cut:] + piece
        self._base += cut
        self._done -= cut
        self._searched -= cut

    def take(self, limit: int) -> Sequence[Line]:
        """Hand out the next whole lines, at most `limit`."""
        lines: list[Line] = []
        for end in _LINE_END.finditer(self._data, self._searched):
            lines.append(self._line(end.start(), end.end()))
            if len(lines) == limit:
                return lines
        self._searched = max(self._done, len(self._data) - 1)
        return lines

    def take_rest(self) -> Sequence[Line]:
        """Hand out what is left as one line, when nothing will follow it; none if nothing is left."""
        length = len(self._data)
        return [self._line(length - self._data.endswith(b"\r"), length)] if self.waiting else []

    def _line(self, text_end: int, end: int) -> Line:
        start = self._done
        self._done = self._searched = end
        before = self._data[max(0, end - WINDOW) : end]
        return Line(self._data[start:text_end], self._base + start, self._base + end, before)
