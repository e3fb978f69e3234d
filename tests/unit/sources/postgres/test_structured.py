"""Times as structs of numbers: the values are those of the connector JSON of Debezium 3.7, or follow from the server's manual."""

import pytest

from cdc.errors import ConversionError
from cdc.sources.columns.values import decode_text
from cdc.sources.postgres.values.structured import (
    StructuredDateDecoder,
    StructuredDurationDecoder,
    StructuredTimeDecoder,
    StructuredTimestampDecoder,
    StructuredZonedTimeDecoder,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"2024-02-29", [2024, 2, 29, None]),
        (b"0044-03-15 BC", [-43, 3, 15, None]),
        (b"5874897-12-31", [5874897, 12, 31, None]),
        (b"infinity", [None, None, None, "POSITIVE_INFINITY"]),
        (b"-infinity", [None, None, None, "NEGATIVE_INFINITY"]),
    ],
)
def test_dates(text, expected):
    assert decode_text(StructuredDateDecoder(), text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"2024-02-29 12:34:56.789123", [2024, 2, 29, 12, 34, 56, 789123000, None, 6]),
        (b"0044-03-15 12:00:00.5 BC", [-43, 3, 15, 12, 0, 0, 500000000, None, 6]),
        (b"infinity", [None, None, None, None, None, None, None, "POSITIVE_INFINITY", 6]),
    ],
)
def test_timestamps(text, expected):
    assert decode_text(StructuredTimestampDecoder(6), text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"2024-03-31 02:30:00.5+02", [2024, 3, 31, 0, 30, 0, 500000000, 0, "Z", None, 3]),
        (b"1883-11-18 12:03:57-04:56:02", [1883, 11, 18, 16, 59, 59, 0, 0, "Z", None, 3]),
        (b"-infinity", [None, None, None, None, None, None, None, None, None, "NEGATIVE_INFINITY", 3]),
    ],
)
def test_timestamps_with_zone_are_in_utc(text, expected):
    assert decode_text(StructuredTimestampDecoder(3, zoned=True), text) == expected


def test_times():
    assert decode_text(StructuredTimeDecoder(6), b"23:59:59.999999") == [23, 59, 59, 999999000, 6]
    assert decode_text(StructuredTimeDecoder(6, resolution=1000), b"12:34:56.789123") == [12, 34, 56, 789000000, 6]


def test_the_end_of_the_day_is_no_time():
    with pytest.raises(ConversionError, match=r"24:00:00"):
        decode_text(StructuredTimeDecoder(6), b"24:00:00")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"23:59:59.999999-05:30", [23, 59, 59, 999999000, -19800, 6]),
        (b"24:00:00-05:30", [24, 0, 0, 0, -19800, 6]),
        (b"12:00:00+05:45:30", [12, 0, 0, 0, 20730, 6]),
    ],
)
def test_times_with_zone_keep_it(text, expected):
    assert decode_text(StructuredZonedTimeDecoder(6), text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"1 year 2 mons 3 days 04:05:06.78", [1, 2, 3, 4, 5, 6, 780000000, 6]),
        (b"-1 years -2 mons +3 days -04:05:06.78", [-1, -2, 3, -4, -5, -6, -780000000, 6]),
        (b"00:00:00", [0, 0, 0, 0, 0, 0, 0, 6]),
        (b"-00:00:00.000001", [0, 0, 0, 0, 0, 0, -1000, 6]),
        (b"2147483647:59:59", [0, 0, 0, 2147483647, 59, 59, 0, 6]),
    ],
)
def test_intervals(text, expected):
    assert decode_text(StructuredDurationDecoder(6), text) == expected


@pytest.mark.parametrize("text", [b"infinity", b"-infinity", b"2147483648:00:00"])
def test_intervals_that_the_struct_cannot_carry(text):
    with pytest.raises(ConversionError, match="StructuredDuration"):
        decode_text(StructuredDurationDecoder(6), text)
