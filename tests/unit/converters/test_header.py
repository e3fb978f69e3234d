"""Header values: the text of Connect's SimpleHeaderConverter."""

from __future__ import annotations

import math
from decimal import Decimal as Number

import pytest

from cdc.converters.header import struct_text
from cdc.model.event import ABSENT
from cdc.model.schema import (
    BOOLEAN,
    BYTES,
    FLOAT32,
    FLOAT64,
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
from tests.unit.converters.tables import decimal_schema

DATE = Schema(ConnectType.INT32, name="org.apache.kafka.connect.data.Date")
TIME = Schema(ConnectType.INT32, name="org.apache.kafka.connect.data.Time")
TIMESTAMP = Schema(ConnectType.INT64, name="org.apache.kafka.connect.data.Timestamp")
VARIABLE = struct("io.debezium.data.VariableScaleDecimal", (Field("scale", INT32), Field("value", BYTES)))


def test_a_struct_is_written_as_debezium_wrote_it():
    fields = [
        Field("t", STRING),
        Field("ts", Schema(ConnectType.STRING, name="io.debezium.time.ZonedTimestamp")),
        Field("n", decimal_schema(2)),
        Field("b", BOOLEAN),
        Field("by", BYTES),
    ]
    values = ["é", "2020-01-01T00:00:00.000000Z", Number("1.50"), True, b"\x01"]
    assert struct_text(fields, values) == (
        '{"t":"é","ts":"2020-01-01T00:00:00.000000Z","n":1.50,"b":true,"by":"AQ=="}'.encode()
    )


@pytest.mark.parametrize(
    ("schema", "value", "text"),
    [
        (STRING, 'a"b\\c\n\t\x01', '"a\\"b\\\\c\n\t\x01"'),
        (STRING, "", '""'),
        (INT64, -5, "-5"),
        (BOOLEAN, False, "false"),
        (INT32.as_optional(), None, "null"),
        (INT32.as_optional().with_default(4), None, "4"),
        (decimal_schema(2, optional=True, default=Decimal(150, 2)), None, "1.50"),
        (decimal_schema(7), Number("0.0000001"), "1E-7"),
        (VARIABLE, Number("1.5"), '{"scale":1,"value":"Dw=="}'),
        (FLOAT64, 1e21, "1.0E21"),
        (FLOAT32, 0.1, "0.1"),
        (FLOAT64, math.nan, "NaN"),
        (FLOAT64, -math.inf, "-Infinity"),
        (BYTES, b"", '""'),
        (array(STRING), ["a", None], '["a",null]'),
        (Schema(ConnectType.MAP, keys=STRING, values=INT32), ["k", 1, "l", 2], '{"k":1,"l":2}'),
        (struct("s", (Field("x", INT32), Field("y", STRING))), [1, "z"], '{"x":1,"y":"z"}'),
        (DATE, 18295, "2020-02-03"),
        (DATE, 2932897, "10000-01-01"),
        (DATE, 0, "00:00:00.000Z"),
        (TIME, 14706007, "04:05:06.007Z"),
        (TIMESTAMP, 1580702706789, "2020-02-03T04:05:06.789Z"),
        (TIMESTAMP, 1580688000000, "2020-02-03"),
        (TIMESTAMP, -1, "23:59:59.999Z"),
    ],
)
def test_values_are_written_as_connect_does(schema, value, text):
    assert struct_text([Field("f", schema)], [value]).decode() == f'{{"f":{text}}}'


def test_names_are_escaped_like_strings():
    assert struct_text([Field('a"b', INT32), Field("c", INT32)], [1, 2]) == b'{"a\\"b":1,"c":2}'


@pytest.mark.parametrize("value", [ABSENT, "\udcff"])
def test_what_no_header_can_carry_is_refused(value):
    with pytest.raises(ValueError):
        struct_text([Field("f", STRING)], [value])
