"""What the commands need of a database and its log, whichever it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Protocol

from cdc.errors import CdcError, SourceLost
from cdc.model.position import Json, Offset, Position


class Log(Protocol):
    """What a database knows of positions in its log, for one connector."""

    def position(self, offset: Offset) -> Position:
        """Return the position of an offset; raises SourceLost for one that means nothing."""

    async def look(self, position: Position | None) -> View:
        """Ask the server, and compare it with a position; raises SourceUnavailable and SourceRefused."""

    def offset(self, where: str, server: View | None, unknown: str) -> Offset:
        """Return the offset that a person means by a text, with what is known of the server; `unknown` is why it is not known.

        Raises:
            ConfigError: the text means no offset.
        """

    def between(self, before: Position, after: Position) -> str:
        """Return what becomes of the changes between two positions, the stored one and that which is to be; "" for none."""

    def described(self, position: Position) -> Mapping[str, Json]:
        """Return what a position holds, for a program."""

    def told(self, position: Position) -> Iterator[str]:
        """Yield what a position holds besides its text, for a person."""


class View(Protocol):
    """A server as it was when it was asked; `in_use` is the error for one whose log is read for the connector."""

    in_use: ClassVar[type[CdcError]]

    @property
    def lost(self) -> SourceLost | None:
        """Why a connector could not go on from the position, if there is one and it could not."""

    @property
    def reader(self) -> str:
        """Who reads the log for the connector now, as the end of a sentence; "" for nobody that is known."""

    def document(self, position: Position | None) -> Mapping[str, Json]:
        """Return what the server says, for a program."""

    def lines(self, position: Position | None) -> Iterator[str]:
        """Yield what the server says, for a person."""
