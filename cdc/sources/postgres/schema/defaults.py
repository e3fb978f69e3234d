"""From a column's default expression to the default of its schema.

A literal is carried as a value of the column. What a function computes cannot be known, so the type's zero stands for it, as in Debezium;
any other expression gives no default. Expressions are as pg_get_expr prints them, under `types.SESSION_SETTINGS`.
"""

from __future__ import annotations

import decimal
import re
from collections.abc import Mapping
from typing import Final

from cdc.errors import ConversionError, DecodeError
from cdc.model.schema import Decimal, Default
from cdc.sources.columns.values import ValueDecoder, decode_text

#: The types whose defaults are carried, by OID: the text that stands for what a function computes.
ZEROS: Final[Mapping[int, str]] = {
    16: "f",
    20: "0",
    21: "0",
    23: "0",
    25: "",
    114: "{}",
    142: "",
    700: "0",
    701: "0",
    1042: "",
    1043: "",
    1082: "1970-01-01",
    1083: "00:00:00",
    1114: "1970-01-01 00:00:00",
    1184: "1970-01-01 00:00:00+00",
    1186: "00:00:00",
    1560: "0",
    1562: "0",
    1700: "0.0",
    2950: "00000000-0000-0000-0000-000000000000",
    3802: "{}",
}

# 'it''s'::text, '101'::"bit", '2020-02-03 04:05:06.7'::timestamp(3) without time zone
_QUOTED: Final = re.compile(r"""B?'((?:[^']|'')*)'(?:::(?:"[^"]*"|[\w\s.])+(?:\([\d\s,-]+\))?[\w\s]*(?:\[\])*)?""")
_BARE: Final = re.compile(r"-?\d+(?:\.\d+)?|true|false")
# nextval('s'::regclass), (now() + '1 day'::interval)
_CALL: Final = re.compile(r"\(?[\w.]+\(.*\)", re.DOTALL)
_VALUE_FUNCTIONS: Final = frozenset(
    {
        "current_date",
        "current_time",
        "current_timestamp",
        "localtime",
        "localtimestamp",
        "current_user",
        "session_user",
        "current_role",
    }
)
_EXACT: Final = decimal.Context(prec=20_000, traps=[decimal.Inexact, decimal.InvalidOperation])


def column_default(expression: str, decoder: ValueDecoder, zero: str | None, scale: int | None = None) -> Default:
    """Return the default that an expression means for a column, None if there is none.

    `zero` is the text that stands for the result of a function (None: no default then), `scale` the scale of a numeric that has one.
    """
    text = _text(expression.strip(), zero)
    if text is None:
        return None
    try:
        if scale is not None:
            text = _rescaled(text, scale)
        return _wire(decode_text(decoder, text.encode()))
    except (DecodeError, ConversionError, decimal.DecimalException):
        return None


def _text(expression: str, zero: str | None) -> str | None:
    """Return the text of the value that the expression stands for."""
    quoted = _QUOTED.fullmatch(expression)
    if quoted:
        return quoted[1].replace("''", "'")
    if _BARE.fullmatch(expression):
        return {"true": "t", "false": "f"}.get(expression, expression)
    if _CALL.match(expression) or expression.lower() in _VALUE_FUNCTIONS:
        return zero
    return None


def _rescaled(text: str, scale: int) -> str:
    """Return a number with exactly `scale` digits behind the point; raises DecimalException where that would round."""
    return f"{_EXACT.quantize(decimal.Decimal(text), decimal.Decimal((0, (1,), -scale))):f}"


def _wire(value: object) -> Default:
    if isinstance(value, decimal.Decimal):
        exponent = value.as_tuple().exponent
        assert isinstance(exponent, int)  # noqa: S101 - a decimal cell holds finite numbers only
        return Decimal(int(value.scaleb(-exponent, _EXACT)), -exponent)
    assert isinstance(value, bool | int | float | str | bytes)  # noqa: S101 - types of other values have no zero
    return value
