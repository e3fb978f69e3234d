"""Scalars, numbers, bytes and arrays: what Debezium 3.7 gives for the same values, and what is refused."""

import math
from decimal import Decimal

import pytest

from cdc.errors import ConversionError, DecodeError
from cdc.sources.columns.numeric import DecimalDecoder, NumericTextDecoder, VariableDecimalDecoder
from cdc.sources.columns.values import FloatDecoder, IntDecoder, TextDecoder, ValueDecoder, decode_text
from cdc.sources.postgres.values.arrays import ArrayDecoder
from cdc.sources.postgres.values.binary import (
    Base64Decoder,
    BitDecoder,
    BitsDecoder,
    BoolDecoder,
    BytesDecoder,
    HexDecoder,
)
from cdc.sources.postgres.values.money import MoneyDecoder


def decode(decoder, text):
    return decode_text(decoder, text.encode())


class TestScalars:
    @pytest.mark.parametrize("number", [0, -1, 42, 32767, 4294967295, 2**63 - 1, -(2**63)])
    def test_integers(self, number):
        assert decode(IntDecoder(), str(number)) == number

    @pytest.mark.parametrize("text", ["", "-", "1x", "1.0", " 1", str(2**63), str(-(2**63) - 1), "1" * 20])
    def test_what_is_no_integer(self, text):
        with pytest.raises(DecodeError, match="64-bit integer"):
            decode(IntDecoder(), text)

    def test_booleans(self):
        assert decode(BoolDecoder(), "t") is True
        assert decode(BoolDecoder(), "f") is False

    @pytest.mark.parametrize("text", ["", "x", "true"])
    def test_what_is_no_boolean(self, text):
        with pytest.raises(DecodeError, match="boolean"):
            decode(BoolDecoder(), text)

    @pytest.mark.parametrize(
        "text",
        ["0.1", "1e-45", "5e-324", "1.7976931348623157e+308", "123456.79", "1e+21", "16777216", "1234567890.1234567"],
    )
    def test_floats(self, text):
        assert decode(FloatDecoder(), text) == float(text)

    def test_special_floats(self):
        assert math.isnan(decode(FloatDecoder(), "NaN"))
        assert decode(FloatDecoder(), "Infinity") == math.inf
        assert decode(FloatDecoder(), "-Infinity") == -math.inf
        assert math.copysign(1, decode(FloatDecoder(), "-0")) == -1

    @pytest.mark.parametrize("text", ["", "-", ".", "nan", "inf", "1e", "1_0", "0x1p3", "1.2.3", " 1"])
    def test_what_is_no_float(self, text):
        with pytest.raises(DecodeError, match="number"):
            decode(FloatDecoder(), text)

    @pytest.mark.parametrize("text", ["", "plain", "日本   ", "😀\u0301 \t\x01"])
    def test_text_stays_as_it_is(self, text):
        assert decode(TextDecoder(), text) == text

    def test_the_error_says_where(self):
        with pytest.raises(DecodeError) as caught:
            decode(IntDecoder(), "12a4")
        assert caught.value.offset == 2

    def test_the_base_decodes_nothing(self):
        with pytest.raises(NotImplementedError):
            decode(ValueDecoder(), "1")


class TestNumeric:
    @pytest.mark.parametrize(
        ("scale", "text", "value"),
        [
            (2, "12345678.90", "12345678.90"),
            (2, "-0.01", "-0.01"),
            (2, "1", "1.00"),
            (0, "-99999", "-99999"),
            (9, "99999999999999999999.123456789", "99999999999999999999.123456789"),
            (0, "12345678901234567890123456789012345678", "12345678901234567890123456789012345678"),
            (5, "0.00123", "0.00123"),
            (-2, "1234500", "1.2345E+6"),
            (-2, "-500", "-5E+2"),
            (2, "0.00", "0.00"),
        ],
    )
    def test_decimals_have_the_scale_of_their_column(self, scale, text, value):
        found = decode(DecimalDecoder(scale), text)
        assert found == Decimal(value)
        assert found.as_tuple().exponent == -scale

    @pytest.mark.parametrize("digits", [17, 18, 19, 38, 5000])
    def test_long_decimals(self, digits):
        text = "9" * digits
        assert decode(DecimalDecoder(3), f"-{text}.125").as_tuple() == Decimal(f"-{text}.125").as_tuple()

    @pytest.mark.parametrize(("scale", "text"), [(2, "1.234"), (-2, "50"), (0, "0.1"), (2, "12345678901234567890.123")])
    def test_digits_are_never_cut_off(self, scale, text):
        with pytest.raises(ConversionError, match="more digits than the scale"):
            decode(DecimalDecoder(scale), text)

    @pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
    @pytest.mark.parametrize("decoder", [DecimalDecoder(2), VariableDecimalDecoder()])
    def test_what_has_no_digits_is_for_the_policy(self, decoder, text):
        with pytest.raises(ConversionError, match=text) as caught:
            decode(decoder, text)
        assert "decimal.handling.mode" in caught.value.remedy

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("1.5", "1.5"),
            ("1.000", "1"),
            ("0.00", "0"),
            ("-12345678901234567890.0123456789", "-12345678901234567890.0123456789"),
            ("100000000000000000000", "100000000000000000000"),
            ("100000000000000000000.000", "100000000000000000000"),
            ("0.00001", "0.00001"),
            ("10.1111", "10.1111"),
        ],
    )
    def test_variable_scale(self, text, value):
        assert decode(VariableDecimalDecoder(), text).as_tuple() == Decimal(value).as_tuple()

    @pytest.mark.parametrize(
        ("text", "value"),
        [("1.10", "1.10"), ("NaN", "NAN"), ("Infinity", "POSITIVE_INFINITY"), ("-Infinity", "NEGATIVE_INFINITY")],
    )
    def test_text(self, text, value):
        assert decode(NumericTextDecoder(), text) == value

    @pytest.mark.parametrize("text", ["", "-", ".", "1.", ".5", "-.5", "1e5", "+1", "1,0", "--1", "1-", "nan"])
    @pytest.mark.parametrize("decoder", [DecimalDecoder(2), VariableDecimalDecoder(), NumericTextDecoder()])
    def test_what_is_no_numeric(self, decoder, text):
        with pytest.raises(DecodeError, match="numeric"):
            decode(decoder, text)

    @pytest.mark.parametrize(
        ("text", "amount"),
        [("$12.34", "12.34"), ("-$92,233,720,368,547,758.08", "-92233720368547758.08"), ("$0.00", "0.00")],
    )
    def test_money(self, text, amount):
        assert decode(MoneyDecoder(DecimalDecoder(2)), text) == Decimal(amount)
        assert decode(MoneyDecoder(NumericTextDecoder()), text) == amount
        assert decode(MoneyDecoder(FloatDecoder()), text) == float(amount)

    @pytest.mark.parametrize("text", ["", "-", "$", "-$", "12.34", "12,34 €", "$1$2", "$" + "1" * 40])
    def test_what_is_no_money(self, text):
        with pytest.raises(DecodeError):
            decode(MoneyDecoder(DecimalDecoder(2)), text)


class TestBinary:
    @pytest.mark.parametrize(
        ("text", "value", "base64", "url_safe"),
        [
            ("\\xdeadbeef", "deadbeef", "3q2+7w==", "3q2-7w=="),
            ("\\x", "", "", ""),
            ("\\x00ff10", "00ff10", "AP8Q", "AP8Q"),
            ("\\xfbefbe", "fbefbe", "++++", "----"),
            ("\\x01", "01", "AQ==", "AQ=="),
        ],
    )
    def test_bytea(self, text, value, base64, url_safe):
        assert decode(BytesDecoder(), text) == bytes.fromhex(value)
        assert decode(HexDecoder(), text) == value
        assert decode(Base64Decoder(), text) == base64
        assert decode(Base64Decoder(url_safe=True), text) == url_safe

    @pytest.mark.parametrize("text", ["", "\\", "\\x0", "plain", "\\000", "\\xzz", "\\x0g", "\\xDEAD"])
    @pytest.mark.parametrize("decoder", [BytesDecoder(), HexDecoder(), Base64Decoder()])
    def test_what_is_no_bytea(self, decoder, text):
        with pytest.raises(DecodeError, match="hex format"):
            decode(decoder, text)

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("101", "05"),
            ("000", ""),
            ("", ""),
            ("10000001", "81"),
            ("1000000001", "0102"),
            ("1" + "0" * 62 + "1", "0100000000000080"),
            ("1111000011110000", "f0f0"),
            ("000000110000001000000001", "010203"),
        ],
    )
    def test_bits_are_little_endian(self, text, value):
        assert decode(BitsDecoder(), text) == bytes.fromhex(value)

    def test_one_bit_is_a_boolean(self):
        assert decode(BitDecoder(), "1") is True
        assert decode(BitDecoder(), "0") is False

    def test_no_bit_is_no_boolean(self):
        with pytest.raises(ConversionError, match="empty bit string"):
            decode(BitDecoder(), "")

    @pytest.mark.parametrize(("decoder", "text"), [(BitDecoder(), "11"), (BitDecoder(), "x"), (BitsDecoder(), "102")])
    def test_what_is_no_bit_string(self, decoder, text):
        with pytest.raises(DecodeError, match="bit"):
            decode(decoder, text)


class TestArrays:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("{}", []),
            ('{a,"b c","d\\"e",NULL,"NULL",""}', ["a", "b c", 'd"e', None, "NULL", ""]),
            ("{NULL}", [None]),
            ("[2:3]={7,8}", ["7", "8"]),
            ("[-2:-1]={7,8}", ["7", "8"]),
            ('{"{\\"a\\": 1}"}', ['{"a": 1}']),
            ('{"\\\\",",","}"}', ["\\", ",", "}"]),
            ("{é,😀}", ["é", "😀"]),
        ],
    )
    def test_text_arrays(self, text, value):
        assert decode(ArrayDecoder(TextDecoder()), text) == value

    def test_elements_go_through_their_decoder(self):
        assert decode(ArrayDecoder(IntDecoder()), "{1,NULL,-9223372036854775808}") == [1, None, -(2**63)]
        assert decode(ArrayDecoder(BytesDecoder()), '{"\\\\xdead","\\\\x"}') == [b"\xde\xad", b""]
        assert decode(ArrayDecoder(DecimalDecoder(2)), "{1.50,NULL}") == [Decimal("1.50"), None]

    @pytest.mark.parametrize("text", ["{{1,2},{3,4}}", "{{NULL}}", "[1:1][1:2]={{1,2}}"])
    def test_more_dimensions_are_for_the_policy(self, text):
        with pytest.raises(ConversionError, match="more than one dimension"):
            decode(ArrayDecoder(TextDecoder()), text)

    def test_null_where_the_schema_has_no_room_for_it(self):
        with pytest.raises(ConversionError, match="NULL"):
            decode(ArrayDecoder(TextDecoder(), nullable=False), "{a,NULL}")
        assert decode(ArrayDecoder(TextDecoder(), nullable=False), '{a,"NULL"}') == ["a", "NULL"]

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "{",
            "}",
            "{a",
            "a}",
            "{a,}",
            "{,a}",
            "{}{}",
            "{},",
            "{a}}",
            "{a}b}",
            '{"a}',
            '{"a"b}',
            '{a"b}',
            "{a\\}",
            '{"\\',
            "[1:1]{a}",
            "[1:1",
            "[x]={a}",
        ],
    )
    def test_what_is_no_array(self, text):
        with pytest.raises(DecodeError, match="array"):
            decode(ArrayDecoder(TextDecoder()), text)

    def test_an_element_that_is_wrong(self):
        with pytest.raises(DecodeError, match="64-bit integer"):
            decode(ArrayDecoder(IntDecoder()), "{1,x}")


def test_no_more_bytes_than_there_are():
    with pytest.raises(ValueError, match="5 bytes of 2"):
        decode_text(TextDecoder(), b"ab", 5)
