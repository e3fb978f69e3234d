"""MariaDB's columns that are COMPRESSED, which row images have as they are stored.

Format: `Field_longstr::uncompress` and `compress_zlib` in MariaDB's sql/field.cc.
"""

from libc.stdint cimport int64_t

from cdc.model.batch cimport ChangeBatch
from cdc.sources.columns.values cimport ValueDecoder, malformed

import zlib

cdef enum:
    ZLIB = 8        # the method, in the upper half of the first byte
    BARE = 8        # flag: the stream has neither header nor checksum
    SIZE_BYTES = 7  # the bytes of the length of what is compressed, the highest first


cdef bytes inflated(const char *data, Py_ssize_t size):
    """Return what a value holds whose first byte says how it is compressed."""
    cdef unsigned char head = data[0]
    cdef Py_ssize_t begin = 1 + (head & SIZE_BYTES)
    if head >> 4 != ZLIB or begin > size:
        raise malformed("compressed value", data, size, 0)
    length = int.from_bytes(data[1:begin], "big")
    inflate = zlib.decompressobj(-zlib.MAX_WBITS if head & BARE else zlib.MAX_WBITS)
    try:
        found = inflate.decompress(data[begin:size], length + 1)
    except zlib.error:
        raise malformed("compressed value", data, size, begin) from None
    if len(found) != length:
        raise malformed(f"compressed value of {length} bytes", data, size, begin)
    return found


cdef class CompressedDecoder(ValueDecoder):
    """Decodes a value of a compressed column by `inner`; short ones stand there as they are, behind a zero byte."""

    cdef ValueDecoder inner

    def __init__(self, ValueDecoder inner not None):
        self.inner = inner

    cdef int decode(self, const char *data, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef bytes whole
        if size == 0:
            return self.inner.decode(data, 0, batch, cell)
        if data[0] == 0:
            return self.inner.decode(data + 1, size - 1, batch, cell)
        whole = inflated(data, size)
        return self.inner.decode(whole, len(whole), batch, cell)
