"""PostgreSQL's text against other readers and writers of it: psycopg's loaders and dumpers, decimal, datetime, base64."""

import base64
import datetime as dt
import decimal
import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from psycopg.adapt import PyFormat, Transformer

from cdc.errors import ConversionError, DecodeError
from cdc.sources.columns.numeric import DecimalDecoder, NumericTextDecoder, VariableDecimalDecoder
from cdc.sources.columns.values import FloatDecoder, IntDecoder, TextDecoder, decode_text
from cdc.sources.postgres.values.arrays import ArrayDecoder
from cdc.sources.postgres.values.binary import (
    Base64Decoder,
    BitDecoder,
    BitsDecoder,
    BoolDecoder,
    BytesDecoder,
    HexDecoder,
    OpaqueDecoder,
)
from cdc.sources.postgres.values.geometric import (
    BoxDecoder,
    CircleDecoder,
    EwkbDecoder,
    LineDecoder,
    PathDecoder,
    PointDecoder,
    PolygonDecoder,
    SegmentDecoder,
)
from cdc.sources.postgres.values.hstore import HstoreJsonDecoder, HstoreMapDecoder
from cdc.sources.postgres.values.interval import IsoIntervalDecoder, MicrosIntervalDecoder
from cdc.sources.postgres.values.money import MoneyDecoder, RoundedMoneyDecoder
from cdc.sources.postgres.values.structured import (
    StructuredDateDecoder,
    StructuredDurationDecoder,
    StructuredTimeDecoder,
    StructuredTimestampDecoder,
    StructuredZonedTimeDecoder,
)
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
from cdc.sources.postgres.values.vectors import SparseVectorDecoder, VectorDecoder

MICROSECOND = dt.timedelta(microseconds=1)
EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - timestamps without time zone
ERA_DAYS = 146_097  # of 400 years
DAY_US = 86_400_000_000
TRANSFORMER = Transformer()


def datetimes(first, last):
    """Timestamps without time zone, from a year to another."""
    return st.datetimes(dt.datetime(first, 1, 1), dt.datetime(last, 12, 31))  # noqa: DTZ001


numbers = st.decimals(allow_nan=False, allow_infinity=False).map(lambda number: f"{number:f}")
digits = st.text("0123456789", min_size=1, max_size=60)
long_numbers = st.builds("{}{}.{}".format, st.sampled_from(["", "-"]), digits, digits)


def load(oid, text):
    """Read a value's text as psycopg does."""
    return TRANSFORMER.get_loader(oid, 0).load(text)  # type: ignore[arg-type]


def dump(value):
    """Write a value as psycopg does for the server."""
    written = TRANSFORMER.get_dumper(value, PyFormat.TEXT).dump(value)
    assert written is not None
    return bytes(written)


class TestNumbers:
    @given(st.integers(-(2**63), 2**63 - 1))
    def test_integers(self, number):
        assert decode_text(IntDecoder(), dump(number)) == number

    @given(st.integers(2**63) | st.integers(max_value=-(2**63) - 1))
    def test_integers_beyond_64_bits(self, number):
        with pytest.raises(DecodeError):
            decode_text(IntDecoder(), str(number).encode())

    @given(st.floats().map(repr) | numbers | long_numbers)
    @example("9007199254740993")
    @example("0.1000000000000000055511151231257827021181583404541015625")
    @example("123456789012345e22")
    def test_floats_are_correctly_rounded(self, text):
        text = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}.get(text, text)
        found = decode_text(FloatDecoder(), text.encode())
        assert struct.pack("d", found) == struct.pack("d", float(text))

    @given(numbers | long_numbers, st.integers(0, 40))
    def test_decimals(self, text, more):
        number = load(1700, text.encode())
        scale = -number.as_tuple().exponent + more
        found = decode_text(DecimalDecoder(scale), text.encode())
        assert found == number
        assert found.as_tuple().exponent == -scale

    @given(numbers | long_numbers | st.integers().map(lambda number: f"{number}000"), st.integers(-5, 40))
    @example("0", -3)
    def test_decimals_are_never_rounded(self, text, scale):
        number = load(1700, text.encode())
        exact = decimal.Context(prec=500, traps=[decimal.Inexact])
        try:
            expected = exact.quantize(number, decimal.Decimal((0, (1,), -scale)))
        except decimal.Inexact:
            with pytest.raises(ConversionError):
                decode_text(DecimalDecoder(scale), text.encode())
        else:
            assert decode_text(DecimalDecoder(scale), text.encode()) == expected

    @given(numbers | long_numbers)
    def test_variable_scale_is_the_least(self, text):
        number = load(1700, text.encode())
        found = decode_text(VariableDecimalDecoder(), text.encode())
        scale = -found.as_tuple().exponent
        assert found == number
        assert scale == 0 or (scale > 0 and found.as_tuple().digits[-1] != 0)

    @given(numbers | long_numbers)
    def test_numeric_text(self, text):
        assert decode_text(NumericTextDecoder(), text.encode()) == text

    @given(st.integers(-(2**63), 2**63 - 1))
    def test_money(self, cents):
        sign, whole, fraction = "-" if cents < 0 else "", abs(cents) // 100, abs(cents) % 100
        text = f"{sign}${whole:,}.{fraction:02}".encode()
        assert decode_text(MoneyDecoder(DecimalDecoder(2)), text) == decimal.Decimal(cents).scaleb(-2)


class TestDates:
    @given(st.dates())
    def test_dates(self, date):
        found = decode_text(DateDecoder(), dump(date))
        assert found == (load(1082, dump(date)) - EPOCH.date()).days
        assert decode_text(IsoDateDecoder(), dump(date)) == f"{date.isoformat()}Z"

    @given(st.dates(dt.date(2000, 1, 1), dt.date(2399, 12, 31)), st.integers(-17, 14_681))
    def test_the_calendar_repeats_every_400_years(self, date, eras):
        year = date.year + 400 * eras
        text = f"{year:04}-{date:%m-%d}" if year > 0 else f"{1 - year:04}-{date:%m-%d} BC"
        assert decode_text(DateDecoder(), text.encode()) == (date - EPOCH.date()).days + eras * ERA_DAYS
        written = f"{year:04}" if 0 <= year <= 9999 else f"{year:+05}"
        assert decode_text(IsoDateDecoder(), text.encode()) == f"{written}-{date:%m-%d}Z"

    @given(st.datetimes())
    def test_timestamps(self, stamp):
        text = stamp.isoformat(" ").encode()
        micros = (load(1114, text) - EPOCH) // MICROSECOND
        assert decode_text(MicrosDecoder(), text) == micros
        assert decode_text(MillisDecoder(), text) == micros // 1000
        assert decode_text(IsoTimestampDecoder(), trimmed(text)) == trimmed(stamp.isoformat().encode()).decode() + "Z"

    @given(datetimes(1678, 2261))
    def test_nanoseconds(self, stamp):
        assert decode_text(NanosDecoder(), stamp.isoformat(" ").encode()) == (stamp - EPOCH) // MICROSECOND * 1000

    @given(datetimes(2000, 2399), st.integers(-16, 729))
    def test_timestamps_beyond_datetime(self, stamp, eras):
        year = stamp.year + 400 * eras
        bc = " BC" if year <= 0 else ""
        text = f"{year if year > 0 else 1 - year:04}{stamp.isoformat(' ')[4:]}{bc}".encode()
        micros = (stamp - EPOCH) // MICROSECOND + eras * ERA_DAYS * DAY_US
        assert decode_text(MicrosDecoder(), text) == micros
        assert decode_text(MillisDecoder(), text) == micros // 1000

    @given(datetimes(2, 9998), st.integers(-57_599, 57_599), st.integers(0, 6))
    def test_timestamps_with_zone(self, stamp, offset, precision):
        stamp = stamp.replace(microsecond=stamp.microsecond - stamp.microsecond % 10 ** (6 - precision))
        zoned = stamp.replace(tzinfo=dt.timezone(dt.timedelta(seconds=offset)))
        text = zone_shortened(zoned.isoformat(" "))
        utc = zoned.astimezone(dt.UTC)
        fraction = f".{utc.microsecond:06}"[: precision + 1] if precision else ""
        expected = f"{utc:%Y-%m-%dT%H:%M:%S}".rjust(19, "0") + fraction + "Z"
        assert decode_text(IsoTimestampDecoder(precision, zoned=True), trimmed(text)) == expected

    @given(st.times())
    def test_times(self, time):
        loaded = load(1083, dump(time))
        micros = (dt.datetime.combine(EPOCH, loaded) - EPOCH) // MICROSECOND
        assert decode_text(TimeDecoder(6), dump(time)) == micros
        assert decode_text(TimeDecoder(3), dump(time)) == micros // 1000
        assert decode_text(TimeDecoder(9), dump(time)) == micros * 1000
        assert decode_text(TimeDecoder(6, resolution=1000), dump(time)) == micros // 1000 * 1000
        assert decode_text(IsoTimeDecoder(), dump(time)) == trimmed(time.isoformat().encode()).decode() + "Z"

    @given(st.times(), st.integers(-57_599, 57_599))
    def test_times_with_zone(self, time, offset):
        zoned = time.replace(tzinfo=dt.timezone(dt.timedelta(seconds=offset)))
        text = zone_shortened(zoned.isoformat())
        loaded = load(1266, text)
        utc = (dt.datetime.combine(dt.date(2000, 1, 2), loaded) - loaded.utcoffset()).replace(tzinfo=None).time()
        assert decode_text(ZonedTimeDecoder(), text) == trimmed(utc.isoformat().encode()).decode() + "Z"


def trimmed(text):
    """Take the zeros off a fraction's end, as the server does; a zone behind it stays."""
    head, point, tail = text.partition(b".")
    if not point:
        return text
    end = next((at for at, char in enumerate(tail) if char in b"+-"), len(tail))
    fraction = tail[:end].rstrip(b"0")
    return head + (b"." + fraction if fraction else b"") + tail[end:]


def zone_shortened(text):
    """Write a zone as the server does: without minutes or seconds that are zero behind the last that are not."""
    at = max(text.rfind("+"), text.rfind("-"))
    return (text[:at] + text[at:].removesuffix(":00")).encode()


parts = st.integers(-5000, 5000)


class TestIntervals:
    @given(parts, st.integers(-11, 11), parts, st.integers(-(10**15), 10**15))
    def test_intervals(self, years, months, days, micros):
        text = interval_text(years, months, days, micros)
        loaded = load(1186, text.encode())  # psycopg counts a year as 365 days and a month as 30
        assert loaded == dt.timedelta(days=365 * years + 30 * months + days, microseconds=micros)
        assert (
            decode_text(MicrosIntervalDecoder(), text.encode())
            == (years * 12 + months) * 2_629_800_000_000 + days * DAY_US + micros
        )

    @given(parts, st.integers(-11, 11), parts, st.integers(-(10**15), 10**15))
    def test_iso_intervals(self, years, months, days, micros):
        text = interval_text(years, months, days, micros)
        sign, micros = (-1, -micros) if micros < 0 else (1, micros)
        hours, minutes, seconds = (
            sign * (micros // 3_600_000_000),
            sign * (micros // 60_000_000 % 60),
            micros % 60_000_000,
        )
        shown = f"{decimal.Decimal(sign * seconds).scaleb(-6).normalize() + 0:f}"
        expected = f"P{years}Y{months}M{days}DT{hours}H{minutes}M{shown}S"
        assert decode_text(IsoIntervalDecoder(), text.encode()) == expected


def interval_text(years, months, days, micros):
    """Write an interval as the server's EncodeInterval does in style postgres."""
    written, negative = [], False
    for count, unit in ((years, "year"), (months, "mon"), (days, "day")):
        if count:
            plus = "+" if negative and count > 0 else ""
            written.append(f"{plus}{count} {unit}{'' if count == 1 else 's'}")
            negative = count < 0
    if micros or not written:
        sign = "-" if micros < 0 else "+" if negative else ""
        left = abs(micros)
        clock = (
            f"{left // 3_600_000_000:02}:{left // 60_000_000 % 60:02}:{left // 1_000_000 % 60:02}.{left % 1_000_000:06}"
        )
        written.append(sign + clock.rstrip("0").rstrip(".") if left % 1_000_000 else sign + clock[:-7])
    return " ".join(written)


class TestBytes:
    @given(st.binary(max_size=200))
    def test_bytea(self, data):
        text = b"\\x" + data.hex().encode()
        assert decode_text(BytesDecoder(), text) == load(17, text) == data
        assert decode_text(HexDecoder(), text) == data.hex()
        assert decode_text(Base64Decoder(), text) == base64.b64encode(data).decode()
        assert decode_text(Base64Decoder(url_safe=True), text) == base64.urlsafe_b64encode(data).decode()

    @given(st.integers(0, 2**200), st.integers(0, 20))
    def test_bits(self, number, zeros):
        text = f"{'0' * zeros}{number:b}".encode()
        assert decode_text(BitsDecoder(), text) == number.to_bytes((number.bit_length() + 7) // 8, "little")


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


class TestArrays:
    @given(st.lists(st.none() | texts | st.sampled_from(["NULL", "null", '"', "\\", "{", "}", ",", " a "]), max_size=8))
    def test_text_arrays(self, values):
        written = dump(values)
        assert load(1009, written) == values
        assert decode_text(ArrayDecoder(TextDecoder()), written) == values

    @given(st.lists(st.none() | st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=8), st.integers(-5, 5))
    def test_integer_arrays_with_bounds(self, values, lower):
        body = "{" + ",".join("NULL" if value is None else str(value) for value in values) + "}"
        written = f"[{lower}:{lower + len(values) - 1}]={body}".encode()
        assert load(1007, written) == values
        assert decode_text(ArrayDecoder(IntDecoder()), written) == values

    @given(
        st.lists(st.lists(texts, min_size=1, max_size=3), min_size=1, max_size=3).filter(
            lambda rows: len({*map(len, rows)}) == 1
        )
    )
    def test_two_dimensions(self, rows):
        with pytest.raises(ConversionError, match="dimension"):
            decode_text(ArrayDecoder(TextDecoder()), dump(rows))


DECODERS = {
    "bool": (BoolDecoder(), b"t"),
    "int": (IntDecoder(), b"-9223372036854775808"),
    "float": (FloatDecoder(), b"-1.7976931348623157e+308"),
    "short float": (FloatDecoder(), b"-123.25"),
    "special float": (FloatDecoder(), b"-Infinity"),
    "text": (TextDecoder(), "é 日本".encode()),
    "decimal": (DecimalDecoder(2), b"-12345.67"),
    "long decimal": (DecimalDecoder(9), b"99999999999999999999.123456789"),
    "negative scale": (DecimalDecoder(-2), b"1234500"),
    "variable decimal": (VariableDecimalDecoder(), b"-12345678901234567890.0123400"),
    "numeric text": (NumericTextDecoder(), b"-Infinity"),
    "money": (MoneyDecoder(DecimalDecoder(2)), b"-$92,233,720,368,547,758.08"),
    "bytes": (BytesDecoder(), b"\\xdeadbeef00"),
    "hex": (HexDecoder(), b"\\xdeadbeef00"),
    "base64": (Base64Decoder(), b"\\xdeadbeef00"),
    "bit": (BitDecoder(), b"1"),
    "bits": (BitsDecoder(), b"1000000001"),
    "date": (DateDecoder(), b"0044-03-15 BC"),
    "iso date": (IsoDateDecoder(), b"5874897-12-31"),
    "infinite date": (DateDecoder(), b"-infinity"),
    "time": (TimeDecoder(6), b"12:34:56.789123"),
    "iso time": (IsoTimeDecoder(), b"24:00:00"),
    "zoned time": (ZonedTimeDecoder(), b"23:59:59.999999-05:30:15"),
    "millis": (MillisDecoder(), b"0044-03-15 12:00:00.5 BC"),
    "micros": (MicrosDecoder(), b"294276-12-31 23:59:59.999999"),
    "nanos": (NanosDecoder(), b"2016-11-04 13:51:30.123456"),
    "iso timestamp": (IsoTimestampDecoder(), b"2016-11-04 13:51:30.123456"),
    "zoned timestamp": (IsoTimestampDecoder(6, zoned=True), b"0044-03-15 12:00:00.5+05:30:15 BC"),
    "interval": (MicrosIntervalDecoder(), b"-1 years +2 mons -3 days +04:05:06.78"),
    "iso interval": (IsoIntervalDecoder(), b"1 year -2 mons 3 days -04:05:06.78"),
    "text array": (ArrayDecoder(TextDecoder()), b'[2:6]={a,"b c","d\\"e\\\\",NULL,"{,}"}'),
    "decimal array": (ArrayDecoder(DecimalDecoder(2)), b"{1.50,NULL,-2}"),
    "structured date": (StructuredDateDecoder(), b"0044-03-15 BC"),
    "structured time": (StructuredTimeDecoder(6), b"12:34:56.789123"),
    "structured zoned time": (StructuredZonedTimeDecoder(6), b"24:00:00-05:30:15"),
    "structured timestamp": (StructuredTimestampDecoder(6), b"294276-12-31 23:59:59.999999"),
    "structured zoned timestamp": (StructuredTimestampDecoder(6, zoned=True), b"0044-03-15 12:00:00.5+05:30:15 BC"),
    "structured duration": (StructuredDurationDecoder(6), b"1 year -2 mons 3 days -04:05:06.78"),
    "little money": (RoundedMoneyDecoder(1), b"-$92,233,720,368,547,758.08"),
    "opaque": (OpaqueDecoder(BytesDecoder()), b"'fat' <-> 'cat'"),
    "hstore map": (HstoreMapDecoder(), rb'"a"=>"1", "b\"c"=>NULL, ""=>"e \"q\""'),
    "hstore json": (HstoreJsonDecoder(), rb'"a"=>"1", "b\"c"=>NULL, ""=>"e \"q\""'),
    "vector": (VectorDecoder(), b"[1,-2.5,1e-05]"),
    "sparse vector": (SparseVectorDecoder(), b"{1:1.5,17:-2}/32767"),
    "point": (PointDecoder(), b"(-1e+300,Infinity)"),
    "box": (BoxDecoder(), b"(3,4),(1.5,-2)"),
    "segment": (SegmentDecoder(), b"[(1,2),(3,4)]"),
    "path": (PathDecoder(), b"[(1,2),(3,4)]"),
    "polygon": (PolygonDecoder(), b"((0,0),(1,0),(0,1))"),
    "circle": (CircleDecoder(), b"<(1,2),3.5>"),
    "line": (LineDecoder(), b"{1,-2.5,3}"),
    "geometry": (EwkbDecoder(3), b"0101000020730C0000000000000000F03F000000000000F03F"),
    "two dimensions": (ArrayDecoder(TextDecoder()), b"{{a,b},{c,d}}"),
}


def outcome(decoder, data, size=-1):
    """Decode, and tell a value from a refusal; any other exception is a failure of the test."""
    try:
        return repr(decode_text(decoder, data, size))
    except (DecodeError, ConversionError) as error:
        return f"{type(error).__name__}: {error}"


@pytest.mark.parametrize("name", DECODERS)
def test_no_decoder_reads_past_the_end(name):
    decoder, text = DECODERS[name]
    for size in range(len(text) + 1):
        for behind in (text[size:], b"0" * 32, b":00:00.000000+00 BC", b'9",}\\'):
            assert outcome(decoder, text[:size] + behind, size) == outcome(decoder, text[:size])


@given(st.sampled_from(sorted(DECODERS)), st.data())
def test_damage_is_refused_or_read(name, data):
    decoder, text = DECODERS[name]
    damaged = bytearray(text)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(damaged)))
        damaged[at : at + data.draw(st.integers(0, 3))] = data.draw(
            st.binary(max_size=3) | st.sampled_from([b'"', b"\\", b"{", b"-", b".", b":"])
        )
    assert outcome(decoder, bytes(damaged))


@given(
    st.sampled_from(sorted(DECODERS)),
    st.binary(max_size=40) | st.text('0123456789-+:. {}",\\xNULLBCinfinity', max_size=40).map(str.encode),
)
def test_anything_is_refused_or_read(name, data):
    assert outcome(DECODERS[name][0], data)
