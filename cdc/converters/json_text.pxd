"""JSON's scalars as Jackson writes them."""

from libc.stdint cimport int64_t, uint8_t

from cdc.model.buffer cimport Buffer

cdef Py_ssize_t write_string(Buffer out, const char *data, Py_ssize_t size) except -2
cdef int sequence_length(const uint8_t *data, Py_ssize_t left) noexcept nogil
cdef int write_base64(Buffer out, const char *data, Py_ssize_t size) except -1
cdef int write_integer(Buffer out, int64_t value) except -1
cdef int write_float64(Buffer out, double value) except -1
cdef int write_float32(Buffer out, float value) except -1
