"""The converter that hands on bytes."""

from __future__ import annotations

import pytest

from cdc.converters.byte_array import ByteArrayConverter
from cdc.model.connect_record import SchemaAndValue
from cdc.model.schema import BYTES, INT32, STRING
from cdc.testing.conformance.converter import ConverterConformance
from cdc.testing.conformance.header_converter import HeaderConverterConformance

SAMPLES = [(BYTES, b""), (BYTES.as_optional(), bytes(range(256))), (None, b"x")]
MISFITS = [(STRING, "x"), (INT32, 1), (STRING, b"x"), (STRING, None), (BYTES, "x"), (None, 5), (None, [1])]


class TestForValues(ConverterConformance):
    @pytest.fixture
    def converter(self):
        return ByteArrayConverter

    @pytest.fixture
    def samples(self):
        return SAMPLES

    @pytest.fixture
    def misfits(self):
        return MISFITS


class TestForHeaders(HeaderConverterConformance):
    @pytest.fixture
    def converter(self):
        return ByteArrayConverter

    @pytest.fixture
    def samples(self):
        return SAMPLES

    @pytest.fixture
    def misfits(self):
        return MISFITS


def test_bytes_are_read_as_optional():
    converter = ByteArrayConverter()
    assert converter.to_connect_data("t", b"x") == SchemaAndValue(BYTES.as_optional(), b"x")
    assert converter.to_connect_data("t", None) == SchemaAndValue(BYTES.as_optional(), None)


def test_other_objects_of_bytes_become_bytes():
    assert ByteArrayConverter().from_connect_data("t", BYTES, bytearray(b"x")) == b"x"
    assert ByteArrayConverter().from_connect_header("t", "h", None, memoryview(b"x")) == b"x"


def test_a_line_for_the_json_converter_does_no_harm():
    ByteArrayConverter().configure({"schemas.enable": "false", "converter.type": "value"}, is_key=False)
