"""Java's regular expressions, as Debezium's filters are written in, read as Python's.

Both dialects agree on most of what a filter of names uses. What differs is rewritten; what Python cannot express is refused, with
its position, so that a filter never means something else here than it means to Debezium.
Source: the class documentation of `java.util.regex.Pattern`.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Callable
from typing import Final

_CLASSES: Final = {
    "Lower": "a-z",
    "Upper": "A-Z",
    "ASCII": r"\x00-\x7f",
    "Alpha": "a-zA-Z",
    "Digit": "0-9",
    "Alnum": "a-zA-Z0-9",
    "Punct": r"!-/:-@\[-`{-\~",
    "Graph": r"!-\~",
    "Print": r"\x20-\~",
    "Blank": r"\x20\t",
    "Cntrl": r"\x00-\x1f\x7f",
    "XDigit": "0-9a-fA-F",
    "Space": r"\x20\t\n\x0b\f\r",
}
_BLANK: Final = r"\x20\t\xa0\u1680\u180e\u2000-\u200a\u202f\u205f\u3000"
_BREAK: Final = r"\n\x0b\f\r\x85\u2028\u2029"
_SETS: Final = {"h": _BLANK, "H": _BLANK, "v": _BREAK, "V": _BREAK}
_MANY: Final = frozenset("dDsSwWhvpQ")
_SAME: Final = frozenset("tnrfadDsSwWbBAxu123456789")
_REWRITTEN: Final = {"R": f"(?:\\r\\n|[{_BREAK}])", "z": r"\Z", "Z": r"(?=\n?\Z)", "e": r"\x1b"}


class RegexError(ValueError):
    """A Java regular expression that cannot be used; `position` counts characters from 0."""

    def __init__(self, reason: str, position: int) -> None:
        super().__init__(f"{reason} at position {position}")
        self.reason = reason
        self.position = position


def compile_java(pattern: str, *, ignore_case: bool = True) -> re.Pattern[str]:
    """Return the pattern as Debezium compiles its filters: without regard to the case of ASCII letters, unless that counts.

    Raises:
        RegexError: it is not valid, or has a construct that Python does not know.
    """
    translation = _Translation(pattern)
    text = translation.run()
    try:
        # Java folds only ASCII under CASE_INSENSITIVE, and \w, \d, \s and \b are ASCII there.
        return re.compile(text, re.ASCII | (re.IGNORECASE if ignore_case else 0))
    except re.error as error:
        raise RegexError(error.msg, translation.origin(error.pos or 0)) from error
    except (RecursionError, OverflowError) as error:
        raise RegexError("too deeply nested or too large a count", 0) from error


class _Translation:
    """One walk over a pattern, character by character."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.pieces: list[str] = []
        self.size = 0
        # Where each piece begins in the translated and in the original text, to give a position the reader can find.
        self.starts: list[int] = []
        self.origins: list[int] = []
        # For each open group, how many groups were opened only to carry an inline flag to its end.
        self.extra: list[int] = [0]

    def run(self) -> str:
        """Return the pattern in Python's syntax."""
        steps: dict[str, Callable[[], None]] = {
            "\\": self.escape,
            "[": self.character_class,
            "(": self.open,
            ")": self.close,
        }
        while self.at < len(self.pattern):
            steps.get(self.pattern[self.at], self.literal)()
        self.put(")" * self.extra[0], 0)
        return "".join(self.pieces)

    def origin(self, position: int) -> int:
        """Return the position in the original of a position in the translation."""
        index = bisect.bisect_right(self.starts, position) - 1
        return self.origins[index] if index >= 0 else 0

    def put(self, text: str, consumed: int) -> None:
        """Emit the translation of the next `consumed` characters."""
        self.starts.append(self.size)
        self.origins.append(self.at)
        self.pieces.append(text)
        self.size += len(text)
        self.at += consumed

    def literal(self) -> None:
        """Copy one character."""
        self.put(self.pattern[self.at], 1)

    def fail(self, reason: str) -> RegexError:
        """Return the error for what stands here."""
        return RegexError(reason, self.at)

    def escape(self, inside: bool = False) -> None:
        """Translate what a backslash begins."""
        letter = self.pattern[self.at + 1 : self.at + 2]
        if letter == "":
            raise self.fail("a backslash with nothing after it")
        if letter == "Q":
            self.quotation()
        elif letter in "pP":
            self.property_class(letter == "P", inside)
        elif letter in _SETS and not (inside and letter.isupper()):
            self.put(_SETS[letter] if inside else f"[{'^' if letter.isupper() else ''}{_SETS[letter]}]", 2)
        elif letter in _REWRITTEN and not (inside and letter != "e"):
            self.put(_REWRITTEN[letter], 2)
        else:
            self.plain_escape(letter, inside)

    def plain_escape(self, letter: str, inside: bool) -> None:
        """Translate an escape of one character, a code, or a reference to a group."""
        rest = self.pattern[self.at :]
        if code := re.match(r"\\x\{([0-9a-fA-F]{1,6})\}|\\0([0-3]?[0-7]{1,2})", rest):
            number = int(code[1], 16) if code[1] else int(code[2], 8)
            if number > 0x10FFFF:
                raise self.fail("a character code beyond Unicode")
            self.put(re.escape(chr(number)), code.end())
        elif (name := re.match(r"\\k<([a-zA-Z][a-zA-Z0-9]*)>", rest)) and not inside:
            self.put(f"(?P={name[1]})", name.end())
        elif letter in _SAME and not (inside and letter in "bBA123456789"):
            self.put("\\" + letter, 2)
        elif letter.isascii() and letter.isalnum():
            raise self.fail(f"an escape that is not known, \\{letter}")
        else:
            self.put(re.escape(letter), 2)

    def quotation(self) -> None:
        r"""Translate `\\Q…\\E`, which quotes everything in it."""
        end = self.pattern.find("\\E", self.at + 2)
        quoted = self.pattern[self.at + 2 : end if end >= 0 else len(self.pattern)]
        self.put(re.escape(quoted), len(quoted) + (4 if end >= 0 else 2))

    def property_class(self, negated: bool, inside: bool) -> None:
        r"""Translate `\\p{Alpha}` and its like: Java's ASCII classes, and no Unicode ones."""
        found = re.match(r"\\[pP]\{(\w+)\}", self.pattern[self.at :])
        if found is None or found[1] not in _CLASSES or (negated and inside):
            raise self.fail("a character class that is not supported here (use the ASCII ones, such as \\p{Alpha})")
        members = _CLASSES[found[1]]
        self.put(members if inside else f"[{'^' if negated else ''}{members}]", found.end())

    def character_class(self) -> None:
        """Translate `[…]`; Java's nested classes and intersections have no counterpart."""
        start = self.at
        head = 2 if self.pattern.startswith("[^", self.at) else 1
        head += self.pattern.startswith("]", self.at + head)
        self.put(self.pattern[self.at : self.at + head].replace("]", "\\]"), head)
        while not self.pattern.startswith("]", self.at):
            if self.at >= len(self.pattern):
                raise RegexError("a character class that is not closed", start)
            self.class_member()
        self.put("]", 1)

    def class_member(self) -> None:
        """Translate one member of a character class: a character, a range, or a class in short."""
        single = self.endpoint()
        following = self.pattern[self.at + 1 : self.at + 2]
        if single and self.pattern.startswith("-", self.at) and following not in {"", "]", "["}:
            self.put("-", 1)
            self.endpoint()

    def endpoint(self) -> bool:
        """Translate what may stand at the end of a range; return whether it is one character."""
        here = self.pattern[self.at : self.at + 2]
        if here[0] == "[" or here == "&&":
            raise self.fail("a nested character class, which is not supported here (write it as one class)")
        if here[0] == "\\":
            self.escape(inside=True)
            return here[1:] not in _MANY
        self.put(_in_class(here[0]), 1)
        return True

    def open(self) -> None:
        """Translate what an opening parenthesis begins: a group, a named group, inline flags."""
        self.extra.append(0)
        rest = self.pattern[self.at :]
        if flags := re.match(r"\(\?([a-zA-Z]*(?:-[a-zA-Z]+)?)([:)])", rest):
            self.flags(flags)
        elif named := re.match(r"\(\?<([a-zA-Z][a-zA-Z0-9]*)>", rest):
            self.put(f"(?P<{named[1]}>", named.end())
        elif rest.startswith("(?") and not rest.startswith(("(?=", "(?!", "(?>", "(?<=", "(?<!")):
            raise self.fail("a group of unknown kind")
        else:
            self.literal()

    def flags(self, found: re.Match[str]) -> None:
        """Translate `(?i)` and `(?i:…)`; the first reaches to the end of the group that it stands in."""
        if set(found[1]) - set("imsx-"):
            raise self.fail(f"a flag that is not supported here, {found[0]}")
        if found[2] == ":" or not found[1]:
            self.put(found[0], found.end())
            return
        self.extra.pop()
        # In the middle of a group the flag would have to cross an alternation, which a scoped group cannot.
        if self.pieces and not re.fullmatch(r"\((\?.*)?", self.pieces[-1]):
            raise self.fail("a flag that does not stand at the beginning of its group")
        self.extra[-1] += 1
        self.put(f"(?{found[1]}:", found.end())

    def close(self) -> None:
        """Close a group, and those opened for its flags."""
        if len(self.extra) == 1:
            raise self.fail("a closing parenthesis without an opening one")
        self.put(")" * (self.extra.pop() + 1), 1)


def _in_class(character: str) -> str:
    # Doubled, these have a meaning that Python reserves and warns about; a hyphen is put in bare only where it makes a range.
    return f"\\{character}" if character in "&|~[-" else character
