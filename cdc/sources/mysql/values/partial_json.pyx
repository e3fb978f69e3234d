"""JSON columns of which an update carries what has changed (`binlog_row_value_options=PARTIAL_JSON`)."""

from libc.stdint cimport int64_t

from cdc.model.batch cimport ChangeBatch
from cdc.sources.columns.values cimport ValueDecoder

from cdc.sources.mysql.values.json_diff import apply_diffs

#: What stands before the text of a document that diffs have made: no type of a document in the binary form.
PATCHED = 0xFF


def patched(bytes before not None, bytes diffs not None):
    """Return the new document for `PatchedJsonDecoder`, of the old one in the binary form and what has changed. Raises DecodeError."""
    return bytes((PATCHED,)) + apply_diffs(before, diffs)


cdef class PatchedJsonDecoder(ValueDecoder):
    """Decodes what `patched` returns, and all else by `whole`."""

    cdef ValueDecoder whole

    def __init__(self, ValueDecoder whole not None):
        self.whole = whole

    cdef int decode(self, const char *data, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        if size and <unsigned char> data[0] == 0xFF:
            return batch.put_text(cell, data + 1, size - 1)
        return self.whole.decode(data, size, batch, cell)
