"""The events of a distributed transaction that is not prepared yet."""


cdef class HeldEvents:
    cdef readonly str xid
    cdef readonly Py_ssize_t size
    cdef bint open
    cdef list events

    cdef int begin(self, str xid) except -1
    cdef int keep(self, bytes event) except -1
    cdef int end(self, str xid) except -1
