SOURCE_VARIABLES: tuple[str, ...]

class SourceInfo:
    """The part of the source block that changes from row to row.

    `commit_us` is the commit time (for a snapshot its start) in microseconds since the epoch, `last_commit` the end of the last committed
    transaction before this one (0: none), `origin` the replication origin's name or None, `snapshot` the marker as UTF-8.
    """

    commit_us: int
    last_commit: int
    xid: int
    origin: bytes | None
    origin_lsn: int
    snapshot: bytes
