# cython: cdivision=True
"""Decoders of times under time.precision.mode structured: Debezium's structs of numbers, one for each part.

The order of the cells is that of the fields in the schemas (`time_types`).
"""

from libc.stdint cimport INT32_MAX, INT32_MIN, int64_t

from cdc.model.batch cimport ChangeBatch
from cdc.sources.columns.calendar cimport SECOND, Date, put_clock, put_date, put_nulls
from cdc.sources.columns.values cimport ValueDecoder
from cdc.sources.postgres.values.interval cimport Span, decode_span
from cdc.sources.postgres.values.temporal cimport decode_date, decode_time, decode_zoned_time, infinity, read_timestamp

from cdc.errors import ConversionError

cdef int64_t DAY = 86_400_000_000


cdef int put_special(ChangeBatch batch, int64_t cell, int sign) except -1:
    """Put the word of an infinity."""
    return batch.put_text(cell, b"POSITIVE_INFINITY" if sign > 0 else b"NEGATIVE_INFINITY", 17)


cdef class StructuredDateDecoder(ValueDecoder):
    """Decodes a date as year (0 is 1 BC), month and day, or the word of an infinity."""

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef Date date
        cdef int64_t first
        cdef int sign = infinity(text, size)
        if not sign:
            decode_date(text, size, &date)
        first = batch.reserve_cells(4)
        put_nulls(batch, first, 4)
        if sign:
            put_special(batch, first + 3, sign)
        else:
            put_date(batch, first, &date)
        return batch.put_nested(cell, first, 4)


cdef class StructuredTimeDecoder(ValueDecoder):
    """Decodes a time of the day as hour, minute, second, nanoseconds and the column's `precision`.

    `resolution`, in microseconds, is what the value is cut to. Debezium has no value for 24:00:00 there.
    """

    cdef int precision
    cdef int64_t resolution

    def __init__(self, int precision, int64_t resolution=1):
        self.precision = precision
        self.resolution = resolution

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef int64_t clock = decode_time(text, size, self.resolution), first
        if clock >= DAY:
            raise ConversionError("the time 24:00:00 is none of a StructuredTime", "Set time.precision.mode to another mode, or store 00:00:00.")
        first = batch.reserve_cells(5)
        put_clock(batch, first, clock)
        batch.put_int(first + 4, self.precision)
        return batch.put_nested(cell, first, 5)


cdef class StructuredZonedTimeDecoder(ValueDecoder):
    """Decodes time with time zone as it is stored: hour (24 too), minute, second, nanoseconds, seconds east of Greenwich, `precision`."""

    cdef int precision

    def __init__(self, int precision):
        self.precision = precision

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef int64_t offset = 0, clock = decode_zoned_time(text, size, &offset), first = batch.reserve_cells(6)
        put_clock(batch, first, clock)
        batch.put_int(first + 4, offset)
        batch.put_int(first + 5, self.precision)
        return batch.put_nested(cell, first, 6)


cdef class StructuredTimestampDecoder(ValueDecoder):
    """Decodes a timestamp as date, clock, the word of an infinity and the column's `precision`.

    With `zoned`, the value has a zone and becomes the time in UTC, with the zone's seconds (0) and name (`Z`) behind the clock.
    """

    cdef int precision
    cdef bint zoned

    def __init__(self, int precision, bint zoned=False):
        self.precision = precision
        self.zoned = zoned

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef Date date
        cdef int64_t clock = 0, first, width = 11 if self.zoned else 9
        cdef int sign = infinity(text, size)
        if not sign:
            read_timestamp(text, size, self.zoned, &date, &clock)
        first = batch.reserve_cells(width)
        put_nulls(batch, first, width)
        batch.put_int(first + width - 1, self.precision)
        if sign:
            put_special(batch, first + width - 2, sign)
        else:
            put_date(batch, first, &date)
            put_clock(batch, first + 3, clock)
            if self.zoned:
                batch.put_int(first + 7, 0)
                batch.put_text(first + 8, b"Z", 1)
        return batch.put_nested(cell, first, width)


cdef class StructuredDurationDecoder(ValueDecoder):
    """Decodes an interval as years, months, days, hours, minutes, seconds, nanoseconds and the column's `precision`."""

    cdef int precision

    def __init__(self, int precision):
        self.precision = precision

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef Span span
        cdef int64_t first, hours
        if infinity(text, size):
            raise ConversionError("an endless interval is none of a StructuredDuration", "Set time.precision.mode to another mode.")
        decode_span(text, size, &span)
        hours = span.micros // SECOND // 3600
        if not INT32_MIN <= hours <= INT32_MAX:
            raise ConversionError(f"the interval {text[:size].decode()} has more hours than a StructuredDuration",
                                  "Set time.precision.mode to another mode, or justify the interval.")
        first = batch.reserve_cells(8)
        batch.put_int(first, span.years)
        batch.put_int(first + 1, span.months)
        batch.put_int(first + 2, span.days)
        put_clock(batch, first + 3, span.micros)
        batch.put_int(first + 7, self.precision)
        return batch.put_nested(cell, first, 8)
