"""How the values of one row on the wire become cells."""

from libc.stdint cimport int32_t, int64_t, uint8_t

from cdc.model.batch cimport NULL_CELL, ChangeBatch


cdef class RowPlan:
    cdef readonly object table
    cdef readonly list decoders
    cdef readonly tuple targets
    cdef readonly str on_error
    cdef readonly bint renewable
    cdef readonly tuple names
    cdef Py_ssize_t width
    cdef bytes required
    cdef const char *requires  # whether a column may not be null, in `required`
    cdef bytes packed
    cdef const int32_t *places  # the targets, in `packed`; who asks for a column has compared their number
    cdef bint changes

    cdef int put(self, Py_ssize_t column, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t first) except -1
    cdef int _substitute(self, Py_ssize_t column, object error, bytes text, ChangeBatch batch, int64_t cell) except -1
    cdef int _allow_null(self, Py_ssize_t column) except -1
    cdef int _put_changed(self, Py_ssize_t column, uint8_t kind, ChangeBatch batch, int64_t cell) except -1

    cdef inline int put_missing(self, Py_ssize_t column, uint8_t kind, ChangeBatch batch, int64_t first) except -1:
        """Put what stands for a value that is null, absent or unavailable, which `kind` of cell says."""
        cdef int64_t target = self.places[column]
        if target >= 0:
            if kind == NULL_CELL and self.requires[column]:
                self._allow_null(column)
            if self.changes:
                return self._put_changed(column, kind, batch, first + target)
            batch.cells[first + target].kind = kind
        return 0
