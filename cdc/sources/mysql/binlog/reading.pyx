"""Reading little-endian numbers of the binlog, each against the end of what was sent."""

from libc.stdint cimport uint64_t

from cdc.errors import DecodeError


cdef object cut_off(const View *view, str what):
    """Return the error of something that ends inside `what`."""
    return DecodeError(f"it ends inside {what}", view.data[: view.size], view.at)


cdef uint64_t read_length(View *view) except? 0xFFFFFFFFFFFFFFFF:
    """Read a length-encoded integer (the manual of the protocol, "Integer Types")."""
    cdef uint64_t first = read_number(view, 1, "a length")
    if first < 251:
        return first
    if first == 252:
        return read_number(view, 2, "a length")
    if first == 253:
        return read_number(view, 3, "a length")
    if first == 254:
        return read_number(view, 8, "a length")
    raise DecodeError(f"{first:#04x} stands where a length should", view.data[: view.size], view.at - 1)
