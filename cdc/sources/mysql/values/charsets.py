"""Character sets of MySQL and MariaDB: which one a collation has, and its text as UTF-8.

`charset_of` names the character set of a collation id, as TABLE_MAP events and column definitions give it. `text_decoder` is the decoder of
a text column; `decode_text` reads names and labels. A character is what the server makes of it in `CONVERT(… USING utf8mb4)`.
"""

from __future__ import annotations

import functools

from cdc.errors import ConversionError
from cdc.sources.columns.values import ValueDecoder
from cdc.sources.mysql.values.charset_tables import COLLATIONS, MULTI_BYTE, SINGLE_BYTE, Runs
from cdc.sources.mysql.values.transcode import CharsetDecoder, MultiByte, SingleByte, Transcoder, Utf8, Utf16, Utf32

_NONE = "\uffff"
_UTF8 = frozenset({"utf8mb4", "utf8mb3", "utf8", "binary"})
"""Character sets whose text is UTF-8 already. Names and labels in `binary` are as the client wrote them; its columns are no text."""


def charset_of(collation: int) -> str:
    """Return the name of a collation's character set. Raises ConversionError for an id that neither server ships."""
    try:
        return _charsets()[collation]
    except KeyError:
        fact = f"the collation with the id {collation} is not one that MySQL or MariaDB ships"
        raise ConversionError(fact, "Declare the column with a collation that the server ships.") from None


def text_decoder(charset: str) -> ValueDecoder:
    """Return the decoder for text columns of a character set. Raises ConversionError for a name that is not known."""
    return CharsetDecoder(transcoder(charset))


def decode_text(collation: int, data: bytes) -> str:
    """Return text of a collation's character set. Raises ConversionError for bytes that it has no character for."""
    return transcoder(charset_of(collation)).text(data)


@functools.cache
def transcoder(charset: str) -> Transcoder:
    """Return what writes a character set's text as UTF-8. Raises ConversionError for a name that is not known."""
    if charset in _UTF8:
        return Utf8(charset)
    if charset in SINGLE_BYTE:
        codec, runs = SINGLE_BYTE[charset]
        return SingleByte(charset, _table(codec, runs, 0, 1))
    if charset in MULTI_BYTE:
        return _multi_byte(charset)
    if charset == "utf32":
        return Utf32(charset)
    if charset in {"utf16", "utf16le", "ucs2"}:
        return Utf16(charset, little=charset == "utf16le", pairs=charset != "ucs2")
    fact = f"the character set {charset} is not one that MySQL or MariaDB ships"
    raise ConversionError(fact, "Declare the column with a character set that the server ships.")


@functools.cache
def _charsets() -> dict[int, str]:
    return {collation: charset for charset, ids in COLLATIONS.items() for collation in _ids(ids)}


def _ids(ranges: str) -> list[int]:
    bounds = [part.partition("-") for part in ranges.split()]
    return [collation for first, _, last in bounds for collation in range(int(first), int(last or first) + 1)]


def _multi_byte(charset: str) -> MultiByte:
    codec, runs = MULTI_BYTE[charset]
    if charset in {"ujis", "eucjpms"}:
        runs = runs | _euc_user_rows(0xF5A1, 0xE000) | _euc_user_rows(0x8FF5A1, 0xE3AC)
    return MultiByte(
        charset,
        singles=_table(codec, runs, 0, 1),
        pairs=_table(codec, runs, 0, 2),
        triples=_table(codec, runs, 0x8F0000, 3) if codec == "euc_jp" else "",
        fours=_gb18030_four if charset == "gb18030" else None,
    )


def _table(codec: str, runs: Runs, first: int, width: int) -> str:
    """Return the characters of all codes of so many bytes from the first on, as the codec has them but for the runs."""
    count = 0x100 if width == 1 else 0x10000
    characters = [_character(codec, code, width) for code in range(first, first + count)]
    for start, run in runs.items():
        if first <= start < first + count and (start < 0x100) == (width == 1):
            characters[start - first : start - first + len(run)] = run
    return "".join(characters)


def _character(codec: str, code: int, width: int) -> str:
    try:
        found = code.to_bytes(width, "big").decode(codec)
    except UnicodeDecodeError:
        return _NONE
    return found if len(found) == 1 else _NONE


def _euc_user_rows(first: int, character: int) -> Runs:
    """Return the ten rows of 94 characters that users may define, which are in the private use area."""
    return {
        first + 0x100 * row: "".join(map(chr, range(character + 94 * row, character + 94 * (row + 1))))
        for row in range(10)
    }


def _gb18030_four(data: bytes) -> str:
    """Return the character of four bytes; the standard of 2005 exchanged one with a pair."""
    return "\ue7c7" if data == b"\x81\x35\xf4\x37" else data.decode("gb18030")
