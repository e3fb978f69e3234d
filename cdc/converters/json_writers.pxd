"""Writers of cells as JSON, one for each kind of schema."""

from libc.stdint cimport int64_t, uint8_t

from cdc.model.batch cimport UNAVAILABLE_CELL, Cell, ChangeBatch
from cdc.model.buffer cimport Buffer


cdef class Writer:
    """Writes the cells of one column, array, map or struct member; `where` names it in errors."""
    cdef readonly str where
    cdef bytes null_text
    cdef bytes absent_text
    cdef bytes unavailable_text

    cdef int write_value(self, ChangeBatch batch, const Cell *cell, Buffer out) except -1
    cdef int write_missing(self, uint8_t kind, Buffer out) except -1
    cdef object refusal(self, const Cell *cell)

    cdef inline int write(self, ChangeBatch batch, const Cell *cell, Buffer out) except -1:
        if cell.kind <= UNAVAILABLE_CELL:
            return self.write_missing(cell.kind, out)
        return self.write_value(batch, cell, out)


cdef class Member:
    """A member of a JSON object: the text up to its value, the place of its cell among its siblings, and the value's writer."""
    cdef bytes lead
    cdef int64_t offset
    cdef Writer writer


cdef class Members:
    """A JSON object, written from cells that stand side by side."""
    cdef tuple members
    cdef bytes tail
    cdef readonly int64_t width

    cdef int write(self, ChangeBatch batch, int64_t first, Buffer out) except -1
    cdef int show_absent_as_unavailable(self) except -1


cdef Members members(object fields, object offsets, object constants, str where, object settings, object placeholder)
