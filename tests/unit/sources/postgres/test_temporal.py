"""Dates, times and intervals: what Debezium 3.7 gives for the same values, and what is refused."""

import pytest

from cdc.errors import ConversionError, DecodeError
from cdc.sources.columns.values import decode_text
from cdc.sources.postgres.values.interval import IsoIntervalDecoder, MicrosIntervalDecoder
from cdc.sources.postgres.values.temporal import (
    DateDecoder,
    IsoDateDecoder,
    IsoTimeDecoder,
    IsoTimestampDecoder,
    MicrosDecoder,
    MillisDecoder,
    NanosDecoder,
    TimeDecoder,
    ZonedTimeDecoder,
)


def decode(decoder, text):
    return decode_text(decoder, text.encode())


class TestDate:
    @pytest.mark.parametrize(
        ("text", "days", "iso"),
        [
            ("2024-02-29", 19782, "2024-02-29Z"),
            ("1970-01-01", 0, "1970-01-01Z"),
            ("1969-12-31", -1, "1969-12-31Z"),
            ("infinity", 2146033979, "infinity"),
            ("-infinity", -2147472691, "-infinity"),
            ("0001-01-01", -719162, "0001-01-01Z"),
            ("0001-12-31 BC", -719163, "0000-12-31Z"),
            ("0044-03-15 BC", -735160, "-0043-03-15Z"),
            ("9999-12-31", 2932896, "9999-12-31Z"),
            ("1582-10-10", -141432, "1582-10-10Z"),
            ("5874897-12-31", 2145042905, "+5874897-12-31Z"),
            ("4713-01-01 BC", -2440550, "-4712-01-01Z"),
        ],
    )
    def test_dates(self, text, days, iso):
        assert decode(DateDecoder(), text) == days
        assert decode(IsoDateDecoder(), text) == iso

    @pytest.mark.parametrize(
        "text",
        ["", "2024", "2024-02", "2024-02-", "2024-02-3", "2024-02-30", "1900-02-29", "2024-13-01", "2024-00-01", "2024-01-00",
         "0000-01-01", "02/29/2024", "24-02-29", "2024-02-29x", "2024-02-29 AD", " BC", "infinit", "12345678-01-01"],
    )  # fmt: skip
    @pytest.mark.parametrize("decoder", [DateDecoder(), IsoDateDecoder()])
    def test_what_is_no_date(self, decoder, text):
        with pytest.raises(DecodeError, match="date"):
            decode(decoder, text)


class TestTime:
    @pytest.mark.parametrize(
        ("text", "millis", "micros", "iso"),
        [
            ("00:00:00", 0, 0, "00:00:00Z"),
            ("12:34:56.789123", 45296789, 45296789123, "12:34:56.789123Z"),
            ("02:30:00.5", 9000500, 9000500000, "02:30:00.5Z"),
            ("23:59:59.999999", 86399999, 86399999999, "23:59:59.999999Z"),
            ("24:00:00", 86400000, 86400000000, "24:00:00Z"),
        ],
    )
    def test_times(self, text, millis, micros, iso):
        assert decode(TimeDecoder(3), text) == millis
        assert decode(TimeDecoder(6), text) == micros
        assert decode(TimeDecoder(9), text) == micros * 1000
        assert decode(IsoTimeDecoder(), text) == iso

    def test_the_resolution_of_array_elements(self):
        assert decode(TimeDecoder(6, resolution=1000), "12:34:56.789123") == 45296789000
        assert decode(IsoTimeDecoder(resolution=1000), "12:34:56.789123") == "12:34:56.789Z"

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("12:34:56.789123+00", "12:34:56.789123Z"),
            ("23:59:59.999999-05:30", "05:29:59.999999Z"),
            ("24:00:00-05:30", "05:30:00Z"),
            ("24:00:00+00", "24:00:00Z"),
            ("02:30:00.5+02", "00:30:00.5Z"),
            ("00:00:00.000001+14", "10:00:00.000001Z"),
            ("12:00:00+05:45", "06:15:00Z"),
            ("12:00:00-12", "00:00:00Z"),
            ("12:00:00-15:59:59", "03:59:59Z"),
        ],
    )
    def test_times_with_zone_are_in_utc(self, text, value):
        assert decode(ZonedTimeDecoder(), text) == value

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "12",
            "12:34",
            "12:34:5",
            "12:34:60",
            "12:60:00",
            "25:00:00",
            "24:00:00.000001",
            "12:34:56.",
            "12:34:56.1234567",
            "12-34-56",
            "1:23:45",
            "12:34:56+00",
        ],
    )
    @pytest.mark.parametrize("decoder", [TimeDecoder(6), IsoTimeDecoder()])
    def test_what_is_no_time(self, decoder, text):
        with pytest.raises(DecodeError, match="time"):
            decode(decoder, text)

    @pytest.mark.parametrize(
        "text",
        [
            "12:34:56",
            "12:34:56+",
            "12:34:56+1",
            "12:34:56+01:",
            "12:34:56+01:2",
            "12:34:56Z",
            "12:34:56+00x",
            "12:34:56+60",
        ],
    )
    def test_what_is_no_zone(self, text):
        with pytest.raises(DecodeError, match="time zone"):
            decode(ZonedTimeDecoder(), text)


class TestTimestamp:
    @pytest.mark.parametrize(
        ("text", "millis", "micros", "iso"),
        [
            ("2024-02-29 12:34:56.789123", 1709210096789, 1709210096789123, "2024-02-29T12:34:56.789123Z"),
            ("1970-01-01 00:00:00", 0, 0, "1970-01-01T00:00:00Z"),
            ("1969-12-31 23:59:59.999999", -1, -1, "1969-12-31T23:59:59.999999Z"),
            ("1936-10-25 22:10:12.608", -1047174587392, -1047174587392000, "1936-10-25T22:10:12.608Z"),
            ("infinity", 9223372036825200000, 2**63 - 1, "infinity"),
            ("-infinity", -9223372036832400000, -(2**63), "-infinity"),
            ("0001-01-01 00:00:00", -62135596800000, -62135596800000000, "0001-01-01T00:00:00Z"),
            ("0044-03-15 12:00:00.5 BC", -63517780799500, -63517780799500000, "-0043-03-15T12:00:00.5Z"),
            ("9999-12-31 23:59:59.999999", 253402300799999, 253402300799999999, "9999-12-31T23:59:59.999999Z"),
            ("1582-10-10 00:00:00", -12219724800000, -12219724800000000, "1582-10-10T00:00:00Z"),
            ("294247-01-01 23:59:59.999999", 9223371331199999, 9223371331199999999, "+294247-01-01T23:59:59.999999Z"),
            ("294276-12-31 23:59:59.999999", 9224318015999999, -9223372036853775810, "+294276-12-31T23:59:59.999999Z"),
            ("4713-01-01 00:00:00 BC", -210863520000000, -210863520000000000, "-4712-01-01T00:00:00Z"),
        ],
    )
    def test_timestamps(self, text, millis, micros, iso):
        assert decode(MillisDecoder(), text) == millis
        assert decode(MicrosDecoder(), text) == micros
        assert decode(IsoTimestampDecoder(), text) == iso

    @pytest.mark.parametrize(
        ("text", "nanos"),
        [
            ("2016-11-04 13:51:30.123456", 1478267490123456000),
            ("1677-09-21 00:12:43.145225", -9223372036854775000),
            ("2262-04-11 23:47:16.854775", 9223372036854775000),
            ("infinity", 2**63 - 1),
            ("-infinity", -(2**63)),
        ],
    )
    def test_nanoseconds(self, text, nanos):
        assert decode(NanosDecoder(), text) == nanos

    @pytest.mark.parametrize(
        "text",
        [
            "1677-09-21 00:12:43.145224",
            "2262-04-11 23:47:16.854776",
            "0001-01-01 00:00:00",
            "294276-12-31 00:00:00",
            "4713-01-01 00:00:00 BC",
        ],
    )
    def test_beyond_nanoseconds_is_for_the_policy(self, text):
        with pytest.raises(ConversionError, match="1677 to 2262") as caught:
            decode(NanosDecoder(), text)
        assert "time.precision.mode" in caught.value.remedy

    @pytest.mark.parametrize(
        ("digits", "text", "value"),
        [
            (6, "2016-11-04 11:51:30.123456+00", "2016-11-04T11:51:30.123456Z"),
            (6, "2024-02-29 12:34:57+00", "2024-02-29T12:34:57.000000Z"),
            (6, "2024-03-31 00:30:00.5+00", "2024-03-31T00:30:00.500000Z"),
            (3, "1970-01-01 00:00:00+00", "1970-01-01T00:00:00.000Z"),
            (0, "2024-02-29 12:34:57+00", "2024-02-29T12:34:57Z"),
            (6, "infinity", "infinity"),
            (6, "-infinity", "-infinity"),
            (6, "0044-03-15 12:00:00.5+00 BC", "-0043-03-15T12:00:00.500000Z"),
            (6, "294276-12-31 23:59:59+00", "+294276-12-31T23:59:59.000000Z"),
            (6, "4714-12-31 23:59:59.999999+00 BC", "-4713-12-31T23:59:59.999999Z"),
            (6, "1883-11-18 12:03:57-04:56:02", "1883-11-18T16:59:59.000000Z"),
            (6, "1900-01-01 00:00:00.000001+14", "1899-12-31T10:00:00.000001Z"),
            (0, "2024-12-31 23:00:00-05:30", "2025-01-01T04:30:00Z"),
            (0, "0001-01-01 00:00:00+01", "0000-12-31T23:00:00Z"),
            (0, "21016-11-04 06:51:30+00", "+21016-11-04T06:51:30Z"),
        ],
    )
    def test_timestamps_with_zone(self, digits, text, value):
        assert decode(IsoTimestampDecoder(digits, zoned=True), text) == value

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "2024-02-29",
            "2024-02-29 ",
            "2024-02-29T12:34:56",
            "2024-02-29 12:34",
            "2024-02-29 12:34:56x",
            "2024-02-29 12:34:56+00",
            "2024-02-30 00:00:00",
        ],
    )
    @pytest.mark.parametrize("decoder", [MillisDecoder(), MicrosDecoder(), NanosDecoder(), IsoTimestampDecoder()])
    def test_what_is_no_timestamp(self, decoder, text):
        with pytest.raises(DecodeError, match="timestamp"):
            decode(decoder, text)

    def test_a_zone_is_needed(self):
        with pytest.raises(DecodeError, match="timestamp"):
            decode(IsoTimestampDecoder(6, zoned=True), "2024-02-29 12:34:56")

    def test_a_fraction_of_seven_digits(self):
        with pytest.raises(ValueError, match="0 to 6 digits"):
            IsoTimestampDecoder(7)


class TestInterval:
    @pytest.mark.parametrize(
        ("text", "micros", "iso"),
        [
            ("1 year 2 mons 3 days 04:05:06.78", 37091106780000, "P1Y2M3DT4H5M6.78S"),
            ("00:00:00", 0, "P0Y0M0DT0H0M0S"),
            ("1 day", 86400000000, "P0Y0M1DT0H0M0S"),
            ("1 mon", 2629800000000, "P0Y1M0DT0H0M0S"),
            ("-1 years", -31557600000000, "P-1Y0M0DT0H0M0S"),
            ("-1 days +02:03:00", -79020000000, "P0Y0M-1DT2H3M0S"),
            ("-00:00:01.5", -1500000, "P0Y0M0DT0H0M-1.5S"),
            ("-04:05:06", -14706000000, "P0Y0M0DT-4H-5M-6S"),
            ("100:00:00", 360000000000, "P0Y0M0DT100H0M0S"),
            ("1 year -2 mons +3 days -04:00:00", 26542800000000, "P1Y-2M3DT-4H0M0S"),
            ("2562047788:00:54.775807", 2**63 - 1, "P0Y0M0DT2562047788H0M54.775807S"),
        ],
    )
    def test_intervals(self, text, micros, iso):
        assert decode(MicrosIntervalDecoder(), text) == micros
        assert decode(IsoIntervalDecoder(), text) == iso

    @pytest.mark.parametrize(
        "text", ["178000000 years", "-178000000 years", "1 day 2562047788:00:54.775807", "infinity", "-infinity"]
    )
    def test_a_long_interval_is_for_the_policy(self, text):
        with pytest.raises(ConversionError, match="64 bits") as caught:
            decode(MicrosIntervalDecoder(), text)
        assert "interval.handling.mode" in caught.value.remedy

    @pytest.mark.parametrize(
        ("text", "value"),
        [("infinity", "infinity"), ("-infinity", "-infinity"), ("-178000000 years", "P-178000000Y0M0DT0H0M0S")],
    )
    def test_text_carries_all(self, text, value):
        assert decode(IsoIntervalDecoder(), text) == value

    @pytest.mark.parametrize(
        "text",
        ["", " ", "1", "-", "1 year ", "1 yearx", "1 year 1", "year", "1 week", "04:05", "04:05:6", "4:5:6", "04:05:06.", "04:60:06",
         "04:05:60", "04:05:06.1234567", "04:05:06 1 day", "1 day  1 mon", "P1Y", "1 day ago", "9999999999999 days", "04:05:06x"],
    )  # fmt: skip
    @pytest.mark.parametrize("decoder", [MicrosIntervalDecoder(), IsoIntervalDecoder()])
    def test_what_is_no_interval(self, decoder, text):
        with pytest.raises(DecodeError, match="interval"):
            decode(decoder, text)
