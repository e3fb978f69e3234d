"""A growable run of bytes that compiled code writes to."""

from libc.stdint cimport int64_t
from libc.string cimport memcpy


cdef class Buffer:
    cdef char *data
    cdef Py_ssize_t size
    cdef Py_ssize_t capacity

    cdef int grow(self, Py_ssize_t extra) except -1
    cdef int write_int(self, int64_t value) except -1

    cdef inline int reserve(self, Py_ssize_t extra) except -1:
        """Make room for `extra` bytes behind the end."""
        if self.capacity - self.size < extra:
            return self.grow(extra)
        return 0

    cdef inline int write(self, const char *source, Py_ssize_t length) except -1:
        if self.capacity - self.size < length:
            self.grow(length)
        memcpy(self.data + self.size, source, length)
        self.size += length
        return 0

    cdef inline int write_byte(self, char value) except -1:
        if self.capacity == self.size:
            self.grow(1)
        self.data[self.size] = value
        self.size += 1
        return 0

    cdef inline int write_bytes(self, bytes source) except -1:
        return self.write(<const char *> source, len(source))
