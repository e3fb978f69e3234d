"""Values as JSON, and what stands for those that are not there."""

from __future__ import annotations

import math
import struct as struct_format
from decimal import Decimal as Number
from pathlib import Path

import pytest

from cdc.config import ConverterSettings, DecimalFormat
from cdc.errors import ConversionError
from cdc.model.event import ABSENT, UNAVAILABLE
from cdc.model.schema import (
    BOOLEAN,
    BYTES,
    FLOAT32,
    FLOAT64,
    INT16,
    INT32,
    INT64,
    STRING,
    ConnectType,
    Decimal,
    Field,
    Schema,
    array,
    struct,
)
from tests.unit.converters.tables import PLACEHOLDER, after_of, decimal_schema, text_of

JAVA_FLOATS = Path(__file__).parent / "data" / "java_floats.txt"
NUMERIC = ConverterSettings(schemas_enable=False, decimal_format=DecimalFormat.NUMERIC)
KEEP_NULL = ConverterSettings(schemas_enable=False, replace_null_with_default=False)
VARIABLE = struct("io.debezium.data.VariableScaleDecimal", (Field("scale", INT32), Field("value", BYTES)), version=1)
HSTORE = Schema(ConnectType.MAP, keys=STRING, values=STRING.as_optional())
SPARSE = Schema(ConnectType.MAP, keys=INT16, values=FLOAT64)
POINT = struct("demo.Point", (Field("x", FLOAT64), Field("srid", INT32.as_optional())))
UUIDS = array(Schema(ConnectType.STRING, optional=True, name="io.debezium.data.Uuid"))


def named(schema: Schema, name: str) -> Schema:
    return Schema(schema.type, name=name)


@pytest.mark.parametrize(
    ("schema", "value", "text"),
    [
        (BOOLEAN, True, "true"),
        (BOOLEAN, False, "false"),
        (INT16, -32768, "-32768"),
        (INT64, -(2**63), "-9223372036854775808"),
        (INT64, 2**63 - 1, "9223372036854775807"),
        (INT64, 0, "0"),
        (INT64, 100, "100"),
        (BYTES, b"", '""'),
        (BYTES, b"\x00", '"AA=="'),
        (BYTES, b"\xff\xfe", '"//4="'),
        (BYTES, b"abc", '"YWJj"'),
        (STRING, "", '""'),
        (STRING, 'a"b\\c/d', r'"a\"b\\c/d"'),
        (STRING, "\b\t\n\f\r\x00\x1f\x7f", '"\\b\\t\\n\\f\\r\\u0000\\u001F\x7f"'),
        (STRING, "Grüße €😀\u2028", '"Grüße €😀\u2028"'),
        (array(STRING.as_optional()), ["x", None, ""], '["x",null,""]'),
        (array(array(INT32)), [[1], []], "[[1],[]]"),
        (HSTORE, ["k", "v", 'ü"', None], r'{"k":"v","ü\"":null}'),
        (HSTORE, [], "{}"),
        (SPARSE, [1, 0.5, 2, 1.0], "[[1,0.5],[2,1.0]]"),
        (POINT, [1.5, None], '{"x":1.5,"srid":null}'),
        (VARIABLE, Number("1.5"), '{"scale":1,"value":"Dw=="}'),
        (decimal_schema(2), Number("1.50"), '"AJY="'),
        (decimal_schema(2), Number("1.5"), '"AJY="'),
        (decimal_schema(2), Number("1.5000"), '"AJY="'),
        (decimal_schema(-2), Number(1200), '"DA=="'),
        (decimal_schema(2), Number("-0.01"), '"/w=="'),
    ],
)
def test_values_are_written_as_jackson_does(schema, value, text):
    assert text_of(schema, value) == text


@pytest.mark.parametrize("position", range(20))
def test_a_character_is_escaped_wherever_it_stands(position):
    for character, escaped in (('"', '\\"'), ("\\", "\\\\"), ("\x1f", "\\u001F"), ("é", "é"), ("\x7f", "\x7f")):
        text = "x" * position + character + "y" * (20 - position)
        assert text_of(STRING, text) == f'"{text.replace(character, escaped)}"'


# Doubles print as in JDK 19, floats as in JDK 17.
@pytest.mark.parametrize(
    ("value", "double", "single"),
    [
        (0.0, "0.0", "0.0"),
        (-0.0, "-0.0", "-0.0"),
        (1.0, "1.0", "1.0"),
        (100.0, "100.0", "100.0"),
        (0.1, "0.1", "0.1"),
        (0.001, "0.001", "0.001"),
        (0.00123, "0.00123", "0.00123"),
        (0.0001, "1.0E-4", "1.0E-4"),
        (9999999.0, "9999999.0", "9999999.0"),
        (1e7, "1.0E7", "1.0E7"),
        (-1.25e10, "-1.25E10", "-1.24999997E10"),
        (1e21, "1.0E21", "1.0E21"),
        (123456.789, "123456.789", "123456.79"),
        (2.0**-1074, "4.9E-324", "0.0"),
        (2.0**-149, "1.401298464324817E-45", "1.4E-45"),
        (1.7976931348623157e308, "1.7976931348623157E308", '"Infinity"'),
        (3.4028234663852886e38, "3.4028234663852886E38", "3.4028235E38"),
        (2.2250738585072014e-308, "2.2250738585072014E-308", "0.0"),
        (2e-44, "2.0E-44", "2.0E-44"),
        (3e10, "3.0E10", "3.0000001E10"),
        (2.0**-126, "1.1754943508222875E-38", "1.17549435E-38"),
        (2.0**63, "9.223372036854776E18", "9.223372E18"),
        (math.nan, '"NaN"', '"NaN"'),
        (math.inf, '"Infinity"', '"Infinity"'),
        (-math.inf, '"-Infinity"', '"-Infinity"'),
    ],
)
def test_floating_point_numbers_are_written_as_java_prints_them(value, double, single):
    assert (text_of(FLOAT64, value), text_of(FLOAT32, value)) == (double, single)


def test_floats_have_the_digits_that_java_17_gives_them():
    """Each line is the bits of a float and its `Float.toString`: powers of two and their neighbours, one digit at each power of ten, random ones."""
    for line in JAVA_FLOATS.read_text().splitlines():
        bits, text = line.split()
        (value,) = struct_format.unpack(">f", bytes.fromhex(bits))
        assert Number(text_of(FLOAT32, value)) == Number(text) == -Number(text_of(FLOAT32, -value)), line


@pytest.mark.parametrize(
    ("scale", "value", "text"), [(2, "1.50", "1.50"), (0, "-7", "-7"), (7, "0.0000001", "1E-7"), (-3, "5000", "5E+3")]
)
def test_numeric_decimals_are_written_as_bigdecimal_prints_them(scale, value, text):
    assert text_of(decimal_schema(scale), Number(value), value=NUMERIC) == text


def test_a_null_becomes_the_default_unless_that_is_switched_off():
    schema = INT32.as_optional().with_default(5)
    assert text_of(schema, None) == "5"
    assert text_of(schema, None, value=KEEP_NULL) == "null"
    assert text_of(INT32.as_optional(), None) == "null"
    assert text_of(decimal_schema(2, optional=True, default=Decimal(150, 2)), None) == '"AJY="'
    assert text_of(decimal_schema(2, optional=True, default=Decimal(150, 2)), None, value=NUMERIC) == "1.50"


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        (STRING.as_optional(), "null"),
        (STRING.as_optional().with_default("d"), '"d"'),
        (STRING.with_default("d"), '"d"'),
        (STRING, '""'),
        (BOOLEAN, "false"),
        (INT16, "0"),
        (INT64, "0"),
        (FLOAT32, "0.0"),
        (FLOAT64, "0.0"),
        (BYTES, '""'),
        (decimal_schema(8), '"AA=="'),
        (VARIABLE, '{"scale":0,"value":"AA=="}'),
        (named(STRING, "io.debezium.data.Json"), '"{}"'),
        (named(STRING, "io.debezium.time.ZonedTimestamp"), '"1970-01-01T00:00:00Z"'),
        (named(INT32, "io.debezium.time.Date"), "0"),
        (array(INT32), "[]"),
        (HSTORE, "{}"),
        (POINT, '{"x":0.0,"srid":null}'),
    ],
)
def test_an_absent_value_is_null_or_the_default_or_the_zero_of_its_type(schema, text):
    assert text_of(schema, ABSENT) == text


@pytest.mark.parametrize(
    ("schema", "shown"),
    [
        (STRING, "__debezium_unavailable_value"),
        (STRING.as_optional(), "__debezium_unavailable_value"),
        (BYTES, "X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ=="),
        (array(STRING), ["__debezium_unavailable_value"]),
        (array(BYTES), ["X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ=="]),
        (array(INT32), list(PLACEHOLDER)),
        (array(INT64.as_optional()), list(PLACEHOLDER)),
        (UUIDS, ["b68a35a7-17ad-35b3-af2a-ae46edb4545a"]),
        (HSTORE, {"__debezium_unavailable_value": "__debezium_unavailable_value"}),
        (decimal_schema(2), "AA=="),
        (decimal_schema(2, optional=True), None),
        (array(FLOAT64), []),
        (SPARSE.as_optional(), None),
        (POINT.as_optional(), None),
        (INT32, 0),
    ],
)
def test_an_unavailable_value_is_the_placeholder_where_the_type_can_carry_it(schema, shown):
    assert after_of(schema, UNAVAILABLE) == shown


def test_a_binary_placeholder_is_kept_in_bytes_and_numbers():
    assert after_of(BYTES, UNAVAILABLE, unavailable=b"\xff\x01") == "/wE="
    assert after_of(array(INT32), UNAVAILABLE, unavailable=b"\xff\x01") == [-1, 1]
    assert after_of(STRING, UNAVAILABLE, unavailable=b"\xff\x01") == "�\x01"


FITTING = [
    (BOOLEAN, True),
    (INT32, 1),
    (FLOAT64, 1.5),
    (STRING, "x"),
    (BYTES, b"x"),
    (decimal_schema(0), Number(1)),
    (VARIABLE, Number(1)),
    (array(INT32), [1]),
    (HSTORE, ["k", "v"]),
    (POINT, [1.5, 1]),
]


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (schema, value)
        for schema, fitting in FITTING
        for _, value in FITTING
        if type(value) is not type(fitting) or (isinstance(value, list) and value != fitting)
    ],
)
def test_a_cell_that_does_not_fit_its_schema_is_refused_and_named(schema, value):
    with pytest.raises(ConversionError, match=r"s\.t\.a.* holds .* which its schema cannot carry") as refused:
        text_of(schema, value)
    assert "Report it" in refused.value.remedy


def test_a_map_with_a_key_and_no_value_is_refused():
    with pytest.raises(ConversionError, match=r"s\.t\.a holds a nested value of size 3"):
        text_of(HSTORE, ["k", "v", "alone"])


def test_a_struct_with_a_field_missing_is_refused():
    with pytest.raises(ConversionError, match=r"s\.t\.a holds a nested value of size 1"):
        text_of(POINT, [1.5])


def test_a_decimal_with_more_places_than_its_schema_is_refused():
    with pytest.raises(ConversionError, match=r"s\.t\.a: 1\.505 has more than 2 decimal places"):
        text_of(decimal_schema(2), Number("1.505"))


@pytest.mark.parametrize(
    "broken",
    [
        b"\x80",
        b"\xc0\x80",
        b"\xc3",
        b"\xe0\x80\x80",
        b"\xed\xa0\x80",
        b"\xf0\x80\x80\x80",
        b"\xf4\x90\x80\x80",
        b"\xf5\x80\x80\x80",
        b"\xe2\x82",
        b"\xe2\x82x",
    ],
)
@pytest.mark.parametrize("lead", ["", "plain ASCII text", "é€"])
def test_text_that_is_not_utf8_is_refused_with_its_offset(broken, lead):
    with pytest.raises(
        ConversionError,
        match=f"s.t.a holds a text that is not UTF-8: bytes {broken[:1].hex()}.* at offset {len(lead.encode())}",
    ):
        text_of(STRING, lead + broken.decode("utf-8", "surrogateescape"))


@pytest.mark.parametrize("last", [0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF])
def test_every_length_of_utf8_passes(last):
    assert text_of(STRING, chr(last)) == f'"{chr(last)}"'
