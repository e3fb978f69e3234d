# cython: cdivision=True
"""Decoders of numbers, bits, ENUM and SET, as row images have them; and of their text where it differs from other databases'.

Formats: the server's `Field::pack` functions, and for DECIMAL its `decimal2bin`.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy

from cdc.model.batch cimport BYTES_CELL, ChangeBatch
from cdc.sources.columns.values cimport ValueDecoder, malformed, read_double
from cdc.sources.mysql.binlog.reading cimport unsigned_at

from cdc.errors import DecodeError
from cdc.sources.mysql.binlog.row_image import decimal_size

cdef uint64_t INT64_LIMIT = <uint64_t> 1 << 63
# How many bytes a group of less than nine decimal digits takes.
cdef int[10] GROUP_SIZES = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4]
cdef int[10] GROUP_LIMITS
for _digits in range(10):
    GROUP_LIMITS[_digits] = 10 ** _digits


cdef class ImageIntDecoder(ValueDecoder):
    """Decodes an integer of one to eight bytes; one without sign beyond 63 bits wraps around, as Debezium's long mode does."""

    cdef bint unsigned

    def __init__(self, bint unsigned=False):
        self.unsigned = unsigned

    cdef int decode(self, const char *data, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef uint64_t value
        cdef int unused
        if not 1 <= size <= 8:
            raise malformed("integer", data, size, 0)
        value = unsigned_at(<const unsigned char *> data, size)
        if not self.unsigned:
            unused = 64 - 8 * <int> size
            batch.put_int(cell, <int64_t> (value << unused) >> unused)
        else:
            batch.put_int(cell, <int64_t> value)
        return 0


cdef class ImageUnsignedDecimalDecoder(ValueDecoder):
    """Decodes an integer without sign as Connect's Decimal of scale 0."""

    cdef int decode(self, const char *data, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef uint64_t value
        if not 1 <= size <= 8:
            raise malformed("integer", data, size, 0)
        value = unsigned_at(<const unsigned char *> data, size)
        if value < INT64_LIMIT:
            return batch.put_decimal(cell, <int64_t> value, 0)
        return batch.put_big_decimal(cell, value, 0)


cdef class UnsignedDecoder(ValueDecoder):
    """Decodes the text of an integer without sign, with zeros in front (ZEROFILL); beyond 63 bits it wraps around."""

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef uint64_t value = 0
        cdef unsigned int digit
        cdef Py_ssize_t at
        if size == 0:
            raise malformed("integer without sign", text, size, 0)
        for at in range(size):
            digit = <unsigned int> text[at] - 48
            if digit > 9 or value > (<uint64_t> -1 - digit) // 10:
                raise malformed("integer without sign", text, size, at)
            value = value * 10 + digit
        batch.put_int(cell, <int64_t> value)
        return 0


cdef class ImageFloatDecoder(ValueDecoder):
    """Decodes FLOAT (four bytes) and DOUBLE (eight), little-endian IEEE 754."""

    cdef int decode(self, const char *data, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef float single
        cdef double double_
        if size == 4:
            memcpy(&single, data, 4)
            return batch.put_float(cell, single)
        if size == 8:
            memcpy(&double_, data, 8)
            return batch.put_float(cell, double_)
        raise malformed("floating point number", data, size, 0)


cdef class SingleDecoder(ValueDecoder):
    """Decodes the text of a FLOAT, which has single precision whatever digits are written."""

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        return batch.put_float(cell, <float> read_double(text, size))


cdef class ImageYearDecoder(ValueDecoder):
    """Decodes YEAR: 0, or the years since 1900."""

    cdef int decode(self, const char *data, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef int64_t year
        if size != 1:
            raise malformed("year", data, size, 0)
        year = <unsigned char> data[0]
        batch.put_int(cell, 1900 + year if year else 0)
        return 0


cdef class ImageDecimalDecoder(ValueDecoder):
    """Decodes DECIMAL: nine digits in four bytes each, the highest first, from the point outwards; `number` decodes its text."""

    cdef int whole
    cdef int fraction
    cdef Py_ssize_t size
    cdef ValueDecoder number

    def __init__(self, int precision, int scale, ValueDecoder number not None):
        if not 0 <= scale <= precision <= 255:
            raise DecodeError(f"a DECIMAL has {precision} digits, {scale} of them behind the point")
        self.whole = precision - scale
        self.fraction = scale
        self.size = decimal_size(precision, scale)
        self.number = number

    cdef int decode(self, const char *data, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef char[300] text
        cdef Py_ssize_t at = 0, length, begin = 1
        cdef unsigned char flip
        if size != self.size or size == 0:
            raise malformed(f"DECIMAL of {self.size} bytes", data, size, 0)
        # The highest bit is set for numbers from 0 on; all bits of negative ones are flipped.
        flip = 0 if data[0] & 0x80 else 0xFF
        text[0] = b"-"
        length = self._digits(data, &at, self.whole, True, flip, text + 1) + 1
        while begin < length and text[begin] == b"0":
            begin += 1
        if begin == length:
            begin = 1
            text[1] = b"0"
            length = 2
        if self.fraction:
            text[length] = b"."
            length += 1 + self._digits(data, &at, self.fraction, False, flip, text + length + 1)
        if flip:
            begin -= 1
            text[begin] = b"-"
        return self.number.decode(text + begin, length - begin, batch, cell)

    cdef Py_ssize_t _digits(self, const char *data, Py_ssize_t *at, int digits, bint leading, unsigned char flip, char *out) except -1:
        """Write the digits on one side of the point; the group of less than nine is the first before it, the last behind it."""
        cdef Py_ssize_t written = 0
        cdef int group
        while written < digits:
            group = (digits - written) % 9 if leading else digits - written
            group = 9 if group == 0 or group > 9 else group
            self._group(data, at, group, flip, out + written)
            written += group
        return written

    cdef int _group(self, const char *data, Py_ssize_t *at, int digits, unsigned char flip, char *out) except -1:
        cdef uint64_t value = 0
        cdef int place
        cdef unsigned char byte
        for place in range(GROUP_SIZES[digits]):
            byte = (<unsigned char> data[at[0]]) ^ flip
            if at[0] == 0:
                byte ^= 0x80
            value = value << 8 | byte
            at[0] += 1
        if value >= <uint64_t> GROUP_LIMITS[digits]:
            raise malformed("DECIMAL", data, self.size, at[0] - 1)
        for place in range(digits - 1, -1, -1):
            out[place] = <char> (48 + value % 10)
            value //= 10
        return 0


cdef class BitDecoder(ValueDecoder):
    """Decodes BIT(1) as a boolean."""

    cdef int decode(self, const char *data, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        if size != 1:
            raise malformed("single bit", data, size, 0)
        batch.put_bool(cell, data[0] != 0)
        return 0


cdef class BitsDecoder(ValueDecoder):
    """Decodes BIT as bytes, the lowest first; the server has the highest first."""

    cdef int decode(self, const char *data, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef Py_ssize_t start = batch.arena.size, at
        batch.arena.reserve(size)
        for at in range(size):
            batch.arena.data[start + at] = data[size - at - 1]
        batch.arena.size += size
        batch.put_text_here(cell, start)
        batch.cells[cell].kind = BYTES_CELL
        return 0


cdef class ImageEnumDecoder(ValueDecoder):
    """Decodes the number of a label, from 1 on; 0 is the empty text of a value that was none."""

    cdef list labels

    def __init__(self, labels):
        self.labels = [b"", *[label.encode() for label in labels]]

    cdef int decode(self, const char *data, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef uint64_t number
        cdef bytes label
        if not 1 <= size <= 2:
            raise malformed("ENUM", data, size, 0)
        number = unsigned_at(<const unsigned char *> data, size)
        if number >= <uint64_t> len(self.labels):
            raise malformed(f"ENUM of {len(self.labels) - 1} labels, but number {number}", data, size, 0)
        label = self.labels[number]
        return batch.put_text(cell, label, len(label))


cdef class ImageSetDecoder(ValueDecoder):
    """Decodes the bits of the labels of a SET as these labels, in the order of its definition, with commas between."""

    cdef list labels

    def __init__(self, labels):
        self.labels = [label.encode() for label in labels]

    cdef int decode(self, const char *data, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef uint64_t bits
        cdef Py_ssize_t start = batch.arena.size, place = 0
        if not 1 <= size <= 8:
            raise malformed("SET", data, size, 0)
        bits = unsigned_at(<const unsigned char *> data, size)
        while bits:
            if bits & 1:
                if place >= len(self.labels):
                    raise malformed(f"SET of {len(self.labels)} labels, but has number {place + 1}", data, size, 0)
                if batch.arena.size > start:
                    batch.arena.write_byte(b",")
                batch.arena.write_bytes(self.labels[place])
            bits >>= 1
            place += 1
        return batch.put_text_here(cell, start)
