"""The scalars of MySQL's JSON that are no strings, as compact text.

Doubles are written as the server writes them: the shortest digits that read back as the same number, with a point or an exponent
(`my_gcvt` in the server's `strings/dtoa.cc`). Opaque values are those of column types that JSON does not have: a type code and the
type's own bytes (`sql-common/json_binary.h`). Decimals become numbers with all their digits, times and dates strings without the zeros
at the end of a fraction, anything else its bytes in base64.
"""

from libc.math cimport fabs, signbit
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memset

from cdc.converters.json_text cimport write_base64
from cdc.converters.shortest_decimal cimport shortest64
from cdc.model.buffer cimport Buffer

cdef enum:
    # Column types (the server's include/field_types.h).
    TIMESTAMP = 7
    DATE = 10
    TIME = 11
    DATETIME = 12
    NEWDECIMAL = 246
    MAX_DIGITS = 81  # nine groups: whole groups are kept, so that 65 digits can become more
    # Numbers of this many digits before the point, or zeros behind it, are written without an exponent.
    PLAIN_DIGITS = 15

# Below it a double has so few bits that the two digits which `shortest64` always allows can be one too many.
cdef double TINY = 1e-320
# How many bytes hold so many decimal digits (the server's strings/decimal.cc).
cdef int[10] DIGIT_BYTES = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4]


cdef int64_t read_little(const char *data, int width) noexcept nogil:
    """Return the unsigned little-endian number in `width` bytes, 8 at most."""
    cdef uint64_t value = 0
    cdef int at
    for at in range(width):
        value |= <uint64_t> <uint8_t> data[at] << (8 * at)
    return <int64_t> value


cdef int write_unsigned(Buffer out, uint64_t value) except -1:
    """Write a number in decimal digits."""
    if value >> 63 == 0:
        return out.write_int(<int64_t> value)
    out.write_int(<int64_t> (value // 10))
    return out.write_byte(<char> (48 + value % 10))


cdef int write_double(Buffer out, double value) except -1:
    """Write a finite number."""
    cdef int exponent = 0
    cdef uint64_t digits = 0
    if signbit(value):
        out.write_byte(b"-")
    value = fabs(value)
    if value >= TINY:
        digits = shortest64(value, &exponent)
    elif value > 0:
        mantissa, _, power = f"{value!r}".partition("e")
        whole, _, fraction = mantissa.partition(".")
        digits, exponent = int(whole + fraction), int(power) - len(fraction)
    while digits and digits % 10 == 0:
        digits //= 10
        exponent += 1
    return write_scaled(out, digits, exponent)


cdef int write_scaled(Buffer out, uint64_t value, int exponent) except -1:
    """Write value × 10^exponent."""
    cdef char digits[20]
    cdef int at = 20, count, power
    while True:
        at -= 1
        digits[at] = <char> (48 + value % 10)
        value //= 10
        if value == 0:
            break
    count = 20 - at
    power = count + exponent  # the number lies below 10^power
    if -PLAIN_DIGITS < power <= 0:
        out.write(b"0.", 2)
        write_zeros(out, -power)
        return out.write(digits + at, count)
    if 0 < power and (count > power or power <= PLAIN_DIGITS):
        return write_plain(out, digits + at, count, power)
    out.write_byte(digits[at])
    if count > 1:
        out.write_byte(b".")
        out.write(digits + at + 1, count - 1)
    out.write_byte(b"e")
    return out.write_int(power - 1)


cdef int write_plain(Buffer out, const char *digits, int count, int whole) except -1:
    """Write digits with a point behind the first `whole` of them, and zeros where there are not so many."""
    if count > whole:
        out.write(digits, whole)
        out.write_byte(b".")
        return out.write(digits + whole, count - whole)
    out.write(digits, count)
    write_zeros(out, whole - count)
    return out.write(b".0", 2)


cdef int write_zeros(Buffer out, int count) except -1:
    out.reserve(count)
    memset(out.data + out.size, b"0", count)
    out.size += count
    return 0


cdef bint write_opaque(Buffer out, uint8_t field_type, const char *data, Py_ssize_t size) except -1:
    """Write a value of a column type from the type's bytes; return whether they are such a value."""
    if field_type == NEWDECIMAL:
        return size >= 2 and write_decimal(out, <const uint8_t *> data + 2, size - 2, <uint8_t> data[0], <uint8_t> data[1])
    if field_type in (TIMESTAMP, DATE, TIME, DATETIME):
        return size == 8 and write_moment(out, field_type, read_little(data, 8))
    write_base64(out, data, size)
    return True


cdef bint write_decimal(Buffer out, const uint8_t *data, Py_ssize_t size, int precision, int scale) except -1:
    """Write a decimal from its binary form: groups of nine digits, the short ones at the two ends; the first bit is the sign."""
    cdef int whole = precision - scale, count = 0, first = 0, group
    cdef char digits[MAX_DIGITS]
    cdef bint negative
    if precision > MAX_DIGITS or whole < 0:
        return False
    if size == 0 or size != DIGIT_BYTES[whole % 9] + (whole // 9 + scale // 9) * 4 + DIGIT_BYTES[scale % 9]:
        return False
    negative = data[0] & 0x80 == 0
    while count < precision:
        group = (whole % 9 or 9) if count == 0 and whole else min(9, precision - count)
        if not read_group(data, group, 0x80 if count == 0 else 0, 0xFF if negative else 0, digits + count):
            return False
        data += DIGIT_BYTES[group]
        count += group
    while first < whole and digits[first] == b"0":
        first += 1
    out.write(b"-", negative)
    out.write(b"0", first == whole)
    out.write(digits + first, whole - first)
    out.write(b".", scale > 0)
    out.write(digits + whole, scale)
    return True


cdef bint read_group(const uint8_t *data, int count, uint8_t sign, uint8_t flip, char *digits) noexcept:
    """Put up to nine digits of a decimal in place; return whether the number has no more. `sign` and `flip` turn bits of the bytes."""
    cdef uint64_t value = 0
    cdef int at
    for at in range(DIGIT_BYTES[count]):
        value = value << 8 | <uint8_t> (data[at] ^ flip ^ (sign if at == 0 else 0))
    for at in range(count - 1, -1, -1):
        digits[at] = <char> (48 + value % 10)
        value //= 10
    return value == 0


cdef bint write_moment(Buffer out, int field_type, int64_t packed) except -1:
    """Write a time or date from the server's packed form, whose fields are of mixed bases (`TIME_to_longlong_packed`)."""
    cdef bint negative = packed < 0
    cdef uint64_t value = 0 - <uint64_t> packed if negative else <uint64_t> packed
    cdef uint64_t micros = value & 0xFFFFFF, clock = value >> 24 & 0x1FFFF, day = value >> 41
    out.write_byte(b'"')
    if field_type == TIME:
        out.write(b"-", negative)
        clock = value >> 24
    elif negative or not write_day(out, day):
        return False
    elif field_type != DATE:
        out.write_byte(b" ")
    if field_type != DATE and not write_clock(out, clock >> 12, clock >> 6 & 63, clock & 63, micros):
        return False
    out.write_byte(b'"')
    return True


cdef bint write_day(Buffer out, uint64_t packed) except -1:
    """Write a date as `2024-01-31`; zeros stand as they are."""
    cdef uint64_t months = packed >> 5
    if months // 13 > 9999:
        return False
    write_padded(out, months // 13, 4)
    out.write_byte(b"-")
    write_padded(out, months % 13, 2)
    out.write_byte(b"-")
    write_padded(out, packed & 31, 2)
    return True


cdef bint write_clock(Buffer out, uint64_t hours, uint64_t minutes, uint64_t seconds, uint64_t micros) except -1:
    """Write a time as `12:34:56.789`; hours may have three digits."""
    if hours > 838 or minutes > 59 or seconds > 59 or micros > 999_999:
        return False
    write_padded(out, hours, 3 if hours > 99 else 2)
    out.write_byte(b":")
    write_padded(out, minutes, 2)
    out.write_byte(b":")
    write_padded(out, seconds, 2)
    if micros:
        out.write_byte(b".")
        write_padded(out, micros, 6)
        while out.data[out.size - 1] == b"0":
            out.size -= 1
    return True


cdef int write_padded(Buffer out, uint64_t value, int width) except -1:
    """Write the last `width` digits of a number, with the zeros before it."""
    cdef int at
    out.reserve(width)
    for at in range(width - 1, -1, -1):
        out.data[out.size + at] = <char> (48 + value % 10)
        value //= 10
    out.size += width
    return 0
