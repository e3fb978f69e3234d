"""The order in which Java's HashMap keeps its entries.

Debezium writes maps in it, and consumers compare the JSON text of an hstore byte for byte.
"""


cdef list in_hash_order(list entries, list hashes, Py_ssize_t capacity):
    """Return entries, given in the order of their insertion, in the order that a HashMap has them.

    `hashes` are the 32-bit hash codes of the keys, `capacity` is what the map begins with; it doubles when it is more than three quarters full.
    """
    cdef Py_ssize_t size = 1
    while size < capacity or 4 * len(entries) > 3 * size:
        size *= 2
    buckets = [(each ^ each >> 16) & (size - 1) for each in hashes]
    return [entries[at] for at in sorted(range(len(entries)), key=buckets.__getitem__)]
