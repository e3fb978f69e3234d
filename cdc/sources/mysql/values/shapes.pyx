"""Decoders of geometry and VECTOR, the same for row images and text: the server sends their bytes in both.

Formats: the MySQL manual, "Internal Geometry Storage Format" (SRID, then WKB) and "The VECTOR Type" (floats of four bytes).
"""

from libc.stdint cimport int64_t
from libc.string cimport memcmp, memcpy

from cdc.model.batch cimport ChangeBatch
from cdc.sources.columns.values cimport ValueDecoder, malformed
from cdc.sources.mysql.binlog.reading cimport unsigned_at

cdef enum:
    SRID_SIZE = 4
    POINT_SIZE = 21  # byte order, type, x, y


cdef int put_srid(ChangeBatch batch, int64_t cell, const char *data) except -1:
    """Put the SRID; 0 is none."""
    cdef int64_t srid = <int> unsigned_at(<const unsigned char *> data, SRID_SIZE)
    if srid:
        batch.put_int(cell, srid)
    else:
        batch.put_null(cell)
    return 0


cdef class GeometryDecoder(ValueDecoder):
    """Decodes any shape as its WKB and its SRID."""

    cdef int decode(self, const char *data, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef int64_t first
        if size < SRID_SIZE + 5:
            raise malformed("geometry", data, size, 0)
        first = batch.reserve_cells(2)
        batch.put_bytes(first, data + SRID_SIZE, size - SRID_SIZE)
        put_srid(batch, first + 1, data)
        return batch.put_nested(cell, first, 2)


cdef class PointDecoder(ValueDecoder):
    """Decodes a point as x, y, its WKB and its SRID."""

    cdef int decode(self, const char *data, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef double x, y
        cdef int64_t first
        if size != SRID_SIZE + POINT_SIZE or memcmp(data + SRID_SIZE, b"\x01\x01\x00\x00\x00", 5) != 0:
            raise malformed("point", data, size, 0)
        memcpy(&x, data + SRID_SIZE + 5, 8)
        memcpy(&y, data + SRID_SIZE + 13, 8)
        first = batch.reserve_cells(4)
        batch.put_float(first, x)
        batch.put_float(first + 1, y)
        batch.put_bytes(first + 2, data + SRID_SIZE, POINT_SIZE)
        put_srid(batch, first + 3, data)
        return batch.put_nested(cell, first, 4)


cdef class VectorDecoder(ValueDecoder):
    """Decodes a vector as an array of numbers."""

    cdef int decode(self, const char *data, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef int64_t first, at, count = size // 4
        cdef float number
        if size % 4:
            raise malformed("vector", data, size, 0)
        first = batch.reserve_cells(count)
        for at in range(count):
            memcpy(&number, data + 4 * at, 4)
            batch.put_float(first + at, number)
        return batch.put_nested(cell, first, count)
