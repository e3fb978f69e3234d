"""The source block of an event: what pgoutput and COPY share."""

from libc.stdint cimport int64_t

from cdc.model.batch cimport ChangeBatch
from cdc.model.buffer cimport Buffer

#: How many variable fields the source block has, in the order in which `SourceInfo` puts them.
SOURCE_VARIABLES = ("ts_ms", "snapshot", "sequence", "ts_us", "ts_ns", "txId", "lsn", "origin", "origin_lsn")


cdef class SourceInfo:
    """The part of the source block that changes from row to row.

    `commit_us` is the commit time (for a snapshot its start) in microseconds since the epoch, `last_commit` the end of the last committed
    transaction before this one (0: none), `origin` the replication origin's name or None, `snapshot` the marker as UTF-8.
    """

    def __init__(self):
        self.snapshot = b"false"

    cdef int64_t put(self, ChangeBatch batch, int64_t lsn) except -1:
        """Put the source cells of a row at `lsn` and return the first one."""
        cdef int64_t first = batch.reserve_cells(9)
        batch.put_int(first, self.commit_us // 1000)
        batch.put_text(first + 1, self.snapshot, len(self.snapshot))
        self._put_sequence(batch, first + 2, lsn)
        batch.put_int(first + 3, self.commit_us)
        batch.put_int(first + 4, self.commit_us * 1000)
        batch.put_int(first + 5, self.xid)
        batch.put_int(first + 6, lsn)
        if self.origin is None:
            batch.put_null(first + 7)
            batch.put_null(first + 8)
        else:
            batch.put_text(first + 7, self.origin, len(self.origin))
            batch.put_int(first + 8, self.origin_lsn)
        return first

    cdef int _put_sequence(self, ChangeBatch batch, int64_t cell, int64_t lsn) except -1:
        """Put `["<end of the last commit>","<lsn>"]`, with null for no commit yet."""
        cdef Buffer arena = batch.arena
        cdef Py_ssize_t start = arena.size
        if self.last_commit:
            arena.write(b'["', 2)
            arena.write_int(self.last_commit)
            arena.write(b'","', 3)
        else:
            arena.write(b'[null,"', 7)
        arena.write_int(lsn)
        arena.write(b'"]', 2)
        return batch.put_text_here(cell, start)
