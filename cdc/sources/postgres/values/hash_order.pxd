"""The order in which Java's HashMap keeps its entries."""


cdef list in_hash_order(list entries, list hashes, Py_ssize_t capacity)
