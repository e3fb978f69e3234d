"""Decoders of pgvector's types: `[1,2.5]` for vector and halfvec, `{1:0.5,4:2}/5` for sparsevec, whose indices begin with 1.

Format: the README of pgvector, "Reference".
"""

from libc.stdint cimport int64_t

from cdc.model.batch cimport ChangeBatch
from cdc.sources.java_order cimport in_hash_order
from cdc.sources.columns.values cimport ValueDecoder, malformed, read_double

from cdc.errors import ConversionError

cdef int64_t MOST = 32_767  # what an int16 holds


cdef class VectorDecoder(ValueDecoder):
    """Decodes a vector as an array of numbers."""

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef list numbers
        cdef int64_t first, at
        if size < 3 or text[0] != b"[" or text[size - 1] != b"]":
            raise malformed("vector", text, size, 0)
        numbers = text[1 : size - 1].split(b",")
        first = batch.reserve_cells(len(numbers))
        for at, number in enumerate(numbers):
            batch.put_float(first + at, number_of(number))
        return batch.put_nested(cell, first, len(numbers))


cdef class SparseVectorDecoder(ValueDecoder):
    """Decodes a sparse vector as its dimensions and a map from index to number, in the order of Java's HashMap, as Debezium writes it."""

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef bytes pairs, dimensions
        cdef list entries
        cdef int64_t first, elements, at
        pairs, _, dimensions = text[:size].partition(b"/")
        if len(pairs) < 2 or not pairs.startswith(b"{") or not pairs.endswith(b"}"):
            raise malformed("sparse vector", text, size, 0)
        entries = [element_of(each) for each in pairs[1 : len(pairs) - 1].split(b",") if each]
        entries = in_hash_order(entries, [index for index, _ in entries], len(entries))
        first, elements = batch.reserve_cells(2), batch.reserve_cells(2 * len(entries))
        batch.put_int(first, small(dimensions))
        batch.put_nested(first + 1, elements, 2 * len(entries))
        for at, (index, number) in enumerate(entries):
            batch.put_int(elements + 2 * at, index)
            batch.put_float(elements + 2 * at + 1, number)
        return batch.put_nested(cell, first, 2)


cdef tuple element_of(bytes text):
    """Return index and number of `4:0.5`."""
    index, _, number = text.partition(b":")
    return small(index), number_of(number)


cdef double number_of(bytes text) except? -1:
    return read_double(text, len(text))


cdef int64_t small(bytes text) except -1:
    """Return a whole number from 0 on; raises ConversionError where Debezium's int16 cannot hold it."""
    if not text.isdigit():
        raise malformed("sparse vector", text, len(text), 0)
    number = int(text)
    if number > MOST:
        raise ConversionError(f"the sparse vector has the index or dimension {number}, and its schema ends at {MOST}",
                              "Exclude the column with column.exclude.list, or publish the vector as an array.")
    return number
