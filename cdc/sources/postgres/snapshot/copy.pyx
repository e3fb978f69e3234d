"""The decoder of `COPY … TO STDOUT` in text format, by which a snapshot reads a table.

Format: the PostgreSQL manual, page COPY, "Text Format". The values are the same text that pgoutput sends, and go through the same decoders.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memchr

from cdc.model.batch cimport NULL_CELL, ChangeBatch
from cdc.model.buffer cimport Buffer
from cdc.sources.columns.row cimport RowPlan
from cdc.sources.postgres.wal.source_info cimport SourceInfo

from cdc.errors import DecodeError

cdef bytes ESCAPED = b"bfnrtv"
cdef bytes MEANT = b"\b\f\n\r\t\v"


cdef class CopyDecoder:
    """Decodes the rows of one table, in the order of `plan`, as snapshot reads of one position.

    `info` is the source block that all rows share but for the snapshot marker.
    """

    cdef RowPlan plan
    cdef SourceInfo info
    cdef int64_t lsn
    cdef Buffer scratch

    def __init__(self, RowPlan plan not None, SourceInfo info not None, int64_t lsn):
        self.plan = plan
        self.info = info
        self.lsn = lsn
        self.scratch = Buffer()

    def feed(self, list rows not None, ChangeBatch batch not None, bytes marker not None):
        """Decode rows (one CopyData message each, with its line end); `marker` is their `source.snapshot`. They share a source block."""
        cdef Py_buffer data
        cdef int32_t table = batch.use_table(self.plan.table)
        cdef int64_t source
        self.info.snapshot = marker
        source = self.info.put(batch, self.lsn) if rows else -1
        for row in rows:
            PyObject_GetBuffer(row, &data, PyBUF_SIMPLE)
            try:
                self._row(<const char *> data.buf, data.len, table, source, batch)
            finally:
                PyBuffer_Release(&data)

    cdef int _row(self, const char *data, Py_ssize_t size, int32_t table, int64_t source, ChangeBatch batch) except -1:
        cdef int64_t first = self.plan.begin(batch)
        cdef Py_ssize_t columns = len(self.plan.targets), column = 0
        cdef const char *at = data
        cdef const char *end = data + size
        cdef const char *stop = data
        if size == 0 or data[size - 1] != b"\n":
            raise DecodeError("a COPY row has no line end", data[:size], size)
        end -= 1
        while column < columns:
            stop = <const char *> memchr(at, b"\t", end - at)
            if stop == NULL:
                stop = end
            self._value(column, at, stop - at, batch, first)
            column += 1
            if stop == end:
                break
            at = stop + 1
        if column != columns or stop != end:
            raise DecodeError(f"a COPY row of {self.plan.table.id} does not have {columns} columns", data[:size], at - data)
        return batch.read(table, first, source)

    cdef int _value(self, Py_ssize_t column, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t first) except -1:
        if size == 2 and text[0] == b"\\" and text[1] == b"N":
            return self.plan.put_missing(column, NULL_CELL, batch, first)
        if memchr(text, b"\\", size) == NULL:
            return self.plan.put(column, text, size, batch, first)
        self._unescape(text, size)
        return self.plan.put(column, self.scratch.data, self.scratch.size, batch, first)

    cdef int _unescape(self, const char *text, Py_ssize_t size) except -1:
        """Write the value that the escaped text stands for into the scratch buffer."""
        cdef Py_ssize_t at = 0
        cdef const char *known
        self.scratch.clear()
        self.scratch.reserve(size)
        while at < size:
            if text[at] == b"\\":
                at += 1
                if at == size:
                    raise DecodeError("a COPY value ends in a backslash", text[:size], size)
                known = <const char *> memchr(<const char *> ESCAPED, text[at], 6)
                self.scratch.write_byte(text[at] if known == NULL else (<const char *> MEANT)[known - <const char *> ESCAPED])
            else:
                self.scratch.write_byte(text[at])
            at += 1
        return 0
