"""Reading the fields of MySQL's packets and events one after the other.

Formats: the MySQL source documentation, "Protocol Basics: Integer and String Types".
"""

from __future__ import annotations

from cdc.errors import DecodeError

#: What a length-encoded integer begins with → how many bytes follow.
WIDTHS = {0xFC: 2, 0xFD: 3, 0xFE: 8}


class Fields:
    """A place in the bytes of one packet or event; every read raises DecodeError where the bytes end too early.

    `what` names the packet in that error.
    """

    __slots__ = ("at", "data", "what")

    def __init__(self, data: bytes, what: str, at: int = 0) -> None:
        self.data = data
        self.what = what
        self.at = at

    @property
    def left(self) -> int:
        """The number of bytes that have not been read."""
        return len(self.data) - self.at

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes."""
        if size > self.left:
            raise self.wrong("ends too early")
        self.at += size
        return self.data[self.at - size : self.at]

    def rest(self) -> bytes:
        """Return all that is left."""
        return self.take(self.left)

    def number(self, size: int) -> int:
        """Return an unsigned integer of `size` bytes, the lowest first."""
        return int.from_bytes(self.take(size), "little")

    def until_nul(self) -> bytes:
        """Return the bytes before the next zero byte, and pass it."""
        end = self.data.find(b"\0", self.at)
        if end < 0:
            raise self.wrong("has a text without end")
        text = self.take(end - self.at)
        self.at += 1
        return text

    def packed(self) -> int:
        """Return a length-encoded integer."""
        first = self.number(1)
        if first < 0xFB:
            return first
        if first not in WIDTHS:
            self.at -= 1
            raise self.wrong(f"has {first:#x} where a length begins")
        return self.number(WIDTHS[first])

    def packed_bytes(self) -> bytes:
        """Return bytes that follow their length-encoded length."""
        return self.take(self.packed())

    def short_bytes(self) -> bytes:
        """Return bytes that follow their length in one byte."""
        return self.take(self.number(1))

    def varlen(self) -> int:
        """Return an unsigned integer of mysql::serialization: as many bytes as the first has low one bits, and one."""
        first = self.number(1)
        more = (~first & first + 1).bit_length() - 1  # ones at the low end
        rest = self.number(more)
        return rest if more == 8 else rest << (7 - more) | first >> (more + 1)

    def varlen_signed(self) -> int:
        """Return a signed integer of mysql::serialization: its lowest bit is the sign."""
        value = self.varlen()
        return value >> 1 ^ -(value & 1)

    def wrong(self, why: str) -> DecodeError:
        """Return the error for this place."""
        return DecodeError(f"{self.what} {why}", self.data, self.at)
