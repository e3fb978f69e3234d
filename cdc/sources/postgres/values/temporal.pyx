# cython: cdivision=True
"""Decoders of date, time and timestamp, with and without time zone.

Format: the PostgreSQL manual, "Date/Time Output", style ISO; fractions have up to six digits, years at least four, and the years before 1 end
in ` BC`. The calendar is the proleptic Gregorian one, as in the server.
"""

from libc.stdint cimport INT64_MAX, INT64_MIN, int64_t, uint64_t
from libc.string cimport memcmp

from cdc.model.batch cimport ChangeBatch
from cdc.sources.columns.calendar cimport SECOND, Date, date_of, days_of, month_days, write_clock, write_date
from cdc.sources.columns.values cimport ValueDecoder, malformed

from cdc.errors import ConversionError

cdef int64_t DAY = 86_400_000_000

# What stands for the infinities. Debezium takes those of the PostgreSQL JDBC driver, and saturates where they do not fit.
cdef int64_t DATE_INFINITY = 2_146_033_979
cdef int64_t DATE_MINUS_INFINITY = -2_147_472_691
cdef int64_t MILLIS_INFINITY = 9_223_372_036_825_200_000
cdef int64_t MILLIS_MINUS_INFINITY = -9_223_372_036_832_400_000


# Reading ---------------------------------------------------------------------------------------------------------------------------

cdef int infinity(const char *text, Py_ssize_t size) noexcept:
    """Return 1 for infinity, -1 for -infinity, 0 for all else."""
    if size == 8 and memcmp(text, b"infinity", 8) == 0:
        return 1
    return -1 if size == 9 and memcmp(text, b"-infinity", 9) == 0 else 0


cdef inline int64_t two_digits(const char *text) noexcept:
    """Return the number that two digits make, or 100 if they are none."""
    cdef unsigned int tens = <unsigned int> text[0] - 48, ones = <unsigned int> text[1] - 48
    return tens * 10 + ones if tens <= 9 and ones <= 9 else 100


cdef Cursor open_text(const char *text, Py_ssize_t size, bint *bc) noexcept:
    """Return a cursor on the text in front of ` BC`."""
    bc[0] = size > 3 and memcmp(text + size - 3, b" BC", 3) == 0
    return Cursor(text, size - 3 if bc[0] else size, 0)


cdef bint read_date(Cursor *cursor, bint bc, Date *date) noexcept:
    """Read `2024-02-29`; the cursor ends behind it, or where it is wrong."""
    cdef const char *text = cursor.text
    cdef Py_ssize_t at = cursor.at
    cdef unsigned int digit
    date.year = 0
    while at < cursor.size and at < 7:
        digit = <unsigned int> text[at] - 48
        if digit > 9:
            break
        date.year = date.year * 10 + digit
        at += 1
    cursor.at = at
    if at < 4 or date.year == 0 or cursor.size - at < 6 or text[at] != b"-" or text[at + 3] != b"-":
        return False
    if bc:
        date.year = 1 - date.year
    date.month = two_digits(text + at + 1)
    date.day = two_digits(text + at + 4)
    if not 1 <= date.month <= 12 or not 1 <= date.day <= month_days(date.year, date.month):
        return False
    cursor.at = at + 6
    return True


cdef int64_t read_clock(Cursor *cursor) noexcept:
    """Read `12:34:56.789` as microseconds, 24:00:00 included; -1 if it is wrong, with the cursor where."""
    cdef const char *text = cursor.text + cursor.at
    cdef int64_t hour, minute, second, unit = SECOND, clock
    cdef unsigned int digit
    if cursor.size - cursor.at < 8 or text[2] != b":" or text[5] != b":":
        return -1
    hour, minute, second = two_digits(text), two_digits(text + 3), two_digits(text + 6)
    if hour > 24 or minute > 59 or second > 59:
        return -1
    clock = ((hour * 60 + minute) * 60 + second) * SECOND
    cursor.at += 8
    if cursor.at < cursor.size and cursor.text[cursor.at] == b".":
        cursor.at += 1
        while cursor.at < cursor.size and unit > 1:
            digit = <unsigned int> cursor.text[cursor.at] - 48
            if digit > 9:
                break
            unit //= 10
            clock += digit * unit
            cursor.at += 1
        if unit == SECOND:
            return -1
    return clock if clock <= DAY else -1


cdef bint read_zone(Cursor *cursor, int64_t *offset) noexcept:
    """Read `+05`, `-05:30` or `+05:30:15` as seconds east of Greenwich."""
    cdef const char *text = cursor.text
    cdef int64_t part, unit = 3600
    cdef bint west
    if cursor.at >= cursor.size or (text[cursor.at] != b"+" and text[cursor.at] != b"-"):
        return False
    west = text[cursor.at] == b"-"
    offset[0] = 0
    while unit:
        if cursor.size - cursor.at < 3:
            return False
        part = two_digits(text + cursor.at + 1)
        if part > 59:
            return False
        offset[0] += part * unit
        unit //= 60
        cursor.at += 3
        if cursor.at == cursor.size or text[cursor.at] != b":":
            break
    if west:
        offset[0] = -offset[0]
    return True


cdef int read_timestamp(const char *text, Py_ssize_t size, bint zoned, Date *date, int64_t *clock) except -1:
    """Read `2024-02-29 12:34:56.789`, with a zone behind it where `zoned`, as the date and the clock in UTC."""
    cdef bint bc = False
    cdef Cursor cursor = open_text(text, size, &bc)
    cdef int64_t offset = 0
    if read_date(&cursor, bc, date) and cursor.at < cursor.size and text[cursor.at] == b" ":
        cursor.at += 1
        clock[0] = read_clock(&cursor)
        if clock[0] >= 0 and (not zoned or read_zone(&cursor, &offset)) and cursor.at == cursor.size:
            if offset:
                shift(date, clock, offset)
            return 0
    raise malformed("timestamp", text, size, cursor.at)


# Calendar --------------------------------------------------------------------------------------------------------------------------

cdef int shift(Date *date, int64_t *clock, int64_t offset) noexcept:
    """Take a zone's offset off, and carry into the date."""
    cdef int64_t days = days_of(date)
    clock[0] -= offset * SECOND
    while clock[0] < 0:
        clock[0] += DAY
        days -= 1
    while clock[0] >= DAY:
        clock[0] -= DAY
        days += 1
    date[0] = date_of(days)
    return 0


# Decoders --------------------------------------------------------------------------------------------------------------------------

cdef int decode_date(const char *text, Py_ssize_t size, Date *date) except -1:
    cdef bint bc = False
    cdef Cursor cursor = open_text(text, size, &bc)
    if not read_date(&cursor, bc, date) or cursor.at != cursor.size:
        raise malformed("date", text, size, cursor.at)
    return 0


cdef class DateDecoder(ValueDecoder):
    """Decodes a date as days since 1970-01-01."""

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef Date date
        cdef int sign = infinity(text, size)
        if sign:
            batch.put_int(cell, DATE_INFINITY if sign > 0 else DATE_MINUS_INFINITY)
            return 0
        decode_date(text, size, &date)
        batch.put_int(cell, days_of(&date))
        return 0


cdef class IsoDateDecoder(ValueDecoder):
    """Decodes a date as `2017-09-15Z`; the infinities keep PostgreSQL's words."""

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef Date date
        cdef Py_ssize_t start = batch.arena.size
        if infinity(text, size):
            return batch.put_text(cell, text, size)
        decode_date(text, size, &date)
        write_date(batch.arena, &date)
        batch.arena.write_byte(b"Z")
        return batch.put_text_here(cell, start)


cdef int64_t decode_time(const char *text, Py_ssize_t size, int64_t resolution) except -1:
    """Read a time of the day in microseconds, cut to a multiple of `resolution`."""
    cdef Cursor cursor = Cursor(text, size, 0)
    cdef int64_t clock = read_clock(&cursor)
    if clock < 0 or cursor.at != size:
        raise malformed("time", text, size, cursor.at)
    return clock - clock % resolution


cdef class TimeDecoder(ValueDecoder):
    """Decodes a time of the day as a number since midnight: of milli- (`digits` 3), micro- (6) or nanoseconds (9); 24:00:00 is a whole day.

    `resolution`, in microseconds, is what the value is cut to.
    """

    cdef int digits
    cdef int64_t resolution

    def __init__(self, int digits, int64_t resolution=1):
        self.digits = digits
        self.resolution = resolution

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef int64_t clock = decode_time(text, size, self.resolution)
        batch.put_int(cell, clock // 1000 if self.digits == 3 else clock if self.digits == 6 else clock * 1000)
        return 0


cdef class IsoTimeDecoder(ValueDecoder):
    """Decodes a time of the day as `04:05:11.789Z`, cut to a multiple of `resolution` microseconds."""

    cdef int64_t resolution

    def __init__(self, int64_t resolution=1):
        self.resolution = resolution

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef Py_ssize_t start = batch.arena.size
        write_clock(batch.arena, decode_time(text, size, self.resolution), 0)
        return batch.put_text_here(cell, start)


cdef int64_t decode_zoned_time(const char *text, Py_ssize_t size, int64_t *offset) except -1:
    """Read a time of the day with its zone, in seconds east of Greenwich."""
    cdef Cursor cursor = Cursor(text, size, 0)
    cdef int64_t clock = read_clock(&cursor)
    if clock < 0 or not read_zone(&cursor, offset) or cursor.at != size:
        raise malformed("time with time zone", text, size, cursor.at)
    return clock


cdef class ZonedTimeDecoder(ValueDecoder):
    """Decodes time with time zone as the time in UTC, `11:51:30.123789Z`."""

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef Py_ssize_t start = batch.arena.size
        cdef int64_t offset = 0, clock = decode_zoned_time(text, size, &offset)
        if offset:
            clock = (clock - offset * SECOND + 3 * DAY) % DAY
        write_clock(batch.arena, clock, 0)
        return batch.put_text_here(cell, start)


cdef class MillisDecoder(ValueDecoder):
    """Decodes a timestamp as milliseconds since the epoch, rounded down."""

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef Date date
        cdef int64_t clock = 0
        cdef int sign = infinity(text, size)
        if sign:
            batch.put_int(cell, MILLIS_INFINITY if sign > 0 else MILLIS_MINUS_INFINITY)
            return 0
        read_timestamp(text, size, False, &date, &clock)
        batch.put_int(cell, days_of(&date) * 86_400_000 + clock // 1000)
        return 0


cdef class MicrosDecoder(ValueDecoder):
    """Decodes a timestamp as microseconds since the epoch."""

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef Date date
        cdef int64_t clock = 0, seconds
        cdef int sign = infinity(text, size)
        if sign:
            batch.put_int(cell, INT64_MAX if sign > 0 else INT64_MIN)
            return 0
        read_timestamp(text, size, False, &date, &clock)
        seconds = days_of(&date) * 86_400 + clock // SECOND
        # From 294247-01-10 on the number exceeds 64 bits. Debezium saturates the seconds and lets the fraction wrap around; so does this.
        if seconds > INT64_MAX // SECOND:
            batch.put_int(cell, <int64_t> (<uint64_t> INT64_MAX + <uint64_t> (clock % SECOND)))
        else:
            batch.put_int(cell, <int64_t> (<uint64_t> (seconds * SECOND) + <uint64_t> (clock % SECOND)))
        return 0


cdef class NanosDecoder(ValueDecoder):
    """Decodes a timestamp as nanoseconds since the epoch, which reach from 1677 to 2262; the infinities are the ends of 64 bits."""

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef Date date
        cdef int64_t clock = 0, micros
        cdef int sign = infinity(text, size)
        if sign:
            batch.put_int(cell, INT64_MAX if sign > 0 else INT64_MIN)
            return 0
        read_timestamp(text, size, False, &date, &clock)
        # Cut off far-away years before the product can overflow.
        micros = days_of(&date) * DAY + clock if 1600 < date.year < 2400 else INT64_MAX
        if not -INT64_MAX // 1000 <= micros <= INT64_MAX // 1000:
            raise ConversionError(f"the timestamp {text[:size].decode()} is beyond what 64 bits of nanoseconds reach (1677 to 2262)",
                                  "Set time.precision.mode to microseconds.")
        batch.put_int(cell, micros * 1000)
        return 0


cdef class IsoTimestampDecoder(ValueDecoder):
    """Decodes a timestamp as `2019-07-09T02:28:57.123456Z`; the infinities keep PostgreSQL's words.

    With `zoned`, the value has a zone and becomes the time in UTC. The fraction has at least `digits` digits.
    """

    cdef int digits
    cdef bint zoned

    def __init__(self, int digits=0, bint zoned=False):
        if not 0 <= digits <= 6:
            raise ValueError(f"a fraction of a second has 0 to 6 digits, not {digits}")
        self.digits = digits
        self.zoned = zoned

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef Date date
        cdef int64_t clock = 0
        cdef Py_ssize_t start = batch.arena.size
        if infinity(text, size):
            return batch.put_text(cell, text, size)
        read_timestamp(text, size, self.zoned, &date, &clock)
        write_date(batch.arena, &date)
        batch.arena.write_byte(b"T")
        write_clock(batch.arena, clock, self.digits)
        return batch.put_text_here(cell, start)
