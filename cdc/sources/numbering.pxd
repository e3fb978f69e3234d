"""Places of changes in their source transaction."""

from libc.stdint cimport int64_t

from cdc.model.batch cimport ChangeBatch


cdef class TransactionNumbers:
    cdef readonly bint wanted
    cdef readonly dict counts
    cdef object marker
    cdef int64_t total
    cdef int64_t commit_us
    cdef bytes id
    cdef int64_t id_at
    cdef ChangeBatch id_batch

    cdef int begin(self, bytes id, int64_t commit_us, dict counts) except -1
    cdef int number(self, int64_t first, ChangeBatch batch) except -1
    cdef int64_t count(self, str collection, int64_t row, ChangeBatch batch) except -1
    cdef int end(self, ChangeBatch batch) except -1
    cdef int cut(self) except -1
    cdef tuple state(self)
    cdef int restore(self, tuple state) except -1
