# cython: cdivision=True
"""Decoders of money, whose text under `lc_monetary` C is `-$1,234.56`.

Format: the PostgreSQL manual, "Monetary Types".
"""

from libc.stdint cimport int64_t

from cdc.model.batch cimport ChangeBatch
from cdc.sources.columns.numeric cimport Number, big_unscaled, read_number
from cdc.sources.columns.values cimport ValueDecoder, malformed


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
        self.unit = 10 if scale == 1 else 100

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
