"""Decoders of geometry and VECTOR, the same for row images and text: the server sends their bytes in both.

Formats: the MySQL manual, "Internal Geometry Storage Format" (SRID, then WKB) and "The VECTOR Type" (floats of four bytes).
"""

from cdc.sources.columns.values import ValueDecoder

class GeometryDecoder(ValueDecoder):
    """Decodes any shape as its WKB and its SRID."""

class PointDecoder(ValueDecoder):
    """Decodes a point as x, y, its WKB and its SRID."""

class VectorDecoder(ValueDecoder):
    """Decodes a vector as an array of numbers."""
