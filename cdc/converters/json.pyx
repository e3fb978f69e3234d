"""Changes to records in JSON, byte for byte as Kafka Connect's JsonConverter writes Debezium's envelope.

What is the same for every row of a table version (schemas, field names, constants of the source block) is rendered once; a row
then costs copies and the text of its cells.
"""

from libc.stdint cimport int32_t, int64_t
from libc.string cimport memcpy

from cdc.converters.json_writers cimport Members, members
from cdc.model.batch cimport ABSENT_CELL, ChangeBatch, Row
from cdc.model.buffer cimport Buffer
from cdc.model.records cimport Record, RecordBatch

from weakref import WeakKeyDictionary

from cdc.converters.header import names_text, struct_text
from cdc.converters.json_schema import schema_json
from cdc.converters.missing import ABSENT_AFTER, ABSENT_BEFORE
from cdc.errors import ConversionError
from cdc.model.schema import Field
from cdc.model.table import TRANSACTION_BLOCK

cdef enum:
    LARGEST = 0x7FFFFFFF  # bytes of a key or value, as Kafka's record format counts them

cdef str NEW_KEY = "__debezium.newkey"
cdef str OLD_KEY = "__debezium.oldkey"


cdef class JsonConverter:
    """Encodes changes as JSON (see `Converter`).

    `key` and `value` are the settings of Connect's key and value converter. `headers` go on every record. `unavailable` are the bytes
    that stand for a value which the log does not repeat (`unavailable.value.placeholder`).
    """

    def __init__(self, key, value, tuple headers, bytes unavailable):
        self.key_settings = key
        self.value_settings = value
        self.headers = headers
        self.unavailable = unavailable
        self.plans = WeakKeyDictionary()

    def convert(self, ChangeBatch batch):
        """Encode every row's key, value and own header."""
        return self.convert_rows(batch, 0, batch.row_count)

    def convert_rows(self, ChangeBatch batch, int64_t start, int64_t stop):
        """Encode the rows from `start` up to `stop`; raises IndexError for rows that the batch does not have."""
        cdef RecordBatch records = RecordBatch()
        cdef list plans = [self.plan(table) for table in batch.tables]
        cdef list topics = [records.use_topic((<TablePlan> plan).topic) for plan in plans]
        cdef bytes stamps = _stamps(batch.stamp_ns)
        cdef const Row *row
        cdef int64_t at
        for plan in plans:
            (<TablePlan> plan).source_of = -1
        if not 0 <= start <= stop <= batch.row_count:
            raise IndexError(f"rows {start} to {stop} of {batch.row_count}")
        records.data.reserve(self.usual)
        for at in range(start, stop):
            row = &batch.rows[at]
            self.write_row(plans[row.table], batch, row, stamps, topics[row.table], records)
        self.usual = records.data.size
        records.headers = self.headers
        records.timestamp_ms = batch.stamp_ns // 1_000_000
        return records

    cdef int write_row(self, TablePlan plan, ChangeBatch batch, const Row *row, bytes stamps, int32_t topic, RecordBatch records) except -1:
        cdef Record *record = records.add_record(topic)
        if row.key >= 0 and plan.key is not None:
            plan.write_key(batch, row.key, record, records.data)
            if row.other_key >= 0:
                self.write_header(plan, batch, row, record, records)
        if row.op:
            plan.write_value(batch, row, stamps, record, records.data)
        if plan.marks_absent:
            self.mark_absent(plan, batch, row, record, records)
        return 0

    cdef int write_header(self, TablePlan plan, ChangeBatch batch, const Row *row, Record *record, RecordBatch records) except -1:
        return records.add_header(record, OLD_KEY if row.op == b"c" else NEW_KEY, plan.other_key(batch, row.other_key))

    cdef int mark_absent(self, TablePlan plan, ChangeBatch batch, const Row *row, Record *record, RecordBatch records) except -1:
        """Name the columns that the row images leave out."""
        for name, first in ((ABSENT_BEFORE, row.before), (ABSENT_AFTER, row.after)):
            columns = plan.absent(batch, first)
            if columns:
                records.add_header(record, name, names_text(columns))
        return 0

    cdef TablePlan plan(self, object table):
        plan = self.plans.get(table)
        if plan is None:
            plan = self.plans[table] = TablePlan(table, self.key_settings, self.value_settings, self.unavailable)
        return plan


cdef class TablePlan:
    """How the rows of one table version become JSON."""

    def __init__(self, table, key_settings, value_settings, bytes unavailable):
        columns = [Field(column.name, column.schema) for column in table.columns]
        where, source = str(table.id), table.source_schema
        self.topic = table.topic
        self.key_columns = tuple(table.key)
        self.key_fields = tuple([columns[at] for at in table.key])
        if self.key_columns:
            self.key = members(self.key_fields, self.key_columns, {}, where, key_settings, None)
            self.key_lead, self.key_tail = _wrapping(table.key_schema(), key_settings)
        shown = len(table.row_columns)
        self.row = members(columns[:shown], range(shown), {}, where, value_settings, unavailable)
        self.row_names = tuple([column.name for column in columns[:shown]])
        self.marks_absent = table.marks_absent
        if self.marks_absent:
            self.row.show_absent_as_unavailable()
        self.source = members(source.fields, range(len(source.fields)), table.source_constants, f"the source block of {where}",
                              value_settings, unavailable)
        self.transaction = members(TRANSACTION_BLOCK.fields, range(3), {}, "the transaction block", value_settings, None)
        self.value_lead, self.value_tail = _wrapping(table.envelope_schema(), value_settings)

    cdef int write_key(self, ChangeBatch batch, int64_t first, Record *record, Buffer out) except -1:
        record.key = out.size
        out.write_bytes(self.key_lead)
        self.key.write(batch, first, out)
        out.write_bytes(self.key_tail)
        record.key_size = self.length(out, record.key)
        return 0

    cdef int write_value(self, ChangeBatch batch, const Row *row, bytes stamps, Record *record, Buffer out) except -1:
        record.value = out.size
        out.write_bytes(self.value_lead)
        out.write(b'{"before":', 10)
        self.write_row(batch, row.before, out)
        out.write(b',"after":', 9)
        self.write_row(batch, row.after, out)
        out.write(b',"source":', 10)
        self.write_source(batch, row.source, out)
        if row.transaction < 0:
            out.write(b',"transaction":null,"op":"', 26)
        else:
            out.write(b',"transaction":', 15)
            self.transaction.write(batch, row.transaction, out)
            out.write(b',"op":"', 7)
        out.write_byte(<char> row.op)
        out.write_bytes(stamps)
        out.write_bytes(self.value_tail)
        record.value_size = self.length(out, record.value)
        return 0

    cdef int write_row(self, ChangeBatch batch, int64_t first, Buffer out) except -1:
        if first < 0:
            return out.write(b"null", 4)
        return self.row.write(batch, first, out)

    cdef int write_source(self, ChangeBatch batch, int64_t first, Buffer out) except -1:
        """Write the source block; the rows of a snapshot share one, which is copied from the row before."""
        cdef Py_ssize_t start = out.size
        if first != self.source_of:
            self.source.write(batch, first, out)
            self.source_of, self.source_at, self.source_size = first, start, out.size - start
            return 0
        out.reserve(self.source_size)
        memcpy(out.data + start, out.data + self.source_at, self.source_size)
        out.size += self.source_size
        return 0

    cdef list absent(self, ChangeBatch batch, int64_t first):
        """Return the names of the columns that a row image leaves out, None where there are none."""
        cdef int64_t at
        cdef list found = None
        if first < 0:
            return None
        for at in range(len(self.row_names)):
            if batch.cells[first + at].kind == ABSENT_CELL:
                found = found or []
                found.append(self.row_names[at])
        return found

    cdef bytes other_key(self, ChangeBatch batch, int64_t first):
        """Return the key on the far side of a key change, as a header value."""
        try:
            return struct_text(self.key_fields, batch._key(first, self.key_columns))
        except ValueError as error:
            raise ConversionError(
                f"the key that a row of {self.topic} had before or has after its change cannot be written: {error}",
                "Set REPLICA IDENTITY FULL on the table, or choose another key.",
            ) from error

    cdef int32_t length(self, Buffer out, int64_t start) except -1:
        """Return the length of what was written from `start` on."""
        cdef int64_t written = out.size - start
        if written > LARGEST:
            raise ConversionError(
                f"a record for {self.topic} takes {written} bytes, and Kafka's format ends at {LARGEST}",
                "Exclude the large column with column.exclude.list, or cut it with column.truncate.to.N.chars.",
            )
        return <int32_t> written


def _wrapping(schema, settings):
    """Return what stands before and behind a payload."""
    if not settings.schemas_enable:
        return b"", b""
    return b'{"schema":' + schema_json(schema, settings) + b',"payload":', b"}"


def _stamps(int64_t ns):
    """Return the end of an envelope, from the operation's closing quote on: when the change was read, in three units."""
    return b'","ts_ms":%d,"ts_us":%d,"ts_ns":%d}' % (ns // 1_000_000, ns // 1_000, ns)
