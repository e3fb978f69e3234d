"""Decoders of column values: the bytes of one value in, one cell out."""

from libc.stdint cimport int64_t, uint8_t

from cdc.model.batch cimport ChangeBatch


cdef class ValueDecoder:
    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1
    cdef int missing(self, uint8_t kind, ChangeBatch batch, int64_t cell) except -1


cdef object malformed(str what, const char *text, Py_ssize_t size, Py_ssize_t at)
cdef double read_double(const char *text, Py_ssize_t size) except? -1
