"""Finds, among the messages of a replication stream, those of some kinds: what runs for each message that arrives."""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer

cdef enum:
    KIND_AT = 25  # behind 'w' and the three numbers of XLogData


def find_kind(list messages not None, Py_ssize_t start, bytes kinds not None):
    """Return the index, from `start` on, of the first message of pgoutput of one of the kinds, or the number of messages."""
    cdef Py_ssize_t index
    cdef Py_buffer data
    cdef const unsigned char *content
    cdef unsigned char kind
    for index in range(start, len(messages)):
        PyObject_GetBuffer(messages[index], &data, PyBUF_SIMPLE)
        content = <const unsigned char *> data.buf
        kind = content[KIND_AT] if data.len > KIND_AT and content[0] == b"w" else 0
        PyBuffer_Release(&data)
        if kind and kind in kinds:
            return index
    return len(messages)
