"""JSON's scalars as Jackson writes them: strings, base64 and numbers, straight into a buffer.

Sources: RFC 8259 (JSON), RFC 3629 (UTF-8), RFC 4648 (base64), Java's `Double.toString` for the form of floating point numbers.
"""

from libc.math cimport fabs, fabsf, isinf, isnan, signbit
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcpy

from cdc.converters.shortest_decimal cimport shortest64
from cdc.converters.single_decimal cimport single_digits
from cdc.model.buffer cimport Buffer

cdef enum:
    PLAIN = 0
    ESCAPED = 1
    MULTIBYTE = 2

cdef uint64_t ONES = 0x0101010101010101
cdef uint64_t HIGH_BITS = 0x8080808080808080

cdef uint8_t[256] BYTE_KINDS
cdef char[256][6] ESCAPES
cdef uint8_t[256] ESCAPE_SIZES
cdef char[200] DIGIT_PAIRS
cdef const char *BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


cdef void _fill_tables():
    cdef bytes text
    cdef int byte
    short = {ord("\""): b"\\\"", ord("\\"): b"\\\\", 8: b"\\b", 9: b"\\t", 10: b"\\n", 12: b"\\f", 13: b"\\r"}
    for byte in range(256):
        BYTE_KINDS[byte] = MULTIBYTE if byte >= 0x80 else PLAIN
        text = short.get(byte, b"\\u%04X" % byte if byte < 0x20 else b"")
        if text:
            BYTE_KINDS[byte] = ESCAPED
            ESCAPE_SIZES[byte] = <uint8_t> len(text)
            memcpy(ESCAPES[byte], <const char *> text, len(text))
    for byte in range(100):
        DIGIT_PAIRS[2 * byte] = <char> (48 + byte // 10)
        DIGIT_PAIRS[2 * byte + 1] = <char> (48 + byte % 10)


_fill_tables()


cdef Py_ssize_t write_string(Buffer out, const char *data, Py_ssize_t size) except -2:
    """Write a string with its quotes; return -1, or the offset of the first byte that is not UTF-8 (the output is unfinished then)."""
    cdef Py_ssize_t at = 0, copied = 0
    cdef int length
    cdef uint8_t byte
    out.reserve(size + 2)
    out.write_byte(b'"')
    while True:
        at = _skip_plain(data, at, size)
        if at == size:
            break
        byte = <uint8_t> data[at]
        if BYTE_KINDS[byte] == ESCAPED:
            out.write(data + copied, at - copied)
            out.write(ESCAPES[byte], ESCAPE_SIZES[byte])
            at += 1
            copied = at
        else:
            length = sequence_length(<const uint8_t *> data + at, size - at)
            if length == 0:
                return at
            at += length
    out.write(data + copied, size - copied)
    out.write_byte(b'"')
    return -1


cdef Py_ssize_t _skip_plain(const char *data, Py_ssize_t at, Py_ssize_t size) noexcept nogil:
    """Return the offset of the first byte that is neither plain ASCII nor behind `at`, or the size."""
    cdef uint64_t word, quote, backslash
    while size - at >= 8:
        # Eight bytes at once: a high bit remains where a byte is a control character, a quote, a backslash or not ASCII.
        memcpy(&word, data + at, 8)
        quote = word ^ (ONES * 0x22)
        backslash = word ^ (ONES * 0x5C)
        if (word | (word - ONES * 0x20) | (quote - ONES) | (backslash - ONES)) & HIGH_BITS:
            break
        at += 8
    while at < size and BYTE_KINDS[<uint8_t> data[at]] == PLAIN:
        at += 1
    return at


cdef int sequence_length(const uint8_t *data, Py_ssize_t left) noexcept nogil:
    """Return the length of the multi-byte UTF-8 sequence at `data`, or 0 where there is no valid one (RFC 3629, section 4)."""
    cdef uint8_t first = data[0], low = 0x80, high = 0xBF
    cdef int length, at
    if 0xC2 <= first <= 0xDF:
        length = 2
    elif 0xE0 <= first <= 0xEF:
        length = 3
        low = 0xA0 if first == 0xE0 else 0x80
        high = 0x9F if first == 0xED else 0xBF
    elif 0xF0 <= first <= 0xF4:
        length = 4
        low = 0x90 if first == 0xF0 else 0x80
        high = 0x8F if first == 0xF4 else 0xBF
    else:
        return 0
    if left < length or not low <= data[1] <= high:
        return 0
    for at in range(2, length):
        if data[at] & 0xC0 != 0x80:
            return 0
    return length


cdef int write_base64(Buffer out, const char *data, Py_ssize_t size) except -1:
    """Write bytes as a string of base64 with padding (RFC 4648, section 4)."""
    cdef const uint8_t *source = <const uint8_t *> data
    cdef Py_ssize_t whole = size - size % 3, at = 0
    cdef char *target
    cdef uint64_t word
    out.reserve(4 * ((size + 2) // 3) + 2)
    out.write_byte(b'"')
    target = out.data + out.size
    while at < size:
        word = source[at] << 16
        if at < whole:
            word |= source[at + 1] << 8 | source[at + 2]
        elif size - at == 2:
            word |= source[at + 1] << 8
        target[0] = BASE64[word >> 18]
        target[1] = BASE64[word >> 12 & 63]
        target[2] = BASE64[word >> 6 & 63]
        target[3] = BASE64[word & 63]
        target += 4
        at += 3
    if whole < size:
        (target - 1)[0] = b"="
        if size - whole == 1:
            (target - 2)[0] = b"="
    out.size = target - out.data
    out.write_byte(b'"')
    return 0


cdef int write_integer(Buffer out, int64_t value) except -1:
    """Write a number in decimal digits."""
    cdef char digits[20]
    cdef int count
    out.reserve(21)
    if value < 0:
        out.data[out.size] = b"-"
        out.size += 1
    count = _digits(0 - <uint64_t> value if value < 0 else <uint64_t> value, digits)
    memcpy(out.data + out.size, digits + 20 - count, count)
    out.size += count
    return 0


cdef int _digits(uint64_t left, char *digits) noexcept nogil:
    """Put the decimal digits of a number at the end of 20 bytes, and return how many they are."""
    cdef int at = 20, pair
    while left >= 100:
        pair = <int> (left % 100)
        left //= 100
        at -= 2
        memcpy(digits + at, DIGIT_PAIRS + 2 * pair, 2)
    if left >= 10:
        at -= 2
        memcpy(digits + at, DIGIT_PAIRS + 2 * left, 2)
    else:
        at -= 1
        digits[at] = <char> (48 + left)
    return 20 - at


cdef int write_float64(Buffer out, double value) except -1:
    """Write a double as Java's `Double.toString` does; NaN and the infinities, which JSON has no numbers for, as strings."""
    cdef int exponent = 0
    cdef uint64_t digits = 0
    if isnan(value) or isinf(value):
        return _write_special(out, value)
    if value != 0:
        digits = shortest64(fabs(value), &exponent)
    return _write_decimal(out, signbit(value) != 0, digits, exponent)


cdef int write_float32(Buffer out, float value) except -1:
    """Write a float as `Float.toString` of Java 17 does, but for zeros at the end; NaN and the infinities as strings."""
    cdef int exponent = 0
    cdef uint64_t digits = 0
    if isnan(value) or isinf(value):
        return _write_special(out, value)
    if value != 0:
        digits = single_digits(fabsf(value), &exponent)
    return _write_decimal(out, signbit(value) != 0, digits, exponent)


cdef int _write_special(Buffer out, double value) except -1:
    if isnan(value):
        return out.write(b'"NaN"', 5)
    return out.write(b'"Infinity"', 10) if value > 0 else out.write(b'"-Infinity"', 11)


cdef int _write_decimal(Buffer out, bint negative, uint64_t value, int exponent) except -1:
    """Write value × 10^exponent: plain from 10^-3 up to 10^7, otherwise with one digit before the point and an exponent."""
    cdef char buffer[20]
    cdef char *digits
    cdef int count, power
    while value and value % 10 == 0:
        value //= 10
        exponent += 1
    count = _digits(value, buffer)
    digits = buffer + 20 - count
    power = count + exponent if value else 1  # the number lies below 10^power
    out.reserve(40)
    if negative:
        out.write_byte(b"-")
    if -3 < power <= 0:
        out.write(b"0.00", 2 - power)
        return out.write(digits, count)
    if 0 < power <= 7:
        return _write_plain(out, digits, count, power)
    _write_plain(out, digits, count, 1)
    out.write_byte(b"E")
    return write_integer(out, power - 1)


cdef int _write_plain(Buffer out, const char *digits, int count, int whole) except -1:
    """Write digits with the point behind the first `whole` of them, and zeros where there are not so many."""
    if count > whole:
        out.write(digits, whole)
        out.write_byte(b".")
        return out.write(digits + whole, count - whole)
    out.write(digits, count)
    out.write(b"0000000", whole - count)
    return out.write(b".0", 2)
