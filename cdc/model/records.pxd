"""Encoded records on their way to Kafka."""

from libc.stdint cimport int32_t, int64_t

from cdc.model.buffer cimport Buffer

# A header of one record: the index of its name, and its value in the batch's data; a size of -1 means null.
cdef struct OwnHeader:
    int64_t value
    int32_t size
    int32_t name

# Offsets point into the batch's data; a size of -1 means null. The record's own headers stand side by side, from `header` on.
cdef struct Record:
    int64_t key
    int64_t value
    int64_t header
    int32_t key_size
    int32_t value_size
    int32_t header_count
    int32_t topic


cdef class RecordBatch:
    cdef readonly list topics
    cdef readonly list header_names
    cdef public tuple headers
    cdef public int64_t timestamp_ms
    cdef public int32_t partition
    cdef Buffer data
    cdef Record *records
    cdef int64_t record_count
    cdef int64_t record_capacity
    cdef OwnHeader *own_headers
    cdef int64_t header_count
    cdef int64_t header_capacity

    cdef int32_t use_topic(self, str topic) except -1
    cdef int32_t use_header(self, str name) except -1
    cdef int add_header(self, Record *record, str name, object content) except -1
    cdef Record *add_record(self, int32_t topic) except NULL
    cdef object _own_header(self, int64_t at)
    cdef object _slice(self, int64_t start, int32_t size)
    cdef object _put(self, object content)
