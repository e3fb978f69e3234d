"""Where the values of a row image begin and end."""

from libc.stdint cimport uint8_t

from cdc.sources.mysql.binlog.reading cimport View


cdef class RowImage:
    cdef readonly Py_ssize_t count
    cdef readonly bint has_json
    cdef bytes prefixes
    cdef bytes sizes
    cdef bytes json
    cdef const uint8_t *prefix
    cdef const uint8_t *size
    cdef const uint8_t *is_json
    cdef Py_ssize_t json_count

    cdef const unsigned char *value(self, Py_ssize_t column, View *view, Py_ssize_t *size) except NULL
