"""From a character set's bytes to UTF-8."""

from cdc.model.buffer cimport Buffer


cdef class Transcoder:
    cdef readonly str charset

    cdef Py_ssize_t transcode(self, const unsigned char *data, Py_ssize_t size, Buffer out) except -2
