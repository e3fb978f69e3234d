"""Shapes: their WKB is put together here by the OGC's table (Simple Feature Access, section 8.2.7)."""

import math
import struct

import pytest

from cdc.errors import ConversionError, DecodeError
from cdc.sources.columns.values import decode_text
from cdc.sources.postgres.values.geometric import (
    BoxDecoder,
    CircleDecoder,
    EwkbDecoder,
    LineDecoder,
    PathDecoder,
    PointDecoder,
    PolygonDecoder,
    SegmentDecoder,
)


def point(x, y):
    return struct.pack("<BIdd", 1, 1, x, y)


def line_string(*points):
    return struct.pack("<BII", 1, 2, len(points)) + b"".join(struct.pack("<dd", *each) for each in points)


def polygon(*points):
    return struct.pack("<BIII", 1, 3, 1, len(points)) + b"".join(struct.pack("<dd", *each) for each in points)


@pytest.mark.parametrize(
    ("decoder", "text", "expected"),
    [
        (PointDecoder(), b"(1,1)", [1.0, 1.0, point(1, 1), None]),
        (PointDecoder(), b"(-1e+300,0.1)", [-1e300, 0.1, point(-1e300, 0.1), None]),
        (PointDecoder(), b"(Infinity,-Infinity)", [math.inf, -math.inf, point(math.inf, -math.inf), None]),
        (BoxDecoder(), b"(3,4),(1,2)", [polygon((3, 4), (3, 2), (1, 2), (1, 4), (3, 4)), None, ["type", "box"]]),
        (SegmentDecoder(), b"[(1,2),(3,4)]", [line_string((1, 2), (3, 4)), None, ["type", "lseg"]]),
        (
            PathDecoder(),
            b"[(1,2),(3,4),(5,6)]",
            [line_string((1, 2), (3, 4), (5, 6)), None, ["type", "path", "closed", "false"]],
        ),
        (PathDecoder(), b"((1,2))", [line_string((1, 2)), None, ["type", "path", "closed", "true"]]),
        (
            PolygonDecoder(),
            b"((0,0),(1,0),(0,1))",
            [polygon((0, 0), (1, 0), (0, 1), (0, 0)), None, ["type", "polygon"]],
        ),
        (
            PolygonDecoder(),
            b"((0,0),(1,0),(0,0))",
            [polygon((0, 0), (1, 0), (0, 0)), None, ["type", "polygon"]],
        ),
        (PolygonDecoder(), b"((7,7))", [polygon((7, 7)), None, ["type", "polygon"]]),
        (CircleDecoder(), b"<(1,2),3.5>", [[1.0, 2.0, point(1, 2), None], 3.5]),
        (LineDecoder(), b"{1,-2.5,3}", [1.0, -2.5, 3.0]),
    ],
)
def test_shapes(decoder, text, expected):
    assert decode_text(decoder, text) == expected


@pytest.mark.parametrize(
    ("ewkb", "srid"),
    [
        (struct.pack("<BIIdd", 1, 0x20000001, 3187, 174.9479, -36.7208), 3187),
        (struct.pack(">BIIdd", 0, 0x20000001, 4326, 1, 2), 4326),
        (struct.pack("<BIdd", 1, 1, 1, 2), None),
        (bytes.fromhex("010700000000000000"), None),
    ],
)
def test_postgis_values_keep_their_bytes(ewkb, srid):
    assert decode_text(EwkbDecoder(3), ewkb.hex().upper().encode()) == [ewkb, srid, None]
    assert decode_text(EwkbDecoder(2), ewkb.hex().encode()) == [ewkb, srid]


def test_a_postgis_value_that_is_too_short():
    with pytest.raises(ConversionError, match="too short"):
        decode_text(EwkbDecoder(3), b"0101000020")


@pytest.mark.parametrize(
    ("decoder", "text"),
    [
        (PointDecoder(), b"(1,1"),
        (PointDecoder(), b"(1,1)x"),
        (PointDecoder(), b"(1;1)"),
        (PointDecoder(), b"(,)"),
        (BoxDecoder(), b"(3,4)"),
        (SegmentDecoder(), b"[(1,2),(3,4),(5,6)]"),
        (SegmentDecoder(), b"[(1,2)]"),
        (PathDecoder(), b"[(1,2))"),
        (PathDecoder(), b"[]"),
        (PolygonDecoder(), b"((1,2)"),
        (CircleDecoder(), b"<(1,2)>"),
        (LineDecoder(), b"{1,2}"),
        (EwkbDecoder(3), b"0101000020730C000z"),
        (EwkbDecoder(3), b"010"),
    ],
)
def test_other_text_is_refused(decoder, text):
    with pytest.raises(DecodeError):
        decode_text(decoder, text)
