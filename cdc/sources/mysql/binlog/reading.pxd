"""Reading little-endian numbers of the binlog, each against the end of what was sent."""

from libc.stdint cimport int64_t, uint8_t, uint64_t

cdef struct View:
    const unsigned char *data
    Py_ssize_t at
    Py_ssize_t size


cdef object cut_off(const View *view, str what)


cdef inline int need(View *view, Py_ssize_t count, str what) except -1:
    """Make sure that so many bytes are left."""
    if count < 0 or view.size - view.at < count:
        raise cut_off(view, what)
    return 0


cdef inline uint64_t unsigned_at(const unsigned char *data, Py_ssize_t size) noexcept:
    """Return the number in `size` bytes, at most eight, the lowest first."""
    cdef uint64_t value = 0
    cdef Py_ssize_t at = size
    while at:
        at -= 1
        value = value << 8 | data[at]
    return value


cdef inline uint64_t big_at(const unsigned char *data, Py_ssize_t size) noexcept:
    """Return the number in `size` bytes, at most eight, the highest first."""
    cdef uint64_t value = 0
    cdef Py_ssize_t at
    for at in range(size):
        value = value << 8 | data[at]
    return value


cdef inline uint64_t read_number(View *view, Py_ssize_t size, str what) except? 0xFFFFFFFFFFFFFFFF:
    """Read a number without sign."""
    need(view, size, what)
    view.at += size
    return unsigned_at(view.data + view.at - size, size)


cdef uint64_t read_length(View *view) except? 0xFFFFFFFFFFFFFFFF
