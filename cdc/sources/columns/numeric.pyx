# cython: cdivision=True
"""Decoders of exact numbers from their text, which has no exponent and may have any length.

Format: the PostgreSQL manual, "Arbitrary Precision Numbers"; MySQL writes the same, without NaN and the infinities.
"""

from libc.stdint cimport int64_t
from libc.string cimport memcmp

from cdc.model.batch cimport ChangeBatch
from cdc.sources.columns.values cimport ValueDecoder, malformed

import decimal

from cdc.errors import ConversionError

cdef int64_t[19] POWERS
for _power in range(19):
    POWERS[_power] = 10 ** _power


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
