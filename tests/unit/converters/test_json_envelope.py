"""Envelopes, keys, tombstones and headers: the bytes that Debezium with Connect's JsonConverter wrote for the same changes."""

from __future__ import annotations

import gc
import json
import weakref
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from cdc.config import ConverterSettings
from cdc.errors import ConversionError
from cdc.model.event import ABSENT, UNAVAILABLE
from cdc.model.schema import INT32, INT64, STRING
from tests.unit.converters.connect_json import add, compact, table_of
from tests.unit.converters.tables import PLACEHOLDER, STAMP_NS, batch, convert, converter, table

WRITTEN = [
    json.loads(line) for line in (Path(__file__).parent / "data" / "envelopes.jsonl").read_bytes().strip().split(b"\n")
]
TAIL = b'"transaction":null,"op":"%s","ts_ms":1700000000123,"ts_us":1700000000123456,"ts_ns":1700000000123456789}'


@pytest.mark.parametrize("record", WRITTEN, ids=lambda record: record["topic"])
def test_a_change_becomes_the_bytes_that_debezium_wrote(record):
    payload = record["value"]["payload"]
    changes = batch()
    changes.stamp_ns = payload["ts_ns"]
    add(changes, table_of(record), payload)
    with_schemas = converter(ConverterSettings(), ConverterSettings()).convert(changes)[0]
    assert with_schemas == (record["topic"], record["key"] and compact(record["key"]), compact(record["value"]), ())
    bare = converter().convert(changes)[0]
    assert bare == (record["topic"], record["key"] and compact(record["key"]["payload"]), compact(payload), ())


def envelope(op: bytes, before: bytes, after: bytes, lsn: int) -> bytes:
    source = b'{"name":"p","lsn":%d}' % lsn
    return b'{"before":%s,"after":%s,"source":%s,' % (before, after, source) + TAIL % op


def test_a_column_of_the_key_alone_is_in_no_row():
    whole = table(STRING, INT32)
    hidden = replace(whole, columns=(whole.columns[0], replace(whole.columns[1], key_only=True)), key=(1,))
    records = convert(("c", hidden, None, ("x", 7)), ("u", hidden, ("x", 7), ("y", 8)))
    assert [record[1] for record in (records[0], records[1], records[3])] == [b'{"b":7}', b'{"b":7}', b'{"b":8}']
    assert records[0][2] == envelope(b"c", b"null", b'{"a":"x"}', 0)
    assert records[3][3] == (("__debezium.oldkey", b'{"b":7}'),)


def test_a_key_change_is_delete_tombstone_and_create_with_each_others_keys():
    keyed = table(INT32, STRING, STRING.as_optional(), key=(1, 0))
    records = convert(
        ("r", keyed, None, (1, "x", "one")),
        ("u", keyed, (1, "x", ABSENT), (10, "x", "one")),
        ("u", keyed, None, (10, "x", "two")),
        ("d", keyed, (10, "x", ABSENT), None),
    )
    old, new = b'{"b":"x","a":1}', b'{"b":"x","a":10}'
    assert [records[index][1:] for index in range(len(records))] == [
        (old, envelope(b"r", b"null", b'{"a":1,"b":"x","c":"one"}', 0), ()),
        (old, envelope(b"d", b'{"a":1,"b":"x","c":null}', b"null", 1), (("__debezium.newkey", new),)),
        (old, None, (("__debezium.newkey", new),)),
        (new, envelope(b"c", b"null", b'{"a":10,"b":"x","c":"one"}', 1), (("__debezium.oldkey", old),)),
        (new, envelope(b"u", b"null", b'{"a":10,"b":"x","c":"two"}', 2), ()),
        (new, envelope(b"d", b'{"a":10,"b":"x","c":null}', b"null", 3), ()),
        (new, None, ()),
    ]


def test_a_truncate_has_neither_key_nor_rows():
    assert convert(("t", table(INT32), None, None))[0][1:] == (None, envelope(b"t", b"null", b"null", 0), ())


def test_a_table_without_key_has_null_keys_whether_schemas_are_on_or_off():
    keyless = table(INT32, key=())
    for key in (ConverterSettings(), ConverterSettings(schemas_enable=False)):
        assert convert(("c", keyless, None, (1,)), key=key)[0][1] is None


def test_schemas_are_switched_for_keys_and_values_apart():
    change = ("c", table(INT32), None, (1,))
    _, key, value, _ = convert(change, key=ConverterSettings())[0]
    assert key is not None
    assert json.loads(key)["payload"] == {"a": 1}
    assert value == envelope(b"c", b"null", b'{"a":1}', 0)


def test_constant_headers_follow_the_own_one_on_every_record():
    context = (("__debezium.context.taskId", b"0"),)
    records = convert(("u", table(INT32), (1,), (2,)), headers=context)
    assert [records[index][3] for index in range(3)] == [
        (("__debezium.newkey", b'{"a":2}'), *context),
        (("__debezium.newkey", b'{"a":2}'), *context),
        (("__debezium.oldkey", b'{"a":1}'), *context),
    ]


def test_records_carry_the_time_of_reading_in_milliseconds():
    assert convert(("c", table(INT32), None, (1,))).timestamp_ms == STAMP_NS // 1_000_000


def test_rows_of_several_tables_keep_their_order_and_topics():
    one, other = table(INT32), table(STRING)
    records = convert(*(("c", *change) for change in [(one, None, (1,)), (other, None, ("x",)), (one, None, (2,))]))
    assert [records[index][1] for index in range(3)] == [b'{"a":1}', b'{"a":"x"}', b'{"a":2}']


@pytest.mark.parametrize("missing", [ABSENT, UNAVAILABLE])
def test_a_key_column_that_the_log_does_not_carry_is_refused(missing):
    keyed = table(INT32, STRING.as_optional(), key=(1,))
    with pytest.raises(ConversionError, match=r"the log does not carry s\.t\.b") as refused:
        convert(("d", keyed, (1, missing), None))
    assert "REPLICA IDENTITY FULL" in refused.value.remedy


def headers_of(change):
    """Return the headers of the first record of a change."""
    return convert(change)[0][3]


def test_a_value_that_the_new_image_leaves_out_did_not_change_and_is_in_the_new_key():
    keyed = table(INT32, STRING, key=(0, 1))
    headers = headers_of(("u", keyed, (1, "x"), (2, ABSENT)))
    assert headers == (("__debezium.newkey", b'{"a":2,"b":"x"}'),)


class TestAbsentColumns:
    """Those of a table that marks what a row image leaves out."""

    MARKING = replace(table(INT32, STRING.as_optional(), INT32, INT32.as_optional()), marks_absent=True)

    def test_they_are_named_in_headers_for_each_image(self):
        headers = headers_of(("u", self.MARKING, (1, ABSENT, ABSENT, 4), (1, "x", ABSENT, ABSENT)))
        assert headers == (("cdc.absent.before", b'["b","c"]'), ("cdc.absent.after", b'["c"]'))

    def test_text_is_the_placeholder_and_a_number_null_or_zero(self):
        value = convert(("c", self.MARKING, None, (1, ABSENT, ABSENT, ABSENT)))[0][2]
        assert value is not None
        assert orjson.loads(value)["after"] == {"a": 1, "b": PLACEHOLDER.decode(), "c": 0, "d": None}

    def test_a_whole_row_and_a_tombstone_have_no_such_headers(self):
        records = convert(("d", self.MARKING, (1, "x", 2, None), None))
        assert [records[at][3] for at in range(2)] == [(), ()]

    def test_they_stand_behind_the_key_on_the_far_side(self):
        records = convert(("u", self.MARKING, (1, ABSENT, 2, 3), (2, ABSENT, 2, 3)))
        assert [[name for name, _ in records[at][3]] for at in range(3)] == [
            ["__debezium.newkey", "cdc.absent.before"],
            ["__debezium.newkey"],
            ["__debezium.oldkey", "cdc.absent.after"],
        ]

    def test_names_may_hold_any_character(self):
        odd = replace(table(INT32, INT32.as_optional(), names=("a", 'x,"ä')), marks_absent=True)
        headers = headers_of(("c", odd, None, (1, ABSENT)))
        assert headers == (("cdc.absent.after", '["x,\\"ä"]'.encode()),)

    def test_without_the_mark_there_are_no_headers(self):
        headers = headers_of(("c", table(INT32, STRING.as_optional()), None, (1, ABSENT)))
        assert headers == ()


def test_a_row_with_fewer_values_than_columns_is_refused():
    with pytest.raises(ConversionError, match="its batch has"):
        convert(("c", table(INT64, INT64, INT64, INT64), None, (1,)))


def test_the_plan_of_a_table_goes_with_the_table():
    short_lived, encoder = table(INT32), converter()
    encoder.convert(batch(("c", short_lived, None, (1,))))
    gone = weakref.ref(short_lived)
    del short_lived
    gc.collect()
    assert gone() is None
