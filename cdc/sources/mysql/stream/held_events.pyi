"""The events of a distributed transaction that is not prepared yet."""

class HeldEvents:
    """The events that are held back; `xid` names their transaction, and `size` is the memory that they take, in bytes."""

    xid: str
    size: int
    def take(self) -> list[bytes]:
        """Return the events that were held back since this was last asked, and forget them."""
