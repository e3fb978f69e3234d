"""Decoders of date, time and timestamp, with and without time zone: what other decoders of times read with."""

from libc.stdint cimport int64_t

# All clocks count microseconds.
cdef enum:
    SECOND = 1_000_000

cdef struct Cursor:
    const char *text
    Py_ssize_t size
    Py_ssize_t at

cdef struct Date:
    int64_t year  # astronomical: 0 is 1 BC
    int64_t month
    int64_t day


cdef int infinity(const char *text, Py_ssize_t size) noexcept
cdef int decode_date(const char *text, Py_ssize_t size, Date *date) except -1
cdef int64_t decode_time(const char *text, Py_ssize_t size, int64_t resolution) except -1
cdef int64_t decode_zoned_time(const char *text, Py_ssize_t size, int64_t *offset) except -1
cdef int read_timestamp(const char *text, Py_ssize_t size, bint zoned, Date *date, int64_t *clock) except -1
