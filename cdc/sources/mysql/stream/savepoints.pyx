"""What a transaction has put into a batch, up to each of its savepoints."""

cimport cython
from libc.stdint cimport int64_t

from cdc.model.batch cimport ChangeBatch


@cython.final
cdef class Savepoints:
    """The savepoints of one transaction in one batch: for each the rows and the records beside them, and how its changes were numbered."""

    def __cinit__(self):
        self.points = {}
        self.begun_row = -1

    cdef int begin(self, ChangeBatch batch) except -1:
        """Note that the transaction begins here."""
        self.begun_row = batch.row_count
        self.begun_aside = len(batch.asides)
        return 0

    cdef int forget(self) except -1:
        """The transaction has ended, or another batch begins."""
        self.begun_row = -1
        self.points.clear()
        return 0

    cdef int keep(self, bytes text, ChangeBatch batch, object state) except -1:
        """Take a SAVEPOINT; `state` is how the changes are numbered."""
        self.points[savepoint_name(text)] = (batch.row_count, len(batch.asides), state)
        return 0

    cdef tuple find(self, bytes name):
        """Return rows, records and numbers at a savepoint, or at the beginning if there is no name; None if that is not in the batch."""
        if name:
            return self.points.get(name)
        return (self.begun_row, self.begun_aside, ({}, 0)) if self.begun_row >= 0 else None


cdef bytes savepoint_name(bytes text):
    """Return the name of the savepoint of SAVEPOINT and ROLLBACK TO; empty for a plain ROLLBACK."""
    words = text.split(None, 1)
    if words[0].upper() == b"SAVEPOINT" and len(words) > 1:
        return words[1]
    words = text.split(None, 2)
    return words[2] if len(words) > 2 and words[1].upper() == b"TO" else b""
