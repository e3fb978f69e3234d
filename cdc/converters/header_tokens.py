"""The tokens of a header's text, as Connect cuts them (`Values.Parser`)."""

from __future__ import annotations

import re
from typing import Final

# A backslash takes the next character, even a delimiter, into the token, and stays in it.
_TOKEN: Final = re.compile(r'(?:[^\\:,{}\[\]"]|\\.?)+|.', re.DOTALL)
_WHITE: Final = "".join(map(chr, range(33)))


def trimmed(text: str) -> str:
    """Return a text without control characters and spaces at its ends, as Java's `String.trim`."""
    return text.strip(_WHITE)


class Tokens:
    """A place in a text: a delimiter is a token, and so is what stands between two.

    What was looked at in vain is kept, and white tokens that were skipped on the way to it are lost. Connect is like that.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._at = 0
        self._next: str | None = None

    def more(self) -> bool:
        """Whether anything is left."""
        return self._next is not None or self._at < len(self.text)

    def take(self) -> str:
        """Return the next token, and go behind it."""
        token = self._cut() if self._next is None else self._next
        self._next = None
        return token

    def accept(self, expected: str) -> bool:
        """Go behind the next token if it is this one, white space aside."""
        if not self.more():
            return False
        if self._next is None:
            self._next = self._cut()
        while not trimmed(self._next) and self._at < len(self.text):
            self._next = self._cut()
        if trimmed(self._next) != expected:
            return False
        self._next = None
        return True

    def mark(self) -> int:
        """Return the place in front of the next token."""
        return self._at - len(self._next or "")

    def rewind(self, place: int) -> None:
        """Go back to a place."""
        self._at, self._next = place, None

    def ahead(self, number: int) -> str | None:
        """Return the text of so many tokens, and go behind them; None, without a move, where there are fewer."""
        start = self.mark()
        for _ in range(number):
            if not self.more():
                self.rewind(start)
                return None
            self.take()
        return self.text[start : self._at]

    def _cut(self) -> str:
        found = _TOKEN.match(self.text, self._at)
        self._at, token = (found.end(), found[0]) if found else (self._at, "")
        return token
