"""JSON's scalars as Jackson writes them: strings, base64 and numbers, straight into a buffer.

Sources: RFC 8259 (JSON), RFC 3629 (UTF-8), Java's `Double.toString` for the form of floating point numbers.
"""

from libc.math cimport isinf, isnan
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdio cimport snprintf
from libc.stdlib cimport strtof
from libc.string cimport memcpy

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
            length = _sequence_length(<const uint8_t *> data + at, size - at)
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


cdef int _sequence_length(const uint8_t *data, Py_ssize_t left) noexcept nogil:
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
        target[-1] = b"="
        if size - whole == 1:
            target[-2] = b"="
    out.size = target - out.data
    out.write_byte(b'"')
    return 0


cdef int write_integer(Buffer out, int64_t value) except -1:
    """Write a number in decimal digits."""
    cdef char digits[20]
    cdef int at = 20, pair
    cdef uint64_t left = 0 - <uint64_t> value if value < 0 else <uint64_t> value
    out.reserve(20)
    if value < 0:
        out.data[out.size] = b"-"
        out.size += 1
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
    memcpy(out.data + out.size, digits + at, 20 - at)
    out.size += 20 - at
    return 0


cdef int write_float64(Buffer out, double value) except -1:
    if isnan(value) or isinf(value):
        return _write_special(out, value)
    return _write_digits(out, repr(value))


cdef int write_float32(Buffer out, float value) except -1:
    cdef char text[32]
    cdef int precision = 0
    if isnan(value) or isinf(value):
        return _write_special(out, value)
    while precision < 9:
        precision += 1
        snprintf(text, 32, "%.*e", precision, <double> value)
        if strtof(text, NULL) == value:
            break
    return _write_digits(out, text.decode())


cdef int _write_special(Buffer out, double value) except -1:
    return out.write_bytes(b'"NaN"' if isnan(value) else b'"Infinity"' if value > 0 else b'"-Infinity"')


cdef int _write_digits(Buffer out, str text) except -1:
    """Write a finite number in the form of Java's Double.toString."""
    sign = "-" if text[0] == "-" else ""
    mantissa, _, exponent = text.lstrip("-").partition("e")
    whole, _, fraction = mantissa.partition(".")
    power = len(whole) + int(exponent or 0)
    digits = (whole + fraction).rstrip("0")
    power -= len(digits) - len(digits.lstrip("0"))
    digits = digits.lstrip("0")
    if not digits:
        return out.write_bytes(f"{sign}0.0".encode())
    if -3 < power <= 7:
        digits = digits.rjust(len(digits) - power + 1, "0") if power <= 0 else digits.ljust(power + 1, "0")
        power = max(power, 1)
        return out.write_bytes(f"{sign}{digits[:power]}.{digits[power:]}".encode())
    return out.write_bytes(f"{sign}{digits[0]}.{digits[1:] or '0'}E{power - 1}".encode())
