"""Values that a row of the log lacks, and that are filled in from elsewhere."""

from libc.stdint cimport int64_t

from cdc.model.batch cimport ABSENT_CELL, BYTES_CELL, NULL_CELL, TEXT_CELL, UNAVAILABLE_CELL, Cell, ChangeBatch, Row
from cdc.sources.columns.row cimport RowPlan

from cdc.sources.columns.values import UnknownLabel


cdef class Gaps:
    """What may be lacking in the rows of a table that a plan decodes, and how it is filled.

    `columns` are places on the wire; they are lacking when the log says that they did not change, or does not carry them
    (`unavailable`), or that they are null (`nulls`). `key` holds indices of cells with the server's text or bytes of the columns by which a
    row is found. `filler` decodes what is filled in, where that has another form than in the log.
    """

    def __init__(self, RowPlan plan not None, tuple columns not None, tuple key not None, bint unavailable, bint nulls,
                 RowPlan filler=None):
        if any([not 0 <= column < len(plan.targets) or plan.targets[column] < 0 for column in columns]):
            raise ValueError(f"columns {columns} are not all captured")
        if any([not 0 <= place < plan.width for place in key]):
            raise ValueError(f"the key {key} is not in {plan.width} columns")
        self.plan = plan
        self.filler = plan if filler is None else filler
        if any([column >= len(self.filler.targets) or self.filler.targets[column] != plan.targets[column] for column in columns]):
            raise ValueError(f"columns {columns} are not where they are in the log")
        self.columns = columns
        self.key = key
        self.unavailable = unavailable
        self.nulls = nulls

    cdef bint lacks(self, ChangeBatch batch, int64_t cell) noexcept:
        """Tell whether the value in a cell is lacking."""
        return ((self.unavailable and batch.cells[cell].kind in (UNAVAILABLE_CELL, ABSENT_CELL))
                or (self.nulls and batch.cells[cell].kind == NULL_CELL))

    cdef bint any_in(self, ChangeBatch batch, int64_t first) except -1:
        for column in self.columns:
            if self.lacks(batch, first + <int64_t> self.plan.targets[column]):
                return True
        return False

    def wanted(self, ChangeBatch batch not None, int64_t row):
        """Return the key of a row, as the server's texts or bytes, and for each of `columns` whether it is lacking.

        A part of the key that the log does not carry is None.
        """
        cdef int64_t first = after_of(batch, row)
        cdef const Cell *cell
        key = []
        for place in self.key:
            cell = &batch.cells[first + <int64_t> place]
            key.append(batch._value(cell) if cell.kind in (TEXT_CELL, BYTES_CELL) else None)
        return key, [self.lacks(batch, first + <int64_t> self.plan.targets[column]) for column in self.columns]

    def fill(self, ChangeBatch batch not None, int64_t row, list values not None):
        """Put the server's texts of `columns` where they are lacking; None is null, and stays away where there may be none.

        Raises as the plan does for values that cannot be carried.
        """
        cdef int64_t first = after_of(batch, row), cell
        if len(values) != len(self.columns):
            raise ValueError(f"{len(values)} values for {len(self.columns)} columns")
        for column, text in zip(self.columns, values):
            cell = first + <int64_t> self.plan.targets[column]
            if not self.lacks(batch, cell):
                continue
            if text is not None:
                self._put(column, text, batch, first)
            elif not self.plan.requires[<Py_ssize_t> column]:
                self.plan.put_missing(column, NULL_CELL, batch, first)

    cdef int _put(self, Py_ssize_t column, bytes text, ChangeBatch batch, int64_t first) except -1:
        try:
            self.filler.put(column, text, len(text), batch, first)
        except UnknownLabel as unknown:
            # The enum has grown since the row was written.
            unknown.accept()
            self.filler.put(column, text, len(text), batch, first)
        return 0


cdef int64_t after_of(ChangeBatch batch, int64_t row) except -1:
    if not 0 <= row < batch.row_count or batch.rows[row].after < 0:
        raise IndexError(row)
    return batch.rows[row].after


def find_gaps(ChangeBatch batch not None, list gaps not None, tuple places=()):
    """Return the inserted and updated rows that lack values, by the index of their table, and what tells of the transactions that wrote them.

    `gaps` has those of each of the batch's tables, or None. `places` are those among the source cells of what tells of a transaction.
    """
    cdef int64_t at
    cdef const Row *row
    rows = {}
    written = set()
    if len(gaps) != len(batch.tables):
        raise ValueError(f"{len(gaps)} entries for {len(batch.tables)} tables")
    for at in range(batch.row_count):
        row = &batch.rows[at]
        found = gaps[row.table]
        if found is None or row.after < 0 or (row.op != b"c" and row.op != b"u"):
            continue
        if (<Gaps?> found).any_in(batch, row.after):
            rows.setdefault(row.table, []).append(at)
            if places and row.source >= 0:
                written.add(tuple([batch._value(&batch.cells[row.source + <int64_t> place]) for place in places]))
    return rows, written
