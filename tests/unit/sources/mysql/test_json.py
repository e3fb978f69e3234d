"""MySQL's binary JSON: documents recorded from MySQL 9.7 with what its SELECT printed, and documents that no server writes."""

from __future__ import annotations

from struct import pack

import pytest

from cdc.errors import DecodeError
from cdc.sources.columns.values import decode_text
from cdc.sources.mysql.values.json import JsonDecoder
from cdc.sources.mysql.values.json_text import JsonTextDecoder, selected
from cdc.sources.mysql.values.json_tree import read_tree
from tests.support.mysql_json import Opaque, encoded

RECORDED = [
    (
        "00020031001200010013000100021400050100616205001d000501000b13000400000401000c1b0000000000000004400178",
        '{"a":[1,2.5,null,true,"x"],"b":1}',
    ),
    ("0400", "null"),
    ("0401", "true"),
    ("0402", "false"),
    ("0200000400", "[]"),
    ("0c0cf09f988020c3a9200a227122", '"😀 é \\n\\"q\\""'),
    ("0ad20a1feb8ca954ab", "12345678901234567890"),
    ("0b355800662deb417e", "1.5e300"),
    ("0b0000000000000080", "-0.0"),
    ("0b00003426f56b0c43", "1e15"),
    ("0b0000901ec4bcd642", "100000000000000.0"),
    ("0b1656e79eaf03d23c", "0.000000000000001"),
    ("0bbc89d897b2d29c3c", "1e-16"),
    ("0b0100000000000000", "5e-324"),
    ("0b0400000000000000", "2e-323"),
    ("0bffffffffffffef7f", "1.7976931348623157e308"),
    ("0c09011f7f202f080c090d", '"\\u0001\\u001F\x7f /\\b\\f\\t\\r"'),
    ("06e807", "2024"),
    ("0ff6070b028000000132", "1.50"),
    ("0ff6090e057fffffffff3caf", "-0.50000"),
    ("0ff614271e800000000000000000000000000000000000", "0.000000000000000000000000000000"),
    (
        "0ff620421e7f439eb1ca484078caf1cb3fd0f8a086f8a432eaff439eb1ca484078fc85",
        "-12345678901234567890123456789012345.123456789012345678901234567890",
    ),
    ("0ff606090080000007", "7"),
    ("0ff60a1209875bcd151dcd6500", "123456789.500000000"),
    ("0ff60a12007ffffffef204c72d", "-1234567890"),
    ("0ff6080c037ffffff3fea6", "-12.345"),
    ("0f0f03616263", '"YWJj"'),
]


def read(data):
    return decode_text(JsonDecoder(), data)


def moment(field_type, packed):
    return encoded(Opaque(field_type, pack("<q", packed)))


def clock(hours, minutes, seconds, micros=0):
    return (hours << 12 | minutes << 6 | seconds) << 24 | micros


def day(year, month, number):
    return ((year * 13 + month) << 5 | number) << 41


@pytest.mark.parametrize(("data", "text"), RECORDED)
def test_recorded_documents_are_read(data, text):
    assert read(bytes.fromhex(data)) == text


def test_an_empty_document_is_null():
    assert read(b"") == decode_text(JsonTextDecoder(), b"") == "null"
    assert read_tree(b"") == b"null"


@pytest.mark.parametrize(
    ("field_type", "packed", "text"),
    [
        (10, day(2024, 1, 2), '"2024-01-02"'),
        (10, 0, '"0000-00-00"'),
        (11, clock(12, 34, 56, 789_000), '"12:34:56.789"'),
        (11, -clock(0, 0, 0, 500_000), '"-00:00:00.5"'),
        (11, -clock(838, 59, 59), '"-838:59:59"'),
        (11, 0, '"00:00:00"'),
        (12, day(2024, 1, 2) | clock(3, 4, 5, 678_901), '"2024-01-02 03:04:05.678901"'),
        (12, 0, '"0000-00-00 00:00:00"'),
        (7, day(9999, 12, 31) | clock(23, 59, 59, 10), '"9999-12-31 23:59:59.00001"'),
    ],
)
def test_times_and_dates(field_type, packed, text):
    assert read(moment(field_type, packed)) == text


@pytest.mark.parametrize(
    "data",
    [
        b"\x0d",  # no such type
        b"\x04\x03",  # no such literal
        b"\x0b" + pack("<d", float("nan")),
        b"\x0b" + pack("<d", float("inf")),
        b"\x0c\x01\xff",  # not UTF-8
        b"\x0c\x85\x80\x80\x80\x80\x00",  # a length of six bytes
        b"\x0f\xf6\x02\x52\x00",  # a decimal of 82 digits
        b"\x0f\xf6\x03\x02\x03\x80",  # more digits behind the point than in all
        b"\x0f\xf6\x06\x09\x00\xff\xff\xff\xff",  # a group of more than nine digits
        b"\x0f\x0a\x07" + bytes(7),  # a date of seven bytes
        moment(11, clock(839, 0, 0)),
        moment(12, day(10_000, 1, 1)),
        moment(12, -day(1, 1, 1)),
    ],
)
def test_what_no_server_writes_is_refused(data):
    with pytest.raises(DecodeError, match="MySQL sent a JSON document with"):
        read(data)


def test_a_hundred_levels_are_read_and_no_more():
    for levels, allowed in ((100, True), (101, False)):
        value: list[object] = []
        for _ in range(levels - 1):
            value = [value]
        if allowed:
            assert read(encoded(value)) == "[" * levels + "]" * levels
        else:
            with pytest.raises(DecodeError, match="more than 100 levels"):
                read(encoded(value))
    with pytest.raises(DecodeError, match="more than 100 levels"):
        decode_text(JsonTextDecoder(), b"[" * 101 + b"]" * 101)


def bomb(levels, width, head):
    """Return arrays each of whose elements is the same next one, or `head` at the end."""
    body = head
    for _ in range(levels):
        size = 4 + 3 * width
        body = pack("<HH", width, size + len(body)) + (b"\x02" + pack("<H", size)) * width + body
    return b"\x02" + body


@pytest.mark.parametrize("read", [read, read_tree])
@pytest.mark.parametrize("data", [bomb(30, 20, pack("<HH", 0, 4)), bomb(1, 9000, pack("<HH", 0, 4) * 100)])
def test_parts_that_overlap_are_refused_before_they_grow(read, data):
    with pytest.raises(DecodeError, match="overlapping parts"):
        read(data)


def test_a_container_within_itself_is_refused():
    with pytest.raises(DecodeError):
        read(b"\x02" + pack("<HH", 1, 7) + b"\x02" + pack("<H", 0))


def test_one_long_string_cannot_be_used_twice():
    text = b"\xe8\x07" + b"x" * 1000
    data = b"\x02" + pack("<HH", 2, 10 + len(text)) + (b"\x0c" + pack("<H", 10)) * 2 + text
    with pytest.raises(DecodeError, match="overlapping parts"):
        read(data)


class TestText:
    def test_bare_text_takes_the_print_of_opaque_values_for_them(self):
        text = b'["12:34:56.789000", "2024-01-02 03:04:05.000000", "base64:type15:YWJj", "-838:59:59.000000", 1.50]'
        assert decode_text(JsonTextDecoder(), text) == '["12:34:56.789","2024-01-02 03:04:05","YWJj","-838:59:59",1.50]'

    def test_the_strings_named_behind_the_text_are_strings(self):
        text = b'{"a": "12:34:56.789000", "b c": ["12:34:56.789000", "base64:type15:YWJj"]}\n["$.\\"b c\\"[0]"]'
        found = decode_text(JsonTextDecoder(), text)
        assert found == '{"a":"12:34:56.789","b c":["12:34:56.789000","YWJj"]}'

    def test_one_string_is_named_by_itself(self):
        assert decode_text(JsonTextDecoder(), b'"base64:type15:YWJj"\n"$"') == '"base64:type15:YWJj"'

    def test_strings_of_another_look_stay(self):
        text = '["12:34:56", "12:34:56.789", "at 12:34:56.789000", "2024-01-02T03:04:05.000000", "base64:type:x", "é"]'
        assert decode_text(JsonTextDecoder(), text.encode()) == text.replace(", ", ",")

    def test_the_expression_names_the_column(self):
        assert selected("`j`").count("`j`") == 5

    @pytest.mark.parametrize(
        "text",
        [
            "{",
            "[1,]",
            '{"a" 1}',
            '"',
            '"\\',
            '"\\u00',
            '"\\ud83d"',
            "1 2",
            "01",
            "1.",
            "-",
            "nul",
            '["a"]\n{',
            '["a"]\n[1]',
            '"a"\n"a"',
            '{"a": 1',
        ],
    )
    def test_what_is_no_json_is_refused(self, text):
        with pytest.raises(DecodeError):
            decode_text(JsonTextDecoder(), text.encode())
