"""The decoder of rows that a SELECT returns, by which a snapshot reads a table.

Format: the MySQL protocol, "Text Resultset Row": a length-encoded string for each column, 0xFB for NULL.
"""

from libc.stdint cimport int64_t

from cdc.model.batch cimport NULL_CELL, ChangeBatch
from cdc.sources.columns.row cimport RowPlan
from cdc.sources.mysql.binlog.reading cimport View, need, read_length
from cdc.sources.mysql.schema.source_info cimport SourceInfo

from cdc.errors import DecodeError

cdef enum:
    NULL_MARK = 0xFB


cdef class TextRowDecoder:
    """Decodes the rows of one table, in the order of `plan`, as snapshot reads of one position.

    `info` is the source block that all rows share but for the snapshot marker. The decoders of the plan are those that `resolve` gives
    without a column of a row image.
    """

    cdef RowPlan plan
    cdef SourceInfo info

    def __init__(self, RowPlan plan not None, SourceInfo info not None):
        self.plan = plan
        self.info = info

    def feed(self, list rows not None, ChangeBatch batch not None, bytes marker not None):
        """Decode rows (the content of one packet each); `marker` is their `source.snapshot`. Raises DecodeError and ConversionError."""
        cdef int64_t source
        self.info.snapshot = marker
        self.info.share(batch)
        source = self.info.put(batch, 0)
        for row in rows:
            self._row(row, source, batch)

    cdef int _row(self, bytes row, int64_t source, ChangeBatch batch) except -1:
        cdef View view = View(<const unsigned char *> <const char *> row, 0, len(row))
        cdef int64_t first = self.plan.begin(batch)
        cdef Py_ssize_t column, size
        for column in range(len(self.plan.targets)):
            if view.at < view.size and view.data[view.at] == NULL_MARK:
                view.at += 1
                self.plan.put_missing(column, NULL_CELL, batch, first)
                continue
            size = <Py_ssize_t> read_length(&view)
            need(&view, size, "a value")
            self.plan.put(column, <const char *> view.data + view.at, size, batch, first)
            view.at += size
        if view.at != view.size:
            raise DecodeError(f"a row of {self.plan.table.id} does not have {len(self.plan.targets)} columns", row, view.at)
        return batch.read(batch.use_table(self.plan.table), first, source)
