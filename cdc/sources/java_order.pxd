"""The order in which Java's HashMap and HashSet keep their entries."""

from libc.stdint cimport uint32_t


cpdef Py_ssize_t buckets_for(Py_ssize_t count, Py_ssize_t capacity=*)

cdef list in_hash_order(list entries, list hashes, Py_ssize_t capacity)

cdef uint32_t java_hash(str text) except? 0
