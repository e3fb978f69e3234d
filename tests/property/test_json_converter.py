"""The JSON converter against a plain rendering in Python, for any schema and any value."""

from __future__ import annotations

import json
import math
import struct as binary
from base64 import b64encode
from decimal import Decimal as Number
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cdc.config import ConverterSettings
from cdc.converters.decimals import parts, unscaled_bytes
from cdc.converters.missing import absent_value, unavailable_value
from cdc.model.event import ABSENT, UNAVAILABLE
from cdc.model.schema import FLOAT32, FLOAT64, INT16, STRING, ConnectType, Decimal, Field, Schema, array, struct
from tests.unit.converters.connect_json import schema_of
from tests.unit.converters.tables import PLACEHOLDER, convert, decimal_schema, table, text_of

VARIABLE = "io.debezium.data.VariableScaleDecimal"
DECIMAL = "org.apache.kafka.connect.data.Decimal"
BITS = {ConnectType.INT8: 8, ConnectType.INT16: 16, ConnectType.INT32: 32, ConnectType.INT64: 64}

ESCAPES = {number: f"\\u{number:04X}" for number in range(32)} | {
    ord(character): f"\\{letter}" for character, letter in zip('"\\\b\t\n\f\r', '"\\btnfr', strict=True)
}

text = st.text(max_size=40)
single = st.floats(width=32)
scales = st.integers(min_value=-3, max_value=40)
unscaled = st.integers(min_value=-(10**40), max_value=10**40)
SCALARS: dict[ConnectType, st.SearchStrategy[Any]] = {
    ConnectType.BOOLEAN: st.booleans(),
    ConnectType.FLOAT32: single,
    ConnectType.FLOAT64: st.floats(),
    ConnectType.STRING: text,
    ConnectType.BYTES: st.binary(max_size=40),
}


def plain_values(schema: Schema) -> st.SearchStrategy[Any]:
    """Return the values of a schema, none of them null, as `ChangeBatch.add` takes them."""
    if schema.name == DECIMAL:
        return unscaled.map(lambda number: number_of(number, int(schema.parameters["scale"])))
    if schema.name == VARIABLE:
        return st.builds(number_of, unscaled, scales)
    if schema.type in BITS:
        return st.integers(-(2 ** (BITS[schema.type] - 1)), 2 ** (BITS[schema.type] - 1) - 1)
    return SCALARS[schema.type] if schema.type in SCALARS else nested_values(schema)


def nested_values(schema: Schema) -> st.SearchStrategy[Any]:
    if schema.items is not None:
        return st.lists(values(schema.items), max_size=4)
    if schema.keys is not None and schema.values is not None:
        entries = st.dictionaries(plain_values(schema.keys), values(schema.values), max_size=3)
        return entries.map(lambda content: [each for entry in content.items() for each in entry])
    return st.tuples(*(values(field.schema) for field in schema.fields)).map(list)


def values(schema: Schema) -> st.SearchStrategy[Any]:
    return st.none() | plain_values(schema) if schema.optional else plain_values(schema)


def number_of(number: int, scale: int) -> Number:
    return Number((int(number < 0), tuple(map(int, str(abs(number)))), -scale))


def with_default(schema: Schema) -> st.SearchStrategy[Schema]:
    def exact(value: Any) -> Any:
        return Decimal(*parts(value)) if isinstance(value, Number) else value

    return (st.none() | plain_values(schema)).map(lambda value: schema.with_default(exact(value)))


def named(members: list[Schema]) -> tuple[Field, ...]:
    return tuple(Field(f'{number}"ü', schema) for number, schema in enumerate(members))


simple = st.builds(Schema, st.sampled_from([*BITS, *SCALARS]), optional=st.booleans(), name=st.none() | st.just("n"))
decimals = st.builds(decimal_schema, scales, st.booleans())
variable = st.booleans().map(lambda optional: struct(VARIABLE, (), optional=optional))
scalars = (simple | decimals).flatmap(with_default) | variable
map_keys = st.sampled_from([STRING, INT16])
schemas = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.builds(array, inner, optional=st.booleans()),
        st.builds(Schema, st.just(ConnectType.MAP), st.booleans(), keys=map_keys, values=inner),
        st.lists(inner, max_size=3).map(lambda all_: struct("s", named(all_))),
    ),
    max_leaves=6,
)


def rendered(schema: Schema, value: Any, replace: bool) -> Any:
    """Return what a JSON parser should read: Connect's rules, once more and slowly."""
    if value is ABSENT:
        return rendered(schema, absent_value(schema), replace)
    if value is UNAVAILABLE:
        return rendered(schema, unavailable_value(schema, PLACEHOLDER), replace)
    if value is None:
        return None if schema.default is None or not replace else rendered(schema, schema.default, replace)
    if isinstance(value, Number | Decimal):
        return rendered_decimal(schema, *parts(value))
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, float) and not math.isfinite(value):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)]
    return rendered_nested(schema, value, replace) if isinstance(value, list | tuple) else value


def rendered_decimal(schema: Schema, number: int, scale: int) -> Any:
    if schema.name == VARIABLE:
        return {"scale": scale, "value": b64encode(unscaled_bytes(number)).decode()}
    assert number == 0 or scale == int(schema.parameters["scale"])
    return b64encode(unscaled_bytes(number)).decode()


def rendered_nested(schema: Schema, value: Any, replace: bool) -> Any:
    if schema.items is not None:
        return [rendered(schema.items, item, replace) for item in value]
    if schema.keys is None or schema.values is None:
        return {f.name: rendered(f.schema, item, replace) for f, item in zip(schema.fields, value, strict=True)}
    pairs = [[key, rendered(schema.values, item, replace)] for key, item in zip(value[::2], value[1::2], strict=True)]
    return dict(pairs) if schema.keys.type is ConnectType.STRING else pairs


def narrowed(read: Any) -> Any:
    """Return what was read with floats as bit patterns, so that -0.0, 100.0 and 100 differ."""
    if isinstance(read, float):
        return binary.pack("d", read)
    if isinstance(read, list):
        return [narrowed(item) for item in read]
    return {key: narrowed(item) for key, item in read.items()} if isinstance(read, dict) else read


def compared(schema: Schema, read: Any) -> Any:
    """Return what was read, its FLOAT32 numbers rounded to 32 bits: their text has no more digits than tell them apart in these."""
    if schema.type is ConnectType.FLOAT32 and isinstance(read, float):
        return binary.unpack("f", binary.pack("f", read))[0]
    if schema.items is not None and read is not None:
        return [compared(schema.items, item) for item in read]
    if schema.fields and read is not None:
        return {field.name: compared(field.schema, read[field.name]) for field in schema.fields}
    if schema.values is not None and isinstance(read, dict):
        return {key: compared(schema.values, item) for key, item in read.items()}
    if schema.values is not None and read is not None:
        return [[key, compared(schema.values, item)] for key, item in read]
    return read


def row_of(columns: list[Schema]) -> st.SearchStrategy[tuple[Any, ...]]:
    missing = st.sampled_from([ABSENT, UNAVAILABLE, None])
    return st.tuples(*(st.one_of(values(schema), missing) for schema in columns))


changes = st.lists(schemas, min_size=1, max_size=5).flatmap(
    lambda columns: st.tuples(st.just(columns), st.lists(row_of(columns), max_size=3))
)


@given(changes, st.booleans())
def test_any_row_reads_back_as_the_plain_rendering(change, replace):
    columns, rows = change
    keyless = table(*columns, key=())
    settings = ConverterSettings(schemas_enable=False, replace_null_with_default=replace)
    records = convert(*(("c", keyless, None, row) for row in rows), value=settings)
    assert len(records) == len(rows)
    for index, row in enumerate(rows):
        after = json.loads(records[index][2] or "")["after"]
        assert list(after) == list("abcde"[: len(columns)])
        for schema, shown, cell in zip(columns, after.values(), row, strict=True):
            assert narrowed(compared(schema, shown)) == narrowed(rendered(schema, cell, replace))


@given(schemas)
def test_any_schema_reads_back_as_itself(schema):
    _, _, value, _ = convert(("t", table(schema), None, None), value=ConverterSettings())[0]
    assert value is not None
    envelope = schema_of(json.loads(value)["schema"])
    assert json_types(envelope.fields[0].schema.fields[0].schema) == json_types(schema)


def json_types(schema: Schema) -> Any:
    """Return all of a schema, its floating point default as text: NaN is no default that a reader could compare."""
    nested = [json_types(each) for each in (schema.items, schema.keys, schema.values) if each is not None]
    fields = [(field.name, json_types(field.schema)) for field in schema.fields]
    default = repr(schema.default) if schema.type is not ConnectType.FLOAT32 else schema.default is None
    return (schema.type, schema.optional, schema.name, schema.version, schema.parameters, default, nested, fields)


@given(text)
def test_only_what_json_forbids_in_a_string_is_escaped(content):
    assert text_of(STRING, content) == f'"{content.translate(ESCAPES)}"'


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_double_has_the_fewest_digits_that_read_back(value):
    written = text_of(FLOAT64, value)
    assert binary.pack("d", float(written)) == binary.pack("d", value)
    assert len(digits_of(written)) <= max(2, len(digits_of(repr(value))))
    if len(digits_of(repr(value))) > 1:
        assert digits_of(written) == digits_of(repr(value))


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_float_reads_back_as_the_same(value):
    assert binary.pack("f", float(text_of(FLOAT32, value))) == binary.pack("f", value)


def digits_of(number: str) -> str:
    mantissa = number.lower().lstrip("-").partition("e")[0]
    return mantissa.replace(".", "").strip("0")
