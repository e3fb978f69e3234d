"""Dates of the proleptic Gregorian calendar: counting their days, and writing them as ISO 8601 does or part by part."""

from libc.stdint cimport int64_t

from cdc.model.batch cimport ChangeBatch
from cdc.model.buffer cimport Buffer

# All clocks count microseconds.
cdef enum:
    SECOND = 1_000_000

cdef struct Date:
    int64_t year  # astronomical: 0 is 1 BC
    int64_t month
    int64_t day


cdef int64_t month_days(int64_t year, int64_t month) noexcept
cdef int64_t days_of(const Date *date) noexcept
cdef Date date_of(int64_t days) noexcept
cdef int write_date(Buffer out, const Date *date) except -1
cdef int write_clock(Buffer out, int64_t clock, int digits) except -1
cdef void put_date(ChangeBatch batch, int64_t first, const Date *date) noexcept
cdef void put_clock(ChangeBatch batch, int64_t first, int64_t clock) noexcept
cdef int put_nulls(ChangeBatch batch, int64_t first, int64_t count) noexcept
