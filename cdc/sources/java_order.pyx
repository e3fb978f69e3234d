"""The order in which Java's HashMap and HashSet keep their entries: Debezium writes maps and some lists in it.

Consumers compare the JSON text of an hstore byte for byte.
"""

from libc.stdint cimport uint32_t

#: What a map begins with.
BUCKETS = 16


cpdef Py_ssize_t buckets_for(Py_ssize_t count, Py_ssize_t capacity=16):
    """Return how many buckets a map of so many entries has that began with a capacity: it doubles them when it is more than three quarters full."""
    cdef Py_ssize_t size = 1
    while size < capacity or 4 * count > 3 * size:
        size *= 2
    return size


def in_java_order(texts, Py_ssize_t capacity=16):
    """Return texts, once each, in the order of a map that had so much room before they were put in."""
    cdef list found = list(dict.fromkeys(texts))
    return in_hash_order(found, [java_hash(text) for text in found], capacity)


cdef list in_hash_order(list entries, list hashes, Py_ssize_t capacity):
    """Return entries, given in the order of their insertion, in the order that a map has them; `hashes` are the 32-bit hash codes of the keys."""
    cdef Py_ssize_t size = buckets_for(len(entries), capacity)
    buckets = [(each ^ each >> 16) & (size - 1) for each in hashes]
    return [entries[at] for at in sorted(range(len(entries)), key=buckets.__getitem__)]


cdef uint32_t java_hash(str text) except? 0:
    """Return what `String.hashCode` makes of a text: over its UTF-16 units."""
    cdef uint32_t found = 0
    cdef bytes units = text.encode("utf-16-le", "surrogatepass")
    cdef const unsigned char *data = units
    cdef Py_ssize_t at
    for at in range(0, len(units), 2):
        found = 31 * found + (data[at] | data[at + 1] << 8)
    return found
