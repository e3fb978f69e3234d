"""The decoder of arrays.

Format: the PostgreSQL manual, "Array Input and Output Syntax": `{1,NULL,"a \\"quoted\\" one"}`, with `[2:4]=` in front where the
first index is not 1. A type may have another delimiter than the comma (`pg_type.typdelim`).
"""

from libc.stdint cimport int64_t
from libc.string cimport memchr, memcmp

from cdc.model.batch cimport ChangeBatch
from cdc.model.buffer cimport Buffer
from cdc.sources.columns.values cimport ValueDecoder, malformed

from cdc.errors import ConversionError


cdef class ArrayDecoder(ValueDecoder):
    """Decodes a one-dimensional array; `element` decodes the elements, which may be NULL where `nullable`.

    `delimiter` is the byte between two elements. The indices are not published, so `[2:4]={…}` is the same as `{…}`.
    """

    cdef ValueDecoder element
    cdef bint nullable
    cdef char delimiter
    cdef Buffer scratch

    def __init__(self, ValueDecoder element not None, bint nullable=True, bytes delimiter=b","):
        self.element = element
        self.nullable = nullable
        self.delimiter = delimiter[0]
        self.scratch = Buffer()

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef Py_ssize_t at = elements_start(text, size), end
        cdef int64_t count = count_elements(text, size, at, self.delimiter), first = batch.reserve_cells(count), index
        for index in range(count):
            end = element_end(text, size, at, self.delimiter)
            self._element(text + at, end - at, batch, first + index)
            at = end + 1
        return batch.put_nested(cell, first, count)

    cdef int _element(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        if text[0] == b'"':
            if memchr(text, b"\\", size) == NULL:
                return self.element.decode(text + 1, size - 2, batch, cell)
            self._unescape(text + 1, size - 2)
            return self.element.decode(self.scratch.data, self.scratch.size, batch, cell)
        if size != 4 or memcmp(text, b"NULL", 4) != 0:
            return self.element.decode(text, size, batch, cell)
        if not self.nullable:
            raise ConversionError("the array has a NULL, which the schema of its elements does not allow", "Take it out of the array.")
        batch.put_null(cell)
        return 0

    cdef int _unescape(self, const char *text, Py_ssize_t size) except -1:
        """Write the element without its backslashes into the scratch buffer; none stands at the end."""
        cdef Py_ssize_t at = 0
        self.scratch.clear()
        self.scratch.reserve(size)
        while at < size:
            if text[at] == b"\\":
                at += 1
            self.scratch.write_byte(text[at])
            at += 1
        return 0


cdef Py_ssize_t elements_start(const char *text, Py_ssize_t size) except -1:
    """Return the index behind the opening brace."""
    cdef Py_ssize_t at = 0, dimensions = 0
    while at < size and text[at] == b"[":
        dimensions += 1
        at += 1
        while at < size and (b"0" <= text[at] <= b"9" or text[at] == b"-" or text[at] == b":"):
            at += 1
        if at == size or text[at] != b"]":
            raise malformed("array", text, size, at)
        at += 1
    if dimensions:
        if at == size or text[at] != b"=":
            raise malformed("array", text, size, at)
        at += 1
    if at == size or text[at] != b"{" or text[size - 1] != b"}":
        raise malformed("array", text, size, at)
    return at + 1


cdef int64_t count_elements(const char *text, Py_ssize_t size, Py_ssize_t at, char delimiter) except -1:
    """Count the elements up to the closing brace, which must be the end."""
    cdef int64_t count = 0
    if at == size - 1:
        return 0
    while True:
        at = element_end(text, size, at, delimiter)
        count += 1
        if text[at] == b"}":
            break
        at += 1
    if at != size - 1:
        raise malformed("array", text, size, at)
    return count


cdef Py_ssize_t element_end(const char *text, Py_ssize_t size, Py_ssize_t at, char delimiter) except -1:
    """Return the index of the delimiter or brace behind the element that begins at `at`."""
    cdef Py_ssize_t first = at
    if at < size and text[at] == b"{":
        raise ConversionError("the array has more than one dimension, which an array schema cannot say",
                              "Publish a one-dimensional array, or the array as text or JSON.")
    if at < size and text[at] == b'"':
        at += 1
        while at < size and text[at] != b'"':
            at += 2 if text[at] == b"\\" else 1
        at += 1
    else:
        while at < size and text[at] != delimiter and text[at] not in b'}"{\\':
            at += 1
    if at >= size or at == first or (text[at] != delimiter and text[at] != b"}"):
        raise malformed("array", text, size, min(at, size))
    return at
