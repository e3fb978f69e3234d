"""Decoder of MySQL's JSON columns: the binary form in, compact text out.

Source: the server's `sql-common/json_binary.h`. A document is a type byte and a value. Objects and arrays begin with how many
elements and bytes they have, then have the entries of their keys (offset and length) and values (type, and offset or the value itself
where it is short), then keys and values. Offsets count from the container's beginning. Numbers are little-endian; in a large container
counts and offsets have four bytes, else two. An updated document may have gaps, but no part is ever shared: each may be claimed once.
"""

from libc.math cimport isfinite
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint64_t
from libc.string cimport memcpy

from cdc.converters.json_text cimport write_string
from cdc.model.batch cimport ChangeBatch
from cdc.model.buffer cimport Buffer
from cdc.sources.columns.values cimport ValueDecoder
from cdc.sources.mysql.values.json_scalars cimport read_little, write_double, write_opaque, write_unsigned

from cdc.errors import DecodeError


cdef object malformed(const Document *document, str what, Py_ssize_t at):
    """Return the error of a document, seen at an index of it."""
    return DecodeError(f"MySQL sent a JSON document with {what}", document.data[: document.size], at)


cdef int claim(Document *document, const Value *value, Py_ssize_t size) except -1:
    """Take bytes of the document for a part of it."""
    if size > document.unclaimed:
        raise malformed(document, "overlapping parts", value.at)
    document.unclaimed -= size
    return 0


cdef Value root(Document *document, const char *data, Py_ssize_t size) except *:
    """Begin a document that is not empty, and return the value that it is."""
    document.data = data
    document.size = document.unclaimed = size
    return Value(1, size, 0, <uint8_t> data[0])


cdef Container opened(Document *document, const Value *value) except *:
    """Open an object or array."""
    cdef bint is_object = value.kind <= LARGE_OBJECT
    cdef int width = 4 if value.kind & 1 else 2
    cdef Py_ssize_t start = value.at, room = value.end - start, count, size, head
    if room < 2 * width:
        raise malformed(document, "a container that is cut off", start)
    count, size = read_little(document.data + start, width), read_little(document.data + start + width, width)
    head = 2 * width + count * (1 + width + (width + 2 if is_object else 0))
    if not head <= size <= room:
        raise malformed(document, f"a container of {count} elements in {size} bytes where {room} are left", start)
    if value.depth >= MAX_DEPTH:
        raise malformed(document, f"more than {MAX_DEPTH} levels", start)
    claim(document, value, head)
    return Container(
        Value(start, start + size, value.depth + 1, value.kind),
        start + 2 * width, start + 2 * width + (count * (width + 2) if is_object else 0), count, width)


cdef Value element(Document *document, const Container *container, Py_ssize_t index) except *:
    """Return the value at an index below the count."""
    cdef Py_ssize_t at = container.values + index * (1 + container.width), offset
    cdef uint8_t kind = <uint8_t> document.data[at]
    cdef int depth = container.value.depth
    if LITERAL <= kind <= UINT16 or (container.width == 4 and kind in (INT32, UINT32)):
        return Value(at + 1, at + 1 + container.width, depth, kind)
    offset = read_little(document.data + at + 1, container.width)
    if offset > container.value.end - container.value.at:
        raise malformed(document, f"a value at {offset} of its container", at)
    return Value(container.value.at + offset, container.value.end, depth, kind)


cdef const char *key(Document *document, const Container *container, Py_ssize_t index, Py_ssize_t *size) except NULL:
    """Return an object's key at an index below the count, and its size."""
    cdef Py_ssize_t at = container.keys + index * (container.width + 2)
    cdef Py_ssize_t offset = read_little(document.data + at, container.width)
    size[0] = read_little(document.data + at + container.width, 2)
    if size[0] > container.value.end - container.value.at - offset:
        raise malformed(document, f"a key of {size[0]} bytes at {offset} of its object", at)
    claim(document, &container.value, size[0])
    return document.data + container.value.at + offset


cdef int write_value(Document *document, const Value *value, Buffer out) except -1:
    """Write a value of any kind."""
    cdef Container container
    cdef Value each
    cdef Py_ssize_t index, size = 0
    cdef const char *name
    if value.kind > LARGE_ARRAY:
        return write_scalar(document, value, out)
    container = opened(document, value)
    out.write_byte(b"{" if value.kind <= LARGE_OBJECT else b"[")
    for index in range(container.count):
        if index:
            out.write_byte(b",")
        if value.kind <= LARGE_OBJECT:
            name = key(document, &container, index, &size)
            write_text(document, name, size, out)
            out.write_byte(b":")
        each = element(document, &container, index)
        write_value(document, &each, out)
    return out.write_byte(b"}" if value.kind <= LARGE_OBJECT else b"]")


cdef int write_scalar(Document *document, const Value *value, Buffer out) except -1:
    """Write a value that is no container."""
    cdef const char *data
    cdef int width
    if value.kind in (STRING, OPAQUE):
        return write_long(document, value, out)
    width = scalar_width(value.kind)
    if width == 0 or width > value.end - value.at:
        raise malformed(document, f"a value of type {value.kind} that is unknown or cut off", value.at)
    data = document.data + value.at
    if value.kind == LITERAL:
        return write_literal(document, value, out)
    if value.kind == DOUBLE:
        return write_number(document, value, out)
    if value.kind == INT16:
        return out.write_int(<int16_t> read_little(data, 2))
    if value.kind == INT32:
        return out.write_int(<int32_t> read_little(data, 4))
    if value.kind == INT64:
        return out.write_int(read_little(data, 8))
    return write_unsigned(out, <uint64_t> read_little(data, width))


cdef int scalar_width(uint8_t kind) noexcept:
    """Return how many bytes a literal or number has, 0 for other kinds."""
    if kind == LITERAL:
        return 1
    if kind in (INT16, UINT16):
        return 2
    if kind in (INT32, UINT32):
        return 4
    return 8 if kind in (INT64, UINT64, DOUBLE) else 0


cdef int write_literal(Document *document, const Value *value, Buffer out) except -1:
    cdef uint8_t literal = <uint8_t> document.data[value.at]
    if literal == 0:
        return out.write(b"null", 4)
    if literal == 1:
        return out.write(b"true", 4)
    if literal == 2:
        return out.write(b"false", 5)
    raise malformed(document, f"a literal {literal}", value.at)


cdef int write_number(Document *document, const Value *value, Buffer out) except -1:
    cdef int64_t word = read_little(document.data + value.at, 8)
    cdef double number
    memcpy(&number, &word, 8)
    if not isfinite(number):
        raise malformed(document, f"the number {number}", value.at)
    return write_double(out, number)


cdef int write_long(Document *document, const Value *value, Buffer out) except -1:
    """Write a string or an opaque value: its length, seven bits to a byte, and that many bytes; before an opaque one's the type."""
    cdef Py_ssize_t at = value.at, size = 0
    cdef uint8_t field_type = 0, byte = 0x80
    cdef int shift = 0
    if value.kind == OPAQUE and at < value.end:
        field_type = <uint8_t> document.data[at]
        at += 1
    while byte & 0x80 and shift <= 28 and at < value.end:
        byte = <uint8_t> document.data[at]
        size |= <Py_ssize_t> (byte & 0x7F) << shift
        shift += 7
        at += 1
    if byte & 0x80 or size > value.end - at:
        raise malformed(document, f"a value of {size} bytes that is cut off", value.at)
    claim(document, value, size)
    if value.kind == STRING:
        return write_text(document, document.data + at, size, out)
    if not write_opaque(out, field_type, document.data + at, size):
        raise malformed(document, f"bytes that are no value of column type {field_type}", at)
    return 0


cdef int write_text(Document *document, const char *data, Py_ssize_t size, Buffer out) except -1:
    """Write bytes of the document as a string."""
    cdef Py_ssize_t bad = write_string(out, data, size)
    if bad >= 0:
        raise malformed(document, "a string that is not UTF-8", data - document.data + bad)
    return 0


cdef class JsonDecoder(ValueDecoder):
    """Decodes the binary form of a JSON column, as row events carry it, as compact text in UTF-8.

    Members stand in the stored order, nothing stands between tokens, numbers have all their digits and no more. Opaque values: a decimal
    is a number, a time or date a string, anything else the base64 of its bytes. An empty value is `null`, as the server reads it.
    Raises DecodeError, also for documents whose parts overlap, so that the text is never much longer than the document.
    """

    cdef int decode(self, const char *data, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef Document document
        cdef Value value
        cdef Py_ssize_t start = batch.arena.size
        if size == 0:
            return batch.put_text(cell, b"null", 4)
        value = root(&document, data, size)
        write_value(&document, &value, batch.arena)
        return batch.put_text_here(cell, start)
