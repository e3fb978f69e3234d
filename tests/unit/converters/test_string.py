"""The converter of texts. What Java prints was taken from Connect's values, version 4.3.1, in UTC."""

from __future__ import annotations

import math
from decimal import Decimal as Number

import pytest

from cdc.config import InvalidConfig
from cdc.converters.string import StringConverter
from cdc.errors import ConversionError
from cdc.model.connect_record import SchemaAndValue
from cdc.model.schema import BYTES, FLOAT32, INT32, INT64, STRING, ConnectType, Field, Schema, array, struct
from cdc.testing.conformance.converter import ConverterConformance
from cdc.testing.conformance.header_converter import HeaderConverterConformance
from tests.unit.converters.tables import decimal_schema

CONNECT = "org.apache.kafka.connect.data."
DATE = Schema(ConnectType.INT32, name=f"{CONNECT}Date")
TIMESTAMP = Schema(ConnectType.INT64, name=f"{CONNECT}Timestamp")
SAMPLES = [(STRING, "x"), (STRING.as_optional(), ""), (None, 'é"\x00 東京 😀'), (STRING, "null")]
MISFITS = [(STRING, "\ud800"), (BYTES, b"x"), (None, b"x"), (INT32, 2**31), (None, object())]


def configured(**properties: str) -> StringConverter:
    converter = StringConverter()
    converter.configure({name.replace("_", "."): text for name, text in properties.items()}, is_key=False)
    return converter


class TestForValues(ConverterConformance):
    @pytest.fixture
    def converter(self):
        return StringConverter

    @pytest.fixture
    def samples(self):
        return SAMPLES

    @pytest.fixture
    def misfits(self):
        return MISFITS


class TestForHeaders(HeaderConverterConformance):
    @pytest.fixture
    def converter(self):
        return StringConverter

    @pytest.fixture
    def samples(self):
        return SAMPLES

    @pytest.fixture
    def misfits(self):
        return MISFITS


class TestInTwoBytes(TestForValues):
    @pytest.fixture
    def converter(self):
        return lambda: configured(converter_encoding="UTF-16BE")


ROW = struct(
    "row",
    [
        Field("a", INT32.as_optional()),
        Field("b", STRING.as_optional()),
        Field("c", array(FLOAT32, optional=True)),
        Field("d", INT32.with_default(4)),
    ],
)


@pytest.mark.parametrize(
    ("schema", "value", "text"),
    [
        (None, True, "true"),
        (None, -5, "-5"),
        (None, 1e21, "1.0E21"),
        (None, 1.0, "1.0"),
        (None, math.nan, "NaN"),
        (None, -math.inf, "-Infinity"),
        (FLOAT32, 0.1, "0.1"),
        (FLOAT32, 100, "100.0"),
        (decimal_schema(2), Number("1.50"), "1.50"),
        (None, Number("0.0000001"), "1E-7"),
        (None, {"a": 1, "b": None, "c": ["x", True]}, "{a=1, b=null, c=[x, true]}"),
        (ROW, {"a": 1, "c": [1.0, 0.1]}, "Struct{a=1,c=[1.0, 0.1]}"),
        (ROW, {"b": "x"}, "Struct{b=x}"),
        (Schema(ConnectType.MAP, keys=STRING, values=INT64), {"k": 1, "l": 2}, "{k=1, l=2}"),
        (TIMESTAMP, 0, "Thu Jan 01 00:00:00 UTC 1970"),
        (TIMESTAMP, 1580702706789, "Mon Feb 03 04:05:06 UTC 2020"),
        (TIMESTAMP, -1, "Wed Dec 31 23:59:59 UTC 1969"),
        (DATE, 18295, "Mon Feb 03 00:00:00 UTC 2020"),
    ],
)
def test_values_are_written_as_java_prints_them(schema, value, text):
    assert configured().from_connect_data("t", schema, value) == text.encode()


def test_texts_are_read_as_optional():
    assert configured().to_connect_data("t", b"x") == SchemaAndValue(STRING.as_optional(), "x")
    assert configured().to_connect_data("t", None) == SchemaAndValue(STRING.as_optional(), None)


@pytest.mark.parametrize("name", ["converter.encoding", "encoding"])
def test_the_encoding_can_be_chosen(name):
    converter = StringConverter()
    converter.configure({name: "ISO-8859-1"}, is_key=True)
    assert converter.from_connect_data("t", STRING, "é") == b"\xe9"
    assert converter.to_connect_data("t", b"\xe9").value == "é"
    with pytest.raises(ConversionError, match="ISO-8859-1 has no bytes for"):
        converter.from_connect_data("t", STRING, "東")


@pytest.mark.parametrize("encoding", ["no-such", "base64", "UTF-16", "utf32"])
def test_other_encodings_are_refused(encoding):
    with pytest.raises(InvalidConfig, match=r"converter\.encoding"):
        configured(converter_encoding=encoding)


def test_bytes_that_are_no_text_are_refused():
    with pytest.raises(ConversionError, match="t/value is no text in UTF-8"):
        configured().to_connect_data("t", b"\xff")


@pytest.mark.parametrize(
    ("schema", "value", "fact"),
    [
        (ROW, {"x": 1}, "no field 'x'"),
        (array(INT32), ["x"], r"t/value\[0\]"),
        (TIMESTAMP, 2**62, "years 1 to 9999"),
        (array(BYTES), [b"x"], "ByteArrayConverter|no text"),
    ],
)
def test_what_has_no_text_is_refused(schema, value, fact):
    with pytest.raises(ConversionError, match=fact):
        configured().from_connect_data("t", schema, value)


def test_a_line_for_the_json_converter_does_no_harm():
    configured(schemas_enable="false")
