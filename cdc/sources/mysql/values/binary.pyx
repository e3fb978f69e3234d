"""Decoders of BINARY, VARBINARY and BLOB, the same for row images and text: bytes are bytes in both."""

from libc.stdint cimport int64_t

from cdc.model.batch cimport ChangeBatch
from cdc.sources.columns.values cimport ValueDecoder

import base64
import binascii


cdef class BytesDecoder(ValueDecoder):
    """Decodes bytes as they are."""

    cdef int decode(self, const char *data, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        return batch.put_bytes(cell, data, size)


cdef class EncodedBytesDecoder(ValueDecoder):
    """Decodes bytes as a text that `encode` makes of them."""

    cdef object encode

    def __init__(self, encode):
        self.encode = encode

    cdef int decode(self, const char *data, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef bytes text = self.encode(data[:size])
        return batch.put_text(cell, text, len(text))


def hex_decoder():
    """Return the decoder of bytes as their hexadecimal digits."""
    return EncodedBytesDecoder(binascii.hexlify)


def base64_decoder(bint url_safe):
    """Return the decoder of bytes as base64 with padding, on request in the alphabet that is safe in URLs."""
    return EncodedBytesDecoder(base64.urlsafe_b64encode if url_safe else base64.b64encode)


cdef class PaddedDecoder(ValueDecoder):
    """Decodes BINARY of `length` bytes: row images leave out the zero bytes at the end."""

    cdef ValueDecoder inner
    cdef Py_ssize_t length

    def __init__(self, ValueDecoder inner not None, Py_ssize_t length):
        self.inner = inner
        self.length = length

    cdef int decode(self, const char *data, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef bytes padded
        if size >= self.length:
            return self.inner.decode(data, size, batch, cell)
        padded = data[:size] + bytes(self.length - size)
        return self.inner.decode(padded, self.length, batch, cell)
