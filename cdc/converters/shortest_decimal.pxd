"""Shortest decimals of doubles."""

from libc.stdint cimport uint64_t

cdef uint64_t shortest64(double value, int *exponent) noexcept nogil
