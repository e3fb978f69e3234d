"""Where a decoder stands in the log."""

cimport cython
from libc.stdint cimport int64_t


@cython.final
cdef class LogPlace:
    cdef readonly str file
    cdef readonly int64_t position
    cdef readonly str resume_file
    cdef readonly int64_t resume_position
    cdef readonly str begin_file
    cdef readonly int64_t begin_position
    cdef readonly int64_t created
    cdef readonly int64_t resume_created
    cdef bytes file_bytes
    cdef int64_t event_start
    cdef int64_t event_end
    # where the stored position is, while the dump has not come to it
    cdef object catch_up

    cdef int stand(self, str file, int64_t base, bytes event, bint between) except -1
    cdef int begin(self) except -1
    cdef int advance(self, bint between) except -1
    cdef int settle(self) except -1
