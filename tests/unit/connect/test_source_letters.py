"""Dead letters of sources: read back exactly, whatever the record holds."""

from __future__ import annotations

import json
from decimal import Decimal as Number

from cdc.connect.source_letters import EXACT, as_json, bury, readable
from cdc.converters.value_json import ConnectJsonConverter
from cdc.model.connect_record import Header, SourceRecord
from cdc.model.records import RecordBatch
from cdc.model.schema import BYTES, FLOAT64, INT32, STRING, Field, struct
from tests.unit.converters.tables import decimal_schema

VALUE = struct(
    "v",
    [
        Field("n", INT32.as_optional().with_default(7)),
        Field("d", decimal_schema(2)),
        Field("b", BYTES),
        Field("f", FLOAT64),
        Field("s", STRING.as_optional()),
    ],
)


def read(data):
    converter = ConnectJsonConverter()
    converter.configure(EXACT)
    found = converter.to_connect_data("t", data)
    return found.schema, found.value


def test_a_value_with_a_schema_reads_back_exactly_a_null_in_place_of_a_default_included():
    value = {"n": None, "d": Number("-12.30"), "b": b"\x00\xff", "f": 1e300, "s": 'ü"\n'}
    assert read(readable(VALUE, value)) == (VALUE, value)


def test_no_value_stays_none_and_a_value_without_schema_has_the_schema_null():
    assert readable(None, None) is None
    assert readable(None, {"a": [1, "x"]}) == b'{"schema":null,"payload":{"a":[1,"x"]}}'


def test_what_does_not_fit_its_schema_is_shown_without_it():
    assert readable(INT32, "no number") == b'{"schema":null,"payload":"no number"}'
    found = json.loads(readable(VALUE, {"d": object, "s": "\udcff"}) or b"")
    assert found["schema"] is None
    assert found["payload"] == {"d": repr(object), "s": "\udcff"}


def test_anything_can_be_shown():
    assert json.loads(as_json({1: 1 << 70, "a": {2}})) == {"1": 1 << 70, "a": "{2}"}


def test_a_letter_has_the_records_own_headers_before_those_that_say_what_failed():
    headers = (Header("h", INT32, 5), Header("none", None, None))
    record = SourceRecord(topic="t", key=1, key_schema=INT32, value="v", value_schema=STRING, headers=headers)
    batches: list[RecordBatch] = []
    bury(batches, "dead", record, (("__connect.errors.stage", b"S"),), 9)
    ((topic, key, value, found),) = [batches[0][at] for at in range(len(batches[0]))]
    assert (topic, batches[0].timestamp_ms, batches[0].partition) == ("dead", 9, -1)
    assert (read(key), read(value)) == ((INT32, 1), (STRING, "v"))
    assert [name for name, _ in found] == ["h", "none", "__connect.errors.stage"]
    assert read(found[0][1]) == (INT32, 5)
    assert (found[1][1], found[2][1]) == (None, b"S")
