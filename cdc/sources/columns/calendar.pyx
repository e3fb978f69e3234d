# cython: cdivision=True
"""Dates of the proleptic Gregorian calendar: counting their days, and writing them as ISO 8601 does or part by part."""

from libc.stdint cimport int64_t

from cdc.model.batch cimport ChangeBatch
from cdc.model.buffer cimport Buffer


cdef int64_t month_days(int64_t year, int64_t month) noexcept:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month == 4 or month == 6 or month == 9 or month == 11 else 31


cdef int64_t days_of(const Date *date) noexcept:
    """Return the days since 1970-01-01, counted in years that begin in March and eras of 400 of them."""
    cdef int64_t year = date.year - (date.month <= 2)
    cdef int64_t era = (year if year >= 0 else year - 399) // 400
    cdef int64_t year_of_era = year - era * 400
    cdef int64_t day_of_year = (153 * (date.month + (-3 if date.month > 2 else 9)) + 2) // 5 + date.day - 1
    return era * 146_097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719_468


cdef Date date_of(int64_t days) noexcept:
    """Return the date that is so many days behind 1970-01-01; the inverse of days_of."""
    cdef int64_t shifted = days + 719_468
    cdef int64_t era = (shifted if shifted >= 0 else shifted - 146_096) // 146_097
    cdef int64_t day_of_era = shifted - era * 146_097
    cdef int64_t year = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    cdef int64_t day_of_year = day_of_era - (365 * year + year // 4 - year // 100)
    cdef int64_t month = (5 * day_of_year + 2) // 153
    cdef int64_t day = day_of_year - (153 * month + 2) // 5 + 1
    month += 3 if month < 10 else -9
    return Date(year + era * 400 + (month <= 2), month, day)


cdef inline void write_two(char *out, int64_t value) noexcept:
    out[0] = <char> (48 + value // 10)
    out[1] = <char> (48 + value % 10)


cdef int write_date(Buffer out, const Date *date) except -1:
    """Write a date as ISO 8601 does: `+` before years of more than four digits, `-` before those before year 0."""
    cdef int64_t year = date.year if date.year >= 0 else -date.year
    cdef char *data
    out.reserve(16)
    if date.year < 0:
        out.write_byte(b"-")
    elif year > 9999:
        out.write_byte(b"+")
    if year > 9999:
        out.write_int(year)
    else:
        write_two(out.data + out.size, year // 100)
        write_two(out.data + out.size + 2, year % 100)
        out.size += 4
    data = out.data + out.size
    data[0] = data[3] = b"-"
    write_two(data + 1, date.month)
    write_two(data + 4, date.day)
    out.size += 6
    return 0


cdef int write_clock(Buffer out, int64_t clock, int digits) except -1:
    """Write `12:34:56.789Z` with at least so many digits behind the point."""
    cdef int64_t seconds = clock // SECOND, fraction = clock % SECOND
    cdef int at = 0
    cdef char *data
    out.reserve(16)
    data = out.data + out.size
    write_two(data, seconds // 3600)
    write_two(data + 3, seconds // 60 % 60)
    write_two(data + 6, seconds % 60)
    data[2] = data[5] = b":"
    data += 8
    if fraction or digits:
        data[0] = b"."
        while fraction or at < digits:
            at += 1
            data[at] = <char> (48 + fraction // 100_000)
            fraction = fraction % 100_000 * 10
        data += at + 1
    data[0] = b"Z"
    out.size = data + 1 - out.data
    return 0


cdef void put_date(ChangeBatch batch, int64_t first, const Date *date) noexcept:
    """Put year, month and day."""
    batch.put_int(first, date.year)
    batch.put_int(first + 1, date.month)
    batch.put_int(first + 2, date.day)


cdef void put_clock(ChangeBatch batch, int64_t first, int64_t clock) noexcept:
    """Put hour, minute, second and nanoseconds."""
    batch.put_int(first, clock // SECOND // 3600)
    batch.put_int(first + 1, clock // SECOND // 60 % 60)
    batch.put_int(first + 2, clock // SECOND % 60)
    batch.put_int(first + 3, clock % SECOND * 1000)


cdef int put_nulls(ChangeBatch batch, int64_t first, int64_t count) noexcept:
    cdef int64_t at
    for at in range(count):
        batch.put_null(first + at)
    return 0
