"""What the log says of a logical message (`pg_logical_emit_message`)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LogicalMessage:
    """A logical message; `lsn` is the end of its record in the log, `last_commit` that of the last commit before it, or 0.

    `xid` and `commit_us` (microseconds since the epoch) are those of its transaction, None outside of one; so are `origin` and the
    `place` in it: the transaction's id, the number in the transaction and that among its messages.
    """

    prefix: str
    content: bytes
    lsn: int
    last_commit: int = 0
    xid: int | None = None
    commit_us: int | None = None
    origin: bytes | None = None
    origin_lsn: int = 0
    place: tuple[str, int, int] | None = None
