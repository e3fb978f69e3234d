"""Debezium's own converters of MySQL's columns: what they register for, and what becomes of values and defaults."""

from __future__ import annotations

import pytest

from cdc.connect.plugins import Plugins
from cdc.errors import ConfigError
from cdc.model.schema import BOOLEAN, FLOAT32, FLOAT64, INT16, ConnectType
from cdc.model.table import TableId
from cdc.sources.columns.converter import ColumnConverters, RelationalColumn
from cdc.sources.columns.resolved import ResolvedColumn
from cdc.sources.columns.values import FloatDecoder, IntDecoder, TextDecoder, decode_text
from cdc.sources.mysql.schema.converters import JdbcSinkDataTypesConverter, TinyIntOneToBooleanConverter
from cdc.sources.mysql.schema.zero_dates import ZeroDateFallbackConverter
from cdc.testing.conformance.column_converter import ColumnConverterConformance

TABLE = TableId("shop", "item")


def column(name, type_name, length=None, **more):
    return RelationalColumn(name, str(TABLE), type_name, length, None, **{"optional": True, **more})


FLAG, NUMBER = column("flag", "TINYINT", 1), column("n", "TINYINT", 4)
UNSIGNED = column("small", "TINYINT UNSIGNED")


def applied(converter, properties, of, resolved):
    made = converter()
    made.configure(properties)
    return ColumnConverters([made]).apply(TABLE, of, resolved)


class TestTinyIntOneToBooleanContract(ColumnConverterConformance):
    @pytest.fixture
    def converter(self):
        return TinyIntOneToBooleanConverter

    @pytest.fixture
    def properties(self):
        return {"selector": r"shop\.item\..*"}

    @pytest.fixture
    def samples(self):
        return [(FLAG, -1, True), (FLAG, 0, False), (FLAG, 127, True)]

    @pytest.fixture
    def others(self):
        return [NUMBER, UNSIGNED, column("i", "INT", 1)]


class TestJdbcSinkDataTypesContract(ColumnConverterConformance):
    @pytest.fixture
    def converter(self):
        return JdbcSinkDataTypesConverter

    @pytest.fixture
    def properties(self):
        return {"selector.boolean": ".*flag", "selector.real": ".*real", "selector.string": ".*name"}

    @pytest.fixture
    def samples(self):
        text = column("name", "VARCHAR", 10, charset="latin1")
        return [(FLAG, -1, 1), (FLAG, 0, 0), (column("real", "DOUBLE"), 1.5, 1.5), (text, "a", "a")]

    @pytest.fixture
    def others(self):
        return [NUMBER, UNSIGNED]


class TestTinyIntOneToBoolean:
    def test_any_value_but_zero_is_true(self):
        found = applied(TinyIntOneToBooleanConverter, {}, FLAG, ResolvedColumn(INT16.as_optional(), IntDecoder()))
        assert found.schema == BOOLEAN.as_optional()
        assert [decode_text(found.decoder, text) for text in (b"-1", b"0", b"1", b"-128")] == [True, False, True, True]

    def test_a_default_becomes_one_of_a_boolean(self):
        of = column("small", "TINYINT UNSIGNED", optional=False, default=0)
        resolved = ResolvedColumn(INT16.with_default(0), IntDecoder())
        found = applied(TinyIntOneToBooleanConverter, {"length.checker": "false"}, of, resolved)
        assert found.schema == BOOLEAN.with_default(False)

    def test_columns_that_are_not_selected_stay(self):
        plain = ResolvedColumn(INT16, IntDecoder())
        assert applied(TinyIntOneToBooleanConverter, {"selector": "shop.other.*"}, FLAG, plain) is plain


class TestJdbcSinkDataTypes:
    def test_without_selectors_nothing_changes(self):
        plain = ResolvedColumn(INT16, IntDecoder())
        assert applied(JdbcSinkDataTypesConverter, {}, FLAG, plain) is plain

    @pytest.mark.parametrize(("double", "schema"), [("true", FLOAT64), ("false", FLOAT32)])
    def test_real_is_a_double_or_a_single(self, double, schema):
        properties = {"selector.real": ".*", "treat.real.as.double": double}
        found = applied(
            JdbcSinkDataTypesConverter, properties, column("r", "DOUBLE"), ResolvedColumn(FLOAT64, FloatDecoder())
        )
        assert found.schema.type is schema.type
        assert decode_text(found.decoder, b"1.5") == 1.5

    def test_text_tells_its_charset(self):
        of = column("name", "VARCHAR", 10, charset="latin1")
        resolved = applied(
            JdbcSinkDataTypesConverter,
            {"selector.string": "shop.item.name"},
            of,
            ResolvedColumn(BOOLEAN, TextDecoder()),
        )
        assert resolved.schema.type is ConnectType.STRING
        assert resolved.schema.parameters == {"__debezium.source.column.character_set": "latin1"}


@pytest.mark.parametrize("package", ["binlog", "mysql"])
@pytest.mark.parametrize("converter", [TinyIntOneToBooleanConverter, JdbcSinkDataTypesConverter])
def test_javas_names_mean_them(package, converter):
    name = f"io.debezium.connector.{package}.converters.{converter.__name__}"
    assert Plugins.discover().column_converter(name).load() is converter


DAY, MOMENT, STAMP = column("d", "DATE"), column("m", "DATETIME", 6, optional=False), column("s", "TIMESTAMP")


class TestZeroDateFallbackContract(ColumnConverterConformance):
    @pytest.fixture
    def converter(self):
        return ZeroDateFallbackConverter

    @pytest.fixture
    def properties(self):
        return {"target.types": "DATE,DATETIME", "fallback.date": "1970-01-03", "selector": "shop.item.[dm]"}

    @pytest.fixture
    def samples(self):
        return [(DAY, 5, 5), (DAY, None, 2), (MOMENT, 7, 7)]

    @pytest.fixture
    def others(self):
        return [STAMP, column("other", "DATE"), NUMBER]


class TestZeroDateFallback:
    @pytest.mark.parametrize(
        ("properties", "what"),
        [
            ({"fallback.date": "1970"}, "fallback.date is '1970', and it takes a date"),
            ({"fallback.timestamp": "1970-01-01T00:00:00"}, "with its zone"),
            ({"target.types": "TIME"}, "target.types has TIME"),
        ],
    )
    def test_what_is_no_date_is_refused(self, properties, what):
        with pytest.raises(ConfigError, match=what):
            ZeroDateFallbackConverter().configure(properties)

    def test_javas_name_means_it(self):
        name = "io.debezium.connector.binlog.converters.ZeroDateFallbackConverter"
        assert Plugins.discover().column_converter(name).load() is ZeroDateFallbackConverter
