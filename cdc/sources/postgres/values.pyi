from typing import Any

class ValueDecoder:
    """Decodes the text of one column's values. Stateless between values, so a decoder may serve many columns of one thread."""

class TextDecoder(ValueDecoder):
    """Takes the text as it is: the server has checked that it is UTF-8."""

class BoolDecoder(ValueDecoder):
    """Decodes `t` and `f`."""

class IntDecoder(ValueDecoder):
    """Decodes integers up to 64 bits."""

class FloatDecoder(ValueDecoder):
    """Decodes real and double precision, and numeric under decimal.handling.mode double; NaN and the infinities are kept."""

def decode_text(decoder: ValueDecoder, data: bytes, size: int = -1) -> Any:
    """Decode the value in the first `size` bytes (-1: in all) and return what Python code sees in its cell.

    Raises DecodeError and ConversionError.
    """
