from cdc.sources.columns.values import ValueDecoder

class PointDecoder(ValueDecoder):
    """Decodes a point, `(1,2.5)`."""

class BoxDecoder(ValueDecoder):
    """Decodes a box, `(3,4),(1,2)`, as a closed ring of its corners, beginning with the first one."""

class SegmentDecoder(ValueDecoder):
    """Decodes a line segment, `[(1,2),(3,4)]`, as a line string."""

class PathDecoder(ValueDecoder):
    """Decodes a path, `[(1,2),(3,4)]` or, when it is closed, `((1,2),(3,4))`, as a line string."""

class PolygonDecoder(ValueDecoder):
    """Decodes a polygon, `((1,2),(3,4),(5,6))`, as a ring, which is closed where it is not."""

class CircleDecoder(ValueDecoder):
    """Decodes a circle, `<(1,2),3>`, as its centre and its radius."""

class LineDecoder(ValueDecoder):
    """Decodes an endless line, `{1,2,3}`, as its three coefficients."""

class EwkbDecoder(ValueDecoder):
    """Decodes PostGIS's geometry and geography, hexadecimal EWKB, as the same bytes and the SRID that they hold.

    `width` is the number of fields of the struct; those behind the SRID are null.
    """

    def __init__(self, width: int) -> None: ...
