"""A value that must never be shown."""

from __future__ import annotations

from typing import Final

MASK: Final = "********"


class Secret:
    """Text that prints as asterisks.

    `str`, `repr` and format give `********`, so that a log line, an error or a settings object can hold one without harm;
    `reveal()` is the only way to the text. Two secrets are equal when their texts are; an empty one is false.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str = "") -> None:
        self._text: str
        object.__setattr__(self, "_text", text)

    def reveal(self) -> str:
        """Return the text itself; only for handing it to a server."""
        return self._text

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a Secret cannot be changed")

    def __reduce__(self) -> str:
        raise TypeError("a Secret cannot be pickled")

    def __repr__(self) -> str:
        return MASK

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash((Secret, self._text))
