"""Character sets of MySQL: the decoders' manners. That each character is right is told by real servers."""

from __future__ import annotations

import contextlib

import pytest

from cdc.errors import ConversionError
from cdc.sources.columns.values import decode_text as decode
from cdc.sources.mysql.values.charset_tables import COLLATIONS
from cdc.sources.mysql.values.charsets import charset_of, decode_text, text_decoder, transcoder

SAMPLES = {
    "latin1": ("äöü€", "e4f6fc80"),
    "sjis": ("日本語ソ表", "93fa967b8cea835c955c"),
    "utf8mb3": ("é", "c3a9"),
    "utf16": ("😀x", "d83dde000078"),
    "utf16le": ("😀x", "3dd800de7800"),
    "utf32": ("😀", "0001f600"),
    "ucs2": ("é", "00e9"),
    "gbk": ("中文", "d6d0cec4"),
    "gb18030": ("中😀", "d6d09439fc36"),
    "euckr": ("한글", "c7d1b1db"),
    "koi8r": ("Привет", "f0d2c9d7c5d4"),
    "ascii": ("abc", "616263"),
    "utf8mb4": ("😀", "f09f9880"),
    "ujis": ("ソ丂", "a5bd8fb0a1"),
    "swe7": ("ÅÄ", "5d5b"),
    "big5": ("表", "aaed"),
}


@pytest.mark.parametrize("charset", SAMPLES)
def test_text_becomes_utf8(charset):
    text, data = SAMPLES[charset]
    assert decode(text_decoder(charset), bytes.fromhex(data)) == text
    assert decode(text_decoder(charset), b"") == ""


@pytest.mark.parametrize("charset", COLLATIONS)
def test_long_text_becomes_utf8_from_any_place_on(charset):
    width = {"utf16": 2, "utf16le": 2, "ucs2": 2, "utf32": 4}.get(charset, 1)
    sample = bytes.fromhex(SAMPLES.get(charset, ("", ""))[1])
    letter = b"A".rjust(width, b"\0") if charset != "utf16le" else b"A\0"
    for before in range(20):
        data = letter * before + sample + letter * 11
        assert decode(text_decoder(charset), data) == "A" * before + SAMPLES.get(charset, ("",))[0] + "A" * 11


@pytest.mark.parametrize("charset", SAMPLES)
def test_text_that_is_cut_off_is_refused_or_shorter(charset):
    text, data = SAMPLES[charset][0], bytes.fromhex(SAMPLES[charset][1])
    for size in range(len(data)):
        with contextlib.suppress(ConversionError):
            assert text.startswith(decode(text_decoder(charset), data, size))


@pytest.mark.parametrize(
    ("charset", "data"),
    [
        ("ascii", "80"),
        ("cp1256", "8a"),
        ("sjis", "81"),
        ("sjis", "8120"),
        ("gbk", "80"),
        ("ujis", "8fa1"),
        ("gb18030", "81308130"[:6]),
        ("gb18030", "ff308130"),
        ("utf16", "d800"),
        ("utf16", "dc000041"),
        ("utf16", "d8000041"),
        ("utf16", "41"),
        ("ucs2", "d83dde00"),
        ("utf32", "00110000"),
        ("utf32", "0000d800"),
        ("utf32", "000041"),
        ("utf8mb4", "eda080"),
        ("utf8mb3", "ff"),
    ],
)
def test_bytes_without_a_character_are_shown(charset, data):
    with pytest.raises(
        ConversionError, match=f"no character for the bytes .* at 0 of a text of {len(data) // 2} bytes"
    ):
        decode(text_decoder(charset), bytes.fromhex(data))


def test_names_are_read_by_the_collation():
    assert decode_text(8, b"\xe4") == "ä"
    assert decode_text(45, "ä".encode()) == decode_text(63, "ä".encode()) == "ä"
    assert charset_of(255) == charset_of(2304) == "utf8mb4"


def test_what_no_server_ships_is_named():
    with pytest.raises(ConversionError, match="the collation with the id 9999 is not one"):
        decode_text(9999, b"a")
    with pytest.raises(ConversionError, match="the character set latin9 is not one"):
        text_decoder("latin9")


def test_a_transcoder_is_made_once():
    assert transcoder("gbk") is transcoder("gbk")
