"""Decoders of exact numbers from their text."""

from libc.stdint cimport int64_t


cdef struct Number:
    int64_t unscaled      # when `digits` is at most 18
    Py_ssize_t digits     # significant ones
    Py_ssize_t scale      # digits behind the point


cdef int read_number(const char *text, Py_ssize_t size, Number *number) except -1
cdef object big_unscaled(const char *text, Py_ssize_t size, object shift)
