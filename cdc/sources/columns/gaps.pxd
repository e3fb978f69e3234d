"""Values that a row of the log lacks, and that are filled in from elsewhere."""

from libc.stdint cimport int64_t

from cdc.model.batch cimport ChangeBatch
from cdc.sources.columns.row cimport RowPlan


cdef class Gaps:
    cdef readonly RowPlan plan
    cdef readonly RowPlan filler
    cdef readonly tuple columns
    cdef readonly tuple key
    cdef bint unavailable
    cdef bint nulls

    cdef bint lacks(self, ChangeBatch batch, int64_t cell) noexcept
    cdef bint any_in(self, ChangeBatch batch, int64_t first) except -1
    cdef int _put(self, Py_ssize_t column, bytes text, ChangeBatch batch, int64_t first) except -1
