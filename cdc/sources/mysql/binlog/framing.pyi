"""Packets out of the bytes of a connection, and binlog events out of packets. No I/O, no waiting."""

def crc32(data: bytes) -> int:
    """Return the checksum that the binlog uses, which is zlib's."""

def split_events(data: bytes) -> tuple[list[bytes], int]:
    """Cut events that lie one behind the other and have no checksums; return the whole ones and how many bytes they take.

    Raises DecodeError for an event that says it is shorter than its header.
    """

class PacketBuffer:
    """Bytes that have arrived on one connection and have not been taken, cut into packets.

    Packets over 16 MiB, which come in parts, are put together. `sequence` is the number that the next packet must have; with `numbered` False
    numbers are not checked (inside the compressed protocol they say nothing). The length of the buffer is the number of bytes that it holds.
    """

    sequence: int
    numbered: bool
    def __len__(self) -> int: ...
    def space(self) -> memoryview:
        """Return room for the next bytes, to be written before anything else is called; at least what the packet lacks."""

    def filled(self, count: int) -> None:
        """Note that the first `count` bytes of the room were written."""

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Take bytes in, copying them."""

    def take(self) -> bytes | None:
        """Return the next whole packet without its header, or None if it has not arrived. Raises DecodeError for a wrong number."""

    def take_many(self, max_count: int, max_bytes: int) -> list[bytes]:
        """Return whole packets in order, at most so many, and so many bytes but for the last one."""

class EventFramer:
    """Cuts the events of one binlog dump out of its packets, and counts where in the log they are.

    It begins at `position` of `file`. `checksummed` says whether events have checksums before the first format description tells. Events that end at
    `pass_until` of the first file or before are left out.

    `file` and `position` are where the log stands after the last event, beyond 32 bits too. `answer` is the packet that ended the dump: the
    server's error or its end. `heartbeats` counts them; they move `position` and are not handed on. `reached` tells whether the log has come to
    `pass_until`.
    """

    file: str
    position: int
    checksummed: bool
    answer: bytes | None
    heartbeats: int
    reached: bool
    def __init__(
        self,
        buffer: PacketBuffer,
        file: str = "",
        position: int = 4,
        checksummed: bool = True,
        pass_until: int = 0,
    ) -> None: ...
    def take(self, max_events: int, max_bytes: int) -> tuple[str, int, list[bytes]]:
        """Return file, base, and the events that have arrived, whole and without checksum; at most so many, and so many bytes but for the last one.

        All are of one file, and the end of each is `base` + its header's `log_pos`, unless that is 0 or the event is artificial. A ROTATE is the last of its
        list.
        Raises DecodeError for a packet or an event that does not follow the protocol, a checksum that does not match, and a position that goes back.
        """
