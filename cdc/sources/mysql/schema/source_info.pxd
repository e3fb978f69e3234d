"""The part of MySQL's source block that changes from row to row."""

from libc.stdint cimport int64_t

from cdc.model.batch cimport Cell, ChangeBatch

cdef enum:
    VARIABLES = 11
    ROW = 8


cdef class SourceInfo:
    cdef public int64_t commit_us
    cdef public int64_t server_id
    cdef public bytes gtid
    cdef public bytes file
    cdef public int64_t pos
    cdef public int64_t thread
    cdef public bytes query
    cdef public bytes snapshot
    cdef Cell[VARIABLES] shared

    cdef int share(self, ChangeBatch batch) except -1
    cdef int _share_text(self, ChangeBatch batch, Py_ssize_t place, bytes text) except -1
    cdef int64_t put(self, ChangeBatch batch, int64_t row) except -1
