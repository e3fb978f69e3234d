"""Records of rows: what transforms see, and what becomes of values that their schemas cannot carry."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cdc.converters.change_records import ChangeRecords
from cdc.model.event import ABSENT, Unconvertible
from cdc.model.schema import BYTES, INT32, INT64, STRING, Schema, array
from tests.unit.converters.tables import PLACEHOLDER, STAMP_NS, batch, decimal_schema, table

ITEMS = table(INT32, STRING.as_optional(), decimal_schema(2, optional=True), names=("id", "name", "price"))
TEXT = STRING.as_optional()
RAW = BYTES.as_optional()


def read(*changes, problems=(), reader=None):
    rows = batch(*changes)
    rows.problems.extend(problems)
    reader = reader or ChangeRecords((("ctx", b"1"),), PLACEHOLDER, {"server": "p"})
    return [reader.read(rows, index) for index in range(len(rows))]


def schema_at(schema: Schema, *path: str) -> Schema:
    for name in path:
        (schema,) = (field.schema for field in schema.fields if field.name == name)
    return schema


def test_a_record_has_key_envelope_schemas_place_and_time():
    (found,) = read(("c", ITEMS, None, (1, "pen", None)))
    record = found.record
    assert (found.table, found.fault) == ("s.t", None)
    assert (record.topic, record.key) == ("p.s.t", {"id": 1})
    assert record.value == {
        "before": None,
        "after": {"id": 1, "name": "pen", "price": None},
        "source": {"name": "p", "lsn": 0},
        "transaction": None,
        "op": "c",
        "ts_ms": STAMP_NS // 1_000_000,
        "ts_us": STAMP_NS // 1_000,
        "ts_ns": STAMP_NS,
    }
    assert (record.key_schema, record.value_schema) == (ITEMS.key_schema(), ITEMS.envelope_schema())
    assert (dict(record.source_partition), dict(record.source_offset)) == ({"server": "p"}, {"lsn": 0})
    assert record.timestamp_ms == STAMP_NS // 1_000_000


def test_a_column_of_the_key_alone_is_in_no_row():
    columns = (*ITEMS.columns[1:], replace(ITEMS.columns[0], key_only=True))
    hidden = replace(ITEMS, columns=columns, key=(2,))
    created, _, _, moved = read(
        ("c", hidden, None, ("pen", None, 1)), ("u", hidden, ("pen", None, 1), ("pen", None, 2))
    )
    assert created.record.key == {"id": 1}
    assert created.record.value["after"] == {"name": "pen", "price": None}
    assert moved.record.key == {"id": 2}
    schema = moved.record.value_schema
    assert [field.name for field in schema_at(schema, "after").fields] == ["name", "price"]


def test_the_schemas_of_a_table_are_made_once():
    first, second = read(("c", ITEMS, None, (1, "a", None)), ("c", ITEMS, None, (2, "b", None)))
    assert first.record.value_schema is second.record.value_schema
    assert first.record.key_schema is second.record.key_schema


def test_a_delete_has_a_tombstone_and_a_change_of_the_key_names_the_other_one():
    deleted, tombstone, created = read(("u", ITEMS, (1, "pen", None), (2, "pen", None)))
    assert [each.record.key for each in (deleted, tombstone, created)] == [{"id": 1}, {"id": 1}, {"id": 2}]
    assert (tombstone.record.value, tombstone.record.value_schema) == (None, None)
    assert [(h.key, h.value) for h in deleted.record.headers] == [("__debezium.newkey", {"id": 2}), ("ctx", "1")]
    assert [(h.key, h.value) for h in created.record.headers] == [("__debezium.oldkey", {"id": 1}), ("ctx", "1")]


def test_a_value_that_the_decoder_kept_is_the_fault_and_stays_as_text_beside_a_schema_that_carries_it():
    said = Unconvertible("s.t", "price", "NaN", "the numeric NaN has no digits", 1, "Set decimal.handling.mode.")
    good, bad = read(
        ("c", ITEMS, None, (1, "pen", None)), ("u", ITEMS, (2, "ink", None), (2, "ink", "NaN")), problems=[said]
    )
    assert good.fault is None
    assert bad.fault is not None
    assert not bad.fault.in_key
    assert str(bad.fault.error) == "s.t.price: the numeric NaN has no digits"
    assert bad.fault.error.remedy == "Set decimal.handling.mode."
    assert bad.record.value["after"] == {"id": 2, "name": "ink", "price": "NaN"}
    schema = bad.record.value_schema
    assert schema_at(schema, "after", "price") == TEXT
    assert schema_at(schema, "after", "id") == INT32
    assert schema_at(schema, "before") == schema_at(ITEMS.envelope_schema(), "before")
    assert (bad.record.key, bad.record.key_schema) == ({"id": 2}, ITEMS.key_schema())


def test_of_several_kept_values_each_has_its_own_reason():
    said = [Unconvertible("s.t", "price", text, f"it is {text}", row) for row, text in enumerate(["NaN", "Infinity"])]
    changes = [("c", ITEMS, None, (number, "", text)) for number, text in enumerate(["NaN", "Infinity"])]
    assert [str(each.fault.error) for each in read(*changes, problems=said) if each.fault] == [
        "s.t.price: it is NaN",
        "s.t.price: it is Infinity",
    ]


def test_a_text_that_is_not_utf8_is_the_fault_and_stays_as_bytes():
    (found,) = read(("c", ITEMS, None, (1, b"caf\xe9!".decode("utf-8", "surrogateescape"), None)))
    assert found.fault is not None
    assert str(found.fault.error) == "s.t.name holds a text that is not UTF-8: bytes e9 21 at offset 3"
    assert found.record.value["after"]["name"] == b"caf\xe9!"
    assert schema_at(found.record.value_schema, "after", "name") == RAW


def test_a_text_in_an_array_that_is_not_utf8_is_a_fault_as_well():
    of = table(INT32, array(TEXT))
    (found,) = read(("c", of, None, (1, ["ü", b"\xff".decode("utf-8", "surrogateescape")])))
    assert found.fault is not None
    assert found.record.value["after"]["b"] == b'["\xc3\xbc", "\xff"]'


def test_a_column_of_the_key_that_the_log_lacks_is_a_fault_of_the_key():
    (deleted, tombstone) = read(("d", ITEMS, (ABSENT, "pen", None), None))
    for found in (deleted, tombstone):
        assert found.fault is not None
        assert found.fault.in_key
        assert str(found.fault.error) == "the log does not carry s.t.id, which belongs to the record key"
        assert found.record.key == {"id": None}
        assert found.record.key_schema is not None
        assert schema_at(found.record.key_schema, "id") == TEXT


def test_what_the_source_block_says_of_time_is_no_place():
    source = replace(
        ITEMS.source_schema,
        fields=tuple(
            replace(ITEMS.source_schema.fields[0], name=name, schema=schema.as_optional())
            for name, schema in {"ts_ms": INT64, "snapshot": STRING, "lsn": INT64, "txId": INT64}.items()
        ),
    )
    of = replace(ITEMS, source_schema=source, source_constants={})
    rows = batch()
    rows.add("c", of, None, (1, "", None), (5, "false", 7, None))
    rows.add("r", of, None, (1, "", None), (5, "last", 8, 9))
    reader = ChangeRecords((), PLACEHOLDER, {})
    places = [dict(reader.read(rows, index).record.source_offset) for index in range(2)]
    assert places == [{"lsn": 7}, {"snapshot": "last", "lsn": 8, "txId": 9}]


def test_a_row_beyond_the_end_is_an_error():
    with pytest.raises(IndexError):
        ChangeRecords((), PLACEHOLDER, {}).read(batch(), 0)
