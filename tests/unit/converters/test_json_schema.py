"""Schemas as JSON: order and form of the members, beside the whole envelopes of `test_json_envelope`."""

from __future__ import annotations

import pytest

from cdc.config import ConverterSettings, DecimalFormat
from cdc.converters.json_schema import schema_json
from cdc.model.schema import BYTES, FLOAT32, FLOAT64, INT16, STRING, ConnectType, Decimal, Field, Schema, array, struct
from tests.unit.converters.tables import decimal_schema


def json_of(schema: Schema, decimal_format: DecimalFormat = DecimalFormat.BASE64) -> str:
    return schema_json(schema, ConverterSettings(decimal_format=decimal_format)).decode()


def test_the_members_stand_in_connects_order():
    schema = Schema(
        ConnectType.INT8, optional=True, name="n", version=3, doc="d", parameters={"z": "1", "a": "2"}, default=7
    )
    assert json_of(struct("s", (Field("x", schema),))) == (
        '{"type":"struct","fields":[{"type":"int8","optional":true,"name":"n","version":3,"doc":"d",'
        '"parameters":{"z":"1","a":"2"},"default":7,"field":"x"}],"optional":false,"name":"s"}'
    )


def test_nested_schemas_stand_behind_the_type():
    hash_map = Schema(ConnectType.MAP, keys=STRING, values=STRING.as_optional(), optional=True)
    assert json_of(hash_map) == (
        '{"type":"map","keys":{"type":"string","optional":false},"values":{"type":"string","optional":true},"optional":true}'
    )
    assert json_of(array(INT16)) == '{"type":"array","items":{"type":"int16","optional":false},"optional":false}'
    assert json_of(struct(None, ())) == '{"type":"struct","fields":[],"optional":false}'


@pytest.mark.parametrize(
    ("schema", "default"),
    [
        (STRING.with_default('it\'s "ü"\n'), r'"it' + "'" + r's \"ü\"\n"'),
        (STRING.with_default(""), '""'),
        (INT16.with_default(0), "0"),
        (Schema(ConnectType.BOOLEAN, default=False), "false"),
        (FLOAT32.with_default(0.1), "0.1"),
        (FLOAT64.with_default(1e21), "1.0E21"),
        (BYTES.with_default(b"\x01\xff"), '"Af8="'),
        (decimal_schema(2, default=Decimal(150, 2)), '"AJY="'),
        (decimal_schema(30, default=Decimal(10**30, 30)), '"DJ8snNBGdO3qQAAAAA=="'),
    ],
)
def test_defaults_are_written_as_values_are(schema, default):
    assert json_of(schema).endswith(f',"default":{default}}}')


def test_a_decimal_default_is_a_number_where_values_are():
    schema = decimal_schema(2, default=Decimal(150, 2))
    assert json_of(schema, DecimalFormat.NUMERIC).endswith(',"default":1.50}')


@pytest.mark.parametrize(
    ("kind", "word"), [(ConnectType.FLOAT32, "float"), (ConnectType.FLOAT64, "double"), (ConnectType.INT64, "int64")]
)
def test_types_go_by_connects_words(kind, word):
    assert json_of(Schema(kind)) == f'{{"type":"{word}","optional":false}}'
