"""Writers of cells as JSON, one for each kind of schema, put together once for each table version.

They follow `org.apache.kafka.connect.json.JsonConverter.convertToJson`. What stands for a value that is not there is rendered when the
writer is made.
"""

from libc.stdint cimport int64_t, uint8_t

from cdc.converters.json_text cimport write_base64, write_float32, write_float64, write_integer, write_string
from cdc.model.batch cimport (
    ABSENT_CELL, BOOL_CELL, BYTES_CELL, DECIMAL_CELL, FLOAT_CELL, INT_CELL, NESTED_CELL, NULL_CELL, TEXT_CELL, Cell, ChangeBatch,
)
from cdc.model.buffer cimport Buffer

from cdc.config import DecimalFormat
from cdc.converters.decimals import decimal_text, rescaled, unscaled_bytes
from cdc.converters.missing import DECIMAL, VARIABLE_SCALE_DECIMAL, absent_value, unavailable_value
from cdc.errors import ConversionError
from cdc.model.schema import ConnectType, Decimal

cdef union Bits:
    double number
    int64_t word

cdef tuple KIND_WORDS = (
    "a null", "an absent value", "an unavailable value", "a boolean", "an integer", "a floating point number", "a text", "bytes",
    "a decimal", "a nested value",
)


cdef class Writer:
    """Writes the cells of one column, array, map or struct member; `where` names it in errors."""

    def __init__(self, str where):
        self.where = where
        self.null_text = b"null"

    cdef int write_value(self, ChangeBatch batch, const Cell *cell, Buffer out) except -1:
        raise NotImplementedError

    cdef int write_missing(self, uint8_t kind, Buffer out) except -1:
        """Write what stands for a null, absent or unavailable value."""
        cdef bytes text = self.unavailable_text
        if kind == NULL_CELL:
            text = self.null_text
        elif kind == ABSENT_CELL:
            text = self.absent_text
        if text is None:
            raise ConversionError(
                f"the log does not carry {self.where}, which belongs to the record key",
                "Set REPLICA IDENTITY FULL on the table, or choose a key that its replica identity covers.",
            )
        return out.write_bytes(text)

    cdef object refusal(self, const Cell *cell):
        """Return the error for a cell that the schema cannot carry, or that points outside its batch."""
        word = KIND_WORDS[cell.kind] if cell.kind < len(KIND_WORDS) else f"a cell of kind {cell.kind}"
        return ConversionError(
            f"{self.where} holds {word} of size {cell.size}, which its schema cannot carry",
            "Report it with this message: the decoder and the schema of the column disagree.",
        )


cdef class BooleanWriter(Writer):
    cdef int write_value(self, ChangeBatch batch, const Cell *cell, Buffer out) except -1:
        if cell.kind != BOOL_CELL:
            raise self.refusal(cell)
        return out.write(b"true", 4) if cell.value else out.write(b"false", 5)


cdef class IntegerWriter(Writer):
    cdef int write_value(self, ChangeBatch batch, const Cell *cell, Buffer out) except -1:
        if cell.kind != INT_CELL:
            raise self.refusal(cell)
        return write_integer(out, cell.value)


cdef class FloatWriter(Writer):
    cdef bint single

    def __init__(self, str where, bint single):
        super().__init__(where)
        self.single = single

    cdef int write_value(self, ChangeBatch batch, const Cell *cell, Buffer out) except -1:
        cdef Bits bits
        bits.word = cell.value
        if cell.kind != FLOAT_CELL:
            raise self.refusal(cell)
        return write_float32(out, <float> bits.number) if self.single else write_float64(out, bits.number)


cdef class StringWriter(Writer):
    cdef int write_value(self, ChangeBatch batch, const Cell *cell, Buffer out) except -1:
        cdef Py_ssize_t bad
        if cell.kind != TEXT_CELL or not _inside(batch, cell):
            raise self.refusal(cell)
        bad = write_string(out, batch.cell_data(cell), cell.size)
        if bad >= 0:
            window = batch.cell_data(cell)[bad : min(bad + 4, cell.size)]
            raise ConversionError(
                f"{self.where} holds a text that is not UTF-8: bytes {window.hex(' ')} at offset {bad}",
                "Correct the value in the database, or exclude the column with column.exclude.list.",
            )
        return 0


cdef class BytesWriter(Writer):
    cdef int write_value(self, ChangeBatch batch, const Cell *cell, Buffer out) except -1:
        if cell.kind != BYTES_CELL or not _inside(batch, cell):
            raise self.refusal(cell)
        return write_base64(out, batch.cell_data(cell), cell.size)


cdef class DecimalWriter(Writer):
    """Connect's Decimal: the scale is the schema's, so the value carries the unscaled number alone."""

    cdef int scale
    cdef bint numeric

    def __init__(self, str where, int scale, bint numeric):
        super().__init__(where)
        self.scale = scale
        self.numeric = numeric

    cdef int write_value(self, ChangeBatch batch, const Cell *cell, Buffer out) except -1:
        if cell.kind != DECIMAL_CELL or not _inside(batch, cell):
            raise self.refusal(cell)
        if cell.scale == self.scale and not self.numeric:
            return write_base64(out, batch.cell_data(cell), cell.size)
        return self.write_number(int.from_bytes(batch.cell_data(cell)[: cell.size], "big", signed=True), cell.scale, out)

    cdef int write_number(self, object unscaled, int scale, Buffer out) except -1:
        cdef bytes text
        try:
            number = rescaled(unscaled, scale, self.scale)
        except ValueError as error:
            raise ConversionError(
                f"{self.where}: {error}", "Use decimal.handling.mode=string, or widen the column's scale."
            ) from error
        if self.numeric:
            return out.write_bytes(decimal_text(number, self.scale).encode())
        text = unscaled_bytes(number)
        return write_base64(out, text, len(text))


cdef class VariableScaleDecimalWriter(Writer):
    """Debezium's struct of a scale and an unscaled value, from one decimal cell."""

    cdef int write_value(self, ChangeBatch batch, const Cell *cell, Buffer out) except -1:
        if cell.kind != DECIMAL_CELL or not _inside(batch, cell):
            raise self.refusal(cell)
        out.write(b'{"scale":', 9)
        write_integer(out, cell.scale)
        out.write(b',"value":', 9)
        write_base64(out, batch.cell_data(cell), cell.size)
        return out.write_byte(b"}")


cdef class ArrayWriter(Writer):
    cdef Writer items

    def __init__(self, str where, Writer items):
        super().__init__(where)
        self.items = items

    cdef int write_value(self, ChangeBatch batch, const Cell *cell, Buffer out) except -1:
        cdef int64_t at
        if cell.kind != NESTED_CELL or not _inside(batch, cell):
            raise self.refusal(cell)
        out.write_byte(b"[")
        for at in range(cell.size):
            if at:
                out.write_byte(b",")
            self.items.write(batch, &batch.cells[cell.value + at], out)
        return out.write_byte(b"]")


cdef class MapWriter(Writer):
    """A map, whose children are keys and values in turn: an object where the keys are strings, else an array of pairs."""

    cdef Writer keys
    cdef Writer values
    cdef bint as_object

    def __init__(self, str where, Writer keys, Writer values, bint as_object):
        super().__init__(where)
        self.keys = keys
        self.values = values
        self.as_object = as_object

    cdef int write_value(self, ChangeBatch batch, const Cell *cell, Buffer out) except -1:
        cdef int64_t at
        if cell.kind != NESTED_CELL or cell.size % 2 or not _inside(batch, cell):
            raise self.refusal(cell)
        out.write_byte(b"{" if self.as_object else b"[")
        for at in range(0, cell.size, 2):
            if at:
                out.write_byte(b",")
            self.write_entry(batch, &batch.cells[cell.value + at], out)
        return out.write_byte(b"}" if self.as_object else b"]")

    cdef int write_entry(self, ChangeBatch batch, const Cell *entry, Buffer out) except -1:
        if self.as_object:
            self.keys.write_value(batch, entry, out)
            out.write_byte(b":")
            return self.values.write(batch, entry + 1, out)
        out.write_byte(b"[")
        self.keys.write(batch, entry, out)
        out.write_byte(b",")
        self.values.write(batch, entry + 1, out)
        return out.write_byte(b"]")


cdef class StructWriter(Writer):
    cdef Members content

    def __init__(self, str where, Members content):
        super().__init__(where)
        self.content = content

    cdef int write_value(self, ChangeBatch batch, const Cell *cell, Buffer out) except -1:
        if cell.kind != NESTED_CELL or cell.size != self.content.width or not _inside(batch, cell):
            raise self.refusal(cell)
        return self.content.write(batch, cell.value, out)


cdef class Member:
    """A member of a JSON object: the text up to its value, the place of its cell among its siblings, and the value's writer."""

    def __init__(self, bytes lead, int64_t offset, Writer writer):
        self.lead = lead
        self.offset = offset
        self.writer = writer


cdef class Members:
    """A JSON object, written from cells that stand side by side."""

    def __init__(self, tuple members, bytes tail):
        self.members = members
        self.tail = tail
        self.width = max([(<Member> member).offset + 1 for member in members], default=0)

    cdef int write(self, ChangeBatch batch, int64_t first, Buffer out) except -1:
        cdef Member member
        if self.width and (first < 0 or first + self.width > batch.cell_count):
            raise ConversionError(
                f"a row has its cells from {first} to {first + self.width}, and its batch has {batch.cell_count}",
                "Report it with this message: the decoder wrote fewer columns than the table has.",
            )
        for member in self.members:
            out.write_bytes(member.lead)
            member.writer.write(batch, &batch.cells[first + member.offset], out)
        return out.write_bytes(self.tail)

    cdef int show_absent_as_unavailable(self) except -1:
        """Show for absent values what stands for unavailable ones."""
        cdef Member member
        for member in self.members:
            member.writer.absent_text = member.writer.unavailable_text
        return 0


cdef bint _inside(ChangeBatch batch, const Cell *cell) noexcept:
    """Whether what the cell points at lies inside the batch."""
    cdef int64_t limit = batch.cell_count if cell.kind == NESTED_CELL else batch.arena.size
    return cell.value >= 0 and cell.size >= 0 and cell.value + cell.size <= limit


cdef Members members(object fields, object offsets, object constants, str where, object settings, object placeholder):
    """Return the writer of an object: `fields` in order, the cells of those that are not `constants` at `offsets`.

    `placeholder` is None for record keys, which must not hold substitutes.
    """
    cdef bytes lead = b"{"
    cdef list made = []
    places = iter(offsets)
    for field in fields:
        lead += quoted(field.name) + b":"
        writer = value_writer(field.schema, f"{where}.{field.name}", settings, placeholder)
        if field.name in constants:
            lead += render(writer, constants[field.name]) + b","
        else:
            made.append(Member(lead, next(places), writer))
            lead = b","
    return Members(tuple(made), lead.rstrip(b",") + b"}")


def value_writer(schema, str where, settings, placeholder):
    """Return the writer of values of a schema, with what it shows for values that are not there.

    `placeholder` is the bytes of `unavailable.value.placeholder`, or None for record keys, which must not hold substitutes.
    """
    cdef Writer writer = _bare_writer(schema, where, settings, placeholder)
    if schema.default is not None and settings.replace_null_with_default:
        writer.null_text = render(writer, schema.default)
    if placeholder is not None:
        writer.absent_text = render(writer, absent_value(schema))
        writer.unavailable_text = render(writer, unavailable_value(schema, placeholder))
    return writer


cdef Writer _bare_writer(schema, str where, settings, placeholder):
    kind = schema.type
    if kind is ConnectType.BOOLEAN:
        return BooleanWriter(where)
    if kind in (ConnectType.INT8, ConnectType.INT16, ConnectType.INT32, ConnectType.INT64):
        return IntegerWriter(where)
    if kind in (ConnectType.FLOAT32, ConnectType.FLOAT64):
        return FloatWriter(where, kind is ConnectType.FLOAT32)
    if kind is ConnectType.STRING:
        return StringWriter(where)
    if schema.name == DECIMAL:
        return DecimalWriter(where, int(schema.parameters["scale"]), settings.decimal_format is DecimalFormat.NUMERIC)
    if kind is ConnectType.BYTES:
        return BytesWriter(where)
    if schema.name == VARIABLE_SCALE_DECIMAL:
        return VariableScaleDecimalWriter(where)
    return _nested_writer(schema, where, settings, placeholder)


cdef Writer _nested_writer(schema, str where, settings, placeholder):
    if schema.type is ConnectType.ARRAY:
        return ArrayWriter(where, value_writer(schema.items, where, settings, placeholder))
    if schema.type is ConnectType.MAP:
        keys = value_writer(schema.keys, where, settings, placeholder)
        values = value_writer(schema.values, where, settings, placeholder)
        return MapWriter(where, keys, values, schema.keys.type is ConnectType.STRING)
    return StructWriter(where, members(schema.fields, range(len(schema.fields)), {}, where, settings, placeholder))


def render(Writer writer, value):
    """Return a value's JSON: a Python value as `ChangeBatch.add` takes it, or a `Decimal` of a schema."""
    cdef ChangeBatch batch = ChangeBatch()
    cdef Buffer out = Buffer()
    cdef int64_t cell = batch.reserve_cells(1)
    _put(batch, cell, value)
    writer.write(batch, &batch.cells[cell], out)
    return bytes(out)


cdef int _put(ChangeBatch batch, int64_t cell, value) except -1:
    cdef int64_t first
    if isinstance(value, Decimal):
        return batch.put_big_decimal(cell, value.unscaled, value.scale)
    if not isinstance(value, tuple):
        return batch._put(cell, value)
    first = batch.reserve_cells(len(value))
    for at, child in enumerate(value):
        _put(batch, first + at, child)
    return batch.put_nested(cell, first, len(value))


def quoted(str text):
    """Return a name as a JSON string, in UTF-8."""
    cdef Buffer out = Buffer()
    cdef bytes data = text.encode()
    write_string(out, data, len(data))
    return bytes(out)
