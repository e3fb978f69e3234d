"""The JSON converter of single values. What Connect writes and reads was taken from its JsonConverter, version 4.3.1."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from decimal import Decimal as Number
from typing import Any

import pytest

from cdc.config import InvalidConfig
from cdc.converters.value_json import ConnectJsonConverter
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
    Decimal,
    Field,
    Schema,
    array,
    struct,
)
from cdc.testing.conformance.converter import ConverterConformance
from cdc.testing.conformance.header_converter import HeaderConverterConformance

CONNECT = "org.apache.kafka.connect.data."
INT8 = Schema(ConnectType.INT8)
DATE = Schema(ConnectType.INT32, name=f"{CONNECT}Date", version=1)
TIME = Schema(ConnectType.INT32, name=f"{CONNECT}Time", version=1)
TIMESTAMP = Schema(ConnectType.INT64, name=f"{CONNECT}Timestamp", version=1)
MONEY = Schema(ConnectType.BYTES, optional=True, name=f"{CONNECT}Decimal", version=1, parameters={"scale": "2"})
BY_NAME = Schema(ConnectType.MAP, keys=STRING, values=INT32.as_optional())
BY_NUMBER = Schema(ConnectType.MAP, keys=INT16, values=FLOAT64)
VARIABLE = struct("io.debezium.data.VariableScaleDecimal", (Field("scale", INT32), Field("value", BYTES)))
ADDRESS = struct("address", [Field("city", STRING), Field("codes", array(INT32.as_optional()))], optional=True)
CUSTOMER = struct("customer", [Field("id", INT64), Field("address", ADDRESS), Field("rating", MONEY)], version=3)

SAMPLES: list[tuple[Schema, object]] = [
    (BOOLEAN, True),
    (INT8, -128),
    (INT16, 32767),
    (INT32, -(2**31)),
    (INT64, 2**63 - 1),
    (FLOAT32, 0.5),
    (FLOAT32, -math.inf),
    (FLOAT64, math.nan),
    (FLOAT64, 1e21),
    (STRING, 'é"\\\n\x01 東京 😀'),
    (BYTES, b""),
    (BYTES, bytes(range(256))),
    (MONEY, Number("-1.50")),
    (MONEY, None),
    (DATE, 18295),
    (TIME, 86_399_999),
    (TIMESTAMP, -1),
    (array(STRING.as_optional()), ["a", None]),
    (BY_NAME, {"a": 1, "": None}),
    (BY_NUMBER, {1: 1.0, -2: 2.5}),
    (VARIABLE, {"scale": 1, "value": b"\x0f"}),
    (CUSTOMER, {"id": 1, "address": {"city": "Köln", "codes": [1, None]}, "rating": Number("0.01")}),
    (CUSTOMER, {"id": 2, "address": None, "rating": None}),
]
PLAIN: tuple[object, ...] = (True, 0, -(2**63), 1.5, 1e100, "", "é\x01", [], [1, "a", None], {"a": {"b": []}})
BARE: list[tuple[None, object]] = [(None, value) for value in PLAIN]
MISFITS: list[tuple[Schema | None, object]] = [
    (INT8, 128),
    (INT32, "1"),
    (INT32, True),
    (INT32, 1.0),
    (INT64, None),
    (FLOAT32, 1e39),
    (FLOAT64, 10**400),
    (FLOAT64, "1"),
    (BOOLEAN, 1),
    (STRING, 1),
    (STRING, "\ud800"),
    (BYTES, "x"),
    (MONEY, Number("1.005")),
    (MONEY, Number("NaN")),
    (MONEY, Number("1E999999999")),
    (MONEY, 1.5),
    (TIME, -1),
    (array(INT32), "x"),
    (array(INT32), [1, None]),
    (Schema(ConnectType.ARRAY), [1]),
    (BY_NAME, {None: 1}),
    (BY_NAME, [1]),
    (CUSTOMER, [1, 2]),
    (CUSTOMER, {"address": None}),
    (CUSTOMER, {"id": 1, "adress": None}),
    (VARIABLE, {"scale": 1}),
    (Schema(ConnectType.BYTES, name=f"{CONNECT}Decimal"), Number(1)),
    (None, object()),
    (None, Number("1.5")),
    (None, ["\ud800"]),
]


def configured(**properties: str) -> ConnectJsonConverter:
    converter = ConnectJsonConverter()
    converter.configure({name.replace("_", "."): text for name, text in properties.items()}, is_key=False)
    return converter


class TestWithSchemas(ConverterConformance):
    @pytest.fixture
    def converter(self):
        return configured

    @pytest.fixture
    def samples(self):
        return [*SAMPLES, *BARE]

    @pytest.fixture
    def misfits(self):
        return MISFITS


class TestWithNumericDecimals(TestWithSchemas):
    @pytest.fixture
    def converter(self):
        return lambda: configured(decimal_format="NUMERIC", replace_null_with_default="false")


class TestWithoutSchemas(TestWithSchemas):
    @pytest.fixture
    def converter(self):
        return lambda: configured(schemas_enable="false")

    @pytest.fixture
    def samples(self):
        return BARE


class TestForHeaders(HeaderConverterConformance):
    @pytest.fixture
    def converter(self):
        return configured

    @pytest.fixture
    def samples(self):
        return SAMPLES

    @pytest.fixture
    def misfits(self):
        return MISFITS


def envelope(schema: object, payload: str) -> str:
    return f'{{"schema":{schema if isinstance(schema, str) else json.dumps(schema)},"payload":{payload}}}'


def described(kind: str, **more: object) -> dict[str, object]:
    return {"type": kind, "optional": True, **more}


SCALE_2 = described("bytes", name=f"{CONNECT}Decimal", version=1, parameters={"scale": "2"})
NESTED = (
    '{"type":"struct","fields":[{"type":"int32","optional":true,"field":"x"},{"type":"float","optional":true,"field":"y"},'
    '{"type":"boolean","optional":true,"field":"z"},{"type":"struct","fields":[{"type":"bytes","optional":true,"field":"q"}],'
    '"optional":true,"field":"n"}],"optional":false,"name":"s","version":3,"doc":"d é","parameters":{"b":"2","a":"1"}}'
)


@pytest.mark.parametrize(
    ("properties", "read", "written"),
    [
        ({}, envelope({"type": "int8"}, "5"), '{"schema":{"type":"int8","optional":false},"payload":5}'),
        (
            {},
            envelope(described("int32", default=7), "null"),
            '{"schema":{"type":"int32","optional":true,"default":7},"payload":7}',
        ),
        (
            {"replace_null_with_default": "false"},
            envelope(described("int32", default=7), "null"),
            '{"schema":{"type":"int32","optional":true,"default":7},"payload":null}',
        ),
        ({"decimal_format": "NUMERIC"}, envelope(SCALE_2, '"AJY="'), "1.50"),
        ({"decimal_format": "NUMERIC"}, envelope(SCALE_2, "1.50"), "1.50"),
        ({}, envelope(SCALE_2, "1.50"), '"AJY="'),
        ({}, envelope({**SCALE_2, "default": "AJY="}, "null"), '"AJY="'),
        ({"decimal_format": "numeric"}, envelope({**SCALE_2, "default": 1.5}, "null"), "1.50"),
        ({"decimal_format": "NUMERIC"}, envelope({**SCALE_2, "parameters": {"scale": "9"}}, '"AQ=="'), "1E-9"),
        ({"decimal_format": "NUMERIC"}, envelope({**SCALE_2, "parameters": {"scale": "-3"}}, '"AQ=="'), "1E+3"),
        (
            {},
            envelope(described("array", items=described("string")), r'["a",null,"é\u0001\"\\/"]'),
            r'["a",null,"é\u0001\"\\/"]',
        ),
        (
            {},
            envelope(described("map", keys={"type": "int32"}, values=described("double")), "[[1,1e21],[2,null]]"),
            "[[1,1.0E21],[2,null]]",
        ),
        (
            {},
            envelope(NESTED, '{"x":1,"y":0.1,"n":{"q":"AQI="},"unknown":4}'),
            envelope(NESTED, '{"x":1,"y":0.1,"z":null,"n":{"q":"AQI="}}'),
        ),
        ({}, envelope("null", '{"a":[1,1.5,"x",null,true]}'), '{"a":[1,1.5,"x",null,true]}'),
        ({"schemas_enable": "false"}, '{"a":[1,1.5,"x",null,true,{}]}', '{"a":[1,1.5,"x",null,true,{}]}'),
        ({"schemas_enable": "false"}, '{"schema":null,"payload":1}', '{"schema":null,"payload":1}'),
        ({}, envelope(described("double"), "1"), "1.0"),
        ({}, envelope(described("int32"), "1.0"), "1"),
        ({}, envelope(described("bytes"), '""'), '""'),
        (
            {},
            envelope(described("array", items={"type": "int32"}, default=[1, 2]), "null"),
            '{"schema":{"type":"array","items":{"type":"int32","optional":false},"optional":true,"default":[1,2]},"payload":[1,2]}',
        ),
        (
            {},
            envelope({"type": "int8", "version": 2.5, "doc": 5, "name": 6, "optional": "x"}, "1"),
            '{"schema":{"type":"int8","optional":false},"payload":1}',
        ),
    ],
)
def test_what_connect_reads_and_writes_again_is_the_same_here(properties, read, written):
    converter = configured(**properties)
    found = converter.to_connect_data("t", read.encode())
    data = (converter.from_connect_data("t", found.schema, found.value) or b"").decode()
    if not written.startswith('{"schema"') and "schemas_enable" not in properties:
        data = data.partition(',"payload":')[2].removesuffix("}")
    assert data == written


@pytest.mark.parametrize("data", [None, b"", b" \n", b"null"])
def test_nothing_is_null_without_schemas(data):
    assert configured(schemas_enable="false").to_connect_data("t", data) == SchemaAndValue(None, None)


def test_a_null_with_a_schema_is_written_and_one_without_is_none():
    assert configured(schemas_enable="false").from_connect_data("t", INT32.as_optional(), None) == b"null"
    assert configured().from_connect_data("t", None, None) is None


@pytest.mark.parametrize(
    ("read", "fact"),
    [
        ('{"payload":1}', '"schema" and "payload"'),
        ('{"schema":null,"payload":1,"x":2}', '"schema" and "payload"'),
        ("[]", '"schema" and "payload"'),
        ("{", "is not JSON"),
        ("", "is not JSON"),
        ('{"schema":null,"payload":NaN}', "NaN"),
        ('{"schema":null,"payload":"\\ud800"}', "surrogates"),
        ('{"schema":null,"payload":' + "[" * 100_000, "is not JSON"),
        (envelope({"type": "int32"}, "null"), "must not be null"),
        (envelope(described("int32"), '"1"'), "'1'"),
        (envelope(described("int8"), "300"), "-128 to 127"),
        (envelope(described("int32"), "1.5"), "whole numbers"),
        (envelope(described("string"), "1"), "texts"),
        (envelope(described("boolean"), "1"), "true and false"),
        (envelope(described("bytes"), '"A"'), "base64"),
        (envelope(SCALE_2, '""'), "at least one byte"),
        (envelope({**SCALE_2, "parameters": {}}, '"AA=="'), "scale"),
        (envelope(described("float"), "3.4e39"), "3.4028235E38"),
        (envelope(described("double"), "1e400"), "out of range"),
        (envelope({"type": "int32", "name": f"{CONNECT}Time"}, "-1"), "86400000"),
        (envelope({"type": "nope"}, "1"), "'nope'"),
        (envelope({"type": "array"}, "[]"), "items"),
        (envelope({"type": "map", "keys": {"type": "string"}}, "{}"), "values"),
        (envelope({"type": "struct"}, "{}"), '"fields"'),
        (envelope({"type": "struct", "fields": [{"type": "int8"}]}, "{}"), '"field"'),
        (envelope({"type": "struct", "fields": [{"type": "int8", "field": "a"}] * 2}, "{}"), "twice"),
        (envelope({"type": "int8", "parameters": {"a": 1}}, "1"), "parameters"),
        (envelope(described("map", keys={"type": "string"}, values={"type": "int8"}), "[]"), "objects"),
        (envelope(described("map", keys={"type": "int8"}, values={"type": "int8"}), '{"1":1}'), "pairs"),
        (envelope(described("map", keys={"type": "int8"}, values={"type": "int8"}), "[[1]]"), "pairs"),
        (envelope(described("struct", fields=[{"type": "int8", "field": "a"}]), '{"a":{}}'), "t/value.a "),
        (envelope(described("int8", default="x"), "1"), "t/value/schema.default"),
        (envelope(described("int8", version=10**30), "1") + " trailing", "Extra data"),
    ],
)
def test_what_is_no_value_of_its_schema_is_refused_with_its_place(read, fact):
    with pytest.raises(ConversionError) as refused:
        configured().to_connect_data("t", read.encode())
    assert fact in str(refused.value)
    assert refused.value.remedy


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"id": 1, "address": {"city": "x", "codes": [1, "2"]}}, "t/value.address.codes[1] is of type int32, not '2'"),
        ({"id": 1, "address": {"city": None}}, "t/value.address.city"),
        ({"id": 1, "rating": Number("1.005")}, "1.005 has more than 2 decimal places"),
        ({"id": 1, "name": "x"}, "no field 'name'"),
    ],
)
def test_what_does_not_fit_is_named_by_its_path(value, place):
    with pytest.raises(ConversionError) as refused:
        configured().from_connect_data("t", CUSTOMER, value)
    assert place in str(refused.value)


def test_errors_do_not_show_long_values():
    with pytest.raises(ConversionError) as refused:
        configured().from_connect_data("t", INT32, "x" * 10_000)
    assert len(str(refused.value)) < 300


def test_all_of_a_schema_is_read():
    fields = [
        {"type": "bytes", "name": MONEY.name, "parameters": {"scale": "2"}, "default": "AJY=", "field": "d"},
        described("map", keys={"type": "string"}, values={"type": "float"}, doc="m", field="m"),
        {"type": "array", "items": {"type": "int16"}, "field": "a"},
    ]
    data = envelope(described("struct", fields=fields, name="s", version=2), "null")
    read = configured().to_connect_data("t", data.encode())
    money = Schema(ConnectType.BYTES, name=f"{CONNECT}Decimal", parameters={"scale": "2"}, default=Decimal(150, 2))
    by_name = Schema(ConnectType.MAP, optional=True, doc="m", keys=STRING, values=FLOAT32)
    expected = [Field("d", money), Field("m", by_name), Field("a", array(INT16))]
    assert read.schema == struct("s", expected, optional=True, version=2)
    assert read.value is None


def test_a_missing_member_is_null_or_its_default():
    fields = [{**described("int8"), "field": "a"}, {**described("int8", default=4), "field": "b"}]
    data = envelope({"type": "struct", "fields": fields}, "{}").encode()
    assert configured().to_connect_data("t", data).value == {"a": None, "b": 4}
    assert configured(replace_null_with_default="false").to_connect_data("t", data).value == {"a": None, "b": None}


def test_a_null_that_only_its_default_allows_is_refused_where_defaults_are_off():
    schema = INT32.with_default(5)
    assert configured(schemas_enable="false").from_connect_data("t", schema, None) == b"5"
    with pytest.raises(ConversionError, match="must not be null"):
        configured(replace_null_with_default="false").from_connect_data("t", schema, None)


def test_the_same_schema_is_read_once():
    converter = configured()
    data = envelope(described("int32"), "1").encode()
    assert converter.to_connect_data("t", data).schema is converter.to_connect_data("u", data).schema


def test_a_schema_that_was_let_go_is_not_taken_for_another():
    converter = configured(schemas_enable="false")
    for number in range(3000):
        schema = FLOAT64.with_default(0.0) if number % 2 else INT32.with_default(0)
        assert converter.from_connect_data("t", schema, 1) == (b"1.0" if number % 2 else b"1")


def test_a_fixed_schema_reads_bare_values():
    converter = configured(schema_content='{"type":"struct","fields":[{"type":"int64","field":"id"}]}')
    read = converter.to_connect_data("t", b'{"id":5}')
    assert read == SchemaAndValue(struct(None, [Field("id", INT64)]), {"id": 5})


@pytest.mark.parametrize(
    ("properties", "name"),
    [
        ({"decimal.format": "HEX"}, "decimal.format"),
        ({"schemas.enable": "maybe"}, "schemas.enable"),
        ({"schema.content": "{"}, "schema.content"),
        ({"schema.content": '{"type":"x"}'}, "schema.content"),
        ({"schemas.enabled": "true"}, "schemas.enabled"),
    ],
)
def test_wrong_properties_are_refused(properties: dict[str, str], name: str) -> None:
    with pytest.raises(InvalidConfig) as refused:
        ConnectJsonConverter().configure(properties, is_key=True)
    assert [problem.name for problem in refused.value.problems] == [name]
    assert refused.value.remedy


def test_properties_without_effect_are_accepted():
    properties = {"schemas.cache.size": "5", "converter.type": "key", "plugin.version": "1"}
    ConnectJsonConverter().configure(properties, is_key=True)


def test_errors_say_whether_it_is_a_key_or_a_header():
    converter = ConnectJsonConverter()
    converter.configure({}, is_key=True)
    with pytest.raises(ConversionError, match=r"^t/key "):
        converter.to_connect_data("t", b"x")
    with pytest.raises(ConversionError, match=r"^t/header h "):
        converter.to_connect_header("t", "h", b"x")


def test_floats_are_written_as_java_does_without_a_schema_too():
    values: Any = [1e21, 0.1, math.nan, 100.0]
    assert configured(schemas_enable="false").from_connect_data("t", None, values) == b'[1.0E21,0.1,"NaN",100.0]'


def test_a_dict_with_other_keys_than_texts_is_a_list_of_pairs_without_a_schema():
    assert (
        configured(schemas_enable="false").from_connect_data("t", None, {1: b"\x01", "a": 2}) == b'[[1,"AQ=="],["a",2]]'
    )


@pytest.mark.parametrize("depth", [100, 300, 600, 900, 2000])
def test_what_is_nested_too_deep_is_refused_both_ways(depth):
    converter = configured(schemas_enable="false")
    nested: list[Any] = []
    for _ in range(depth):
        nested = [nested]
    for attempt in (
        lambda: converter.from_connect_data("t", None, nested),
        lambda: converter.to_connect_data("t", b"[" * depth + b"]" * depth),
        lambda: configured().to_connect_data("t", b'{"schema":null,"payload":' + b"[" * depth + b"]" * depth + b"}"),
    ):
        with pytest.raises(ConversionError) if depth == 2000 else suppress(ConversionError):
            attempt()
