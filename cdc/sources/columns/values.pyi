from collections.abc import Iterable
from typing import Any

from cdc.errors import ConversionError

class ValueDecoder:
    """Decodes the bytes of one column's values. Stateless between values, so a decoder may serve many columns of one thread."""

class TextDecoder(ValueDecoder):
    """Takes the text as it is: the server has checked that it is UTF-8."""

class UnknownLabel(ConversionError):
    """A label that an enum did not have when its column was resolved: it has grown, or one of its labels has another name now."""

    decoder: EnumDecoder
    label: bytes
    def __init__(self, decoder: EnumDecoder, label: bytes) -> None: ...
    def accept(self) -> None:
        """Let the decoder take the label from now on: the catalogue does not know it any more."""

class EnumDecoder(ValueDecoder):
    """Takes a label of an enum as it is; raises UnknownLabel for one that is not among `labels`."""

    def __init__(self, labels: Iterable[str]) -> None: ...
    def learn(self, label: bytes) -> None:
        """Take one more label."""

class IntDecoder(ValueDecoder):
    """Decodes integers up to 64 bits."""

class FloatDecoder(ValueDecoder):
    """Decodes real and double precision, and numeric under decimal.handling.mode double; NaN and the infinities are kept."""

def decode_text(decoder: ValueDecoder, data: bytes, size: int = -1) -> Any:
    """Decode the value in the first `size` bytes (-1: in all) and return what Python code sees in its cell.

    Raises DecodeError and ConversionError.
    """
