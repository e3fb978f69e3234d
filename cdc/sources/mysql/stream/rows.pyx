"""The decoder of the binlog's row events: WRITE, UPDATE and DELETE of versions 1 and 2, and PARTIAL_UPDATE.

Formats: the server's documentation of its source, `Rows_event` and `Table_map_event`; for partial updates its `rpl_record.cc`. It does no I/O:
whole events without checksum go in, rows of a `ChangeBatch` come out.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.string cimport memcmp

from cdc.model.batch cimport ABSENT_CELL, NULL_CELL, ChangeBatch
from cdc.sources.columns.row cimport RowPlan
from cdc.sources.mysql.binlog.reading cimport View, cut_off, need, read_length, read_number
from cdc.sources.mysql.binlog.row_image cimport RowImage
from cdc.sources.mysql.schema.source_info cimport SourceInfo

from cdc.errors import DecodeError
from cdc.sources.mysql.values.partial_json import patched

cdef enum:
    HEADER = 19          # bytes in front of each event
    TYPE_AT = 4          # in the header
    NUMBER = 6           # bytes of a table's number
    NAMES_AT = 27        # where the part of TABLE_MAP begins that is the same each time
    NO_TABLE = 0xFFFFFF  # the number in an event that only ends a statement
    STATEMENT_END = 1    # flag of the last row event of a statement
    PARTIAL_JSON = 1     # value option
    DOCUMENT_TEXT = 0xFF  # partial_json.PATCHED

cdef enum:
    WRITE_V1 = 23
    UPDATE_V1 = 24
    DELETE_V1 = 25
    WRITE = 30
    UPDATE = 31
    DELETE = 32
    PARTIAL_UPDATE = 39

cdef dict OPERATIONS = {WRITE_V1: "c", WRITE: "c", UPDATE_V1: "u", UPDATE: "u", PARTIAL_UPDATE: "u", DELETE_V1: "d", DELETE: "d"}


cdef inline bint has_bit(const View *view, Py_ssize_t at, Py_ssize_t bit) noexcept:
    return view.data[at + (bit >> 3)] >> (bit & 7) & 1


cdef inline bint is_endless(const unsigned char *data, Py_ssize_t size) noexcept:
    """Tell whether a TIMESTAMP(6) is the last one that there is, of 31 bits or, since MariaDB 11.5, of 32."""
    return size == 7 and memcmp(data + 1, b"\xff\xff\xff\x0f\x42\x3f", 6) == 0 and (data[0] == 0x7f or data[0] == 0xff)


cdef class BoundTable:
    """How the rows behind a TABLE_MAP are decoded: `map` is the `TableMap`, `plan` has a decoder for each of its columns.

    `row_end` is the index of the column that says until when a row of a table with system versioning held, -1 without one.
    """

    def __init__(self, map, RowPlan plan not None, Py_ssize_t row_end=-1):
        if len(map.columns) != len(plan.targets):
            raise DecodeError(f"{map.id} has {len(map.columns)} columns in the binlog, and {len(plan.targets)} in its definition")
        self.map = map
        self.plan = plan
        self.row_end = row_end
        self.image = RowImage(map.columns)


cdef class RowsDecoder:
    """Decodes row events into batches, one event at a time and a part of its rows at a time.

    Each TABLE_MAP goes to `take_map`; one that is new is kept in `unresolved` until `bind` has said what becomes of its rows. Each row
    event goes to `begin`, then to `feed` until that says that its rows have all been taken. `row` is the number of the next row in its event, from 0
    on; `skip` passes over rows that were published before. `operation` is that of the event: c, u or d.

    A column that the image of a row leaves out (`binlog_row_image` MINIMAL or NOBLOB) gets an absent cell; one that an update leaves out
    of its new image has not changed, so it takes its value from the old image where that has it.

    Of a table with system versioning the rows of the past are left out, and one that becomes such is deleted: what is published is what a SELECT
    shows. `skipped` holds the operations that are left out for such tables, where an event's own does not tell them.
    """

    def __init__(self, str skipped=""):
        self.skipped = skipped
        self.bound = {}
        self.numbered = {}

    cpdef bint take_map(self, bytes event) except -1:
        """Note whose rows follow; return whether it is known. If not, `unresolved` is the event, and `bind` must be called."""
        if len(event) < NAMES_AT:
            raise DecodeError("a TABLE_MAP ends in its header", event, len(event))
        names = event[NAMES_AT:]
        if names not in self.bound:
            self.unresolved = event
            return False
        self.numbered[event[HEADER : HEADER + NUMBER]] = self.bound[names]
        return True

    def bind(self, BoundTable table):
        """Say how the rows behind the `unresolved` TABLE_MAP are decoded, and those behind all like it; with None they are passed over."""
        event = self.unresolved
        self.unresolved = None
        self.bound[event[NAMES_AT:]] = table
        self.take_map(event)

    def forget(self):
        """Forget what was bound, because definitions have changed."""
        self.bound.clear()
        self.numbered.clear()

    cpdef BoundTable begin(self, bytes event):
        """Open a row event and return the table of its rows; None if they are passed over, and the event is not open then.

        Raises DecodeError for an event that has no TABLE_MAP in front of it, or does not fit that.
        """
        if len(event) < HEADER + NUMBER + 2:
            raise DecodeError("a row event ends in its header", event, len(event))
        number = event[HEADER : HEADER + NUMBER]
        if number not in self.numbered:
            if int.from_bytes(number, "little") == NO_TABLE:
                return None
            raise DecodeError(f"rows of table number {int.from_bytes(number, 'little')} have no TABLE_MAP before them", event, HEADER)
        self.table = self.numbered[number]
        if self.table is None:
            return None
        self.event = event
        self.view = View(<const unsigned char *> <const char *> event, HEADER + NUMBER, len(event))
        self.row = 0
        self._header()
        self.open = True
        return self.table

    cdef int _header(self) except -1:
        cdef View *view = &self.view
        cdef uint64_t columns
        self.kind = view.data[TYPE_AT]
        if self.kind not in OPERATIONS:
            raise DecodeError(f"an event of type {self.kind} has no rows", self.event, TYPE_AT)
        self.operation = OPERATIONS[self.kind]
        self.ends_statement = read_number(view, 2, "the flags of a row event") & STATEMENT_END
        if self.kind >= WRITE:
            extra = read_number(view, 2, "the size of extra data")
            if extra < 2:
                raise DecodeError(f"a row event has {extra} bytes of extra data, and their size alone takes 2", self.event, view.at)
            need(view, extra - 2, "extra data")
            view.at += extra - 2
        columns = read_length(view)
        if columns != <uint64_t> self.table.image.count:
            raise DecodeError(f"a row event of {self.table.map.id} has {columns} columns, its TABLE_MAP {self.table.image.count}",
                              self.event, view.at)
        self._present(&self.first)
        self.second = self.first
        if self.operation == "u":
            self._present(&self.second)
        return 0

    cdef int _present(self, Present *present) except -1:
        """Read which columns an image has."""
        cdef Py_ssize_t column
        need(&self.view, (self.table.image.count + 7) >> 3, "the columns of a row event")
        present.at = self.view.at
        present.count = 0
        for column in range(self.table.image.count):
            present.count += has_bit(&self.view, present.at, column)
        self.view.at += (self.table.image.count + 7) >> 3
        return 0

    cdef bint _more(self) noexcept:
        """Tell whether a row follows. An image without columns takes no bytes, and then there is one row."""
        return self.view.at < self.view.size or self.row == 0

    cdef int _close(self) except -1:
        self.open = False
        self.event = None
        self.documents = None
        if self.ends_statement:
            self.numbered.clear()
        return 0

    cpdef bint feed(self, ChangeBatch batch, SourceInfo info, Py_ssize_t max_rows, Py_ssize_t max_size) except -1:
        """Decode rows of the open event until there are no more, and return True; or False when the batch holds `max_rows` rows or `max_size` bytes.

        Raises DecodeError for bytes that do not follow the protocol and ConversionError under the policy `fail`.
        """
        if not self.open:
            raise ValueError("no row event is open; call begin first")
        info.share(batch)
        while self._more():
            if batch.row_count + len(batch.asides) >= max_rows or batch.arena.size + batch.aside_size >= max_size:
                return False
            self._row(batch, info)
        self._close()
        return True

    cpdef bint skip(self, int64_t rows) except -1:
        """Pass over so many rows of the open event; return whether it has more. The event is not open any more if not."""
        cdef int64_t end = self.row + rows
        cdef Py_ssize_t begin
        if not self.open:
            raise ValueError("no row event is open; call begin first")
        while self.row < end and self._more():
            begin = self.view.at
            self._pass(&self.first)
            if self.operation == "u":
                if self.kind == PARTIAL_UPDATE:
                    self._partial()
                self._pass(&self.second)
            self._check_moved(begin)
            self.row += 1
        if self._more():
            return True
        self._close()
        return False

    cdef int _row(self, ChangeBatch batch, SourceInfo info) except -1:
        cdef Py_ssize_t begin = self.view.at
        cdef int64_t one, other = -1, source
        cdef int32_t table
        cdef bint was_past
        cdef str operation
        self.documents = [None] * self.table.image.count if self.kind == PARTIAL_UPDATE else None
        self.past = False
        one = self._image(&self.first, -1, batch)
        was_past = self.past
        self.past = False
        if self.operation == "u":
            other = self._image(&self.second, self._partial() if self.kind == PARTIAL_UPDATE else -1, batch)
        self._check_moved(begin)
        operation = self.operation if self.table.row_end < 0 else self._change(was_past, self.past)
        if operation is None:
            self.row += 1
            return 0
        # The rows say under which definition they were written, so the table comes last.
        table = batch.use_table(self.table.plan.table)
        source = info.put(batch, self.row)
        batch.boundary = False
        if operation == "c":
            batch.insert(table, one if other < 0 else other, source)
        elif operation == "u":
            batch.update(table, one, other, source)
        else:
            batch.delete(table, one, source)
        self.row += 1
        return 0

    cdef int _check_moved(self, Py_ssize_t begin) except -1:
        """Make sure that a row took bytes, if there are any: else rows would have no end."""
        if self.view.at == begin and self.view.at < self.view.size:
            raise DecodeError("a row event has bytes, and none of its columns is in it", self.event, begin)
        return 0

    cdef str _change(self, bint was_past, bint is_past):
        """Return what a row event does to the present rows of a table with system versioning; None for nothing that is published."""
        cdef str found
        if self.operation != "u":
            found = None if was_past else self.operation
        elif was_past:
            found = None if is_past else "c"
        else:
            found = "d" if is_past else "u"
        return None if found is None or found in self.skipped else found

    cdef Py_ssize_t _partial(self) except -2:
        """Read which JSON columns of the new image that follows are partial: where their bits begin, -1 if there are none."""
        cdef Py_ssize_t at
        if not read_length(&self.view) & PARTIAL_JSON:
            return -1
        at = self.view.at
        need(&self.view, (self.table.image.json_count + 7) >> 3, "the bits of partial columns")
        self.view.at += (self.table.image.json_count + 7) >> 3
        return at

    cdef int64_t _image(self, const Present *present, Py_ssize_t partial, ChangeBatch batch) except -1:
        """Decode the image of a row and return its first cell. The bits of nulls are those of the columns that it has."""
        cdef View *view = &self.view
        cdef RowImage image = self.table.image
        cdef RowPlan plan = self.table.plan
        cdef int64_t first = plan.begin(batch)
        cdef Py_ssize_t column, nulls = view.at, place = 0, document = 0, size = 0
        cdef const unsigned char *data
        cdef bint is_partial
        need(view, (present.count + 7) >> 3, "the nulls of a row")
        view.at += (present.count + 7) >> 3
        for column in range(image.count):
            is_partial = False
            if partial >= 0 and image.is_json[column]:
                # Columns that the image does not have count too.
                is_partial = has_bit(view, partial, document)
                document += 1
            if not has_bit(view, present.at, column):
                plan.put_missing(column, ABSENT_CELL, batch, first)
                continue
            if has_bit(view, nulls, place):
                plan.put_missing(column, NULL_CELL, batch, first)
            else:
                data = image.value(column, view, &size)
                if column == self.table.row_end:
                    self.past = not is_endless(data, size)
                if image.is_json[column]:
                    self._document(column, data, size, is_partial, batch, first)
                else:
                    plan.put(column, <const char *> data, size, batch, first)
            place += 1
        return first

    cdef int _document(self, Py_ssize_t column, const unsigned char *data, Py_ssize_t size, bint partial, ChangeBatch batch,
                       int64_t first) except -1:
        """Put a JSON document. Of one that is partial, the old image must have had the whole; otherwise it is as absent as the old one."""
        cdef RowPlan plan = self.table.plan
        cdef bytes whole
        if partial:
            before = self.documents[column]
            if before is None:
                return plan.put_missing(column, ABSENT_CELL, batch, first)
            whole = patched(before, data[:size])
            return plan.put(column, whole, len(whole), batch, first)
        if size and data[0] == DOCUMENT_TEXT:
            raise DecodeError(f"a JSON document is of the unknown type {DOCUMENT_TEXT}", data[:size], 0)
        if self.documents is not None:
            self.documents[column] = data[:size]
        return plan.put(column, <const char *> data, size, batch, first)

    cdef int _pass(self, const Present *present) except -1:
        """Pass over the image of a row."""
        cdef View *view = &self.view
        cdef RowImage image = self.table.image
        cdef Py_ssize_t column, nulls = view.at, place = 0, size = 0
        need(view, (present.count + 7) >> 3, "the nulls of a row")
        view.at += (present.count + 7) >> 3
        for column in range(image.count):
            if has_bit(view, present.at, column):
                if not has_bit(view, nulls, place):
                    image.value(column, view, &size)
                place += 1
        return 0
