"""What has committed, as runs of GTIDs."""


cdef class CommittedRuns:
    cdef list runs
    cdef object kind

    cdef int note(self, object gtid) except -1
