"""The converters of single values: any value of any schema comes back, and no bytes break them."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from decimal import Decimal as Number
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdc.config import ConverterSettings, DecimalFormat
from cdc.converters.decimals import parts
from cdc.converters.number import NUMBERS
from cdc.converters.simple_header import SimpleHeaderConverter
from cdc.converters.string import StringConverter
from cdc.converters.value_json import ConnectJsonConverter
from cdc.errors import ConversionError
from cdc.model.connect_record import SchemaAndValue
from cdc.model.schema import FLOAT64, INT16, STRING, ConnectType, Decimal, Field, Schema, array, struct
from cdc.testing.conformance.converter import equal
from tests.property.test_json_converter import BITS, SCALARS, number_of
from tests.unit.converters.tables import convert, decimal_schema, table

CONNECT = "org.apache.kafka.connect.data."
DECIMAL, DATE, TIME, TIMESTAMP = (f"{CONNECT}{name}" for name in ("Decimal", "Date", "Time", "Timestamp"))
DAY = 86_400_000

text = st.text(max_size=20)
scales = st.integers(min_value=-3, max_value=40)
unscaled = st.integers(min_value=-(10**40), max_value=10**40)
days = st.integers(2, 2_932_896)  # the second day to the last day of the year 9999
milliseconds = st.integers(DAY + 1, 2_932_896 * DAY).filter(lambda value: value % DAY)


def plain_values(schema: Schema) -> st.SearchStrategy[Any]:
    """Return the values of a schema, none of them null, as records have them."""
    if schema.name == DECIMAL:
        return unscaled.map(lambda number: number_of(number, int(schema.parameters["scale"])))
    if schema.name == TIME:
        return st.integers(0, DAY)
    if schema.type in BITS:
        return st.integers(-(2 ** (BITS[schema.type] - 1)), 2 ** (BITS[schema.type] - 1) - 1)
    return SCALARS[schema.type] if schema.type in SCALARS else nested_values(schema)


def nested_values(schema: Schema) -> st.SearchStrategy[Any]:
    if schema.items is not None:
        return st.lists(values(schema.items), max_size=4)
    if schema.keys is not None and schema.values is not None:
        return st.dictionaries(plain_values(schema.keys), values(schema.values), max_size=3)
    return st.fixed_dictionaries({field.name: values(field.schema) for field in schema.fields})


def values(schema: Schema) -> st.SearchStrategy[Any]:
    return st.none() | plain_values(schema) if schema.optional else plain_values(schema)


def with_default(schema: Schema) -> st.SearchStrategy[Schema]:
    def taken(value: Any) -> Schema:
        return schema.with_default(Decimal(*parts(value)) if isinstance(value, Number) else value)

    return plain_values(schema).filter(lambda value: value == value).map(taken)


def temporal(name: str, kind: ConnectType) -> st.SearchStrategy[Schema]:
    return st.builds(Schema, st.just(kind), optional=st.booleans(), name=st.just(name), version=st.just(1))


simple = st.builds(
    Schema,
    st.sampled_from([*BITS, *SCALARS]),
    optional=st.booleans(),
    name=st.none() | st.just("n"),
    doc=st.none() | text,
    version=st.none() | st.integers(1, 9),
    parameters=st.dictionaries(text, text, max_size=2),
)
decimals = st.builds(decimal_schema, scales, st.booleans())
times = temporal(DATE, ConnectType.INT32) | temporal(TIME, ConnectType.INT32) | temporal(TIMESTAMP, ConnectType.INT64)
scalars = (simple | decimals | times).flatmap(lambda schema: st.just(schema) | with_default(schema))
schemas = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.builds(array, inner, optional=st.booleans()),
        st.builds(Schema, st.just(ConnectType.MAP), st.booleans(), keys=st.sampled_from([STRING, INT16]), values=inner),
        st.lists(inner, max_size=3).map(
            lambda all_: struct("s", [Field(f'{at}"ü', one) for at, one in enumerate(all_)])
        ),
    ),
    max_leaves=6,
)
samples = schemas.flatmap(lambda schema: st.tuples(st.just(schema), values(schema)))
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=10,
)


def json_converter(**properties: str) -> ConnectJsonConverter:
    converter = ConnectJsonConverter()
    converter.configure({name.replace("_", "."): value for name, value in properties.items()}, is_key=False)
    return converter


def filled(schema: Schema, value: Any) -> Any:
    """Return what is read back: nulls are the defaults of their schemas."""
    if value is None:
        default = schema.default
        return number_of(default.unscaled, default.scale) if isinstance(default, Decimal) else default
    if schema.items is not None:
        return [filled(schema.items, item) for item in value]
    if schema.values is not None:
        return {key: filled(schema.values, item) for key, item in value.items()}
    return {f.name: filled(f.schema, value[f.name]) for f in schema.fields} if schema.fields else value


@given(samples, st.sampled_from(["BASE64", "NUMERIC"]))
def test_any_value_comes_back_through_json_with_its_schema(sample, decimal_format):
    schema, value = sample
    converter = json_converter(decimal_format=decimal_format)
    read = converter.to_connect_data("t", converter.from_connect_data("t", schema, value))
    assert read.schema == schema
    assert equal(read.value, filled(schema, value))


@given(samples)
def test_nulls_stay_null_where_defaults_do_not_replace_them(sample):
    schema, value = sample
    converter = json_converter(replace_null_with_default="false")
    assert equal(converter.to_connect_data("t", converter.from_connect_data("t", schema, value)).value, value)


def flat(schema: Schema, value: Any) -> Any:
    """Return a value as a batch takes it: members in order, maps as keys and values in turn."""
    if value is None:
        return None
    if schema.items is not None:
        return [flat(schema.items, item) for item in value]
    if schema.values is not None:
        return [each for key, item in value.items() for each in (key, flat(schema.values, item))]
    return [flat(f.schema, value[f.name]) for f in schema.fields] if schema.type is ConnectType.STRUCT else value


rows = st.lists(schemas, min_size=1, max_size=4).flatmap(
    lambda columns: st.tuples(st.just(columns), st.tuples(*map(values, columns)))
)


@given(rows, st.sampled_from(DecimalFormat), st.booleans())
def test_a_row_is_written_as_the_compiled_converter_of_batches_writes_it(change, decimal_format, replace):
    columns, row = change
    settings = ConverterSettings(False, decimal_format, replace)
    keyless = table(*columns, key=())
    cells = tuple(flat(schema, value) for schema, value in zip(columns, row, strict=True))
    record = convert(("c", keyless, None, cells), value=settings)[0]
    converter = json_converter(
        schemas_enable="false", decimal_format=decimal_format.value, replace_null_with_default=str(replace)
    )
    fields = [Field(name, schema) for name, schema in zip("abcd", columns, strict=False)]
    value = dict(zip("abcd", row, strict=False))
    after = converter.from_connect_data("t", struct("Value", fields), value) or b""
    assert b'"after":' + after + b"," in (record[2] or b"")


@given(plain)
def test_any_value_without_schema_is_json_that_reads_back(value):
    converter = json_converter(schemas_enable="false")
    data = converter.from_connect_data("t", None, value)
    quoted = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}

    def named(found: Any) -> Any:
        if isinstance(found, float) and not math.isfinite(found):
            return next(word for word, number in quoted.items() if equal(number, found))
        if isinstance(found, list):
            return [named(item) for item in found]
        return {key: named(item) for key, item in found.items()} if isinstance(found, dict) else found

    assert equal(json.loads(data or "null"), named(value))
    assert equal(converter.to_connect_data("t", data).value, named(value))


NOISE = st.binary(max_size=40) | st.text('{}[]",:\\ 01.e-+TZaÿ\x00', max_size=40).map(str.encode)
FRAGMENTS = st.recursive(
    st.sampled_from(["type", "struct", "map", "array", "bytes", "int8", "x", DECIMAL, True, None, 1, -1, 1e400, 2**70]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "fields",
                    "field",
                    "items",
                    "keys",
                    "values",
                    "optional",
                    "name",
                    "version",
                    "parameters",
                    "scale",
                    "default",
                    "doc",
                ]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=12,
)
CONVERTERS = [ConnectJsonConverter, lambda: json_converter(schemas_enable="false"), StringConverter, *NUMBERS]


@pytest.mark.parametrize("made", CONVERTERS)
@given(data=NOISE)
def test_noise_is_a_value_or_a_conversion_error(made, data):
    with suppress(ConversionError):
        assert isinstance(made().to_connect_data("t", data), SchemaAndValue)


@given(FRAGMENTS, FRAGMENTS)
def test_a_wild_envelope_is_a_value_or_a_conversion_error(schema, payload):
    data = json.dumps({"schema": schema, "payload": payload}).replace("Infinity", "1e400").encode()
    converter = ConnectJsonConverter()
    with suppress(ConversionError):
        read = converter.to_connect_data("t", data)
        assert converter.from_connect_data("t", read.schema, read.value) or read.value is None


@given(NOISE)
def test_any_header_is_read_and_can_be_written_again(data):
    converter = SimpleHeaderConverter()
    read = converter.to_connect_header("t", "h", data)
    assert (converter.from_connect_header("t", "h", read.schema, read.value) is None) == (read.value is None)


words = st.text("abcxyz éß東_ ", min_size=1, max_size=8).map(str.strip).filter(lambda word: word not in {"", "null"})
small = st.floats(2.0**-140, 0.5, width=32)
mixed = st.builds(lambda whole, part: whole + part / 256, st.integers(-(2**15), 2**15), st.integers(1, 255))
fractions = small | mixed  # exact in single precision
HEADERS: dict[str, tuple[Schema, st.SearchStrategy[Any]]] = {
    "booleans": (Schema(ConnectType.BOOLEAN), st.booleans()),
    "integers": (Schema(ConnectType.INT64), st.integers(-(2**63), 2**63 - 1)),
    "large integers": (decimal_schema(0), st.integers(2**63, 2**200).map(Number)),
    "fractions of single precision": (Schema(ConnectType.FLOAT32), fractions),
    "words": (STRING, words),
    "dates": (Schema(ConnectType.INT32, name=DATE), days),
    "times of day": (Schema(ConnectType.INT32, name=TIME), st.integers(0, DAY - 1)),
    "timestamps": (Schema(ConnectType.INT64, name=TIMESTAMP), milliseconds),
}


@pytest.mark.parametrize(("schema", "content"), HEADERS.values(), ids=HEADERS)
@given(data=st.data())
def test_a_header_comes_back_with_its_value(schema, content, data):
    value = data.draw(content)
    converter = SimpleHeaderConverter()
    read = converter.to_connect_header("t", "h", converter.from_connect_header("t", "h", schema, value))
    assert equal(read.value, value)
    assert read.schema is not None
    assert read.schema.name == schema.name
    numbers = {ConnectType.INT8, ConnectType.INT16, ConnectType.INT32, ConnectType.INT64}
    assert read.schema.type is schema.type or {read.schema.type, schema.type} <= numbers


@pytest.mark.parametrize(("schema", "content"), HEADERS.values(), ids=HEADERS)
@given(data=st.data())
def test_lists_and_maps_in_a_header_come_back(schema, content, data):
    converter = SimpleHeaderConverter()
    items = data.draw(st.lists(content, max_size=4))
    entries = data.draw(st.dictionaries(words, content, max_size=4))
    by_word = Schema(ConnectType.MAP, keys=STRING, values=schema)
    for kind, value in ((array(schema), items), (by_word, entries)):
        read = converter.to_connect_header("t", "h", converter.from_connect_header("t", "h", kind, value))
        assert equal(read.value, value)


@given(st.floats())
def test_a_double_is_written_with_the_fewest_digits_that_read_back(value):
    written = StringConverter().from_connect_data("t", FLOAT64, value) or b""
    assert equal(float(written.decode()), value)


@given(text)
def test_any_text_comes_back(value):
    converter = StringConverter()
    assert converter.to_connect_data("t", converter.from_connect_data("t", STRING, value)).value == value
