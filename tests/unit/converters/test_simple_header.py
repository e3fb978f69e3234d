"""Headers as text. What Connect writes and reads was taken from its SimpleHeaderConverter, version 4.3.1, in UTC."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal as Number
from typing import Any

import pytest

from cdc.config import InvalidConfig
from cdc.converters.simple_header import SimpleHeaderConverter
from cdc.errors import ConversionError
from cdc.model.connect_record import SchemaAndValue
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
    Field,
    Schema,
    array,
    struct,
)
from cdc.testing.conformance.header_converter import HeaderConverterConformance

CONNECT = "org.apache.kafka.connect.data."
INT8 = Schema(ConnectType.INT8)
DATE = Schema(ConnectType.INT32, name=f"{CONNECT}Date", version=1)
TIME = Schema(ConnectType.INT32, name=f"{CONNECT}Time", version=1)
TIMESTAMP = Schema(ConnectType.INT64, name=f"{CONNECT}Timestamp", version=1)
ANY_ARRAY = Schema(ConnectType.ARRAY)
ANY_MAP = Schema(ConnectType.MAP)
ROW = struct(
    "row",
    [
        Field("a", INT32),
        Field("b", STRING.as_optional()),
        Field("c", array(FLOAT32)),
        Field("d", INT32.with_default(4)),
        Field("e", BYTES),
    ],
)


def decimal(scale: int) -> Schema:
    return Schema(ConnectType.BYTES, name=f"{CONNECT}Decimal", version=1, parameters={"scale": str(scale)})


def map_of(keys: Schema | None, values: Schema | None) -> Schema:
    return Schema(ConnectType.MAP, keys=keys, values=values)


class TestConformance(HeaderConverterConformance):
    @pytest.fixture
    def converter(self):
        return SimpleHeaderConverter

    @pytest.fixture
    def samples(self):
        return [
            (STRING, "abc é 東京"),
            (STRING, ""),
            (BOOLEAN, True),
            (INT64, 5),
            (INT64, -(2**63)),
            (FLOAT32, 1.5),
            (FLOAT64, 1e100),
            (decimal(0), Number(10**30)),
            (DATE, 18295),
            (TIME, 14_706_007),
            (TIMESTAMP, 1580702706789),
            (array(STRING), ["a", "b, c"]),
            (array(INT64), [1, 1000]),
            (map_of(STRING, INT32), {"a": 1, "b": 2}),
            (array(array(BOOLEAN)), [[True], []]),
        ]

    @pytest.fixture
    def misfits(self):
        return [
            (STRING, "\ud800"),
            (INT32, 2**31),
            (DATE, 1.5),
            (ROW, {"z": 1}),
            (array(INT32), [True]),
            (None, object()),
        ]


@pytest.mark.parametrize(
    ("text", "schema", "value"),
    [
        ("null", None, None),
        ("true", BOOLEAN, True),
        (" true ", BOOLEAN, True),
        ("TRUE", STRING, "TRUE"),
        ("true}", STRING, "true}"),
        ("", STRING, ""),
        (" ", STRING, " "),
        ("abc", STRING, "abc"),
        ('"abc"', STRING, '"abc"'),
        ("12", INT8, 12),
        (" 12 ", INT8, 12),
        ("+5", INT8, 5),
        ("-", STRING, "-"),
        ("-0.0", INT8, 0),
        ("1.0", INT8, 1),
        ("-129", INT16, -129),
        ("1E3", INT16, 1000),
        ("9223372036854775807", INT64, 2**63 - 1),
        ("9223372036854775808", decimal(0), Number(2**63)),
        ("1.5", FLOAT32, 1.5),
        ("0.1234567890123", FLOAT32, 0.12345679104328156),
        ("1e30", FLOAT32, 1.0000000150474662e30),
        ("1E100", FLOAT64, 1e100),
        ("1E400", decimal(-400), Number("1E400")),
        ("1e99999999999", STRING, "1e99999999999"),
        ("0x10", STRING, "0x10"),
        ("1_000", STRING, "1_000"),
        ("NaN", STRING, "NaN"),
        ("٣", INT8, 3),
        ("12,abc", INT8, 12),
        ("12:34:56.789", INT8, 12),
        ("2020-01-02", DATE, 1577923200000 // 86_400_000),
        ("2020-13-45", DATE, 1613260800000 // 86_400_000),
        ("2020-1-2xx", DATE, 1577923200000 // 86_400_000),
        ("12345-6-78", DATE, 327423081600000 // 86_400_000),
        ("12:34:56.789Z", TIME, 45296789),
        ("99:99:99.999Z", TIME, 362439999),
        ("2020-02-03T04:05:06.789Z", TIMESTAMP, 1580702706789),
        (r"2020-02-03T04\:05\:06.789Z", TIMESTAMP, 1580702706789),
        ("2020-01-02T25:61:61.999Z", TIMESTAMP, 1578016921999),
        ("[]", ANY_ARRAY, []),
        ("[null]", ANY_ARRAY, [None]),
        ("[1,2]", array(INT8), [1, 2]),
        ("[1,2]xyz", array(INT8), [1, 2]),
        ("[1,]", array(INT8), [1]),
        ("[1,1000]", array(INT16), [1, 1000]),
        ("[1,1.5]", array(FLOAT32), [1.0, 1.5]),
        ("[1e100,1.5]", array(FLOAT64), [1e100, 1.5]),
        ('["a",1]', ANY_ARRAY, ["a", 1]),
        ("[true,1]", ANY_ARRAY, [True, 1]),
        ("[1,null]", STRING, "[1,null]"),
        ("[,1]", STRING, "[,1]"),
        ("[a]", STRING, "[a]"),
        ('["a"', STRING, '["a"'),
        ("[1,NaN]", STRING, "[1,NaN]"),
        (r'["a\"b"]', array(STRING), [r"a\"b"]),
        ('[" "]', array(STRING), [""]),
        ('["a, b:c"]', array(STRING), ["a, b:c"]),
        ('["2020-01-02"]', array(DATE), [18263]),
        ("[5,2020-01-02]", array(DATE), [5, 18263]),
        ("[100000,2020-01-02]", array(DATE), [100000, 18263]),
        ("[10000000000,2020-02-03T04:05:06.789Z]", array(TIMESTAMP), [10000000000, 1580702706789]),
        ("[[],[[]]]", ANY_ARRAY, [[], [[]]]),
        ("{}", ANY_MAP, {}),
        ('{"a" : 1 , "b" : 2}', map_of(STRING, INT8), {"a": 1, "b": 2}),
        ('{"a":1 "b":2}', map_of(STRING, INT8), {"a": 1, "b": 2}),
        ('{"a":1,"b":"x"}', map_of(STRING, None), {"a": 1, "b": "x"}),
        ('{"a":null}', map_of(STRING, None), {"a": None}),
        ("{1:2}", map_of(INT8, INT8), {1: 2}),
        ('{1:"x","a":2}', ANY_MAP, {1: "x", "a": 2}),
        ('{"a":[1,{"b":2}]}', map_of(STRING, ANY_ARRAY), {"a": [1, {"b": 2}]}),
        ("{a:1}", STRING, "{a:1}"),
        ("{null:1}", STRING, "{null:1}"),
    ],
)
def test_texts_are_read_as_connect_does(text, schema, value):
    read = SimpleHeaderConverter().to_connect_header("t", "h", text.encode())
    assert read == SchemaAndValue(schema, value)
    assert type(read.value) is type(value)


@pytest.mark.parametrize(
    ("text", "schema", "value"),
    [
        ('["x",2020-01-02]', ANY_ARRAY, ["x", "2020-01-02"]),
        ('["x",{"a":[04:05:06.789Z]}]', ANY_ARRAY, ["x", {"a": ["04:05:06.789Z"]}]),
        ("[2020-01-02,2020-02-03T04:05:06.789Z]", ANY_ARRAY, ["2020-01-02", "2020-02-03T04:05:06.789Z"]),
        ('[["a"],[1000]]', ANY_ARRAY, [["a"], [1000]]),
        ("{[1]:2}", STRING, "{[1]:2}"),
        ("{1:2,true:3}", STRING, "{1:2,true:3}"),
        ("1500-01-01", DATE, (dt.date(1500, 1, 1) - dt.date(1970, 1, 1)).days),
    ],
)
def test_what_values_in_python_cannot_tell_is_read_otherwise_and_loses_nothing(text, schema, value):
    assert SimpleHeaderConverter().to_connect_header("t", "h", text.encode()) == SchemaAndValue(schema, value)


@pytest.mark.parametrize("data", [b"\xff", b"[" * 100_000, b'{"a":' * 100_000])
def test_what_is_no_text_or_nested_too_deep_is_read_as_bytes(data):
    assert SimpleHeaderConverter().to_connect_header("t", "h", data) == SchemaAndValue(BYTES, data)


@pytest.mark.parametrize(
    ("schema", "value", "text"),
    [
        (STRING, 'a"b', 'a"b'),
        (None, "x", "x"),
        (BYTES, b"\x01", "AQ=="),
        (None, b"", ""),
        (BOOLEAN, False, "false"),
        (INT64, -5, "-5"),
        (FLOAT64, 1e21, "1.0E21"),
        (FLOAT32, 0.1, "0.1"),
        (None, math.nan, "NaN"),
        (decimal(2), Number("1.50"), "1.50"),
        (None, Number("1E-7"), "1E-7"),
        (DATE, 18295, "2020-02-03"),
        (TIME, 14706007, "04:05:06.007Z"),
        (TIMESTAMP, 1580702706789, "2020-02-03T04:05:06.789Z"),
        (ROW, {"a": 1, "c": [1.0, 0.1], "e": b"\1\2"}, '{"a":1,"b":null,"c":[1.0,0.1],"d":4,"e":"AQI="}'),
        (None, {"a": 1, "b": None, "c": ["x", True]}, '{"a":1,"b":null,"c":["x",true]}'),
        (array(DATE), [18295], "[2020-02-03]"),
        (array(STRING), ['a"\\'], r'["a\"\\"]'),
        (ANY_ARRAY, ["a", 1], '["a",1]'),
        (map_of(INT32, BYTES), {1: b"\1"}, '{1:"AQ=="}'),
    ],
)
def test_values_are_written_as_connect_does(schema: Schema | None, value: Any, text: str) -> None:
    assert SimpleHeaderConverter().from_connect_header("t", "h", schema, value) == text.encode()


def test_what_does_not_fit_is_named_by_its_path():
    with pytest.raises(ConversionError, match=r"^t/header h\.c\[1\] is of type float, not 'x'"):
        SimpleHeaderConverter().from_connect_header("t", "h", ROW, {"a": 1, "c": [1, "x"]})


def test_it_has_no_properties():
    with pytest.raises(InvalidConfig, match=r"converter\.encoding"):
        SimpleHeaderConverter().configure({"converter.encoding": "UTF-8"})


def test_what_is_nested_too_deep_is_not_written():
    nested: list[Any] = []
    for _ in range(2000):
        nested = [nested]
    with pytest.raises(ConversionError, match="too deep"):
        SimpleHeaderConverter().from_connect_header("t", "h", None, nested)
