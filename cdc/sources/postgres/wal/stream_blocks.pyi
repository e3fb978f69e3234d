from collections.abc import Sequence

def find_kind(messages: Sequence[bytes | memoryview], start: int, kinds: bytes) -> int:
    """Return the index, from `start` on, of the first message of pgoutput of one of the kinds, or the number of messages."""
