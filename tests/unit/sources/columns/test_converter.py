"""Custom converters: who is asked, what becomes of schema, default and values, and what goes wrong."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cdc.errors import ConfigError, ConversionError
from cdc.model.schema import BOOLEAN, BYTES, FLOAT64, INT16, INT64, STRING, ConnectType, Field, Schema, array, struct
from cdc.model.table import TableId
from cdc.sources.columns.converter import ColumnConverters, RelationalColumn
from cdc.sources.columns.resolved import ResolvedColumn
from cdc.sources.columns.shapes import flattened
from cdc.sources.columns.values import IntDecoder, decode_text

TABLE = TableId("public", "item")
COLUMN = RelationalColumn("n", "public.item", "int8", None, None, optional=False, default=7)
PLAIN = ResolvedColumn(INT64.with_default(7), IntDecoder())
DECIMAL = Schema(ConnectType.BYTES, name="org.apache.kafka.connect.data.Decimal", parameters={"scale": "2"})


class Converter:
    def __init__(self, schema, convert, name="n"):
        self.registered = schema, convert
        self.name = name

    def converter_for(self, column, registration):
        if column.name == self.name:
            registration.register(*self.registered)


class Failing:
    def converter_for(self, column, registration):
        raise KeyError(column.name)


def applied(*converters, column=COLUMN, resolved=PLAIN):
    return ColumnConverters(converters).apply(TABLE, column, resolved)


def test_a_converter_gives_schema_default_and_values():
    found = applied(Converter(STRING.as_optional(), lambda n: None if n is None else f"no. {n}"))
    assert found.schema == STRING.with_default("no. 7")
    assert decode_text(found.decoder, b"12") == "no. 12"


def test_the_first_that_registers_counts_and_other_columns_stay():
    first, second = Converter(STRING, str), Converter(BOOLEAN, bool)
    assert applied(Converter(BYTES, bytes, name="m"), first, second).schema.type is ConnectType.STRING
    assert applied(Converter(BYTES, bytes, name="m")) is PLAIN
    assert not ColumnConverters()


def test_a_column_of_an_unknown_type_comes_as_the_servers_text():
    found = applied(Converter(INT16, len), resolved=None)
    assert decode_text(found.decoder, b"(1,2)") == 5


def test_a_default_of_which_the_converter_makes_nothing_is_none():
    assert applied(Converter(STRING, lambda n: n["x"])).schema == STRING


def test_a_converter_that_fails_when_it_is_asked_is_named():
    with pytest.raises(ConfigError, match=r"the converter Failing failed at the column public\.item\.n: KeyError"):
        applied(Failing())


def test_what_the_function_raises_names_the_converter():
    with pytest.raises(ConversionError, match="the converter Converter failed: ZeroDivisionError: "):
        decode_text(applied(Converter(INT64, lambda n: 1 // n)).decoder, b"0")


@pytest.mark.parametrize(
    ("schema", "value", "cells"),
    [
        (BOOLEAN, True, True),
        (INT16, -32768, -32768),
        (FLOAT64, 1, 1.0),
        (DECIMAL, Decimal("1.50"), Decimal("1.50")),
        (array(STRING.as_optional()), ["a", None], ["a", None]),
        (Schema(ConnectType.MAP, keys=STRING, values=INT64), {"a": 1}, ["a", 1]),
        (struct("s", [Field("a", INT64), Field("b", STRING.as_optional())]), {"a": 1}, [1, None]),
        (STRING.as_optional(), None, None),
    ],
)
def test_values_that_fit_their_schema(schema, value, cells):
    assert flattened(schema, value, "C") == cells


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (STRING, None),
        (STRING, 1),
        (INT16, 32768),
        (INT64, True),
        (INT64, "1"),
        (FLOAT64, "1"),
        (BYTES, "a"),
        (DECIMAL, Decimal("1.5")),
        (DECIMAL, 1),
        (array(STRING), [1]),
        (array(STRING), "a"),
        (Schema(ConnectType.MAP, keys=STRING, values=INT64), {1: 1}),
        (struct("s", [Field("a", INT64)]), {"a": 1, "b": 2}),
        (struct("s", [Field("a", INT64)]), {}),
    ],
)
def test_values_that_do_not_fit_are_refused(schema, value):
    with pytest.raises(ConversionError, match=r"the converter C returned .* which does not fit its schema"):
        flattened(schema, value, "C")
