"""What a record looks like as a line."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from cdc.errors import ConversionError
from cdc.model.connect_record import Header
from cdc.sinks.file.definition import LineFormat
from cdc.sinks.file.lines import line_of
from cdc.testing.conformance.sink_task import ZERO, record


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("Grüße", "Grüße\n".encode()),
        ("", b"\n"),
        ("two\nlines", b"two\nlines\n"),
        (b"\x00\xff", b"\x00\xff\n"),
        (None, b"null\n"),
        (True, b"true\n"),
        (-7, b"-7\n"),
        (1.5, b"1.5\n"),
        (Decimal("-0.0000001000"), b"-0.0000001000\n"),
        (
            {"id": 1, "name": "a", "parts": [None, Decimal("1.10"), b"\xff"]},
            b'{"id":1,"name":"a","parts":[null,"1.10","/w=="]}\n',
        ),
        ({1: "number as a key"}, b'{"1":"number as a key"}\n'),
    ],
)
def test_raw_is_the_value_alone(value, line):
    assert line_of(replace(record(ZERO, 0), value=value), LineFormat.RAW) == line


def test_json_is_the_record_in_one_line():
    headers = (Header("h", None, "1"), Header("h", None, b"\x01"))
    given = replace(
        record(ZERO, 5), topic="renamed", key=None, value={"text": "two\nlines", "bytes": b"ab"}, headers=headers
    )
    line = line_of(given, LineFormat.JSON)
    assert line.count(b"\n") == 1
    assert json.loads(line) == {
        "topic": "renamed",
        "partition": 0,
        "offset": 5,
        "timestamp": 1_700_000_000_005,
        "key": None,
        "value": {"text": "two\nlines", "bytes": "YWI="},
        "headers": [{"key": "h", "value": "1"}, {"key": "h", "value": "AQ=="}],
    }


@pytest.mark.parametrize("form", LineFormat)
@pytest.mark.parametrize("value", ["\ud800", {"a": "\ud800"}, {"a": 2**70}, {"a": object}], ids=repr)
def test_what_has_no_line_is_an_error_with_its_place(value, form):
    with pytest.raises(ConversionError, match="letters-0 at offset 3 cannot be written as") as caught:
        line_of(replace(record(ZERO, 3), value=value), form)
    assert caught.value.remedy
