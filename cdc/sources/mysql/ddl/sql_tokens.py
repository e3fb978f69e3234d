"""The words of a MySQL statement: https://dev.mysql.com/doc/refman/9.4/en/language-structure.html.

What stands in a conditional comment (`/*!80023 INVISIBLE */`, MariaDB's `/*M! … */`) counts as if it were not in one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Final

_ESCAPES: Final = {"0": "\0", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a", "%": "\\%", "_": "\\_"}
_LETTER: Final = r"[0-9A-Za-z_$\u0080-\U0010ffff]"

#: The versions of MySQL whose conditional comments MariaDB takes for comments: https://mariadb.com/kb/en/comment-syntax/.
_NOT_FOR_MARIADB: Final = r"(?:50[7-9]|5[1-9]\d|[6-9]\d\d)\d\d(?!\d)"


class TokenKind(Enum):
    """What a token is."""

    WORD = "word"
    NAME = "quoted name"
    STRING = "string"
    NUMBER = "number"
    BITS = "bit or hexadecimal literal"
    SIGN = "sign"
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    """A token; `text` is without quotes and escapes, as 0b… or 0x… for bits; `start` and `end` are its place in the statement."""

    kind: TokenKind
    text: str
    start: int
    end: int

    @property
    def word(self) -> str:
        """The text in capitals for an unquoted word or a sign, else empty."""
        return self.text.upper() if self.kind in (TokenKind.WORD, TokenKind.SIGN) else ""


@dataclass(frozen=True, slots=True)
class SqlMode:
    """What of the session's sql_mode changes the reading of a statement, as the QUERY event carries it."""

    ansi_quotes: bool = False
    no_backslash_escapes: bool = False
    real_as_float: bool = False

    @classmethod
    def of(cls, bits: int) -> SqlMode:
        """Return the mode of the bits in a QUERY event (Q_SQL_MODE_CODE)."""
        return cls(bool(bits & 0x4), bool(bits & 0x100000), bool(bits & 0x1))


class SyntaxProblem(Exception):
    """A statement is not as expected; `str` says what and where."""


@lru_cache(maxsize=8)
def _pattern(mode: SqlMode, mariadb: bool) -> re.Pattern[str]:
    inner = "" if mode.no_backslash_escapes else r"\\.|"
    strict = "" if mode.no_backslash_escapes else r"\\"
    run = f"'(?:{inner}''|[^'{strict}])*'"
    double = f'"(?:{inner}""|[^"{strict}])*"'
    names = r"`(?:``|[^`])*`" + (r'|"(?:""|[^"])*"' if mode.ansi_quotes else "")
    strings = run if mode.ansi_quotes else f"{run}|{double}"
    taken = rf"/\*M!\d*|/\*!(?!{_NOT_FOR_MARIADB})\d*" if mariadb else r"/\*!\d*"
    parts = (
        rf"(?P<blank>\s+|\#[^\n]*|--(?=\s|\Z)[^\n]*|{taken}|/\*.*?\*/|\*/)",
        rf"(?P<bits>[xX]'[0-9A-Fa-f]*'|[bB]'[01]*'|0(?:x[0-9A-Fa-f]+|b[01]+)(?!{_LETTER}))",
        rf"(?P<string>(?:[nN](?='))?(?:{strings}))",
        rf"(?P<name>{names})",
        rf"(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?(?!{_LETTER}))",
        rf"(?P<word>{_LETTER}+)",
        r"(?P<sign>[^\s'\"`])",
    )
    return re.compile("|".join(parts), re.DOTALL)


def tokens(statement: str, mode: SqlMode = SqlMode(), *, mariadb: bool = False) -> Iterator[Token]:
    """Yield the tokens of a statement, and at last one END.

    Raises:
        SyntaxProblem: a quote is not closed.
    """
    pattern, place = _pattern(mode, mariadb), 0
    while place < len(statement):
        found = pattern.match(statement, place)
        if found is None:
            raise SyntaxProblem(f"a quote is not closed at character {place + 1}")
        place = found.end()
        if found.lastgroup != "blank":
            yield _token(found, mode)
    yield Token(TokenKind.END, "", place, place)


def _token(found: re.Match[str], mode: SqlMode) -> Token:
    text, span = found.group(), found.span()
    match found.lastgroup:
        case "string":
            return Token(TokenKind.STRING, _unquoted(text.lstrip("nN"), mode), *span)
        case "name":
            return Token(TokenKind.NAME, text[1:-1].replace(text[0] * 2, text[0]), *span)
        case "bits":
            return Token(TokenKind.BITS, f"0{text[0].lower()}{text[2:-1]}" if text[1] == "'" else text, *span)
        case kind:
            return Token(TokenKind(kind), text, *span)


def _unquoted(text: str, mode: SqlMode) -> str:
    quote, inner = text[0], text[1:-1].replace(text[0] * 2, text[0])
    if mode.no_backslash_escapes or "\\" not in text:
        return inner
    pattern = rf"\\(.)|{quote}{quote}"
    return re.sub(pattern, lambda m: quote if m[1] is None else _ESCAPES.get(m[1], m[1]), text[1:-1], flags=re.DOTALL)


class TokenReader:
    """Reads the tokens of one statement from the front; words are compared in capitals. `end` is where the last one taken ends."""

    def __init__(self, statement: str, mode: SqlMode = SqlMode(), *, mariadb: bool = False) -> None:
        self.statement = statement
        self.mode = mode
        self.mariadb = mariadb
        self._source = tokens(statement, mode, mariadb=mariadb)
        self._ahead: list[Token] = []
        self.end = 0

    def peek(self, ahead: int = 0) -> Token:
        """Return a token without taking it; at the end it is END however far ahead."""
        while len(self._ahead) <= ahead:
            last = self._ahead[-1] if self._ahead else None
            self._ahead.append(last if last and last.kind is TokenKind.END else next(self._source))
        return self._ahead[ahead]

    def take(self) -> Token:
        """Take the next token; the end stays."""
        token = self.peek()
        if token.kind is not TokenKind.END:
            self._ahead.pop(0)
            self.end = token.end
        return token

    @property
    def at_end(self) -> bool:
        """Whether nothing is left but a semicolon."""
        return self.peek().kind is TokenKind.END or (self.peek().word == ";" and self.peek(1).kind is TokenKind.END)

    def at(self, *words: str) -> bool:
        """Tell whether these words come next."""
        return all(self.peek(i).word == word for i, word in enumerate(words))

    def at_any(self, *words: str) -> bool:
        """Tell whether one of these words comes next."""
        return self.peek().word in words

    def accept(self, *words: str) -> bool:
        """Take these words if they come next, and tell whether they did."""
        found = self.at(*words)
        if found:
            for _ in words:
                self.take()
        return found

    def accept_any(self, *words: str) -> str:
        """Take the next word if it is one of these, and return it, else an empty string."""
        return self.take().word if self.at_any(*words) else ""

    def expect(self, *words: str) -> None:
        """Take these words.

        Raises:
            SyntaxProblem: something else comes next.
        """
        if not self.accept(*words):
            raise self.problem(" ".join(words))

    def name(self) -> str:
        """Take a name, quoted or not.

        Raises:
            SyntaxProblem: no name comes next.
        """
        if self.peek().kind not in (TokenKind.WORD, TokenKind.NAME):
            raise self.problem("a name")
        return self.take().text

    def qualified(self, database: str) -> tuple[str, str]:
        """Take `database.table` or `table`, and return both; the given database stands for a missing one."""
        self.accept(".")
        first = self.name()
        return (first, self.name()) if self.accept(".") else (database, first)

    def string(self) -> str:
        """Take a string, with those that follow at once; a name without quotes or a number will do where the server takes it.

        Raises:
            SyntaxProblem: something else comes next.
        """
        if self.peek().kind in (TokenKind.SIGN, TokenKind.END, TokenKind.BITS):
            raise self.problem("a string")
        text = self.take().text
        while self.peek().kind is TokenKind.STRING:
            text += self.take().text
        return text

    def number(self) -> int:
        """Take a whole number.

        Raises:
            SyntaxProblem: something else comes next.
        """
        if self.peek().kind is not TokenKind.NUMBER or not self.peek().text.isdigit():
            raise self.problem("a whole number")
        return int(self.take().text)

    def group(self) -> str:
        """Take what stands in parentheses, and return its text without the outer ones.

        Raises:
            SyntaxProblem: no parenthesis comes next, or it is not closed.
        """
        begin, depth = self.peek(), 0
        if begin.text != "(" or begin.kind is not TokenKind.SIGN:
            raise self.problem("(")
        while True:
            token = self.take()
            if token.kind is TokenKind.END:
                raise self.problem(")")
            depth += {"(": 1, ")": -1}.get(token.word, 0)
            if not depth:
                return self.statement[begin.end : token.start].strip()

    def skip(self) -> None:
        """Take one token, or all in parentheses."""
        if self.at("("):
            self.group()
        else:
            self.take()

    def skip_item(self) -> None:
        """Take everything up to the next comma, closing parenthesis or the end."""
        while not (self.at_any(",", ")") or self.at_end):
            self.skip()

    def problem(self, wanted: str) -> SyntaxProblem:
        """Return the error that says what was wanted, and what stands there."""
        token = self.peek()
        found = "the end" if token.kind is TokenKind.END else repr(self.statement[token.start : token.end][:40])
        return SyntaxProblem(f"{wanted} was expected at character {token.start + 1}, and there is {found}")
