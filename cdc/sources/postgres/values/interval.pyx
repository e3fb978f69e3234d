# cython: cdivision=True
"""Decoders of interval.

Format: the PostgreSQL manual, "Interval Output", style postgres: `1 year 2 mons -3 days +04:05:06.78`.
"""

from libc.stdint cimport int64_t
from libc.string cimport memcmp

from cdc.model.batch cimport ChangeBatch
from cdc.model.buffer cimport Buffer
from cdc.sources.columns.values cimport ValueDecoder, malformed

from cdc.errors import ConversionError

cdef int64_t DAY = 86_400_000_000       # all numbers of time below are in microseconds
cdef int64_t MONTH = 2_629_800_000_000  # 365.25 / 12 days, the average that Debezium counts with
cdef int64_t MOST_HOURS = 2_562_047_788  # an interval's time has 64 bits

cdef bint read_count(const char *text, Py_ssize_t size, Py_ssize_t *at, int64_t *count) noexcept:
    """Read digits as a number of at most 12 of them."""
    cdef Py_ssize_t first = at[0]
    cdef unsigned int digit
    count[0] = 0
    while at[0] < size and at[0] - first < 12:
        digit = <unsigned int> text[at[0]] - 48
        if digit > 9:
            break
        count[0] = count[0] * 10 + digit
        at[0] += 1
    return at[0] > first


cdef bint read_unit(const char *text, Py_ssize_t size, Py_ssize_t *at, int64_t count, Span *span) noexcept:
    """Read ` year`, ` mon` or ` day`, or their plurals, and set that part."""
    cdef const char *unit = text + at[0]
    cdef Py_ssize_t left = size - at[0]
    if left >= 5 and memcmp(unit, b" year", 5) == 0:
        span.years = count
        at[0] += 5
    elif left >= 4 and memcmp(unit, b" mon", 4) == 0:
        span.months = count
        at[0] += 4
    elif left >= 4 and memcmp(unit, b" day", 4) == 0:
        span.days = count
        at[0] += 4
    else:
        return False
    if at[0] < size and text[at[0]] == b"s":
        at[0] += 1
    return at[0] == size or text[at[0]] == b" "


cdef bint read_clock(const char *text, Py_ssize_t size, Py_ssize_t *at, int64_t hours, int64_t *micros) noexcept:
    """Read `:05:06.78` behind the hours, to the end of the text."""
    cdef int64_t minutes, seconds, unit = 1_000_000
    cdef Py_ssize_t left = size - at[0]
    cdef const char *clock = text + at[0]
    if left < 6 or clock[0] != b":" or clock[3] != b":":
        return False
    at[0] += 1
    if not read_count(text, at[0] + 2, at, &minutes) or minutes > 59 or text[at[0]] != b":":
        return False
    at[0] += 1
    if not read_count(text, at[0] + 2, at, &seconds) or seconds > 59 or at[0] != size - left + 6 or hours > MOST_HOURS:
        return False
    micros[0] = ((hours * 60 + minutes) * 60 + seconds) * unit
    if at[0] < size and text[at[0]] == b"." and 2 <= size - at[0] <= 7:
        at[0] += 1
        while at[0] < size and b"0" <= text[at[0]] <= b"9":
            unit //= 10
            micros[0] += (text[at[0]] - 48) * unit
            at[0] += 1
    return at[0] == size


cdef Py_ssize_t read_span(const char *text, Py_ssize_t size, Span *span) noexcept:
    """Read an interval; return -1, or the index at which the text is wrong."""
    cdef Py_ssize_t at = 0
    cdef int64_t count = 0
    cdef bint negative
    span[0] = Span(0, 0, 0, 0)
    while True:
        negative = at < size and text[at] == b"-"
        if negative or (at < size and text[at] == b"+"):
            at += 1
        if not read_count(text, size, &at, &count):
            return at
        if read_unit(text, size, &at, -count if negative else count, span):
            if at == size:
                return -1
            at += 1
            continue
        if not read_clock(text, size, &at, count, &span.micros):
            return at
        if negative:
            span.micros = -span.micros
        return -1


cdef int decode_span(const char *text, Py_ssize_t size, Span *span) except -1:
    """Read an interval that is not infinite."""
    cdef Py_ssize_t wrong = read_span(text, size, span)
    if wrong >= 0:
        raise malformed("interval", text, size, wrong)
    return 0


cdef bint is_infinite(const char *text, Py_ssize_t size) noexcept:
    """Tell whether the interval is one of the infinities of PostgreSQL 17."""
    return (size == 8 and memcmp(text, b"infinity", 8) == 0) or (size == 9 and memcmp(text, b"-infinity", 9) == 0)


cdef class MicrosIntervalDecoder(ValueDecoder):
    """Decodes an interval as microseconds, a month counting 365.25 / 12 days."""

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef Span span
        if is_infinite(text, size):
            raise too_long(text, size)
        decode_span(text, size, &span)
        # Python's numbers, because a long interval overflows 64 bits.
        total = (span.years * 12 + span.months) * <object> MONTH + <object> span.days * DAY + span.micros
        if not -(1 << 63) <= total < 1 << 63:
            raise too_long(text, size)
        batch.put_int(cell, total)
        return 0


cdef object too_long(const char *text, Py_ssize_t size):
    return ConversionError(f"the interval {text[:size].decode()} is longer than 64 bits of microseconds reach (292,271 years)",
                           "Set interval.handling.mode to string.")


cdef class IsoIntervalDecoder(ValueDecoder):
    """Decodes an interval as `P1Y2M3DT4H5M6.78S`, all parts written; the infinities keep PostgreSQL's words."""

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef Span span
        cdef Buffer out = batch.arena
        cdef Py_ssize_t start = out.size
        if is_infinite(text, size):
            return batch.put_text(cell, text, size)
        decode_span(text, size, &span)
        write_part(out, b"P", span.years)
        write_part(out, b"Y", span.months)
        write_part(out, b"M", span.days)
        out.write_byte(b"D")
        write_part(out, b"T", span.micros // 60_000_000 // 60)
        write_part(out, b"H", span.micros // 60_000_000 % 60)
        out.write_byte(b"M")
        write_seconds(out, span.micros % 60_000_000)
        return batch.put_text_here(cell, start)


cdef int write_part(Buffer out, char before, int64_t count) except -1:
    out.write_byte(before)
    return out.write_int(count)


cdef int write_seconds(Buffer out, int64_t micros) except -1:
    """Write `-6.78S`, without zeros at the end."""
    cdef int64_t left = -micros if micros < 0 else micros
    if micros < 0:
        out.write_byte(b"-")
    out.write_int(left // 1_000_000)
    left %= 1_000_000
    if left:
        out.write_byte(b".")
    while left:
        out.write_byte(<char> (48 + left // 100_000))
        left = left % 100_000 * 10
    return out.write_byte(b"S")
