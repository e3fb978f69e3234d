"""The decoder of the binlog's row events."""

from libc.stdint cimport int64_t, uint8_t

from cdc.model.batch cimport ChangeBatch
from cdc.sources.columns.row cimport RowPlan
from cdc.sources.mysql.binlog.reading cimport View
from cdc.sources.mysql.binlog.row_image cimport RowImage
from cdc.sources.mysql.schema.source_info cimport SourceInfo

# Which columns an image has: the bits begin at `at`, `count` of them are set.
cdef struct Present:
    Py_ssize_t at
    Py_ssize_t count


cdef class BoundTable:
    cdef readonly object map
    cdef readonly RowPlan plan
    cdef readonly Py_ssize_t row_end
    cdef RowImage image


cdef class RowsDecoder:
    cdef readonly bytes unresolved
    cdef readonly int64_t row
    cdef readonly bint open
    cdef readonly str operation
    cdef dict bound
    cdef dict numbered
    cdef bytes event
    cdef View view
    cdef BoundTable table
    cdef uint8_t kind
    cdef bint ends_statement
    cdef Present first
    cdef Present second
    cdef list documents
    cdef str skipped
    cdef bint past

    cpdef bint take_map(self, bytes event) except -1
    cpdef BoundTable begin(self, bytes event)
    cpdef bint feed(self, ChangeBatch batch, SourceInfo info, Py_ssize_t max_rows, Py_ssize_t max_size) except -1
    cpdef bint skip(self, int64_t rows) except -1
    cdef int _header(self) except -1
    cdef int _present(self, Present *present) except -1
    cdef bint _more(self) noexcept
    cdef int _close(self) except -1
    cdef int _row(self, ChangeBatch batch, SourceInfo info) except -1
    cdef int _check_moved(self, Py_ssize_t begin) except -1
    cdef str _change(self, bint was_past, bint is_past)
    cdef Py_ssize_t _partial(self) except -2
    cdef int64_t _image(self, const Present *present, Py_ssize_t partial, ChangeBatch batch) except -1
    cdef int _document(self, Py_ssize_t column, const unsigned char *data, Py_ssize_t size, bint partial, ChangeBatch batch,
                       int64_t first) except -1
    cdef int _pass(self, const Present *present) except -1
