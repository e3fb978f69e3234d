"""Java's replacements by regular expression (`Matcher.replaceFirst`), as topic names are made by."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from cdc.config.regex import RegexError, compile_java

_REFERENCE: Final = re.compile(r"\$\{([a-zA-Z][a-zA-Z0-9]*)\}")


@dataclass(frozen=True, slots=True)
class Replacement:
    """A regular expression of Java, and what takes the place of a text that it matches as a whole; letters keep their case.

    `parts` are texts, and the numbers of the groups that stand between them.
    """

    pattern: re.Pattern[str]
    parts: tuple[str | int, ...]

    @classmethod
    def parse(cls, pattern: str, replacement: str) -> Replacement:
        r"""Return what `pattern` and `replacement` say; in the latter `$1` and `${name}` stand for groups, `\\` quotes the next character.

        Raises:
            RegexError: one of them cannot be used.
        """
        compiled = compile_java(pattern, ignore_case=False)
        return cls(compiled, tuple(_parts(replacement, compiled)))

    def apply(self, text: str) -> str | None:
        """Return what becomes of a text; None when the pattern does not match the whole of it."""
        if self.pattern.fullmatch(text) is None:
            return None
        # As Java does: what is replaced is the first place that matches, which may be shorter than the text.
        return self.pattern.sub(self._filled, text, count=1)

    def _filled(self, found: re.Match[str]) -> str:
        return "".join(part if isinstance(part, str) else found[part] or "" for part in self.parts)


def _parts(replacement: str, pattern: re.Pattern[str]) -> Iterator[str | int]:
    at = 0
    while at < len(replacement):
        if replacement[at] == "$":
            group, at = _group(replacement, at, pattern)
            yield group
            continue
        at += replacement[at] == "\\"
        if at == len(replacement):
            raise RegexError("a backslash with nothing after it", at - 1)
        yield replacement[at]
        at += 1


def _group(replacement: str, at: int, pattern: re.Pattern[str]) -> tuple[int, int]:
    """Return the group that a dollar sign begins, and where the text goes on."""
    if named := _REFERENCE.match(replacement, at):
        if named[1] not in pattern.groupindex:
            raise RegexError(f"no group is named {named[1]}", at)
        return pattern.groupindex[named[1]], named.end()
    end = at + 1
    # As many digits as make the number of a group; the first belongs to it in any case.
    while replacement[end : end + 1].isascii() and replacement[end : end + 1].isdigit():
        if end > at + 1 and int(replacement[at + 1 : end + 1]) > pattern.groups:
            break
        end += 1
    if end == at + 1:
        raise RegexError("a dollar sign that begins no reference to a group (write \\$ for the character)", at)
    group = int(replacement[at + 1 : end])
    if group > pattern.groups:
        raise RegexError(f"there is no group {group}", at)
    return group, end
