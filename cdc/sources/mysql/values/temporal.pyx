# cython: cdivision=True
"""Decoders of DATE, DATETIME, TIMESTAMP and TIME: what reads them from row images and from text, and what puts them in each mode.

Formats: the server's `my_time.h`, functions `my_date_to_binary`, `my_datetime_packed_to_binary`, `my_timestamp_to_binary`,
`my_time_packed_to_binary`, and what was before MySQL 5.6. A date with a part that is 0 is none: it becomes null, or in a required
column what stands for it.
"""

from libc.stdint cimport INT64_MAX, int64_t, uint64_t

from cdc.model.batch cimport ChangeBatch
from cdc.sources.columns.calendar cimport (
    SECOND, Date, date_of, days_of, month_days, put_clock, put_date, put_nulls, write_clock, write_date,
)
from cdc.sources.columns.values cimport ValueDecoder, malformed
from cdc.sources.mysql.binlog.reading cimport big_at, unsigned_at

from cdc.errors import ConversionError

#: Year, month, day and the microseconds since midnight.
Parts = tuple[int, int, int, int]

cdef int64_t DAY = 86_400_000_000

cdef struct Moment:
    Date date
    int64_t clock  # microseconds since midnight


# Reading dates and timestamps ------------------------------------------------------------------------------------------------------

cdef class MomentReader:
    """Reads a date, or a date and a time of the day."""

    cdef bint read(self, const char *data, Py_ssize_t size, Moment *moment) except -1:
        """Read a value; return whether it is a date, without a part that is 0."""
        raise NotImplementedError


cdef bint is_date(const char *data, Py_ssize_t size, const Moment *moment, bint right) except -1:
    """Check what was read, of which `right` says that it had the form; return whether no part of the date is 0."""
    cdef Date date = moment.date
    if not right or date.month > 12 or date.day > 31 or moment.clock >= DAY:
        raise malformed("date or time", data, size, 0)
    if date.year == 0 or date.month == 0 or date.day == 0:
        return False
    if date.day > month_days(date.year, date.month):
        raise ConversionError(f"there is no day {date.year:04}-{date.month:02}-{date.day:02}",
                              "Correct the value in the database, and leave ALLOW_INVALID_DATES out of sql_mode.")
    return True


cdef int64_t clock_of(uint64_t hour, uint64_t minute, uint64_t second) noexcept:
    """Return the microseconds since midnight; a day and more where a part is too large."""
    if hour > 23 or minute > 59 or second > 59:
        return DAY
    return ((hour * 60 + minute) * 60 + second) * SECOND


cdef int64_t fraction_at(const char *data, int digits) noexcept:
    """Return the microseconds in the bytes behind the seconds: two digits each, the highest first."""
    cdef int64_t fraction = big_at(<const unsigned char *> data, (digits + 1) // 2)
    return fraction * 10_000 if digits <= 2 else fraction * 100 if digits <= 4 else fraction


cdef class ImageDateReader(MomentReader):
    """Reads DATE: three bytes."""

    cdef bint read(self, const char *data, Py_ssize_t size, Moment *moment) except -1:
        cdef uint64_t packed = unsigned_at(<const unsigned char *> data, 3) if size == 3 else 0
        moment.clock = 0
        moment.date = Date(packed >> 9, packed >> 5 & 15, packed & 31)
        return is_date(data, size, moment, size == 3)


cdef class FractionalReader(MomentReader):
    """Reads what has `digits` digits of fractional seconds."""

    cdef int digits

    def __init__(self, int digits):
        if not 0 <= digits <= 6:
            raise ValueError(f"a fraction of a second has 0 to 6 digits, not {digits}")
        self.digits = digits


cdef class ImageDatetimeReader(FractionalReader):
    """Reads DATETIME: five bytes and those of the fraction."""

    cdef bint read(self, const char *data, Py_ssize_t size, Moment *moment) except -1:
        cdef bint right = size == 5 + (self.digits + 1) // 2
        cdef uint64_t packed = big_at(<const unsigned char *> data, 5) if right else 0
        cdef uint64_t months = packed >> 22 & 0x1FFFF
        moment.date = Date(months // 13, months % 13, packed >> 17 & 31)
        moment.clock = clock_of(packed >> 12 & 31, packed >> 6 & 63, packed & 63)
        if right:
            moment.clock += fraction_at(data + 5, self.digits)
        return is_date(data, size, moment, right and packed >> 39 == 1)


cdef class OldDatetimeReader(MomentReader):
    """Reads the DATETIME of MySQL before 5.6: YYYYMMDDhhmmss as a number of eight bytes."""

    cdef bint read(self, const char *data, Py_ssize_t size, Moment *moment) except -1:
        cdef uint64_t packed = unsigned_at(<const unsigned char *> data, 8) if size == 8 else 0
        cdef uint64_t date = packed // 1_000_000, time = packed % 1_000_000
        moment.date = Date(date // 10_000, date // 100 % 100, date % 100)
        moment.clock = clock_of(time // 10_000, time // 100 % 100, time % 100)
        return is_date(data, size, moment, size == 8 and date <= 99_999_999)


cdef bint of_seconds(uint64_t seconds, int64_t fraction, Moment *moment) noexcept:
    """Take seconds since the epoch; return whether there are any."""
    moment.date = date_of(seconds // 86_400)
    moment.clock = <int64_t> (seconds % 86_400) * SECOND + fraction
    return seconds != 0 or fraction != 0


cdef class ImageTimestampReader(FractionalReader):
    """Reads TIMESTAMP: seconds since the epoch in four bytes, the highest first, and those of the fraction."""

    cdef bint read(self, const char *data, Py_ssize_t size, Moment *moment) except -1:
        cdef int64_t fraction
        if size != 4 + (self.digits + 1) // 2:
            raise malformed("timestamp", data, size, 0)
        fraction = fraction_at(data + 4, self.digits)
        if fraction >= SECOND:
            raise malformed("timestamp", data, size, 4)
        return of_seconds(big_at(<const unsigned char *> data, 4), fraction, moment)


cdef class OldTimestampReader(MomentReader):
    """Reads the TIMESTAMP of MySQL before 5.6: seconds in four bytes, the lowest first."""

    cdef bint read(self, const char *data, Py_ssize_t size, Moment *moment) except -1:
        if size != 4:
            raise malformed("timestamp", data, size, 0)
        return of_seconds(unsigned_at(<const unsigned char *> data, 4), 0, moment)


cdef class TextMomentReader(MomentReader):
    """Reads `2024-02-29`, or `2024-02-29 12:34:56.789`."""

    cdef bint read(self, const char *text, Py_ssize_t size, Moment *moment) except -1:
        cdef Py_ssize_t at = 0
        cdef bint right = (
            part(text, size, &at, 4, 0, &moment.date.year)
            and part(text, size, &at, 2, b"-", &moment.date.month) and part(text, size, &at, 2, b"-", &moment.date.day)
        )
        moment.clock = 0
        if right and at < size:
            right = clock_part(text, size, &at, b" ", &moment.clock) and at == size
        return is_date(text, size, moment, right)


cdef bint part(const char *text, Py_ssize_t size, Py_ssize_t *at, Py_ssize_t digits, char separator, int64_t *value) noexcept:
    """Read a number of exactly so many digits behind a separator (0: none)."""
    cdef unsigned int digit
    cdef Py_ssize_t end
    value[0] = 0
    if separator:
        if at[0] >= size or text[at[0]] != separator:
            return False
        at[0] += 1
    end = at[0] + digits
    if end > size:
        return False
    while at[0] < end:
        digit = <unsigned int> text[at[0]] - 48
        if digit > 9:
            return False
        value[0] = value[0] * 10 + digit
        at[0] += 1
    return True


cdef bint clock_part(const char *text, Py_ssize_t size, Py_ssize_t *at, char separator, int64_t *clock) noexcept:
    """Read `12:34:56.789` behind a separator."""
    cdef int64_t hour = 0, minute = 0, second = 0
    if not (part(text, size, at, 2, separator, &hour) and part(text, size, at, 2, b":", &minute)
            and part(text, size, at, 2, b":", &second)):
        return False
    clock[0] = clock_of(hour, minute, second)
    return fraction_part(text, size, at, clock)


cdef bint fraction_part(const char *text, Py_ssize_t size, Py_ssize_t *at, int64_t *clock) noexcept:
    """Add `.789`, where it stands there."""
    cdef int64_t unit = SECOND
    cdef unsigned int digit
    if at[0] >= size or text[at[0]] != b".":
        return True
    at[0] += 1
    while at[0] < size and unit > 1:
        digit = <unsigned int> text[at[0]] - 48
        if digit > 9:
            return False
        unit //= 10
        clock[0] += digit * unit
        at[0] += 1
    return unit < SECOND


# Putting dates and timestamps ------------------------------------------------------------------------------------------------------

cdef class MomentDecoder(ValueDecoder):
    """Puts what `reader` reads.

    `zero` stands for a date that is none, as (year, month, day, microseconds since midnight); with None it becomes null. With `adjusts`, years below 100
    are those from 1970 to 2069.
    """

    cdef MomentReader reader
    cdef bint nullable
    cdef bint adjusts
    cdef Moment zero

    def __init__(self, MomentReader reader not None, zero=None, bint adjusts=False):
        self.reader = reader
        self.nullable = zero is None
        self.adjusts = adjusts
        year, month, day, clock = zero or (1970, 1, 1, 0)
        self.zero = Moment(Date(year, month, day), clock)

    cdef int decode(self, const char *data, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef Moment moment
        if not self.reader.read(data, size, &moment):
            if self.nullable:
                batch.put_null(cell)
                return 0
            moment = self.zero
        elif self.adjusts and moment.date.year < 100:
            moment.date.year += 2000 if moment.date.year < 70 else 1900
            # 0000-02-29 is none, and of the years that are meant the same ones are leap years; but for 1900, which is no year below 100.
        return self.put(&moment, batch, cell)

    cdef int put(self, const Moment *moment, ChangeBatch batch, int64_t cell) except -1:
        raise NotImplementedError


cdef class DateDecoder(MomentDecoder):
    """Puts a date as days since 1970-01-01."""

    cdef int put(self, const Moment *moment, ChangeBatch batch, int64_t cell) except -1:
        batch.put_int(cell, days_of(&moment.date))
        return 0


cdef class IsoDateDecoder(MomentDecoder):
    """Puts a date as `2017-09-15Z`."""

    cdef int put(self, const Moment *moment, ChangeBatch batch, int64_t cell) except -1:
        cdef Py_ssize_t start = batch.arena.size
        write_date(batch.arena, &moment.date)
        batch.arena.write_byte(b"Z")
        return batch.put_text_here(cell, start)


cdef class StructuredDateDecoder(MomentDecoder):
    """Puts a date as year, month, day, and no special value."""

    cdef int put(self, const Moment *moment, ChangeBatch batch, int64_t cell) except -1:
        cdef int64_t first = batch.reserve_cells(4)
        put_nulls(batch, first, 4)
        put_date(batch, first, &moment.date)
        return batch.put_nested(cell, first, 4)


cdef class MillisDecoder(MomentDecoder):
    """Puts a timestamp as milliseconds since the epoch, rounded down."""

    cdef int put(self, const Moment *moment, ChangeBatch batch, int64_t cell) except -1:
        batch.put_int(cell, days_of(&moment.date) * 86_400_000 + moment.clock // 1000)
        return 0


cdef class MicrosDecoder(MomentDecoder):
    """Puts a timestamp as microseconds since the epoch."""

    cdef int put(self, const Moment *moment, ChangeBatch batch, int64_t cell) except -1:
        batch.put_int(cell, days_of(&moment.date) * DAY + moment.clock)
        return 0


cdef class NanosDecoder(MomentDecoder):
    """Puts a timestamp as nanoseconds since the epoch, which reach from 1677 to 2262."""

    cdef int put(self, const Moment *moment, ChangeBatch batch, int64_t cell) except -1:
        cdef int64_t micros = days_of(&moment.date) * DAY + moment.clock
        if not -INT64_MAX // 1000 <= micros <= INT64_MAX // 1000:
            raise ConversionError(
                f"a timestamp in the year {moment.date.year} is beyond what 64 bits of nanoseconds reach (1677 to 2262)",
                "Set time.precision.mode to microseconds.")
        batch.put_int(cell, micros * 1000)
        return 0


cdef class IsoTimestampDecoder(MomentDecoder):
    """Puts a timestamp as `2019-07-09T02:28:57.123456Z`, the fraction with at least `digits` digits."""

    cdef int digits

    def __init__(self, MomentReader reader not None, zero=None, bint adjusts=False, int digits=0):
        if not 0 <= digits <= 6:
            raise ValueError(f"a fraction of a second has 0 to 6 digits, not {digits}")
        super().__init__(reader, zero, adjusts)
        self.digits = digits

    cdef int put(self, const Moment *moment, ChangeBatch batch, int64_t cell) except -1:
        cdef Py_ssize_t start = batch.arena.size
        write_date(batch.arena, &moment.date)
        batch.arena.write_byte(b"T")
        write_clock(batch.arena, moment.clock, self.digits)
        return batch.put_text_here(cell, start)


cdef class StructuredTimestampDecoder(MomentDecoder):
    """Puts a timestamp as date, clock, no special value and the column's `precision`; with `zoned`, with a zone, which is UTC."""

    cdef int precision
    cdef bint zoned

    def __init__(self, MomentReader reader not None, zero=None, bint adjusts=False, int precision=0, bint zoned=False):
        super().__init__(reader, zero, adjusts)
        self.precision = precision
        self.zoned = zoned

    cdef int put(self, const Moment *moment, ChangeBatch batch, int64_t cell) except -1:
        cdef int64_t width = 11 if self.zoned else 9, first = batch.reserve_cells(width)
        put_nulls(batch, first, width)
        put_date(batch, first, &moment.date)
        put_clock(batch, first + 3, moment.clock)
        batch.put_int(first + width - 1, self.precision)
        if self.zoned:
            batch.put_int(first + 7, 0)
            batch.put_text(first + 8, b"Z", 1)
        return batch.put_nested(cell, first, width)


# TIME ------------------------------------------------------------------------------------------------------------------------------

cdef class SpanReader:
    """Reads TIME as microseconds, which may be negative and many days."""

    cdef int64_t read(self, const char *data, Py_ssize_t size) except? -1:
        raise NotImplementedError


cdef int64_t span_of(bint negative, uint64_t hour, uint64_t minute, uint64_t second, int64_t fraction) noexcept:
    cdef int64_t span = <int64_t> ((hour * 60 + minute) * 60 + second) * SECOND + fraction
    return -span if negative else span


cdef class ImageTimeReader(SpanReader):
    """Reads TIME: three bytes and those of the fraction, all together one number, which is negative for a negative time."""

    cdef int digits

    def __init__(self, int digits):
        if not 0 <= digits <= 6:
            raise ValueError(f"a fraction of a second has 0 to 6 digits, not {digits}")
        self.digits = digits

    cdef int64_t read(self, const char *data, Py_ssize_t size) except? -1:
        cdef int behind = (self.digits + 1) // 2
        cdef int64_t packed, whole, fraction
        cdef bint negative
        if size != 3 + behind:
            raise malformed("time", data, size, 0)
        packed = <int64_t> big_at(<const unsigned char *> data, size) - (<int64_t> 0x800000 << 8 * behind)
        negative = packed < 0
        packed = -packed if negative else packed
        whole = packed >> 8 * behind
        fraction = packed & ((<int64_t> 1 << 8 * behind) - 1)
        fraction = fraction * 10_000 if behind == 1 else fraction * 100 if behind == 2 else fraction
        if (whole >> 6 & 63) > 59 or (whole & 63) > 59 or fraction >= SECOND:
            raise malformed("time", data, size, 0)
        return span_of(negative, whole >> 12, whole >> 6 & 63, whole & 63, fraction)


cdef class OldTimeReader(SpanReader):
    """Reads the TIME of MySQL before 5.6: hhmmss as a number of three bytes with a sign."""

    cdef int64_t read(self, const char *data, Py_ssize_t size) except? -1:
        cdef int64_t packed
        if size != 3:
            raise malformed("time", data, size, 0)
        packed = unsigned_at(<const unsigned char *> data, 3)
        if packed >= 0x800000:
            packed -= 0x1000000
        whole = packed if packed >= 0 else -packed
        if whole // 100 % 100 > 59 or whole % 100 > 59:
            raise malformed("time", data, size, 0)
        return span_of(packed < 0, whole // 10_000, whole // 100 % 100, whole % 100, 0)


cdef class TextTimeReader(SpanReader):
    """Reads `-838:59:59.000000`."""

    cdef int64_t read(self, const char *text, Py_ssize_t size) except? -1:
        cdef bint negative = size > 0 and text[0] == b"-"
        cdef Py_ssize_t at = negative
        cdef int64_t hour = 0, minute = 0, second = 0, fraction = 0
        cdef Py_ssize_t digits = 3 if size - at > 2 and text[at + 2] != b":" else 2
        if not (part(text, size, &at, digits, 0, &hour) and part(text, size, &at, 2, b":", &minute)
                and part(text, size, &at, 2, b":", &second) and fraction_part(text, size, &at, &fraction) and at == size
                and minute <= 59 and second <= 59):
            raise malformed("time", text, size, at)
        return span_of(negative, hour, minute, second, fraction)


cdef class TimeDecoder(ValueDecoder):
    """Puts TIME as a number of micro- (`digits` 6) or nanoseconds (9), with its sign and all its hours."""

    cdef SpanReader reader
    cdef int64_t unit

    def __init__(self, SpanReader reader not None, int digits):
        self.reader = reader
        self.unit = 1000 if digits == 9 else 1

    cdef int decode(self, const char *data, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        batch.put_int(cell, self.reader.read(data, size) * self.unit)
        return 0


cdef int64_t time_of_day(SpanReader reader, const char *data, Py_ssize_t size) except -1:
    """Read a time that must lie within a day; 24:00:00 does."""
    cdef int64_t span = reader.read(data, size), whole = span if span >= 0 else -span
    if not 0 <= span <= DAY:
        hours, rest = divmod(whole // SECOND, 3600)
        shown = f"{'-' if span < 0 else ''}{hours:02}:{rest // 60:02}:{rest % 60:02}.{whole % SECOND:06}"
        raise ConversionError(f"the time {shown} is none of a day", "Set time.precision.mode to adaptive_time_microseconds.")
    return span


cdef class ConnectTimeDecoder(ValueDecoder):
    """Puts TIME as milliseconds since midnight; 24:00:00 is a whole day."""

    cdef SpanReader reader

    def __init__(self, SpanReader reader not None):
        self.reader = reader

    cdef int decode(self, const char *data, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        batch.put_int(cell, time_of_day(self.reader, data, size) // 1000)
        return 0


cdef class IsoTimeDecoder(ValueDecoder):
    """Puts TIME as `04:05:11.789Z`; 24:00:00 is midnight, as in Debezium."""

    cdef SpanReader reader

    def __init__(self, SpanReader reader not None):
        self.reader = reader

    cdef int decode(self, const char *data, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef int64_t clock = time_of_day(self.reader, data, size) % DAY
        cdef Py_ssize_t start = batch.arena.size
        write_clock(batch.arena, clock, 0)
        return batch.put_text_here(cell, start)


cdef class StructuredDurationDecoder(ValueDecoder):
    """Puts TIME as years, months, days (all 0), hours, minutes, seconds, nanoseconds, each with its sign, and the column's `precision`."""

    cdef SpanReader reader
    cdef int precision

    def __init__(self, SpanReader reader not None, int precision):
        self.reader = reader
        self.precision = precision

    cdef int decode(self, const char *data, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef int64_t span = self.reader.read(data, size), first = batch.reserve_cells(8), at
        for at in range(3):
            batch.put_int(first + at, 0)
        put_clock(batch, first + 3, span)
        batch.put_int(first + 7, self.precision)
        return batch.put_nested(cell, first, 8)
