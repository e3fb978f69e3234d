"""Decoders around decoders: values that are cut, masked or hashed, and values that are needed twice."""

from cdc.sources.columns.values cimport ValueDecoder


cdef class ChangedDecoder(ValueDecoder):
    cdef readonly bint hides
    cdef ValueDecoder inner
