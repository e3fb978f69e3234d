"""The part of MySQL's source block that changes from row to row."""

SOURCE_VARIABLES: tuple[str, ...]

class SourceInfo:
    """What the source blocks of the rows of one event share.

    `commit_us` is the commit time (for a snapshot its start) in microseconds since the epoch, `gtid` that of the transaction or None, `file` and
    `pos` where the event begins, `thread` the number of the session (-1: not known), `query` the statement or None, `snapshot` the marker.
    """

    commit_us: int
    server_id: int
    gtid: bytes | None
    file: bytes
    pos: int
    thread: int
    query: bytes | None
    snapshot: bytes
