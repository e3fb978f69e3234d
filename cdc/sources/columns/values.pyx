"""Decoders of column values: the bytes of one value in, one cell out; here those of texts and of numbers written as text.

Bytes that the server does not write raise DecodeError; a value that is right, but that the schema of the chosen mode cannot carry, raises
ConversionError, and the caller applies its policy.
"""

from cpython.ref cimport PyObject
from libc.math cimport INFINITY, NAN
from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint64_t
from libc.string cimport memcmp

from cdc.model.batch cimport ChangeBatch

from cdc.errors import ConversionError, DecodeError

cdef extern from "Python.h":
    double PyOS_string_to_double(const char *text, char **end, PyObject *overflow_exception) except? -1

cdef uint64_t EXACT = 100_000_000_000_000  # below it, one more digit is exact in a double
cdef double[23] POWERS
for _power in range(23):
    POWERS[_power] = 10.0 ** _power


cdef object malformed(str what, const char *text, Py_ssize_t size, Py_ssize_t at):
    """Return the error of a text that is no `what`, seen at an index of the text."""
    return DecodeError(f"the server sent a value that is no {what}", text[:size], at)


cdef class ValueDecoder:
    """Decodes the bytes of one column's values. Stateless between values, so a decoder may serve many columns of one thread."""

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        raise NotImplementedError

    cdef int missing(self, uint8_t kind, ChangeBatch batch, int64_t cell) except -1:
        """Put what stands for a value that is null, absent or unavailable, which `kind` of cell says."""
        batch.cells[cell].kind = kind
        return 0


def decode_text(ValueDecoder decoder not None, bytes data not None, Py_ssize_t size=-1):
    """Decode the value in the first `size` bytes (-1: in all) and return what Python code sees in its cell.

    Raises DecodeError and ConversionError.
    """
    cdef ChangeBatch batch = ChangeBatch()
    cdef int64_t cell = batch.reserve_cells(1)
    if size > len(data):
        raise ValueError(f"{size} bytes of {len(data)}")
    decoder.decode(data, size if size >= 0 else len(data), batch, cell)
    return batch._value(&batch.cells[cell])


cdef class TextDecoder(ValueDecoder):
    """Takes the text as it is: the server has checked that it is UTF-8."""

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        return batch.put_text(cell, text, size)


class UnknownLabel(ConversionError):
    """A label that an enum did not have when its column was resolved: it has grown, or one of its labels has another name now."""

    def __init__(self, decoder, bytes label):
        super().__init__(f"the enum has no label {label.decode('utf-8', 'replace')!r}", "Restart the connector.")
        self.decoder = decoder
        self.label = label

    def accept(self):
        """Let the decoder take the label from now on: the catalogue does not know it any more."""
        self.decoder.learn(self.label)


cdef class EnumDecoder(ValueDecoder):
    """Takes a label of an enum as it is; raises UnknownLabel for one that is not among `labels`."""

    cdef set labels

    def __init__(self, labels):
        self.labels = {label.encode() for label in labels}

    def learn(self, bytes label not None):
        """Take one more label."""
        self.labels.add(label)

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef bytes label = text[:size]
        if label not in self.labels:
            raise UnknownLabel(self, label)
        return batch.put_text(cell, text, size)


cdef class IntDecoder(ValueDecoder):
    """Decodes integers up to 64 bits."""

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef bint negative = size > 0 and text[0] == b"-"
        cdef Py_ssize_t at
        cdef unsigned int digit
        cdef uint64_t value = 0
        # 19 digits cannot overflow 64 bits without sign.
        if not 0 < size - negative <= 19:
            raise malformed("64-bit integer", text, size, size)
        for at in range(negative, size):
            digit = <unsigned int> text[at] - 48
            if digit > 9:
                raise malformed("64-bit integer", text, size, at)
            value = value * 10 + digit
        if value > <uint64_t> INT64_MAX + negative:
            raise malformed("64-bit integer", text, size, size)
        batch.put_int(cell, <int64_t> (0 - value if negative else value))
        return 0


cdef class FloatDecoder(ValueDecoder):
    """Decodes real and double precision, and numeric under decimal.handling.mode double; NaN and the infinities are kept."""

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        return batch.put_float(cell, read_double(text, size))


cdef double read_double(const char *text, Py_ssize_t size) except? -1:
    """Read a decimal number, correctly rounded.

    Up to 15 digits with a power of ten up to 22 are exact in one operation (Clinger, "How to read floating point numbers accurately").
    """
    cdef bint negative = size > 0 and text[0] == b"-"
    cdef Py_ssize_t at, point = -1, first = negative
    cdef unsigned int digit
    cdef uint64_t mantissa = 0
    cdef double value
    for at in range(first, size):
        digit = <unsigned int> text[at] - 48
        if digit <= 9 and mantissa < EXACT:
            mantissa = mantissa * 10 + digit
        elif text[at] == b"." and point < 0:
            point = at
        else:
            return read_any_double(text, size)
    if first == size or (point >= 0 and (size - point > 23 or size - first == 1)):
        return read_any_double(text, size)
    value = <double> mantissa
    if point >= 0:
        value /= POWERS[size - point - 1]
    return -value if negative else value


cdef double read_any_double(const char *text, Py_ssize_t size) except? -1:
    """Read a number of any length or with an exponent, NaN, Infinity or -Infinity."""
    cdef Py_ssize_t at
    if size == 3 and memcmp(text, b"NaN", 3) == 0:
        return NAN
    if size == 8 and memcmp(text, b"Infinity", 8) == 0:
        return INFINITY
    if size == 9 and memcmp(text, b"-Infinity", 9) == 0:
        return -INFINITY
    for at in range(size):
        if not (b"0" <= text[at] <= b"9" or text[at] in b"+-.eE"):
            raise malformed("number", text, size, at)
    try:
        return PyOS_string_to_double(<bytes> text[:size], NULL, NULL)
    except ValueError:
        raise malformed("number", text, size, size) from None
