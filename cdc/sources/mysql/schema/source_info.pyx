"""The part of MySQL's source block that changes from row to row."""

from libc.stdint cimport int64_t
from libc.string cimport memcpy

from cdc.model.batch cimport INT_CELL, NULL_CELL, TEXT_CELL, Cell, ChangeBatch

#: The variable fields of the source block, in the order in which `SourceInfo` puts them.
SOURCE_VARIABLES = ("ts_ms", "snapshot", "ts_us", "ts_ns", "server_id", "gtid", "file", "pos", "row", "thread", "query")


cdef class SourceInfo:
    """What the source blocks of the rows of one event share.

    `commit_us` is the commit time (for a snapshot its start) in microseconds since the epoch, `gtid` that of the transaction or None, `file` and
    `pos` where the event begins, `thread` the number of the session (-1: not known), `query` the statement or None, `snapshot` the marker.
    """

    def __init__(self):
        self.snapshot = b"false"
        self.file = b""
        self.thread = -1

    cdef int share(self, ChangeBatch batch) except -1:
        """Write what the rows of an event share; to be called for each batch and each change of an attribute, before `put`."""
        cdef Cell *cells = self.shared
        cells[0] = Cell(self.commit_us // 1000, 0, 0, INT_CELL)
        self._share_text(batch, 1, self.snapshot)
        cells[2] = Cell(self.commit_us, 0, 0, INT_CELL)
        cells[3] = Cell(self.commit_us * 1000, 0, 0, INT_CELL)
        cells[4] = Cell(self.server_id, 0, 0, INT_CELL)
        self._share_text(batch, 5, self.gtid)
        self._share_text(batch, 6, self.file)
        cells[7] = Cell(self.pos, 0, 0, INT_CELL)
        cells[9] = Cell(self.thread, 0, 0, INT_CELL if self.thread >= 0 else NULL_CELL)
        self._share_text(batch, 10, self.query)
        return 0

    cdef int _share_text(self, ChangeBatch batch, Py_ssize_t place, bytes text) except -1:
        if text is None:
            self.shared[place] = Cell(0, 0, 0, NULL_CELL)
            return 0
        self.shared[place] = Cell(batch.arena.size, <int> len(text), 0, TEXT_CELL)
        return batch.arena.write_bytes(text)

    cdef int64_t put(self, ChangeBatch batch, int64_t row) except -1:
        """Put the source cells of a row, the event's number `row` from 0 on, and return the first one."""
        cdef int64_t first = batch.reserve_cells(VARIABLES)
        self.shared[ROW] = Cell(row, 0, 0, INT_CELL)
        memcpy(&batch.cells[first], self.shared, VARIABLES * sizeof(Cell))
        return first
