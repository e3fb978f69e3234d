"""The source block of an event."""

from libc.stdint cimport int64_t

from cdc.model.batch cimport ChangeBatch


cdef class SourceInfo:
    cdef public int64_t commit_us
    cdef public int64_t last_commit
    cdef public int64_t xid
    cdef public bytes origin
    cdef public int64_t origin_lsn
    cdef public bytes snapshot

    cdef int64_t put(self, ChangeBatch batch, int64_t lsn) except -1
    cdef int _put_sequence(self, ChangeBatch batch, int64_t cell, int64_t lsn) except -1
