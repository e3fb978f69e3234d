"""From a character set's bytes to UTF-8, and the decoder of text columns that does so.

Never replaces anything in silence: bytes without a character are a ConversionError that shows them.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from cdc.converters.json_text cimport sequence_length
from cdc.model.batch cimport ChangeBatch
from cdc.model.buffer cimport Buffer
from cdc.sources.columns.values cimport ValueDecoder

from cdc.errors import ConversionError

cdef enum:
    NONE = 0xFFFF  # no character, in tables

cdef uint64_t HIGH_BITS = 0x8080808080808080


cdef inline void put_character(Buffer out, uint32_t code) noexcept:
    """Write a character as UTF-8 (RFC 3629, section 3); the room has been made."""
    cdef char *to = out.data + out.size
    if code < 0x80:
        to[0] = <char> code
        out.size += 1
    elif code < 0x800:
        to[0] = <char> (0xC0 | code >> 6)
        to[1] = <char> (0x80 | code & 63)
        out.size += 2
    elif code < 0x10000:
        to[0] = <char> (0xE0 | code >> 12)
        to[1] = <char> (0x80 | code >> 6 & 63)
        to[2] = <char> (0x80 | code & 63)
        out.size += 3
    else:
        to[0] = <char> (0xF0 | code >> 18)
        to[1] = <char> (0x80 | code >> 12 & 63)
        to[2] = <char> (0x80 | code >> 6 & 63)
        to[3] = <char> (0x80 | code & 63)
        out.size += 4


cdef inline Py_ssize_t ascii_run(const unsigned char *data, Py_ssize_t size) noexcept nogil:
    """Return how many ASCII bytes the data begins with."""
    cdef Py_ssize_t at = 0
    cdef uint64_t word
    while size - at >= 8:
        memcpy(&word, data + at, 8)
        if word & HIGH_BITS:
            break
        at += 8
    while at < size and data[at] < 0x80:
        at += 1
    return at


cdef int fill(uint16_t *table, str characters, int count) except -1:
    """Put characters of 16 bits into a table of `count`, and return whether the first 128 are ASCII."""
    cdef int at
    if len(characters) != count:
        raise ValueError(f"{len(characters)} characters for a table of {count}")
    for at in range(count):
        table[at] = <uint16_t> ord(characters[at])
    for at in range(128):
        if table[at] != at:
            return False
    return True


cdef class Transcoder:
    """Writes text of one character set as UTF-8. Stateless, so one may serve many columns."""

    def text(self, bytes data not None):
        """Return the characters. Raises ConversionError for bytes that the character set has no character for."""
        cdef Buffer out = Buffer()
        cdef Py_ssize_t bad = self.transcode(data, len(data), out)
        if bad >= 0:
            raise no_character(self.charset, data, bad)
        return bytes(out).decode("utf-8")

    cdef Py_ssize_t transcode(self, const unsigned char *data, Py_ssize_t size, Buffer out) except -2:
        """Write the text; return -1, or the offset of the first bytes without a character (the output is unfinished then)."""
        raise NotImplementedError


cdef object no_character(str charset, bytes data, Py_ssize_t at):
    return ConversionError(
        f"the character set {charset} has no character for the bytes {data[at : at + 4].hex(' ')} at {at} of a text of {len(data)} bytes",
        "Correct the value in the table, or declare the column with the character set that its bytes are of.")


cdef class Utf8(Transcoder):
    """Checks that bytes are UTF-8, and takes them as they are: MariaDB stores halves of surrogate pairs, which are not."""

    def __init__(self, str charset not None):
        self.charset = charset

    cdef Py_ssize_t transcode(self, const unsigned char *data, Py_ssize_t size, Buffer out) except -2:
        cdef Py_ssize_t at = ascii_run(data, size)
        cdef int length
        while at < size:
            length = sequence_length(data + at, size - at)
            if length == 0:
                return at
            at += length
            at += ascii_run(data + at, size - at)
        out.write(<const char *> data, size)
        return -1


cdef class SingleByte(Transcoder):
    """Looks each byte up in a table of 256 characters, in which U+FFFF stands for none."""

    cdef uint16_t[256] table
    cdef bint has_ascii

    def __init__(self, str charset not None, str table not None):
        self.charset = charset
        self.has_ascii = fill(self.table, table, 256)

    cdef Py_ssize_t transcode(self, const unsigned char *data, Py_ssize_t size, Buffer out) except -2:
        cdef Py_ssize_t at = 0, run
        out.reserve(3 * size)
        while at < size:
            run = ascii_run(data + at, size - at) if self.has_ascii else 0
            out.write(<const char *> data + at, run)
            at += run
            while at < size and not (self.has_ascii and data[at] < 0x80):
                if self.table[data[at]] == NONE:
                    return at
                put_character(out, self.table[data[at]])
                at += 1
        return -1


cdef class MultiByte(Transcoder):
    """Looks up characters of one to four bytes.

    `singles` has a character for each byte (U+FFFF where there is none, or more bytes belong to it), `pairs` one for each two bytes, the first
    one high; `triples` those behind the byte 0x8F, where EUC has a third plane; `fours` decodes the four bytes of other characters,
    or raises UnicodeDecodeError.
    """

    cdef uint16_t[256] singles
    cdef uint16_t[65536] pairs
    cdef uint16_t[65536] triples
    cdef bint has_triples
    cdef object fours

    def __init__(self, str charset not None, str singles not None, str pairs not None, str triples not None="", fours=None):
        self.charset = charset
        self.fours = fours
        fill(self.singles, singles, 256)
        fill(self.pairs, pairs, 65536)
        self.has_triples = bool(triples)
        if triples:
            fill(self.triples, triples, 65536)

    cdef Py_ssize_t transcode(self, const unsigned char *data, Py_ssize_t size, Buffer out) except -2:
        cdef Py_ssize_t at = 0, run
        cdef uint32_t code = 0
        cdef int width
        out.reserve(3 * size)
        while at < size:
            run = ascii_run(data + at, size - at)
            out.write(<const char *> data + at, run)
            at += run
            while at < size and data[at] >= 0x80:
                width = self._character(data + at, size - at, &code)
                if width == 0:
                    return at
                put_character(out, code)
                at += width
        return -1

    cdef int _character(self, const unsigned char *data, Py_ssize_t left, uint32_t *code) except -1:
        """Look the first character up, and return how many bytes it has, 0 where there is none."""
        code[0] = self.singles[data[0]]
        if code[0] != NONE:
            return 1
        if self.has_triples and data[0] == 0x8F:
            code[0] = self.triples[data[1] << 8 | data[2]] if left > 2 else NONE
            return 3 if code[0] != NONE else 0
        code[0] = self.pairs[data[0] << 8 | data[1]] if left > 1 else NONE
        if code[0] != NONE:
            return 2
        return self._four(data, code) if self.fours is not None and left > 3 else 0

    cdef int _four(self, const unsigned char *data, uint32_t *code) except -1:
        try:
            code[0] = ord(self.fours(data[:4]))
        except (UnicodeDecodeError, TypeError):
            return 0
        return 4


cdef class Utf16(Transcoder):
    """UTF-16 and UCS-2 of either byte order; UCS-2 (`pairs` false) has no surrogate pairs."""

    cdef int high
    cdef bint pairs

    def __init__(self, str charset not None, bint little=False, bint pairs=True):
        self.charset = charset
        self.high = 1 if little else 0
        self.pairs = pairs

    cdef Py_ssize_t transcode(self, const unsigned char *data, Py_ssize_t size, Buffer out) except -2:
        cdef Py_ssize_t at = 0
        cdef uint32_t code, low
        out.reserve(3 * size // 2 + 3)
        while size - at >= 2:
            code = data[at + self.high] << 8 | data[at + 1 - self.high]
            if 0xD800 <= code < 0xE000:
                if not self.pairs or code >= 0xDC00 or size - at < 4:
                    return at
                low = data[at + 2 + self.high] << 8 | data[at + 3 - self.high]
                if not 0xDC00 <= low < 0xE000:
                    return at
                code = 0x10000 + ((code & 0x3FF) << 10 | low & 0x3FF)
                at += 2
            put_character(out, code)
            at += 2
        return at if at < size else -1


cdef class Utf32(Transcoder):
    """UTF-32, the high byte first."""

    def __init__(self, str charset not None):
        self.charset = charset

    cdef Py_ssize_t transcode(self, const unsigned char *data, Py_ssize_t size, Buffer out) except -2:
        cdef Py_ssize_t at = 0
        cdef uint32_t code
        out.reserve(size)
        while size - at >= 4:
            code = <uint32_t> data[at] << 24 | data[at + 1] << 16 | data[at + 2] << 8 | data[at + 3]
            if code > 0x10FFFF or 0xD800 <= code < 0xE000:
                return at
            put_character(out, code)
            at += 4
        return at if at < size else -1


cdef class CharsetDecoder(ValueDecoder):
    """Decodes text of a character set. Raises ConversionError for bytes that it has no character for."""

    cdef Transcoder transcoder

    def __init__(self, Transcoder transcoder not None):
        self.transcoder = transcoder

    cdef int decode(self, const char *data, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef Py_ssize_t start = batch.arena.size
        cdef Py_ssize_t bad = self.transcoder.transcode(<const unsigned char *> data, size, batch.arena)
        if bad >= 0:
            batch.arena.size = start
            raise no_character(self.transcoder.charset, data[:size], bad)
        return batch.put_text_here(cell, start)
