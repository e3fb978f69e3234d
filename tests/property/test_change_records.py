"""Records of rows through the converter of single values, against the bytes of the compiled converter."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cdc.config import ConverterSettings, DecimalFormat
from cdc.converters.change_records import ChangeRecords
from cdc.converters.simple_header import SimpleHeaderConverter
from cdc.converters.value_json import ConnectJsonConverter
from cdc.model.event import ABSENT
from cdc.model.schema import BYTES, INT32, Field, Schema
from tests.property.test_json_converter import VARIABLE, plain_values, row_of, scalars, schemas, values
from tests.unit.converters.tables import PLACEHOLDER, batch, converter, table

HEADERS = (("context.name", b"shop"),)
OPERATIONS = ("r", "c", "u", "d", "t")

Change = tuple[str, tuple[Any, ...], tuple[Any, ...]]
Columns = tuple[Schema, list[Schema]]

SCALED = (Field("scale", INT32), Field("value", BYTES))


def as_key(schema: Schema) -> Schema:
    """Return the schema with the fields of Debezium's decimals of any scale, which headers look at."""
    return replace(schema, fields=SCALED) if schema.name == VARIABLE else schema


columns = st.tuples(scalars.map(as_key), st.lists(schemas, max_size=4))
settings = st.builds(ConverterSettings, st.booleans(), st.sampled_from(DecimalFormat), st.booleans())


def image_of(found: Columns) -> st.SearchStrategy[tuple[Any, ...]]:
    """Return a row whose first column, the key, has a value, and no null stands where the schema allows none."""
    key, others = found
    whole = st.tuples(values(key) if key.optional else plain_values(key), row_of(others))
    return whole.map(lambda image: (image[0], *map(_allowed, others, image[1])))


def _allowed(schema: Schema, cell: Any) -> Any:
    """Return the cell, or a zero in place of a null that Connect takes only where the schema is optional."""
    return ABSENT if cell is None and not schema.optional else cell


def changes_of(found: Columns) -> st.SearchStrategy[tuple[Columns, list[Change]]]:
    change = st.tuples(st.sampled_from(OPERATIONS), image_of(found), image_of(found))
    return st.tuples(st.just(found), st.lists(change, max_size=3))


def single(side: ConverterSettings, *, is_key: bool) -> ConnectJsonConverter:
    made = ConnectJsonConverter()
    properties = {
        "schemas.enable": str(side.schemas_enable).lower(),
        "decimal.format": side.decimal_format.value,
        "replace.null.with.default": str(side.replace_null_with_default).lower(),
    }
    made.configure(properties, is_key=is_key)
    return made


@given(columns.flatmap(changes_of), settings, settings, st.booleans(), st.booleans(), st.booleans())
def test_both_ways_write_the_same_bytes(change, key, value, keyed, tombstones, marks):
    (first, others), changed = change
    of = replace(table(first, *others, key=(0,) if keyed else ()), marks_absent=marks)
    rows = batch(*((op, of, before, after) for op, before, after in changed), tombstones=tombstones)
    compiled = converter(key, value, headers=HEADERS).convert(rows)
    reader = ChangeRecords(HEADERS, PLACEHOLDER, {"server": "p"})
    keys, values_, headers = single(key, is_key=True), single(value, is_key=False), SimpleHeaderConverter()
    for index in range(len(rows)):
        found = reader.read(rows, index)
        assert found.fault is None
        record = found.record
        assert (
            record.topic,
            keys.from_connect_data(record.topic, record.key_schema, record.key),
            values_.from_connect_data(record.topic, record.value_schema, record.value),
            tuple((h.key, headers.from_connect_header(record.topic, h.key, h.schema, h.value)) for h in record.headers),
        ) == compiled[index]
        assert record.timestamp_ms == compiled.timestamp_ms
