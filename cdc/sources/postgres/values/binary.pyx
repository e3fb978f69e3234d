"""Decoders of bytea and of bit strings.

Formats: the PostgreSQL manual, "bytea Hex Format" (`\\xdeadbeef`) and "Bit String Types" (`1011`, the highest bit first).
"""

from libc.stdint cimport int64_t
from libc.string cimport memcpy, memset

from cdc.model.batch cimport BYTES_CELL, ChangeBatch
from cdc.model.buffer cimport Buffer
from cdc.sources.columns.values cimport ValueDecoder, malformed

from cdc.errors import ConversionError

# The value of each hexadecimal digit; 255 for all other characters.
cdef unsigned char[256] DIGITS
memset(DIGITS, 255, 256)
for _value in range(16):
    DIGITS[<int> ord("0123456789abcdef"[_value])] = _value

cdef const char *HEX = b"0123456789abcdef"
cdef const char *ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
cdef const char *URL_SAFE = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


cdef int write_unhexed(Buffer out, const char *text, Py_ssize_t size) except -1:
    """Write the bytes that `\\x…` stands for."""
    cdef Py_ssize_t at
    cdef unsigned char high, low
    cdef unsigned char *data
    if size < 2 or text[0] != b"\\" or text[1] != b"x" or size & 1:
        raise malformed("bytea in hex format", text, size, 0)
    out.reserve(size // 2)
    data = <unsigned char *> out.data + out.size
    for at in range(2, size, 2):
        high, low = DIGITS[<unsigned char> text[at]], DIGITS[<unsigned char> text[at + 1]]
        if high > 15 or low > 15:
            raise malformed("bytea in hex format", text, size, at)
        data[0] = high << 4 | low
        data += 1
    out.size += size // 2 - 1
    return 0


cdef class BytesDecoder(ValueDecoder):
    """Decodes bytea as bytes."""

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef Py_ssize_t start = batch.arena.size
        write_unhexed(batch.arena, text, size)
        batch.put_text_here(cell, start)
        batch.cells[cell].kind = BYTES_CELL
        return 0


cdef class HexDecoder(ValueDecoder):
    """Decodes bytea as its hexadecimal digits."""

    cdef Buffer scratch

    def __cinit__(self):
        self.scratch = Buffer()

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        self.scratch.clear()
        write_unhexed(self.scratch, text, size)
        return batch.put_text(cell, text + 2, size - 2)


cdef class Base64Decoder(ValueDecoder):
    """Decodes bytea as base64 with padding, on request in the alphabet that is safe in URLs (RFC 4648, section 5)."""

    cdef const char *alphabet
    cdef Buffer scratch

    def __init__(self, bint url_safe=False):
        self.alphabet = URL_SAFE if url_safe else ALPHABET
        self.scratch = Buffer()

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef Buffer out = batch.arena
        cdef Py_ssize_t start = out.size
        self.scratch.clear()
        write_unhexed(self.scratch, text, size)
        out.reserve((self.scratch.size + 2) // 3 * 4)
        self._write(<unsigned char *> self.scratch.data, self.scratch.size, out)
        return batch.put_text_here(cell, start)

    cdef void _write(self, const unsigned char *data, Py_ssize_t size, Buffer out) noexcept:
        """Write three bytes as four characters, and the rest padded; the room has been made."""
        cdef char *to = out.data + out.size
        cdef unsigned int group
        while size > 0:
            group = data[0] << 16 | (data[1] << 8 if size > 1 else 0) | (data[2] if size > 2 else 0)
            to[0] = self.alphabet[group >> 18]
            to[1] = self.alphabet[group >> 12 & 63]
            to[2] = self.alphabet[group >> 6 & 63] if size > 1 else b"="
            to[3] = self.alphabet[group & 63] if size > 2 else b"="
            data += 3
            size -= 3
            to += 4
        out.size = to - out.data


cdef class OpaqueDecoder(ValueDecoder):
    """Decodes the text of a type that is not known as bytes, which `bytea` decodes as if they were one."""

    cdef ValueDecoder bytea
    cdef Buffer scratch

    def __init__(self, ValueDecoder bytea not None):
        self.bytea = bytea
        self.scratch = Buffer()

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef Py_ssize_t at
        cdef unsigned char byte
        self.scratch.clear()
        self.scratch.reserve(2 * size + 2)
        self.scratch.write(b"\\x", 2)
        for at in range(size):
            byte = <unsigned char> text[at]
            self.scratch.write_byte(HEX[byte >> 4])
            self.scratch.write_byte(HEX[byte & 15])
        return self.bytea.decode(self.scratch.data, self.scratch.size, batch, cell)


cdef class BoolDecoder(ValueDecoder):
    """Decodes `t` and `f`."""

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        if size != 1 or (text[0] != b"t" and text[0] != b"f"):
            raise malformed("boolean", text, size, 0)
        batch.put_bool(cell, text[0] == b"t")
        return 0


cdef class BitDecoder(ValueDecoder):
    """Decodes a bit string of one bit as a boolean."""

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        if size == 0:
            raise ConversionError("an empty bit string is neither true nor false", "Declare the column as bit(1).")
        if size != 1 or (text[0] != b"0" and text[0] != b"1"):
            raise malformed("single bit", text, size, 0)
        batch.put_bool(cell, text[0] == b"1")
        return 0


cdef class BitsDecoder(ValueDecoder):
    """Decodes a bit string as bytes, the lowest first, without zero bytes at the end."""

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef Py_ssize_t at, bit, highest = -1, count, start = batch.arena.size
        cdef unsigned char *data
        for at in range(size):
            if text[at] == b"1":
                highest = max(highest, size - at - 1)
            elif text[at] != b"0":
                raise malformed("bit string", text, size, at)
        count = highest // 8 + 1
        batch.arena.reserve(count)
        data = <unsigned char *> batch.arena.data + start
        memset(data, 0, count)
        for bit in range(highest + 1):
            data[bit >> 3] |= (text[size - bit - 1] & 1) << (bit & 7)
        batch.arena.size += count
        batch.put_text_here(cell, start)
        batch.cells[cell].kind = BYTES_CELL
        return 0
