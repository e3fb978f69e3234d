"""The batch of changes that decoders write and encoders read.

Columns are kept as cells (16 bytes each) that point into one arena, so that a row costs no Python object on its way from the log to
Kafka. Python code that wants a row asks for an event and gets values made on demand.
"""

from cpython.mem cimport PyMem_Free, PyMem_Realloc
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.string cimport memcmp, memset

from cdc.model.buffer cimport Buffer

import decimal

from cdc.model.connect_record import Aside
from cdc.model.event import ABSENT, UNAVAILABLE

cdef union Bits:
    double number
    int64_t word

cdef object EXACT = decimal.Context(prec=200_000, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN)


cdef class ChangeBatch:
    """Rows in commit order, each of which becomes one Kafka record.

    `tables` are the table versions in use, `transactions` the source transactions that ended in this batch (oldest first), `problems`
    the values that could not be carried and became null, `asides` the records that go to Kafka beside the rows, `history` the
    records for the schema history. `position` is the source
    position behind the last row; `boundary` says that the batch ends at a source commit, so a Kafka transaction may end there. `tombstones`
    says that deletes have one, `unchanged` that updates which change no captured column are kept. `continues` is not 0 when the batch begins
    inside a source transaction: then that many changes of it came before. `stamp_ns` is when the batch was read, in nanoseconds since the
    epoch. One writer and then one reader; not to be shared while it is written.
    """

    def __cinit__(self, bint tombstones=True, bint unchanged=True):
        self.arena = Buffer()
        self.tables = []
        self.transactions = []
        self.problems = []
        self.asides = []
        self.history = []
        self.table_index = {}
        self.key_columns = []
        self.tombstones = tombstones
        self.unchanged = unchanged
        self.boundary = True

    def __dealloc__(self):
        PyMem_Free(self.cells)
        PyMem_Free(self.rows)

    def __len__(self):
        return self.row_count

    @property
    def size(self):
        """The memory that the content takes, in bytes."""
        return self.arena.size + self.cell_count * sizeof(Cell) + self.row_count * sizeof(Row) + self.aside_size

    def release(self):
        """Give up the rows and their memory; what is said of the batch stays."""
        PyMem_Free(self.cells)
        PyMem_Free(self.rows)
        self.cells, self.rows = NULL, NULL
        self.cell_count = self.cell_capacity = self.row_count = self.row_capacity = 0
        self.arena = Buffer()

    def add_aside(self, record, int64_t size=0, row=None, bint sign=False, bint context=False):
        """Add a record beside the rows, before row `row` or else behind all that are there (see `Aside`).

        `size` is about what it takes, in bytes.
        """
        self.asides.append(Aside(self.row_count if row is None else row, record, sign, context))
        self.aside_size += size

    def take_back(self, int64_t rows, Py_ssize_t asides):
        """Leave only the first `rows` rows, and the first `asides` records beside them: what came behind was rolled back."""
        self.row_count = min(self.row_count, rows)
        del self.asides[asides:]

    # Written by decoders ---------------------------------------------------------------------------------------------------------

    cdef int32_t use_table(self, object table) except -1:
        """Return the index of a table in this batch."""
        index = self.table_index.get(table)
        if index is None:
            index = len(self.tables)
            self.table_index[table] = index
            self.tables.append(table)
            self.key_columns.append(tuple(table.key))
        return index

    cdef int64_t reserve_cells(self, int64_t count) except -1:
        """Add `count` absent cells side by side, and return the first one's index."""
        cdef int64_t first = self.cell_count, wanted = first + count, capacity, at
        cdef Cell *moved
        if wanted > self.cell_capacity:
            capacity = max(wanted, self.cell_capacity + (self.cell_capacity >> 1) + 64)
            moved = <Cell *> PyMem_Realloc(self.cells, capacity * sizeof(Cell))
            if moved == NULL:
                raise MemoryError
            self.cells = moved
            self.cell_capacity = capacity
        for at in range(first, wanted):
            self.cells[at].kind = ABSENT_CELL
        self.cell_count = wanted
        return first

    cdef int put_text(self, int64_t cell, const char *data, Py_ssize_t size) except -1:
        self.put_bytes(cell, data, size)
        self.cells[cell].kind = TEXT_CELL
        return 0

    cdef int put_bytes(self, int64_t cell, const char *data, Py_ssize_t size) except -1:
        if size > 0x7FFFFFFF:
            raise OverflowError(f"a value of {size} bytes is beyond the 2 GiB that a cell can hold")
        self.cells[cell].kind = BYTES_CELL
        self.cells[cell].value = self.arena.size
        self.cells[cell].size = <int32_t> size
        return self.arena.write(data, size)

    cdef int put_decimal(self, int64_t cell, int64_t unscaled, int scale) except -1:
        """Put a decimal whose unscaled value fits 64 bits, in the shortest two's complement."""
        cdef unsigned char data[8]
        cdef int at
        cdef int first = 0
        for at in range(8):
            data[at] = <unsigned char> (unscaled >> (56 - 8 * at))
        while first < 7 and ((data[first] == 0 and data[first + 1] < 0x80) or
                             (data[first] == 0xFF and data[first + 1] >= 0x80)):
            first += 1
        self.put_bytes(cell, <const char *> data + first, 8 - first)
        self.cells[cell].kind = DECIMAL_CELL
        self.cells[cell].scale = <int16_t> scale
        return 0

    cdef int put_big_decimal(self, int64_t cell, object unscaled, int scale) except -1:
        """Put a decimal of any size; `unscaled` is a Python int."""
        cdef bytes data = unscaled.to_bytes((unscaled if unscaled >= 0 else ~unscaled).bit_length() // 8 + 1, "big", signed=True)
        self.put_bytes(cell, data, len(data))
        self.cells[cell].kind = DECIMAL_CELL
        self.cells[cell].scale = <int16_t> scale
        return 0

    cdef int put_float(self, int64_t cell, double value) except -1:
        cdef Bits bits
        bits.number = value
        self.cells[cell].kind = FLOAT_CELL
        self.cells[cell].value = bits.word
        return 0

    cdef int put_nested(self, int64_t cell, int64_t first, int64_t count) except -1:
        """Put children that were reserved before, side by side."""
        self.cells[cell].kind = NESTED_CELL
        self.cells[cell].value = first
        self.cells[cell].size = <int32_t> count
        return 0

    # What a change becomes: Debezium's rules on keys and tombstones, the same for every source ------------------------------------

    cdef int read(self, int32_t table, int64_t after, int64_t source) except -1:
        """Add a snapshot row."""
        return self.add_row(b"r", table, -1, after, after, -1, source)

    cdef int insert(self, int32_t table, int64_t after, int64_t source) except -1:
        """Add an insert."""
        return self.add_row(b"c", table, -1, after, after, -1, source)

    cdef int update(self, int32_t table, int64_t before, int64_t after, int64_t source) except -1:
        """Add an update; one that changes the key is a delete, a tombstone and a create. `before` is -1 where the log has none."""
        if before >= 0:
            self._complete(table, before, after)
            if not self.unchanged and self._same_row(table, before, after):
                return 0
            if not self.same_key(table, before, after):
                self.add_row(b"d", table, before, -1, before, after, source)
                if self.tombstones:
                    self.add_row(0, table, -1, -1, before, after, source)
                return self.add_row(b"c", table, -1, after, after, before, source)
        return self.add_row(b"u", table, before, after, after, -1, source)

    cdef int delete(self, int32_t table, int64_t before, int64_t source) except -1:
        """Add a delete and its tombstone."""
        self.add_row(b"d", table, before, -1, before, -1, source)
        if self.tombstones:
            self.add_row(0, table, -1, -1, before, -1, source)
        return 0

    cdef int truncate(self, int32_t table, int64_t source) except -1:
        """Add a truncate, which has no key."""
        return self.add_row(b"t", table, -1, -1, -1, -1, source)

    cdef int put_transaction(self, int64_t row, int64_t id_at, int32_t id_size, int64_t total, int64_t of_collection) except -1:
        """Give a row its place in the source transaction, whose id stands in the arena."""
        cdef int64_t first = self.reserve_cells(3)
        self.cells[first].kind = TEXT_CELL
        self.cells[first].value = id_at
        self.cells[first].size = id_size
        self.put_int(first + 1, total)
        self.put_int(first + 2, of_collection)
        self.rows[row].transaction = first
        return 0

    cdef bint same_key(self, int32_t table, int64_t one, int64_t other) except -1:
        for column in <tuple> self.key_columns[table]:
            if not self._same(&self.cells[one + <int> column], &self.cells[other + <int> column]):
                return False
        return True

    cdef bint _same_row(self, int32_t table, int64_t one, int64_t other) except -1:
        """Tell whether two row images are equal, in what the key alone shows too; what neither has did not change."""
        cdef int64_t at
        for at in range(len(self.tables[table].columns)):
            if not self._same(&self.cells[one + at], &self.cells[other + at]):
                return False
        return True

    cdef bint _same(self, const Cell *one, const Cell *other) noexcept:
        cdef uint8_t kind = one.kind
        if kind != other.kind:
            return False
        if kind <= UNAVAILABLE_CELL:
            return True
        if kind <= FLOAT_CELL:
            return one.value == other.value
        if kind == NESTED_CELL:
            return self._same_children(one, other)
        if one.size != other.size or (kind == DECIMAL_CELL and one.scale != other.scale):
            return False
        return memcmp(self.cell_data(one), self.cell_data(other), one.size) == 0

    cdef bint _same_children(self, const Cell *one, const Cell *other) noexcept:
        cdef int32_t at
        if one.size != other.size:
            return False
        for at in range(one.size):
            if not self._same(&self.cells[one.value + at], &self.cells[other.value + at]):
                return False
        return True

    cdef int _complete(self, int32_t table, int64_t before, int64_t after) except -1:
        """Fill values that the new image leaves out as unchanged, or does not repeat, where the old image carries them."""
        cdef int64_t at
        for at in range(len(self.tables[table].columns)):
            if self.cells[after + at].kind in (ABSENT_CELL, UNAVAILABLE_CELL) and self.cells[before + at].kind not in (
                    ABSENT_CELL, UNAVAILABLE_CELL):
                self.cells[after + at] = self.cells[before + at]
        return 0

    cdef int add_row(self, uint8_t op, int32_t table, int64_t before, int64_t after, int64_t key, int64_t other_key,
                     int64_t source) except -1:
        cdef int64_t capacity
        cdef Row *moved
        if self.row_count == self.row_capacity:
            capacity = self.row_capacity + (self.row_capacity >> 1) + 64
            moved = <Row *> PyMem_Realloc(self.rows, capacity * sizeof(Row))
            if moved == NULL:
                raise MemoryError
            self.rows = moved
            self.row_capacity = capacity
        self.rows[self.row_count] = Row(before, after, key, other_key, source, -1, table, op)
        self.row_count += 1
        return 0

    # For Python code -------------------------------------------------------------------------------------------------------------

    def add(self, str op, table, before, after, source):
        """Add a change from Python values: tuples in the order of the table's columns (None for no tuple) and source variables.

        The rules on keys and tombstones apply, so that one change may become several rows.
        """
        cdef int32_t index = self.use_table(table)
        cdef int64_t old = self._put_tuple(before), new = self._put_tuple(after), origin = self._put_tuple(source)
        if op == "r":
            self.read(index, new, origin)
        elif op == "c":
            self.insert(index, new, origin)
        elif op == "u":
            self.update(index, old, new, origin)
        elif op == "d":
            self.delete(index, old, origin)
        elif op == "t":
            self.truncate(index, origin)
        else:
            raise ValueError(f"no such operation: {op!r}; use r, c, u, d or t")

    def operations(self):
        """Return how many rows there are of each operation, by its letter."""
        cdef int64_t[256] counts
        cdef int64_t at
        memset(counts, 0, sizeof(counts))
        for at in range(self.row_count):
            counts[self.rows[at].op] += 1
        return {chr(op) if op else "": counts[op] for op in range(256) if counts[op]}

    def transaction_block(self, int64_t index):
        """Return a row's (id, total_order, data_collection_order) in its source transaction, or None where it is not numbered."""
        if not 0 <= index < self.row_count:
            raise IndexError(index)
        return self._tuple(self.rows[index].transaction, 3)

    def row(self, int64_t index):
        """Return a row as (op, table, before, after, key, other_key, source), with tuples of Python values; op is "" for a tombstone."""
        cdef Row *row
        if not 0 <= index < self.row_count:
            raise IndexError(index)
        row = &self.rows[index]
        table = self.tables[row.table]
        width, keys = len(table.columns), <tuple> self.key_columns[row.table]
        return (chr(row.op) if row.op else "", table, self._tuple(row.before, width), self._tuple(row.after, width),
                self._key(row.key, keys), self._key(row.other_key, keys),
                self._tuple(row.source, len(table.source_schema.fields) - len(table.source_constants)))

    cdef object _tuple(self, int64_t first, int64_t width):
        if first < 0:
            return None
        return tuple([self._value(&self.cells[first + at]) for at in range(width)])

    cdef object _key(self, int64_t first, tuple columns):
        if first < 0 or not columns:
            return None
        return tuple([self._value(&self.cells[first + <int> column]) for column in columns])

    cdef object _value(self, const Cell *cell):
        cdef Bits bits
        cdef uint8_t kind = cell.kind
        if kind == NULL_CELL:
            return None
        if kind == INT_CELL:
            return cell.value
        if kind == TEXT_CELL:
            return self.cell_data(cell)[: cell.size].decode("utf-8", "surrogateescape") if cell.size else ""
        if kind == BOOL_CELL:
            return cell.value != 0
        if kind == FLOAT_CELL:
            bits.word = cell.value
            return bits.number
        if kind == BYTES_CELL:
            return self.cell_data(cell)[: cell.size] if cell.size else b""
        if kind == DECIMAL_CELL:
            unscaled = int.from_bytes(self.cell_data(cell)[: cell.size], "big", signed=True)
            return EXACT.scaleb(decimal.Decimal(unscaled), -cell.scale)
        if kind == NESTED_CELL:
            return [self._value(&self.cells[cell.value + at]) for at in range(cell.size)]
        return UNAVAILABLE if kind == UNAVAILABLE_CELL else ABSENT

    cdef int64_t _put_tuple(self, object values) except -2:
        cdef int64_t first, at
        if values is None:
            return -1
        first = self.reserve_cells(len(values))
        for at, value in enumerate(values):
            self._put(first + at, value)
        return first

    cdef int _put(self, int64_t cell, object value) except -1:
        cdef bytes data
        if value is None:
            self.put_null(cell)
        elif value is UNAVAILABLE:
            self.put_unavailable(cell)
        elif value is ABSENT:
            self.cells[cell].kind = ABSENT_CELL
        elif isinstance(value, bool):
            self.put_bool(cell, value)
        elif isinstance(value, int):
            self.put_int(cell, value)
        elif isinstance(value, float):
            self.put_float(cell, value)
        elif isinstance(value, str):
            data = value.encode("utf-8", "surrogateescape")
            self.put_text(cell, data, len(data))
        elif isinstance(value, (bytes, bytearray, memoryview)):
            data = bytes(value)
            self.put_bytes(cell, data, len(data))
        elif isinstance(value, decimal.Decimal):
            self._put_decimal(cell, value)
        else:
            self.put_nested(cell, self._put_tuple(value), len(value))
        return 0

    cdef int _put_decimal(self, int64_t cell, object value) except -1:
        exponent = value.as_tuple().exponent
        if not isinstance(exponent, int):
            raise ValueError(f"{value} has no digits; a decimal cell holds finite numbers only")
        return self.put_big_decimal(cell, int(EXACT.scaleb(value, -exponent)), -exponent)
