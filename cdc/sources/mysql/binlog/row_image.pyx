"""Where the values of a row image begin and end.

Format: the server's `Rows_event`. A value has a fixed size that follows from its TABLE_MAP, or stands behind its length.
"""

from libc.stdint cimport uint8_t

from cdc.sources.mysql.binlog.reading cimport View, need, read_number

from cdc.sources.mysql.binlog.image_types import BLOBS, ColumnType

# By type: the bytes of a value.
FIXED = {
    ColumnType.TINY: 1, ColumnType.SHORT: 2, ColumnType.INT24: 3, ColumnType.LONG: 4, ColumnType.LONGLONG: 8,
    ColumnType.FLOAT: 4, ColumnType.DOUBLE: 8, ColumnType.NULL: 0, ColumnType.YEAR: 1, ColumnType.DATE: 3, ColumnType.NEWDATE: 3,
    ColumnType.TIME: 3, ColumnType.DATETIME: 8, ColumnType.TIMESTAMP: 4,
}
# By type: the bytes of a value without those of its fractional seconds.
WHOLE_SECONDS = {ColumnType.TIME2: 3, ColumnType.DATETIME2: 5, ColumnType.TIMESTAMP2: 4}
# The bytes of so many decimal digits, nine of which take four.
DIGITS = (0, 1, 1, 2, 2, 3, 3, 4, 4, 4)


def decimal_size(int precision, int scale):
    """Return the bytes of a DECIMAL in its binary form."""
    whole = precision - scale
    return whole // 9 * 4 + DIGITS[whole % 9] + scale // 9 * 4 + DIGITS[scale % 9]


def measures(column):
    """Return a column's (bytes of the length in front, bytes of a value without one)."""
    kind = column.type
    if kind in FIXED:
        return 0, FIXED[kind]
    if kind in WHOLE_SECONDS:
        return 0, WHOLE_SECONDS[kind] + (column.length + 1) // 2
    if kind == ColumnType.NEWDECIMAL:
        return 0, decimal_size(column.length, column.scale)
    if kind == ColumnType.BIT:
        return 0, (column.length + 7) // 8
    if kind in (ColumnType.ENUM, ColumnType.SET):
        return 0, column.length
    if kind in BLOBS:
        return column.length, 0
    return 1 if column.length < 256 else 2, 0


cdef class RowImage:
    """The form of the row images of a TABLE_MAP, from its `ImageColumn`s."""

    def __init__(self, columns):
        found = [measures(column) for column in columns]
        self.count = len(found)
        self.prefixes = bytes([prefix for prefix, _ in found])
        self.sizes = bytes([size for _, size in found])
        self.json = bytes([column.type == ColumnType.JSON for column in columns])
        self.prefix = self.prefixes
        self.size = self.sizes
        self.is_json = self.json
        self.json_count = sum(self.json)
        self.has_json = self.json_count > 0

    cdef const unsigned char *value(self, Py_ssize_t column, View *view, Py_ssize_t *size) except NULL:
        """Pass over the value of a column, and return where it begins and its size; the column's index has been checked."""
        cdef uint8_t prefix = self.prefix[column]
        size[0] = <Py_ssize_t> read_number(view, prefix, "the length of a value") if prefix else self.size[column]
        need(view, size[0], "a value")
        view.at += size[0]
        return view.data + view.at - size[0]
