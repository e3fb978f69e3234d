"""Decoders of interval: what other decoders read them with."""

from libc.stdint cimport int64_t

cdef struct Span:
    int64_t years
    int64_t months
    int64_t days
    int64_t micros


cdef int decode_span(const char *text, Py_ssize_t size, Span *span) except -1
