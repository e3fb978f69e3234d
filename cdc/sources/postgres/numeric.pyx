# cython: cdivision=True
"""Decoders of numeric and money; their text has no exponent and may have any length.

Format: the PostgreSQL manual, "Arbitrary Precision Numbers" and "Monetary Types" (under `lc_monetary` C: `-$1,234.56`).
"""

from libc.stdint cimport int64_t
from libc.string cimport memcmp

from cdc.model.batch cimport ChangeBatch
from cdc.sources.postgres.values cimport ValueDecoder, malformed

import decimal

from cdc.errors import ConversionError

cdef int64_t[19] POWERS
for _power in range(19):
    POWERS[_power] = 10 ** _power


cdef struct Number:
    int64_t unscaled      # when `digits` is at most 18
    Py_ssize_t digits     # significant ones
    Py_ssize_t scale      # digits behind the point


cdef bint is_special(const char *text, Py_ssize_t size) noexcept:
    """Tell whether the text is NaN, Infinity or -Infinity."""
    return ((size == 3 and memcmp(text, b"NaN", 3) == 0) or (size == 8 and memcmp(text, b"Infinity", 8) == 0)
            or (size == 9 and memcmp(text, b"-Infinity", 9) == 0))


cdef int read_number(const char *text, Py_ssize_t size, Number *number) except -1:
    """Read `-123.45`; a number of more than 18 digits is only measured."""
    cdef bint negative = size > 0 and text[0] == b"-"
    cdef Py_ssize_t at, point = size
    cdef unsigned int digit
    cdef int64_t value = 0
    number.digits = 0
    for at in range(negative, size):
        digit = <unsigned int> text[at] - 48
        if digit <= 9:
            if number.digits or digit:
                number.digits += 1
            if number.digits <= 18:
                value = value * 10 + digit
        elif text[at] == b"." and point == size:
            point = at
        else:
            raise malformed("numeric", text, size, at)
    # A digit stands on both sides of the point.
    if point == negative or point + 1 == size or size == negative:
        raise malformed("numeric", text, size, size)
    number.scale = 0 if point == size else size - point - 1
    number.unscaled = -value if negative else value
    return 0


cdef object big_unscaled(const char *text, Py_ssize_t size, object shift):
    """Return the number without its point, × 10^shift, or None where that is no integer."""
    # int() of a text refuses more than 4300 digits; by way of Decimal there is no limit.
    number = int(decimal.Decimal(text[:size].decode("ascii").replace(".", "")))
    if shift >= 0:
        return number * <object> 10 ** shift
    cut, rest = divmod(abs(number), <object> 10 ** -shift)
    return None if rest else -cut if number < 0 else cut


cdef object misfit(str what, const char *text, Py_ssize_t size):
    """Return the error of a number that the schema cannot carry."""
    shown = text[:min(size, 60)].decode("ascii", "replace")
    return ConversionError(f"the numeric {shown} {what}", "Set decimal.handling.mode to string or double, or change the value.")


cdef class DecimalDecoder(ValueDecoder):
    """Decodes numeric as Connect's Decimal of a fixed scale, which may be negative."""

    cdef Py_ssize_t scale

    def __init__(self, int scale):
        self.scale = scale

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef Number number
        cdef Py_ssize_t shift
        if is_special(text, size):
            raise misfit("has no digits, and Decimal carries finite numbers only", text, size)
        read_number(text, size, &number)
        shift = self.scale - number.scale
        if 0 <= shift and number.digits + shift <= 18:
            return batch.put_decimal(cell, number.unscaled * POWERS[shift], <int> self.scale)
        unscaled = big_unscaled(text, size, shift)
        if unscaled is None:
            raise misfit(f"has more digits than the scale {self.scale} of its column", text, size)
        return batch.put_big_decimal(cell, unscaled, <int> self.scale)


cdef class VariableDecimalDecoder(ValueDecoder):
    """Decodes numeric without a declared scale: each value has its own, with zeros at the end of the fraction left out."""

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef Number number
        if is_special(text, size):
            raise misfit("has no digits, and VariableScaleDecimal carries finite numbers only", text, size)
        read_number(text, size, &number)
        if number.digits <= 18:
            while number.scale and number.unscaled % 10 == 0:
                number.unscaled //= 10
                number.scale -= 1
            return batch.put_decimal(cell, number.unscaled, <int> number.scale)
        while number.scale and text[size - 1] == b"0":
            size -= 1
            number.scale -= 1
        return batch.put_big_decimal(cell, big_unscaled(text, size, 0), <int> number.scale)


cdef class NumericTextDecoder(ValueDecoder):
    """Decodes numeric under decimal.handling.mode string: the server's digits, and Debezium's words for NaN and the infinities."""

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef Number number
        if not is_special(text, size):
            read_number(text, size, &number)
            return batch.put_text(cell, text, size)
        if size == 3:
            return batch.put_text(cell, b"NAN", 3)
        if size == 8:
            return batch.put_text(cell, b"POSITIVE_INFINITY", 17)
        return batch.put_text(cell, b"NEGATIVE_INFINITY", 17)


cdef Py_ssize_t read_money(const char *text, Py_ssize_t size, char *amount) except -1:
    """Write `-$1,234.56` as `-1234.56` into `amount`, which has room for 32 bytes, and return its length."""
    cdef bint negative = size > 0 and text[0] == b"-"
    cdef Py_ssize_t at, length = negative
    if not negative + 1 < size <= 32 or text[negative] != b"$":
        raise malformed("money under lc_monetary C", text, size, 0)
    amount[0] = b"-"
    for at in range(negative + 1, size):
        if text[at] != b",":
            amount[length] = text[at]
            length += 1
    return length


cdef class MoneyDecoder(ValueDecoder):
    """Decodes money; `number` decodes the amount, which has two digits behind the point."""

    cdef ValueDecoder number

    def __init__(self, ValueDecoder number not None):
        self.number = number

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef char amount[32]
        return self.number.decode(amount, read_money(text, size, amount), batch, cell)


cdef class RoundedMoneyDecoder(ValueDecoder):
    """Decodes money as Connect's Decimal of a scale below 2, rounded half up: away from zero."""

    cdef int scale
    cdef int64_t unit

    def __init__(self, int scale):
        if not 0 <= scale < 2:
            raise ValueError(f"money is rounded to a scale of 0 or 1, not {scale}")
        self.scale = scale
        self.unit = POWERS[2 - scale]

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef char amount[32]
        cdef Py_ssize_t length = read_money(text, size, amount)
        cdef Number number
        cdef object cents
        read_number(amount, length, &number)
        if number.scale != 2:
            raise malformed("money under lc_monetary C", text, size, size)
        # Python's numbers, because money takes all of 64 bits.
        cents = big_unscaled(amount, length, 0)
        rounded = (abs(cents) + self.unit // 2) // self.unit
        return batch.put_big_decimal(cell, -rounded if cents < 0 else rounded, self.scale)
