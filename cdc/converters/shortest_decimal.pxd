"""Shortest decimals of binary floating point numbers."""

from libc.stdint cimport uint64_t

cdef uint64_t shortest64(double value, int *exponent) noexcept nogil
cdef uint64_t shortest32(float value, int *exponent) noexcept nogil
