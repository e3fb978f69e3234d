"""Decoders around decoders: values that are cut, masked or hashed, and values that are needed twice."""

from libc.stdint cimport int32_t, int64_t, uint8_t

from cdc.model.batch cimport ABSENT_CELL, BYTES_CELL, NULL_CELL, TEXT_CELL, UNAVAILABLE_CELL, Cell, ChangeBatch
from cdc.sources.columns.values cimport ValueDecoder

import hashlib

from cdc.errors import ConversionError

cdef bytes STRING_HEADER = b"\xac\xed\x00\x05t"
cdef bytes LONG_STRING_HEADER = b"\xac\xed\x00\x05|"


cdef class ChangedDecoder(ValueDecoder):
    """Publishes the values of `inner` in another form; `hides` says that nobody may see them as they were."""

    def __init__(self, ValueDecoder inner not None):
        self.inner = inner


cdef class TruncatedDecoder(ChangedDecoder):
    """Cuts text after `length` UTF-16 units, and never inside a surrogate pair; cuts bytes after as many bytes."""

    cdef Py_ssize_t length

    def __init__(self, ValueDecoder inner not None, Py_ssize_t length):
        super().__init__(inner)
        self.length = length

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef Cell *found
        self.inner.decode(text, size, batch, cell)
        found = &batch.cells[cell]
        # As many bytes are as many units at most.
        if found.size > self.length:
            if found.kind == TEXT_CELL:
                found.size = <int32_t> prefix(batch.cell_data(found), found.size, self.length)
            elif found.kind == BYTES_CELL:
                found.size = <int32_t> self.length
        return 0


cdef Py_ssize_t prefix(const char *text, Py_ssize_t size, Py_ssize_t units) noexcept:
    """Return how many bytes of UTF-8 the characters take that fit into some UTF-16 units."""
    cdef Py_ssize_t at = 0, width
    cdef unsigned char lead
    while at < size:
        lead = <unsigned char> text[at]
        units -= 2 if lead >= 0xF0 else 1
        if units < 0:
            return at
        width = 1 if lead < 0x80 else 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
        if at + width > size:
            return at
        at += width
    return size


cdef class MaskDecoder(ChangedDecoder):
    """Puts `mask` in the place of every value, and of one that is null or that the log does not carry."""

    cdef bytes mask

    def __init__(self, ValueDecoder inner not None, bytes mask not None):
        super().__init__(inner)
        self.hides = True
        self.mask = mask

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        return batch.put_text(cell, self.mask, len(self.mask))

    cdef int missing(self, uint8_t kind, ChangeBatch batch, int64_t cell) except -1:
        return batch.put_text(cell, self.mask, len(self.mask))


cdef class HashDecoder(ChangedDecoder):
    """Puts the hash of salt and text in the place of a text, in hex, cut to `length` digits (0: whole).

    `algorithm` is hashlib's name. With `serialized`, what Java's serialisation makes of the text is hashed: Debezium's first version.
    """

    cdef object begun
    cdef Py_ssize_t length
    cdef bint serialized

    def __init__(self, ValueDecoder inner not None, str algorithm, bytes salt, Py_ssize_t length=0, bint serialized=False):
        super().__init__(inner)
        self.hides = True
        self.begun = hashlib.new(algorithm, salt, usedforsecurity=False)
        self.length = length
        self.serialized = serialized

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef Py_ssize_t start = batch.arena.size
        cdef const Cell *found
        self.inner.decode(text, size, batch, cell)
        found = &batch.cells[cell]
        if found.kind != TEXT_CELL:
            return 0
        plain = batch.cell_data(found)[: found.size] if found.size else b""
        batch.arena.size = start  # the text itself stays nowhere
        digest = self.begun.copy()
        digest.update(serialised(plain) if self.serialized else plain)
        shown = digest.hexdigest().encode()
        return batch.put_text(cell, shown, min(len(shown), self.length) if self.length else len(shown))


cdef bytes serialised(bytes text):
    """Return a string as java.io.ObjectOutputStream writes it (Java Object Serialization Specification, section 6)."""
    if max(text, default=0) >= 0xF0:
        # Modified UTF-8: each half of a surrogate pair by itself.
        pairs = text.decode("utf-8", "surrogateescape").encode("utf-16-be", "surrogatepass")
        units = [pairs[at : at + 2].decode("utf-16-be", "surrogatepass") for at in range(0, len(pairs), 2)]
        text = b"".join([unit.encode("utf-8", "surrogatepass") for unit in units])
    if len(text) <= 0xFFFF:
        return STRING_HEADER + len(text).to_bytes(2, "big") + text
    return LONG_STRING_HEADER + len(text).to_bytes(8, "big") + text


cdef class TwinDecoder(ChangedDecoder):
    """Decodes a value twice: by `inner` for the row, and as it is, by `plain`, for the key, `distance` cells further on."""

    cdef ValueDecoder plain
    cdef int64_t distance

    def __init__(self, ValueDecoder inner not None, ValueDecoder plain not None, int64_t distance):
        super().__init__(inner)
        self.hides = isinstance(inner, ChangedDecoder) and (<ChangedDecoder> inner).hides
        self.plain = plain
        self.distance = distance

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        try:
            self.plain.decode(text, size, batch, cell + self.distance)
        except ConversionError:
            batch.put_null(cell + self.distance)
            raise
        return self.inner.decode(text, size, batch, cell)

    cdef int missing(self, uint8_t kind, ChangeBatch batch, int64_t cell) except -1:
        self.plain.missing(kind, batch, cell + self.distance)
        return self.inner.missing(kind, batch, cell)
