"""Decoders of geometric types, PostGIS's among them: Debezium's structs, in which shapes are WKB (OGC Simple Feature Access, section 8.2).

Formats: the PostgreSQL manual, "Geometric Types"; the PostGIS manual, "EWKB". The order of the cells is that of the fields in the schemas
(`shape_types`). Numbers are written as this machine holds them, which has to be little-endian.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t
from libc.string cimport memcpy

from cdc.model.batch cimport BYTES_CELL, ChangeBatch
from cdc.model.buffer cimport Buffer
from cdc.sources.columns.values cimport ValueDecoder, malformed, read_double

import binascii

from cdc.errors import ConversionError

cdef enum:
    WKB_POINT = 1
    WKB_LINE_STRING = 2
    WKB_POLYGON = 3
    EWKB_SRID = 0x20000000

cdef struct Cursor:
    const char *text
    Py_ssize_t size
    Py_ssize_t at

cdef struct Coordinates:
    double x
    double y


# Reading ---------------------------------------------------------------------------------------------------------------------------

cdef int take(Cursor *cursor, char what, str shape) except -1:
    """Go behind a byte that must come next."""
    if cursor.at >= cursor.size or cursor.text[cursor.at] != what:
        raise malformed(shape, cursor.text, cursor.size, cursor.at)
    cursor.at += 1
    return 0


cdef bint follows(const Cursor *cursor, char what) noexcept:
    return cursor.at < cursor.size and cursor.text[cursor.at] == what


cdef int finish(const Cursor *cursor, str shape) except -1:
    if cursor.at != cursor.size:
        raise malformed(shape, cursor.text, cursor.size, cursor.at)
    return 0


cdef double take_number(Cursor *cursor) except? -1:
    cdef Py_ssize_t first = cursor.at
    while cursor.at < cursor.size and cursor.text[cursor.at] not in b",)}>":
        cursor.at += 1
    return read_double(cursor.text + first, cursor.at - first)


cdef int take_point(Cursor *cursor, str shape, Coordinates *point) except -1:
    """Read `(1,2.5)`."""
    take(cursor, b"(", shape)
    point.x = take_number(cursor)
    take(cursor, b",", shape)
    point.y = take_number(cursor)
    return take(cursor, b")", shape)


# Writing ---------------------------------------------------------------------------------------------------------------------------

cdef int write_count(Buffer out, uint32_t count) except -1:
    return out.write(<const char *> &count, 4)


cdef int write_head(Buffer out, uint32_t kind) except -1:
    """Write the byte order and the kind of a WKB."""
    out.write_byte(1)
    return write_count(out, kind)


cdef int write_point(Buffer out, double x, double y) except -1:
    out.write(<const char *> &x, 8)
    return out.write(<const char *> &y, 8)


cdef int64_t write_points(Buffer out, Cursor *cursor, str shape) except -1:
    """Read `(1,2),(3,4)` up to the end of the list, write the points, and return their number."""
    cdef Coordinates point
    cdef int64_t count = 0
    while True:
        take_point(cursor, shape, &point)
        write_point(out, point.x, point.y)
        count += 1
        if not follows(cursor, b","):
            return count
        cursor.at += 1


cdef int put_bytes_here(ChangeBatch batch, int64_t cell, Py_ssize_t start) except -1:
    batch.put_text_here(cell, start)
    batch.cells[cell].kind = BYTES_CELL
    return 0


cdef int put_point(ChangeBatch batch, int64_t cell, double x, double y) except -1:
    """Put Debezium's Point: x, y, WKB and no SRID."""
    cdef int64_t first = batch.reserve_cells(4)
    cdef Py_ssize_t start = batch.arena.size
    write_head(batch.arena, WKB_POINT)
    write_point(batch.arena, x, y)
    batch.put_float(first, x)
    batch.put_float(first + 1, y)
    put_bytes_here(batch, first + 2, start)
    batch.put_null(first + 3)
    return batch.put_nested(cell, first, 4)


cdef int put_geometry(ChangeBatch batch, int64_t cell, Py_ssize_t start, bytes shape, bytes closed=None) except -1:
    """Put Debezium's Geometry: the WKB that begins at `start`, no SRID, and what the WKB does not say."""
    cdef int64_t first = batch.reserve_cells(3), count = 2 if closed is None else 4, entries = batch.reserve_cells(count)
    put_bytes_here(batch, first, start)
    batch.put_null(first + 1)
    batch.put_text(entries, b"type", 4)
    batch.put_text(entries + 1, shape, len(shape))
    if closed is not None:
        batch.put_text(entries + 2, b"closed", 6)
        batch.put_text(entries + 3, closed, len(closed))
    batch.put_nested(first + 2, entries, count)
    return batch.put_nested(cell, first, 3)


# Decoders --------------------------------------------------------------------------------------------------------------------------

cdef class PointDecoder(ValueDecoder):
    """Decodes a point, `(1,2.5)`."""

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef Cursor cursor = Cursor(text, size, 0)
        cdef Coordinates point
        take_point(&cursor, "point", &point)
        finish(&cursor, "point")
        return put_point(batch, cell, point.x, point.y)


cdef class BoxDecoder(ValueDecoder):
    """Decodes a box, `(3,4),(1,2)`, as a closed ring of its corners, beginning with the first one."""

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef Cursor cursor = Cursor(text, size, 0)
        cdef Coordinates one, other
        cdef Buffer out = batch.arena
        cdef Py_ssize_t start = out.size
        take_point(&cursor, "box", &one)
        take(&cursor, b",", "box")
        take_point(&cursor, "box", &other)
        finish(&cursor, "box")
        write_head(out, WKB_POLYGON)
        write_count(out, 1)
        write_count(out, 5)
        write_point(out, one.x, one.y)
        write_point(out, one.x, other.y)
        write_point(out, other.x, other.y)
        write_point(out, other.x, one.y)
        write_point(out, one.x, one.y)
        return put_geometry(batch, cell, start, b"box")


cdef class SegmentDecoder(ValueDecoder):
    """Decodes a line segment, `[(1,2),(3,4)]`, as a line string."""

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef Cursor cursor = Cursor(text, size, 0)
        cdef Py_ssize_t start = batch.arena.size
        write_head(batch.arena, WKB_LINE_STRING)
        write_count(batch.arena, 2)
        take(&cursor, b"[", "line segment")
        if write_points(batch.arena, &cursor, "line segment") != 2:
            raise malformed("line segment", text, size, cursor.at)
        take(&cursor, b"]", "line segment")
        finish(&cursor, "line segment")
        return put_geometry(batch, cell, start, b"lseg")


cdef class PathDecoder(ValueDecoder):
    """Decodes a path, `[(1,2),(3,4)]` or, when it is closed, `((1,2),(3,4))`, as a line string."""

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef Cursor cursor = Cursor(text, size, 0)
        cdef Py_ssize_t start = batch.arena.size
        cdef bint is_open = follows(&cursor, b"[")
        cdef uint32_t count
        write_head(batch.arena, WKB_LINE_STRING)
        write_count(batch.arena, 0)
        take(&cursor, b"[" if is_open else b"(", "path")
        count = <uint32_t> write_points(batch.arena, &cursor, "path")
        memcpy(batch.arena.data + start + 5, &count, 4)
        take(&cursor, b"]" if is_open else b")", "path")
        finish(&cursor, "path")
        return put_geometry(batch, cell, start, b"path", b"false" if is_open else b"true")


cdef class PolygonDecoder(ValueDecoder):
    """Decodes a polygon, `((1,2),(3,4),(5,6))`, as a ring, which is closed where it is not."""

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef Cursor cursor = Cursor(text, size, 0)
        cdef Py_ssize_t start = batch.arena.size
        cdef uint32_t count
        write_head(batch.arena, WKB_POLYGON)
        write_count(batch.arena, 1)
        write_count(batch.arena, 0)
        take(&cursor, b"(", "polygon")
        count = <uint32_t> write_points(batch.arena, &cursor, "polygon")
        take(&cursor, b")", "polygon")
        finish(&cursor, "polygon")
        count += close_ring(batch.arena, start + 13, count)
        memcpy(batch.arena.data + start + 9, &count, 4)
        return put_geometry(batch, cell, start, b"polygon")


cdef int close_ring(Buffer out, Py_ssize_t ring, uint32_t count) except -1:
    """Write the first point once more where the last one is another, and return how many points that were."""
    cdef Coordinates first, last
    memcpy(&first, out.data + ring, 16)
    memcpy(&last, out.data + out.size - 16, 16)
    if count < 2 or (first.x == last.x and first.y == last.y):
        return 0
    write_point(out, first.x, first.y)
    return 1


cdef class CircleDecoder(ValueDecoder):
    """Decodes a circle, `<(1,2),3>`, as its centre and its radius."""

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef Cursor cursor = Cursor(text, size, 0)
        cdef Coordinates centre
        cdef double radius
        cdef int64_t first
        take(&cursor, b"<", "circle")
        take_point(&cursor, "circle", &centre)
        take(&cursor, b",", "circle")
        radius = take_number(&cursor)
        take(&cursor, b">", "circle")
        finish(&cursor, "circle")
        first = batch.reserve_cells(2)
        put_point(batch, first, centre.x, centre.y)
        batch.put_float(first + 1, radius)
        return batch.put_nested(cell, first, 2)


cdef class LineDecoder(ValueDecoder):
    """Decodes an endless line, `{1,2,3}`, as its three coefficients."""

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef Cursor cursor = Cursor(text, size, 0)
        cdef int64_t first = batch.reserve_cells(3), at
        for at in range(3):
            take(&cursor, b"," if at else b"{", "line")
            batch.put_float(first + at, take_number(&cursor))
        take(&cursor, b"}", "line")
        finish(&cursor, "line")
        return batch.put_nested(cell, first, 3)


cdef class EwkbDecoder(ValueDecoder):
    """Decodes PostGIS's geometry and geography, hexadecimal EWKB, as the same bytes and the SRID that they hold.

    `width` is the number of fields of the struct; those behind the SRID are null.
    """

    cdef int width

    def __init__(self, int width):
        self.width = width

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef int64_t first = batch.reserve_cells(self.width), at
        cdef bytes ewkb = unhexed(text, size)
        for at in range(1, self.width):
            batch.put_null(first + at)
        put_srid(batch, first + 1, ewkb)
        batch.put_bytes(first, ewkb, len(ewkb))
        return batch.put_nested(cell, first, self.width)


cdef bytes unhexed(const char *text, Py_ssize_t size):
    """Return an EWKB of at least nine bytes."""
    try:
        ewkb = binascii.unhexlify(text[:size])
    except ValueError:
        raise malformed("hexadecimal EWKB", text, size, 0) from None
    if len(ewkb) < 9:
        raise ConversionError(f"the geometry {text[:size].decode()} is too short for EWKB", "Correct the value.")
    return ewkb


cdef int put_srid(ChangeBatch batch, int64_t cell, const unsigned char *ewkb) except -1:
    """Put the SRID of an EWKB of at least nine bytes, if it has one."""
    cdef bint little = ewkb[0] != 0
    if read_word(ewkb + 1, little) & EWKB_SRID:
        batch.put_int(cell, <int32_t> read_word(ewkb + 5, little))
    return 0


cdef uint32_t read_word(const unsigned char *data, bint little) noexcept:
    cdef uint32_t word = 0
    cdef int at
    for at in range(4):
        word = word << 8 | data[3 - at if little else at]
    return word
