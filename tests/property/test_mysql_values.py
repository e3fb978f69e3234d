"""Values of MySQL: written as the server's source says, read back; and the same as text."""

from __future__ import annotations

import datetime as dt
import struct
from contextlib import suppress
from decimal import Decimal
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdc.config.mysql_settings import UnsignedMode
from cdc.config.settings import BinaryMode, DecimalMode, TimeMode
from cdc.errors import ConversionError, DecodeError
from cdc.sources.columns.numeric import DecimalDecoder, NumericTextDecoder
from cdc.sources.columns.values import ValueDecoder, decode_text
from cdc.sources.mysql.binlog.image_types import ColumnType
from cdc.sources.mysql.binlog.row_image import decimal_size
from cdc.sources.mysql.binlog.table_map import ImageColumn
from cdc.sources.mysql.ddl.definitions import ColumnDefinition
from cdc.sources.mysql.schema.handling import ValueHandling
from cdc.sources.mysql.schema.types import resolve
from cdc.sources.mysql.values import numeric, shapes, temporal

EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 (columns without zone)
MICRO = dt.timedelta(microseconds=1)
DIGITS = st.integers(0, 6)
FRACTIONS = (1_000_000, 100_000, 10_000, 1_000, 100, 10, 1)


def decimal_image(value: Decimal, precision: int, scale: int) -> bytes:
    """Return the binary form of a DECIMAL (`decimal2bin`)."""
    digits = f"{value.copy_abs():.{scale}f}".replace(".", "").zfill(precision)[-precision:]
    whole, fraction = digits[: precision - scale], digits[precision - scale :]
    first = len(whole) % 9
    groups = [whole[:first]] if first else []
    groups += [whole[at : at + 9] for at in range(first, len(whole), 9)]
    groups += [fraction[at : at + 9] for at in range(0, len(fraction), 9)]
    packed = bytearray(b"".join(int(g).to_bytes((0, 1, 1, 2, 2, 3, 3, 4, 4, 4)[len(g)], "big") for g in groups))
    if value < 0:
        packed = bytearray(byte ^ 0xFF for byte in packed)
    packed[0] ^= 0x80
    return bytes(packed)


@st.composite
def decimals(draw: st.DrawFn) -> tuple[int, int, Decimal]:
    precision = draw(st.integers(1, 65))
    scale = draw(st.integers(0, min(30, precision)))
    unscaled = draw(st.integers(-(10**precision) + 1, 10**precision - 1))
    return precision, scale, Decimal(f"{unscaled}e{-scale}")


def fraction_bytes(micros: int, digits: int) -> bytes:
    """Return the fraction of a second, cut to `digits`, as two digits a byte."""
    size = (digits + 1) // 2
    shown: int = micros // 100 ** (3 - size)
    return shown.to_bytes(size, "big")


class TestNumbers:
    @given(decimals())
    def test_decimals_are_exact(self, drawn):
        precision, scale, value = drawn
        image = decimal_image(value, precision, scale)
        assert len(image) == decimal_size(precision, scale)
        exact = numeric.ImageDecimalDecoder(precision, scale, DecimalDecoder(scale))
        assert decode_text(exact, image) == value
        text = numeric.ImageDecimalDecoder(precision, scale, NumericTextDecoder())
        assert decode_text(text, image) == f"{value:.{scale}f}"

    @given(st.sampled_from([1, 2, 3, 4, 8]), st.booleans(), st.data())
    def test_integers_are_the_same_in_both_forms(self, size, unsigned, data):
        bits = 8 * size
        value = data.draw(
            st.integers(0, 2**bits - 1) if unsigned else st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        )
        base = {1: "TINYINT", 2: "SMALLINT", 3: "MEDIUMINT", 4: "INT", 8: "BIGINT"}[size]
        kind = {
            1: ColumnType.TINY,
            2: ColumnType.SHORT,
            3: ColumnType.INT24,
            4: ColumnType.LONG,
            8: ColumnType.LONGLONG,
        }
        column = ColumnDefinition(name="c", type=f"{base} UNSIGNED" if unsigned else base)
        handling = ValueHandling(unsigned=UnsignedMode.PRECISE)
        image, text = resolve(column, handling, ImageColumn(kind[size])), resolve(column, handling)
        assert image is not None
        assert text is not None
        stored = value.to_bytes(size, "little", signed=not unsigned)
        assert decode_text(image.decoder, stored) == decode_text(text.decoder, str(value).encode()) == value

    @given(st.integers(0, 2**64 - 1))
    def test_what_is_beyond_63_bits_wraps_around_in_long_mode(self, value):
        expected = value if value < 2**63 else value - 2**64
        assert decode_text(numeric.ImageIntDecoder(unsigned=True), value.to_bytes(8, "little")) == expected
        assert decode_text(numeric.UnsignedDecoder(), b"%020d" % value) == expected

    @pytest.mark.parametrize("text", [b"", b"-1", b"18446744073709551616", b"99999999999999999999", b"1.0", b"x"])
    def test_what_is_no_number_without_sign_is_an_error(self, text):
        with pytest.raises(DecodeError):
            decode_text(numeric.UnsignedDecoder(), text)

    @given(st.floats(width=32, allow_nan=False))
    def test_a_float_has_single_precision_in_both_forms(self, value):
        assert decode_text(numeric.ImageFloatDecoder(), struct.pack("<f", value)) == value
        if abs(value) != float("inf"):
            assert decode_text(numeric.SingleDecoder(), repr(value).encode()) == value

    @given(st.lists(st.booleans(), min_size=1, max_size=64))
    def test_sets_are_the_labels_of_their_bits(self, bits):
        labels = [f"l{at}" for at in range(len(bits))]
        number = sum(1 << at for at, bit in enumerate(bits) if bit)
        expected = ",".join(label for label, bit in zip(labels, bits, strict=True) if bit)
        assert decode_text(numeric.ImageSetDecoder(labels), number.to_bytes(8, "little")) == expected

    def test_an_enum_is_the_label_of_its_number_and_0_is_empty(self):
        decoder = numeric.ImageEnumDecoder(["a", "ü"])
        assert [decode_text(decoder, bytes([at])) for at in range(3)] == ["", "a", "ü"]
        assert decode_text(decoder, b"\2\0") == "ü"
        with pytest.raises(DecodeError, match="2 labels, but number 3"):
            decode_text(decoder, b"\3")

    def test_a_set_with_more_bits_than_labels_is_an_error(self):
        with pytest.raises(DecodeError, match="number 3"):
            decode_text(numeric.ImageSetDecoder(["a", "b"]), b"\4")


class TestTimes:
    @given(st.datetimes(min_value=dt.datetime(100, 1, 1)), DIGITS)  # noqa: DTZ001
    def test_datetimes_are_the_same_in_all_forms(self, value, digits):
        value = value.replace(microsecond=value.microsecond // FRACTIONS[digits] * FRACTIONS[digits])
        months = value.year * 13 + value.month
        packed = (months << 5 | value.day) << 17 | value.hour << 12 | value.minute << 6 | value.second
        image = (packed + (1 << 39)).to_bytes(5, "big") + fraction_bytes(value.microsecond, digits)
        expected = (value - EPOCH) // MICRO
        text = value.isoformat(" ", "microseconds" if digits else "seconds")[: 20 + digits if digits else None]
        assert decode_text(temporal.MicrosDecoder(temporal.ImageDatetimeReader(digits)), image) == expected
        assert decode_text(temporal.MicrosDecoder(temporal.TextMomentReader()), text.encode()) == expected
        iso = decode_text(temporal.IsoTimestampDecoder(temporal.ImageDatetimeReader(digits), digits=digits), image)
        assert iso == text.replace(" ", "T") + "Z"
        if not digits:
            old = int(value.strftime("%Y%m%d%H%M%S").zfill(14)).to_bytes(8, "little")
            assert decode_text(temporal.MicrosDecoder(temporal.OldDatetimeReader()), old) == expected

    @given(st.integers(1, 2**32 - 1), st.integers(0, 999_999), DIGITS)
    def test_timestamps_count_from_the_epoch(self, seconds, micros, digits):
        micros -= micros % FRACTIONS[digits]
        image = seconds.to_bytes(4, "big") + fraction_bytes(micros, digits)
        expected = seconds * 1_000_000 + micros
        assert decode_text(temporal.MicrosDecoder(temporal.ImageTimestampReader(digits)), image) == expected
        old = decode_text(temporal.MicrosDecoder(temporal.OldTimestampReader()), seconds.to_bytes(4, "little"))
        assert old == seconds * 1_000_000

    @given(st.dates())
    def test_dates_count_from_the_epoch(self, value):
        image = (value.year << 9 | value.month << 5 | value.day).to_bytes(3, "little")
        expected = (value - EPOCH.date()).days
        assert decode_text(temporal.DateDecoder(temporal.ImageDateReader()), image) == expected
        assert decode_text(temporal.DateDecoder(temporal.TextMomentReader()), value.isoformat().encode()) == expected

    @given(st.integers(-3_020_399_999_999, 3_020_399_999_999), DIGITS)
    def test_times_have_a_sign_and_many_hours(self, span, digits):
        whole = abs(span) - abs(span) % FRACTIONS[digits]
        span = -whole if span < 0 else whole
        seconds, micros = divmod(whole, 1_000_000)
        hours, minutes, rest = seconds // 3600, seconds // 60 % 60, seconds % 60
        packed = (hours << 12 | minutes << 6 | rest) << 24 | micros
        size = (digits + 1) // 2
        packed = (packed >> 24 << 8 * size) + micros // 100 ** (3 - size)
        image = ((1 << 23 + 8 * size) + (-packed if span < 0 else packed)).to_bytes(3 + size, "big")
        text = f"{'-' if span < 0 else ''}{hours:02}:{minutes:02}:{rest:02}" + (
            f".{micros:06}"[: digits + 1] if digits else ""
        )
        assert decode_text(temporal.TimeDecoder(temporal.ImageTimeReader(digits), 6), image) == span
        assert decode_text(temporal.TimeDecoder(temporal.TextTimeReader(), 9), text.encode()) == span * 1000
        if not digits:
            old = (hours * 10_000 + minutes * 100 + rest) * (-1 if span < 0 else 1)
            assert (
                decode_text(temporal.TimeDecoder(temporal.OldTimeReader(), 6), old.to_bytes(3, "little", signed=True))
                == span
            )

    @pytest.mark.parametrize("text", [b"0000-00-00", b"2024-00-00", b"2024-01-00", b"0000-01-01"])
    def test_a_date_that_is_none_is_null_or_what_stands_for_it(self, text):
        reader = temporal.TextMomentReader()
        assert decode_text(temporal.DateDecoder(reader), text) is None
        assert decode_text(temporal.DateDecoder(reader, (1970, 1, 2, 0)), text) == 1

    def test_a_day_that_no_month_has_cannot_be_carried(self):
        with pytest.raises(ConversionError, match="2023-02-30"):
            decode_text(temporal.DateDecoder(temporal.TextMomentReader()), b"2023-02-30")

    @pytest.mark.parametrize("decoder", [temporal.ConnectTimeDecoder, temporal.IsoTimeDecoder])
    @pytest.mark.parametrize("text", [b"-00:00:01", b"24:00:00.000001", b"838:59:59"])
    def test_a_time_beyond_a_day_cannot_be_carried_by_modes_of_a_day(self, decoder, text):
        with pytest.raises(ConversionError, match="none of a day"):
            decode_text(decoder(temporal.TextTimeReader()), text)

    def test_midnight_at_the_end_of_a_day(self):
        reader = temporal.TextTimeReader()
        assert decode_text(temporal.ConnectTimeDecoder(reader), b"24:00:00") == 86_400_000
        assert decode_text(temporal.IsoTimeDecoder(reader), b"24:00:00") == "00:00:00Z"

    def test_a_negative_time_is_negative_in_all_its_parts(self):
        found = decode_text(temporal.StructuredDurationDecoder(temporal.TextTimeReader(), 3), b"-100:01:02.500")
        assert found == [0, 0, 0, -100, -1, -2, -500_000_000, 3]

    @pytest.mark.parametrize("year", [1676, 2263])
    def test_nanoseconds_end_before_the_calendar_does(self, year):
        with pytest.raises(ConversionError, match=str(year)):
            decode_text(temporal.NanosDecoder(temporal.TextMomentReader()), b"%d-01-01 00:00:00" % year)

    @pytest.mark.parametrize("year", [b"0018", b"0069", b"0070", b"0099"])
    def test_years_of_two_digits_are_adjusted(self, year):
        decoder = temporal.IsoDateDecoder(temporal.TextMomentReader(), adjusts=True)
        century = b"20" if year < b"0070" else b"19"
        assert decode_text(decoder, year + b"-02-03") == (century + year[2:] + b"-02-03Z").decode()


def every_decoder() -> dict[tuple[str, bool], list[ValueDecoder]]:
    """Return the decoders of each type in each mode, of row images (True) and of text."""
    of_image = {
        "INT UNSIGNED": ImageColumn(ColumnType.LONG),
        "BIGINT": ImageColumn(ColumnType.LONGLONG),
        "BIGINT UNSIGNED": ImageColumn(ColumnType.LONGLONG),
        "FLOAT": ImageColumn(ColumnType.FLOAT),
        "DOUBLE": ImageColumn(ColumnType.DOUBLE),
        "DECIMAL": ImageColumn(ColumnType.NEWDECIMAL, 10, 0),
        "BIT": ImageColumn(ColumnType.BIT, 1),
        "YEAR": ImageColumn(ColumnType.YEAR),
        "DATE": ImageColumn(ColumnType.DATE),
        "TIME": ImageColumn(ColumnType.TIME2),
        "DATETIME": ImageColumn(ColumnType.DATETIME2),
        "TIMESTAMP": ImageColumn(ColumnType.TIMESTAMP2),
        "VARCHAR": ImageColumn(ColumnType.VARCHAR, 10),
        "ENUM": ImageColumn(ColumnType.ENUM, 1),
        "SET": ImageColumn(ColumnType.SET, 1),
        "BINARY": ImageColumn(ColumnType.STRING, 10),
        "BLOB": ImageColumn(ColumnType.BLOB, 2),
        "JSON": ImageColumn(ColumnType.JSON, 4),
        "POINT": ImageColumn(ColumnType.GEOMETRY, 4),
        "GEOMETRY": ImageColumn(ColumnType.GEOMETRY, 4),
        "VECTOR": ImageColumn(ColumnType.VECTOR, 4),
    }
    modes = [
        ValueHandling(time=time, decimal=decimal, binary=binary)
        for time in TimeMode
        for decimal, binary in zip(DecimalMode, BinaryMode, strict=False)
    ]
    found = dict[tuple[str, bool], list[ValueDecoder]]()
    for kind, image in of_image.items():
        column = ColumnDefinition(name="c", type=kind, charset="latin1", values=("a", "b"))
        for form in (image, None):
            resolved = [resolve(column, handling, form) for handling in modes]
            found[kind, form is not None] = [each.decoder for each in resolved if each is not None]
    return found


DECODERS = every_decoder()


class TestWrongBytes:
    @given(st.binary(max_size=40) | st.text("0123456789-:. ", max_size=30).map(str.encode))
    def test_any_bytes_are_a_value_or_an_error_of_ours(self, data):
        for decoder in chain.from_iterable(DECODERS.values()):
            with suppress(DecodeError, ConversionError):
                decode_text(decoder, data)

    @pytest.mark.parametrize("size", range(25))
    def test_a_point_cut_off_is_an_error(self, size):
        whole = bytes(4) + b"\1\1\0\0\0" + struct.pack("<dd", 1.5, -2)
        assert decode_text(shapes.PointDecoder(), whole)[:2] == [1.5, -2]
        with pytest.raises(DecodeError):
            decode_text(shapes.PointDecoder(), whole[:size])
