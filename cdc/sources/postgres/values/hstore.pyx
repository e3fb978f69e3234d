"""Decoders of hstore.

Format: the PostgreSQL manual, "hstore", External Representation: `"a"=>"1", "b"=>NULL`, with backslashes before quotes and backslashes.
"""

from libc.stdint cimport int64_t
from libc.string cimport memcmp

from cdc.converters.json_text cimport write_string
from cdc.model.batch cimport ChangeBatch
from cdc.model.buffer cimport Buffer
from cdc.sources.columns.values cimport ValueDecoder, malformed
from cdc.sources.java_order cimport in_hash_order, java_hash


cdef class HstoreMapDecoder(ValueDecoder):
    """Decodes hstore as a map from strings to strings or nulls, in the order of Java's HashMap, as Debezium writes it."""

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef list pairs = read_pairs(text, size)
        cdef int64_t count = 2 * len(pairs), first = batch.reserve_cells(count), at = first
        cdef bytes key, value
        for key, value in pairs:
            batch.put_text(at, key, len(key))
            if value is None:
                batch.put_null(at + 1)
            else:
                batch.put_text(at + 1, value, len(value))
            at += 2
        return batch.put_nested(cell, first, count)


cdef class HstoreJsonDecoder(ValueDecoder):
    """Decodes hstore as the text of a JSON object, in the order of Java's HashMap, as Debezium writes it."""

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef Buffer out = batch.arena
        cdef Py_ssize_t start = out.size
        cdef list pairs = read_pairs(text, size)
        cdef bytes key, value
        out.write_byte(b"{")
        for key, value in pairs:
            if out.size > start + 1:
                out.write_byte(b",")
            write_string(out, key, len(key))
            out.write_byte(b":")
            if value is None:
                out.write(b"null", 4)
            else:
                write_string(out, value, len(value))
        out.write_byte(b"}")
        return batch.put_text_here(cell, start)


cdef list read_pairs(const char *text, Py_ssize_t size):
    """Return keys and values (None for NULL) as UTF-8."""
    cdef list pairs = [], hashes = []
    cdef Py_ssize_t at = 0
    cdef bytes key
    while at < size:
        if pairs:
            at = expect(b", ", text, size, at)
        key = read_quoted(text, size, &at)
        at = expect(b"=>", text, size, at)
        if size - at >= 4 and memcmp(text + at, b"NULL", 4) == 0:
            pairs.append((key, None))
            at += 4
        else:
            pairs.append((key, read_quoted(text, size, &at)))
        hashes.append(java_hash(key.decode("utf-8", "replace")))
    return in_hash_order(pairs, hashes, 16)


cdef Py_ssize_t expect(bytes what, const char *text, Py_ssize_t size, Py_ssize_t at) except -1:
    """Return the index behind two characters that must stand at `at`."""
    if size - at < 2 or memcmp(text + at, <const char *> what, 2) != 0:
        raise malformed("hstore", text, size, at)
    return at + 2


cdef bytes read_quoted(const char *text, Py_ssize_t size, Py_ssize_t *at):
    """Read a text in quotes, and go behind it."""
    cdef Py_ssize_t first = at[0] + 1, end = first
    cdef bint escaped = False
    if at[0] >= size or text[at[0]] != b'"':
        raise malformed("hstore", text, size, at[0])
    while end < size and text[end] != b'"':
        if text[end] == b"\\":
            escaped = True
            end += 1
        end += 1
    if end >= size:
        raise malformed("hstore", text, size, size)
    at[0] = end + 1
    found = text[first:end]
    return found.replace(b'\\"', b'"').replace(b"\\\\", b"\\") if escaped else found
