"""A growable run of bytes that compiled code writes to."""

from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy


cdef class Buffer:
    """A growable run of bytes; grows by half, never shrinks, and is cleared to be used again."""

    def __dealloc__(self):
        free(self.data)

    def __len__(self):
        return self.size

    def __bytes__(self):
        return self.data[: self.size] if self.size else b""

    def append(self, const unsigned char[::1] data):
        """Write bytes behind the end."""
        if data.shape[0]:
            self.write(<const char *> &data[0], data.shape[0])

    def clear(self):
        """Forget the content and keep the memory."""
        self.size = 0

    cdef int grow(self, Py_ssize_t extra) except -1:
        cdef Py_ssize_t wanted = self.size + extra
        cdef Py_ssize_t larger = self.capacity + (self.capacity >> 1) + 256
        cdef char *moved
        if wanted < 0:
            raise MemoryError
        if larger < wanted:
            larger = wanted
        moved = <char *> realloc(self.data, larger)
        if moved == NULL:
            raise MemoryError
        self.data = moved
        self.capacity = larger
        return 0

    cdef int write_int(self, int64_t value) except -1:
        """Write a number in decimal digits."""
        cdef char digits[20]
        cdef int at = 20
        cdef uint64_t left = <uint64_t> value
        self.reserve(21)
        if value < 0:
            self.data[self.size] = b"-"
            self.size += 1
            left = 0 - left
        while True:
            at -= 1
            digits[at] = <char> (48 + left % 10)
            left //= 10
            if left == 0:
                break
        memcpy(self.data + self.size, digits + at, 20 - at)
        self.size += 20 - at
        return 0
