"""Changes to records in JSON."""

from libc.stdint cimport int32_t, int64_t

from cdc.converters.json_writers cimport Members
from cdc.model.batch cimport ChangeBatch, Row
from cdc.model.buffer cimport Buffer
from cdc.model.records cimport Record, RecordBatch


cdef class TablePlan:
    """How the rows of one table version become JSON."""
    cdef str topic
    cdef tuple key_fields
    cdef tuple key_columns
    cdef bytes key_lead
    cdef Members key
    cdef bytes key_tail
    cdef bytes value_lead
    cdef Members row
    cdef tuple row_names
    cdef bint marks_absent
    cdef Members source
    cdef Members transaction
    cdef bytes value_tail
    # The source block that was written last: its first cell, and where its text stands in the output.
    cdef int64_t source_of
    cdef Py_ssize_t source_at
    cdef Py_ssize_t source_size

    cdef int write_key(self, ChangeBatch batch, int64_t first, Record *record, Buffer out) except -1
    cdef int write_value(self, ChangeBatch batch, const Row *row, bytes stamps, Record *record, Buffer out) except -1
    cdef int write_row(self, ChangeBatch batch, int64_t first, Buffer out) except -1
    cdef int write_source(self, ChangeBatch batch, int64_t first, Buffer out) except -1
    cdef list absent(self, ChangeBatch batch, int64_t first)
    cdef bytes other_key(self, ChangeBatch batch, int64_t first)
    cdef int32_t length(self, Buffer out, int64_t start) except -1


cdef class JsonConverter:
    cdef object key_settings
    cdef object value_settings
    cdef tuple headers
    cdef bytes unavailable
    cdef object plans
    cdef Py_ssize_t usual  # bytes that the last batch became

    cdef TablePlan plan(self, object table)
    cdef int write_row(self, TablePlan plan, ChangeBatch batch, const Row *row, bytes stamps, int32_t topic, RecordBatch records) except -1
    cdef int write_header(self, TablePlan plan, ChangeBatch batch, const Row *row, Record *record, RecordBatch records) except -1
    cdef int mark_absent(self, TablePlan plan, ChangeBatch batch, const Row *row, Record *record, RecordBatch records) except -1
