"""Places of changes in their source transaction, and the marks where it begins and ends."""

from libc.stdint cimport int64_t

from cdc.model.batch cimport ChangeBatch


cdef class TransactionNumbers:
    """Numbers the rows of one transaction after the other; `marks` makes the marks: without it, or if it makes none, nothing is done.

    `counts` are the changes of the transaction at hand by collection.
    """

    def __init__(self, marks=None):
        self.marker = marks
        self.wanted = marks is not None and marks.marks
        self.counts = {}
        self.id = b""

    cdef int begin(self, bytes id, int64_t commit_us, dict counts) except -1:
        """Begin a transaction, of which the `counts` were published before."""
        if not self.wanted:
            return 0
        self.id, self.commit_us = id, commit_us
        self.counts = counts
        self.total = sum(counts.values())
        self.id_batch = None
        return 0

    cdef int number(self, int64_t first, ChangeBatch batch) except -1:
        """Give the rows from `first` on their places; a tombstone has none."""
        cdef int64_t row
        if not self.wanted:
            return 0
        if self.id_batch is not batch:
            self.id_batch, self.id_at = batch, batch.arena.size
            batch.arena.write_bytes(self.id)
        for row in range(first, batch.row_count):
            if batch.rows[row].op:
                of_collection = self.count(str(batch.tables[batch.rows[row].table].id), row, batch)
                batch.put_transaction(row, self.id_at, <int> len(self.id), self.total, of_collection)
        return 0

    cdef int64_t count(self, str collection, int64_t row, ChangeBatch batch) except -1:
        """Count a change and return its number in its collection. The mark of the beginning stands before the first one."""
        if self.total == 0:
            self.marker.begin(batch, row, self.id.decode(), self.commit_us)
        self.total += 1
        self.counts[collection] = self.counts.get(collection, 0) + 1
        return self.counts[collection]

    cdef int end(self, ChangeBatch batch) except -1:
        """Mark the end of the transaction."""
        if not self.wanted:
            return 0
        if self.total == 0:
            self.marker.begin(batch, batch.row_count, self.id.decode(), self.commit_us)
        self.marker.end(batch, self.id.decode(), self.commit_us, self.counts)
        self.id_batch = None
        return 0

    cdef int cut(self) except -1:
        """Note that the batch ends here: the next one needs the id anew."""
        self.id_batch = None
        return 0

    cdef tuple state(self):
        """Return what `restore` goes back to."""
        return dict(self.counts), self.total

    cdef int restore(self, tuple state) except -1:
        """Go back to a former state, because the changes since were rolled back."""
        counts, self.total = state
        self.counts = dict(counts)
        return 0
