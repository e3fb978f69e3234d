"""Exact decimals: what Java's BigDecimal prints for the same unscaled value and scale."""

from __future__ import annotations

import decimal

import pytest

from cdc.converters.decimals import decimal_text, parts, rescaled, unscaled_bytes
from cdc.model.schema import Decimal


@pytest.mark.parametrize(
    ("unscaled", "scale", "text"),
    [
        (150, 2, "1.50"),
        (-1, 2, "-0.01"),
        (0, 0, "0"),
        (0, 2, "0.00"),
        (0, -2, "0E+2"),
        (5, 6, "0.000005"),
        (5, 7, "5E-7"),
        (15, 8, "1.5E-7"),
        (1, -3, "1E+3"),
        (-123, -1, "-1.23E+3"),
        (10**40, 0, "1" + "0" * 40),
    ],
)
def test_decimals_print_as_in_java(unscaled, scale, text):
    assert decimal_text(unscaled, scale) == text


def test_a_decimal_of_130000_digits_is_printed_whole():
    assert decimal_text(10**130_000 + 1, 0) == "1" + "0" * 129_999 + "1"


@pytest.mark.parametrize("text", ["0", "-0.00", "1.50", "-12E+3", "1E-400", "9" * 5000])
def test_parts_put_together_are_the_decimal(text):
    value = decimal.Decimal(text)
    unscaled, scale = parts(value)
    assert decimal.Decimal(unscaled).scaleb(-scale, decimal.Context(prec=9999)) == value
    assert scale == -int(value.as_tuple().exponent)


def test_parts_of_a_schema_default_are_its_own():
    assert parts(Decimal(150, 2)) == (150, 2)


def test_rescaling_keeps_the_value_or_refuses():
    assert rescaled(15, 1, 3) == 1500
    assert rescaled(-1500, 3, 1) == -15
    assert rescaled(12, -2, 0) == 1200
    with pytest.raises(ValueError, match=r"1\.505 has more than 2 decimal places"):
        rescaled(1505, 3, 2)


@pytest.mark.parametrize(
    ("number", "size"), [(0, 1), (127, 1), (128, 2), (-128, 1), (-129, 2), (2**63, 9), (-(2**63), 8)]
)
def test_unscaled_bytes_are_the_shortest_twos_complement(number, size):
    assert len(unscaled_bytes(number)) == size
    assert int.from_bytes(unscaled_bytes(number), "big", signed=True) == number
