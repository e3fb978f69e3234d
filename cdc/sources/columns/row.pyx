"""How the values of one row on the wire become cells: the same for the log and for snapshots."""

from libc.stdint cimport int32_t, int64_t, uint8_t

from cdc.model.batch cimport ChangeBatch
from cdc.sources.columns.hiding cimport ChangedDecoder
from cdc.sources.columns.values cimport ValueDecoder

from array import array
from dataclasses import replace

from cdc.errors import ConversionError, DecodeError
from cdc.model.event import Unconvertible
from cdc.model.schema import ConnectType
from cdc.sources.columns.values import UnknownLabel


cdef class RowPlan:
    """How the columns of one row on the wire become the cells of a captured table.

    `decoders` and `targets` have an entry for each column on the wire: its decoder, and its index among the table's columns (-1 for a column
    that is not captured). `table` is None for a table that is not captured at all. `on_error` is the policy for values that
    their schema can't carry: `warn` makes them null and notes them, `skip` makes them null, `fail` raises ConversionError, `keep` leaves
    the server's text in the cell, which converters refuse, and notes them with their row. `names` are those of the columns on the
    wire in the database. A null in a column that `table` has as required gives the plan another `table`, in which it is optional. With
    `renewable`, whoever decodes with this plan gets another one when an enum has a label that is new: UnknownLabel is raised then.
    Otherwise such a label is taken as it is. `constants` are texts that stand in every row, by the index of their column.
    """

    def __init__(self, table, list decoders, tuple targets, str on_error="warn", tuple names=(), bint renewable=False,
                 dict constants=None):
        if len(decoders) != len(targets):
            raise ValueError(f"{len(decoders)} decoders for {len(targets)} columns")
        self.decoders = decoders
        self.targets = targets
        self.packed = array("i", targets).tobytes()
        self.places = <const int32_t *> <const char *> self.packed
        self.on_error = on_error
        self.renewable = renewable
        self.names = names
        self.changes = any([isinstance(decoder, ChangedDecoder) for decoder in decoders])
        self.width = 0 if table is None else len(table.columns)
        for target, decoder in zip(targets, decoders):
            if target >= self.width or (target >= 0 and not isinstance(decoder, ValueDecoder)):
                raise ValueError(f"column {target} of {self.width} cannot be decoded by {decoder!r}")
        self.constants = constants or {}
        self.shared = [(place, text.encode()) for place, text in self.constants.items()]
        if any([not 0 <= place < self.width for place in self.constants]):
            raise ValueError(f"constants {constants} of {self.width} columns")
        self._of(table)

    cdef int64_t begin(self, ChangeBatch batch) except -1:
        """Reserve the cells of a row, put what all rows share, and return the first one."""
        cdef int64_t first = batch.reserve_cells(self.width)
        for place, text in self.shared:
            batch.put_text(first + <int64_t> place, text, len(text))
        return first

    cdef int put(self, Py_ssize_t column, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t first) except -1:
        """Decode one column's text into its cell of the tuple that begins at `first`."""
        cdef int64_t target = self.places[column]
        if target < 0:
            return 0
        try:
            (<ValueDecoder> self.decoders[column]).decode(text, size, batch, first + target)
        except UnknownLabel as unknown:
            if self.renewable:
                raise
            unknown.accept()
            (<ValueDecoder> self.decoders[column]).decode(text, size, batch, first + target)
        except ConversionError as error:
            self._substitute(column, error, text[:size], batch, first + target)
        except DecodeError as error:
            shown = b"" if self._hides(column) else text[:size]
            raise DecodeError(f"{self._place(target)}: {error.fact}", shown, error.offset) from error
        return 0

    cdef int _substitute(self, Py_ssize_t column, object error, bytes text, ChangeBatch batch, int64_t cell) except -1:
        """Put what the policy says in the place of a value that cannot be carried."""
        cdef int64_t target = self.targets[column]
        if self._hides(column):
            error, text = ConversionError("a value that is masked cannot be carried", error.remedy), b""
        self._refuse(error, target, text, batch)
        if self.on_error != "keep":
            batch.put_null(cell)
        elif self.table.columns[target].schema.type is ConnectType.STRING:
            batch.put_bytes(cell, text, len(text))
        else:
            batch.put_text(cell, text, len(text))
        return 0

    cdef int _allow_null(self, Py_ssize_t column) except -1:
        """Take a column for nullable: a null shows that the row was written before the catalogue's definition, and its default, held."""
        cdef int64_t target = self.places[column]
        columns = list(self.table.columns)
        columns[target] = replace(columns[target], schema=columns[target].schema.as_optional().with_default(None))
        self._of(replace(self.table, columns=tuple(columns)))
        return 0

    def _of(self, table):
        """Take a table, and which of its columns are required."""
        self.table = table
        self.required = bytes([target >= 0 and not table.columns[target].schema.optional for target in self.targets])
        self.requires = self.required

    cdef int _put_changed(self, Py_ssize_t column, uint8_t kind, ChangeBatch batch, int64_t cell) except -1:
        try:
            (<ValueDecoder> self.decoders[column]).missing(kind, batch, cell)
        except ConversionError as error:
            self._substitute(column, error, b"", batch, cell)
        return 0

    def _hides(self, Py_ssize_t column):
        decoder = self.decoders[column]
        return isinstance(decoder, ChangedDecoder) and (<ChangedDecoder> decoder).hides

    def _place(self, target):
        return f"{self.table.id}.{self.table.columns[target].name}"

    def _refuse(self, error, target, text, ChangeBatch batch):
        if self.on_error == "fail":
            raise ConversionError(f"{self._place(target)}: {error}", error.remedy) from error
        if self.on_error == "skip":
            return
        shown = text[:64].decode("utf-8", "replace")
        row = batch.row_count if self.on_error == "keep" else -1
        where = str(self.table.id), self.table.columns[target].name
        batch.problems.append(Unconvertible(*where, shown, str(error), row, error.remedy))
