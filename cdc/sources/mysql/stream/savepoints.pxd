"""What a transaction has put into a batch, up to each of its savepoints."""

cimport cython
from libc.stdint cimport int64_t

from cdc.model.batch cimport ChangeBatch


@cython.final
cdef class Savepoints:
    # -1 while no transaction has begun in the batch
    cdef int64_t begun_row
    cdef Py_ssize_t begun_aside
    cdef dict points

    cdef int begin(self, ChangeBatch batch) except -1
    cdef int forget(self) except -1
    cdef int keep(self, bytes text, ChangeBatch batch, object state) except -1
    cdef tuple find(self, bytes name)


cdef bytes savepoint_name(bytes text)
