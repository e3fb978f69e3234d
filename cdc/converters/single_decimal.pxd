"""Decimals of single-precision numbers."""

from libc.stdint cimport uint64_t

cdef uint64_t single_digits(float value, int *exponent) noexcept nogil
