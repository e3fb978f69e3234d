"""From a character set's bytes to UTF-8, and the decoder of text columns that does so."""

from collections.abc import Callable

from cdc.sources.columns.values import ValueDecoder

class Transcoder:
    """Writes text of one character set as UTF-8. Stateless, so one may serve many columns."""

    charset: str
    def text(self, data: bytes) -> str:
        """Return the characters. Raises ConversionError for bytes that the character set has no character for."""

class Utf8(Transcoder):
    """Checks that bytes are UTF-8, and takes them as they are: MariaDB stores halves of surrogate pairs, which are not."""

    def __init__(self, charset: str) -> None: ...

class SingleByte(Transcoder):
    """Looks each byte up in a table of 256 characters, in which U+FFFF stands for none."""

    def __init__(self, charset: str, table: str) -> None: ...

class MultiByte(Transcoder):
    """Looks up characters of one to four bytes.

    `singles` has a character for each byte (U+FFFF where there is none, or more bytes belong to it), `pairs` one for each two bytes, the first
    one high; `triples` those behind the byte 0x8F, where EUC has a third plane; `fours` decodes the four bytes of other characters,
    or raises UnicodeDecodeError.
    """

    def __init__(
        self, charset: str, singles: str, pairs: str, triples: str = "", fours: Callable[[bytes], str] | None = None
    ) -> None: ...

class Utf16(Transcoder):
    """UTF-16 and UCS-2 of either byte order; UCS-2 (`pairs` false) has no surrogate pairs."""

    def __init__(self, charset: str, little: bool = False, pairs: bool = True) -> None: ...

class Utf32(Transcoder):
    """UTF-32, the high byte first."""

    def __init__(self, charset: str) -> None: ...

class CharsetDecoder(ValueDecoder):
    """Decodes text of a character set. Raises ConversionError for bytes that it has no character for."""

    def __init__(self, transcoder: Transcoder) -> None: ...
