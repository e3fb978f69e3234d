"""Decoder of MySQL's JSON columns: the binary form in, compact text out."""

from libc.stdint cimport uint8_t

from cdc.model.buffer cimport Buffer

cdef enum:
    MAX_DEPTH = 100  # the server's JSON_DOCUMENT_MAX_DEPTH

cdef enum Kind:
    SMALL_OBJECT = 0x00
    LARGE_OBJECT = 0x01
    SMALL_ARRAY = 0x02
    LARGE_ARRAY = 0x03
    LITERAL = 0x04
    INT16 = 0x05
    UINT16 = 0x06
    INT32 = 0x07
    UINT32 = 0x08
    INT64 = 0x09
    UINT64 = 0x0A
    DOUBLE = 0x0B
    STRING = 0x0C
    OPAQUE = 0x0F

# `unclaimed` is how many bytes no part of the document has taken yet.
cdef struct Document:
    const char *data
    Py_ssize_t size
    Py_ssize_t unclaimed

# A value of a document: its bytes are in [at, end), where `end` is as far as it may reach.
cdef struct Value:
    Py_ssize_t at
    Py_ssize_t end
    int depth
    uint8_t kind

# An object or array that has been opened. `width` is that of offsets and sizes.
cdef struct Container:
    Value value
    Py_ssize_t keys
    Py_ssize_t values
    Py_ssize_t count
    int width

cdef Value root(Document *document, const char *data, Py_ssize_t size) except *
cdef Container opened(Document *document, const Value *value) except *
cdef Value element(Document *document, const Container *container, Py_ssize_t index) except *
cdef const char *key(Document *document, const Container *container, Py_ssize_t index, Py_ssize_t *size) except NULL
cdef int write_scalar(Document *document, const Value *value, Buffer out) except -1
cdef int write_text(Document *document, const char *data, Py_ssize_t size, Buffer out) except -1
cdef int write_value(Document *document, const Value *value, Buffer out) except -1
