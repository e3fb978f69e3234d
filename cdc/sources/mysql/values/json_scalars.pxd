"""The scalars of MySQL's JSON that are no strings, as compact text."""

from libc.stdint cimport int64_t, uint8_t, uint64_t

from cdc.model.buffer cimport Buffer

cdef int64_t read_little(const char *data, int width) noexcept nogil
cdef int write_unsigned(Buffer out, uint64_t value) except -1
cdef int write_double(Buffer out, double value) except -1
cdef bint write_opaque(Buffer out, uint8_t field_type, const char *data, Py_ssize_t size) except -1
