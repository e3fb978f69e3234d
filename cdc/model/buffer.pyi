class Buffer:
    """A growable run of bytes; grows by half, never shrinks, and is cleared to be used again."""

    def __len__(self) -> int: ...
    def __bytes__(self) -> bytes: ...
    def append(self, data: bytes | bytearray | memoryview) -> None:
        """Write bytes behind the end."""

    def clear(self) -> None:
        """Forget the content and keep the memory."""
