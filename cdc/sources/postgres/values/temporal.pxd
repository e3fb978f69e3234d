"""Decoders of date, time and timestamp, with and without time zone: what other decoders of times read with."""

from libc.stdint cimport int64_t

from cdc.sources.columns.calendar cimport Date

cdef struct Cursor:
    const char *text
    Py_ssize_t size
    Py_ssize_t at


cdef int infinity(const char *text, Py_ssize_t size) noexcept
cdef int decode_date(const char *text, Py_ssize_t size, Date *date) except -1
cdef int64_t decode_time(const char *text, Py_ssize_t size, int64_t resolution) except -1
cdef int64_t decode_zoned_time(const char *text, Py_ssize_t size, int64_t *offset) except -1
cdef int read_timestamp(const char *text, Py_ssize_t size, bint zoned, Date *date, int64_t *clock) except -1
