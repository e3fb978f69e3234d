"""What every `ColumnConverter` must do.

Subclass `ColumnConverterConformance` as a test class, and say what is converted:

    class TestMyConverter(ColumnConverterConformance):
        @pytest.fixture
        def converter(self):
            return MyConverter

        @pytest.fixture
        def properties(self):
            return {"unit": "°C"}

        @pytest.fixture
        def samples(self):
            return [(RelationalColumn("t", "public.item", "float8", None, None, optional=True), 1.5, "1.5 °C")]

        @pytest.fixture
        def others(self):
            return [RelationalColumn("id", "public.item", "int8", None, None, optional=False)]

`converter` is the class, or anything that returns a new converter that was not configured. By the configuration `properties`, `samples`
are columns that it registers for, each with a value and what becomes of it, and `others` are columns that it leaves alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from cdc.model.schema import Schema
from cdc.sources.columns.converter import ColumnConverter, Convert, RelationalColumn
from cdc.sources.columns.shapes import flattened
from cdc.testing.conformance.plugin import assert_configurable, assert_documented, configured

New = Callable[[], ColumnConverter]
Properties = Mapping[str, str]
Sample = tuple[RelationalColumn, object, object]


class _Registered:
    def __init__(self) -> None:
        self.found: list[tuple[Schema, Convert]] = []

    def register(self, schema: Schema, convert: Convert, *, zero_dates: bool = False) -> None:
        del zero_dates
        self.found.append((schema, convert))


def _asked(made: ColumnConverter, column: RelationalColumn) -> list[tuple[Schema, Convert]]:
    registered = _Registered()
    made.converter_for(column, registered)
    return registered.found


class ColumnConverterConformance:
    """The tests; see the module for how to use it."""

    def test_its_properties_are_documented(self, converter: New) -> None:
        assert_documented(converter().definition)

    def test_it_takes_its_properties_and_no_others(self, converter: New, properties: Properties) -> None:
        assert_configurable(converter, properties)

    def test_it_registers_once_for_its_columns_and_for_no_others(
        self, converter: New, properties: Properties, samples: Sequence[Sample], others: Sequence[RelationalColumn]
    ) -> None:
        assert samples, "give an example"
        made = configured(converter, properties)
        for column, _, _ in samples:
            assert len(_asked(made, column)) == 1, f"it registers once for {column}"
        for column in others:
            assert not _asked(made, column), f"it leaves {column} alone"

    def test_values_become_what_they_should_and_fit_the_schema(
        self, converter: New, properties: Properties, samples: Sequence[Sample]
    ) -> None:
        made = configured(converter, properties)
        for column, value, expected in samples:
            schema, convert = _asked(made, column)[0]
            assert convert(value) == expected
            flattened(replace(schema, optional=column.optional), expected, type(made).__qualname__)

    def test_null_of_a_column_that_may_have_one_is_taken(
        self, converter: New, properties: Properties, samples: Sequence[Sample]
    ) -> None:
        made = configured(converter, properties)
        for column, _, _ in samples:
            if column.optional:
                schema, convert = _asked(made, column)[0]
                flattened(replace(schema, optional=True), convert(None), type(made).__qualname__)

    def test_the_answer_is_always_the_same(
        self, converter: New, properties: Properties, samples: Sequence[Sample]
    ) -> None:
        used = configured(converter, properties)
        first = [_asked(used, column)[0][0] for column, _, _ in samples]
        for made in (used, configured(converter, properties)):
            assert [_asked(made, column)[0][0] for column, _, _ in samples] == first
