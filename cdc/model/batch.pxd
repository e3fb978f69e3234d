"""The batch of changes that decoders write and encoders read."""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t

from cdc.model.buffer cimport Buffer

cdef enum CellKind:
    NULL_CELL = 0         # SQL NULL
    ABSENT_CELL = 1       # the row image does not carry this column
    UNAVAILABLE_CELL = 2  # unchanged and stored elsewhere: the log does not repeat the value
    BOOL_CELL = 3         # value: 0 or 1
    INT_CELL = 4          # value
    FLOAT_CELL = 5        # value: the bits of a double
    TEXT_CELL = 6         # value, size: UTF-8 in the arena
    BYTES_CELL = 7        # value, size: bytes in the arena
    DECIMAL_CELL = 8      # value, size: unscaled, big-endian two's complement in the arena; scale
    NESTED_CELL = 9       # value, size: first child cell and their number (array elements, struct fields)

cdef struct Cell:
    int64_t value
    int32_t size
    int16_t scale
    uint8_t kind

# A row of the batch becomes one record. `op` is the envelope's letter, or 0 for a tombstone. Tuples are given by their first
# cell, -1 where there is none; `key` is the tuple that the record key is read from, `other_key` the one on the far side of a key
# change (the header __debezium.newkey of a delete, __debezium.oldkey of a create). `transaction` is the first of the three cells
# of the transaction block: id, total_order, data_collection_order.
cdef struct Row:
    int64_t before
    int64_t after
    int64_t key
    int64_t other_key
    int64_t source
    int64_t transaction
    int32_t table
    uint8_t op


cdef class ChangeBatch:
    cdef readonly list tables
    cdef readonly list transactions
    cdef readonly list problems
    cdef readonly list asides
    cdef readonly list history
    cdef public object position
    cdef public bint boundary
    cdef public bint tombstones
    cdef public bint unchanged
    cdef public int64_t stamp_ns
    cdef public int64_t continues
    cdef readonly int64_t aside_size
    cdef Buffer arena
    cdef Cell *cells
    cdef int64_t cell_count
    cdef int64_t cell_capacity
    cdef Row *rows
    cdef int64_t row_count
    cdef int64_t row_capacity
    cdef dict table_index
    cdef list key_columns

    cdef int32_t use_table(self, object table) except -1
    cdef int64_t reserve_cells(self, int64_t count) except -1
    cdef int put_text(self, int64_t cell, const char *data, Py_ssize_t size) except -1
    cdef int put_bytes(self, int64_t cell, const char *data, Py_ssize_t size) except -1
    cdef int put_decimal(self, int64_t cell, int64_t unscaled, int scale) except -1
    cdef int put_big_decimal(self, int64_t cell, object unscaled, int scale) except -1
    cdef int put_float(self, int64_t cell, double value) except -1
    cdef int put_nested(self, int64_t cell, int64_t first, int64_t count) except -1
    cdef int read(self, int32_t table, int64_t after, int64_t source) except -1
    cdef int insert(self, int32_t table, int64_t after, int64_t source) except -1
    cdef int update(self, int32_t table, int64_t before, int64_t after, int64_t source) except -1
    cdef int delete(self, int32_t table, int64_t before, int64_t source) except -1
    cdef int truncate(self, int32_t table, int64_t source) except -1
    cdef int put_transaction(self, int64_t row, int64_t id_at, int32_t id_size, int64_t total, int64_t of_collection) except -1
    cdef bint same_key(self, int32_t table, int64_t one, int64_t other) except -1
    cdef int add_row(self, uint8_t op, int32_t table, int64_t before, int64_t after, int64_t key, int64_t other_key,
                     int64_t source) except -1

    cdef bint _same_row(self, int32_t table, int64_t one, int64_t other) except -1
    cdef bint _same(self, const Cell *one, const Cell *other) noexcept
    cdef bint _same_children(self, const Cell *one, const Cell *other) noexcept
    cdef int _complete(self, int32_t table, int64_t before, int64_t after) except -1
    cdef object _tuple(self, int64_t first, int64_t width)
    cdef object _key(self, int64_t first, tuple columns)
    cdef object _value(self, const Cell *cell)
    cdef int64_t _put_tuple(self, object values) except -2
    cdef int _put(self, int64_t cell, object value) except -1
    cdef int _put_decimal(self, int64_t cell, object value) except -1

    cdef inline void put_null(self, int64_t cell) noexcept:
        self.cells[cell].kind = NULL_CELL

    cdef inline void put_unavailable(self, int64_t cell) noexcept:
        self.cells[cell].kind = UNAVAILABLE_CELL

    cdef inline void put_bool(self, int64_t cell, bint value) noexcept:
        self.cells[cell].kind = BOOL_CELL
        self.cells[cell].value = value

    cdef inline void put_int(self, int64_t cell, int64_t value) noexcept:
        self.cells[cell].kind = INT_CELL
        self.cells[cell].value = value

    cdef inline int put_text_here(self, int64_t cell, Py_ssize_t start) except -1:
        """Make the end of the arena, from `start` on, the cell's text."""
        if self.arena.size - start > 0x7FFFFFFF:
            raise OverflowError(f"a value of {self.arena.size - start} bytes is beyond the 2 GiB that a cell can hold")
        self.cells[cell].kind = TEXT_CELL
        self.cells[cell].value = start
        self.cells[cell].size = <int32_t> (self.arena.size - start)
        return 0

    cdef inline const char *cell_data(self, const Cell *cell) noexcept:
        return self.arena.data + cell.value
