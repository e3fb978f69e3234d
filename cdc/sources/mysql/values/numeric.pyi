"""Decoders of numbers, bits, ENUM and SET, as row images have them; and of their text where it differs from other databases'.

Formats: the server's `Field::pack` functions, and for DECIMAL its `decimal2bin`.
"""

from collections.abc import Iterable

from cdc.sources.columns.values import ValueDecoder

class ImageIntDecoder(ValueDecoder):
    """Decodes an integer of one to eight bytes; one without sign beyond 63 bits wraps around, as Debezium's long mode does."""

    def __init__(self, unsigned: bool = False) -> None: ...

class ImageUnsignedDecimalDecoder(ValueDecoder):
    """Decodes an integer without sign as Connect's Decimal of scale 0."""

class UnsignedDecoder(ValueDecoder):
    """Decodes the text of an integer without sign, with zeros in front (ZEROFILL); beyond 63 bits it wraps around."""

class ImageFloatDecoder(ValueDecoder):
    """Decodes FLOAT (four bytes) and DOUBLE (eight), little-endian IEEE 754."""

class SingleDecoder(ValueDecoder):
    """Decodes the text of a FLOAT, which has single precision whatever digits are written."""

class ImageYearDecoder(ValueDecoder):
    """Decodes YEAR: 0, or the years since 1900."""

class ImageDecimalDecoder(ValueDecoder):
    """Decodes DECIMAL: nine digits in four bytes each, the highest first, from the point outwards; `number` decodes its text."""

    def __init__(self, precision: int, scale: int, number: ValueDecoder) -> None: ...

class BitDecoder(ValueDecoder):
    """Decodes BIT(1) as a boolean."""

class BitsDecoder(ValueDecoder):
    """Decodes BIT as bytes, the lowest first; the server has the highest first."""

class ImageEnumDecoder(ValueDecoder):
    """Decodes the number of a label, from 1 on; 0 is the empty text of a value that was none."""

    def __init__(self, labels: Iterable[str]) -> None: ...

class ImageSetDecoder(ValueDecoder):
    """Decodes the bits of the labels of a SET as these labels, in the order of its definition, with commas between."""

    def __init__(self, labels: Iterable[str]) -> None: ...
