"""The converters of one number or boolean: the bytes of Java's `DataOutput`."""

from __future__ import annotations

import math

import pytest

from cdc.converters.number import (
    NUMBERS,
    BooleanConverter,
    DoubleConverter,
    FloatConverter,
    IntegerConverter,
    LongConverter,
    ShortConverter,
)
from cdc.errors import ConversionError
from cdc.model.connect_record import SchemaAndValue
from cdc.model.schema import BOOLEAN, FLOAT32, FLOAT64, INT16, INT32, INT64, STRING
from cdc.testing.conformance.converter import ConverterConformance
from cdc.testing.conformance.header_converter import HeaderConverterConformance

SAMPLES = {
    DoubleConverter: [(FLOAT64, 0.1), (None, -0.0), (FLOAT64, math.nan), (FLOAT64.as_optional(), math.inf)],
    FloatConverter: [(FLOAT32, 0.5), (None, 3.4028234663852886e38), (FLOAT32, -math.inf)],
    IntegerConverter: [(INT32, 2**31 - 1), (None, -(2**31))],
    LongConverter: [(INT64, 2**63 - 1), (None, -1)],
    ShortConverter: [(INT16, 2**15 - 1), (None, -(2**15))],
    BooleanConverter: [(BOOLEAN, True), (None, False)],
}
MISFITS = {
    DoubleConverter: [(FLOAT64, "1"), (FLOAT32, 1.0), (None, True)],
    FloatConverter: [(FLOAT32, 1e39), (FLOAT64, 1.0)],
    IntegerConverter: [(INT32, 2**31), (INT64, 1), (None, 1.0)],
    LongConverter: [(INT64, 2**63), (INT32, 1), (None, "1")],
    ShortConverter: [(INT16, -(2**15) - 1), (INT32, 1), (None, True)],
    BooleanConverter: [(BOOLEAN, 1), (STRING, "true")],
}


class TestForValues(ConverterConformance):
    @pytest.fixture(params=NUMBERS)
    def converter(self, request):
        return request.param

    @pytest.fixture
    def samples(self, converter):
        return SAMPLES[converter]

    @pytest.fixture
    def misfits(self, converter):
        return MISFITS[converter]


class TestForHeaders(HeaderConverterConformance):
    @pytest.fixture(params=NUMBERS)
    def converter(self, request):
        return request.param

    @pytest.fixture
    def samples(self, converter):
        return SAMPLES[converter]

    @pytest.fixture
    def misfits(self, converter):
        return MISFITS[converter]


@pytest.mark.parametrize(
    ("converter", "value", "data"),
    [
        (DoubleConverter, 1.0, "3ff0000000000000"),
        (FloatConverter, 1.0, "3f800000"),
        (IntegerConverter, -2, "fffffffe"),
        (LongConverter, 258, "0000000000000102"),
        (ShortConverter, -2, "fffe"),
        (BooleanConverter, True, "01"),
        (BooleanConverter, False, "00"),
    ],
)
def test_numbers_are_written_in_big_endian(converter, value, data):
    assert converter().from_connect_data("t", None, value) == bytes.fromhex(data)
    assert converter().to_connect_header("t", "h", bytes.fromhex(data)).value == value


def test_they_are_read_as_optional():
    assert LongConverter().to_connect_data("t", None) == SchemaAndValue(INT64.as_optional(), None)
    assert ShortConverter().to_connect_data("t", b"\0\1") == SchemaAndValue(INT16.as_optional(), 1)


@pytest.mark.parametrize("converter", NUMBERS)
def test_another_number_of_bytes_is_refused(converter):
    size = len(converter().from_connect_data("t", None, True if converter is BooleanConverter else 1))
    for wrong in {0, 1, 2, 3, 4, 5, 7, 8, 9} - {size}:
        with pytest.raises(ConversionError, match=f"t/value has {wrong} bytes"):
            converter().to_connect_data("t", bytes(wrong))


@pytest.mark.parametrize("data", [b"\x02", b"\xff"])
def test_a_boolean_is_0_or_1(data):
    with pytest.raises(ConversionError, match="0 or 1"):
        BooleanConverter().to_connect_data("t", data)
