"""Character sets against real servers: every character of every one that MySQL 9.7 and MariaDB 10.11 ship."""

from __future__ import annotations

from contextlib import closing

import pymysql
import pytest

from cdc.errors import ConversionError
from cdc.sources.mysql.values.charset_tables import COLLATIONS, MULTI_BYTE, SINGLE_BYTE
from cdc.sources.mysql.values.charsets import charset_of, transcoder

RECURSION = {"mysql": "cte_max_recursion_depth", "mariadb": "max_recursive_iterations"}
QUESTION_MARKS = {"utf16": b"\0?", "utf16le": b"?\0", "utf32": b"\0\0\0?"}
COLUMNS_OF_COLLATIONS = """
select lower(column_name) from information_schema.columns
where table_schema = 'information_schema' and table_name = 'COLLATION_CHARACTER_SET_APPLICABILITY'
"""


@pytest.fixture(scope="module", params=["mysql", "mariadb"])
def server(request):
    """Yield what runs a query on one of the servers; it needs no tables."""
    address = request.getfixturevalue(request.param)
    connection = pymysql.connect(host=address.host, port=address.port, user=address.user)
    with closing(connection), connection.cursor() as cursor:

        def ask(query):
            cursor.execute(query)
            return cursor.fetchall()

        ask(f"set {RECURSION[request.param]} = 1000000")
        yield ask


def shipped(server, charset):
    if not server(f"show character set like '{charset}'"):
        pytest.skip(f"this server has no {charset}")


def check(server, charset, first, count, width):
    expected = characters(server, charset, first, count, width)
    assert len(expected) == count
    found = {code: ours(charset, code, width) for code in expected}
    assert not {hex(code): (expected[code], text) for code, text in found.items() if text != expected[code]}


def characters(server, charset, first, count, width):
    """Return the server's character for each code from the first on, None where it has none.

    Bytes without a character come as a question mark, cut off or as null; from MariaDB, surrogates as UTF-8 that is none.
    """
    numbers = f"with recursive n as (select {first} i union all select i + 1 from n where i < {first + count - 1})"
    code = f"unhex(lpad(hex(i), {2 * width}, '0'))"
    text = f"cast(convert(convert({code} using {charset}) using utf8mb4) as binary)"
    found = {i: one_character(data or b"") for i, data in server(f"{numbers} select i, {text} from n")}
    question = 0x3F00 if charset == "utf16le" else 0x3F
    return {i: None if text == "?" and i != question else text for i, text in found.items()}


def one_character(data):
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    return text if len(text) == 1 else None


def ours(charset, code, width):
    try:
        text = transcoder(charset).text(code.to_bytes(width, "big"))
    except ConversionError:
        return None
    return text if len(text) == 1 else None


@pytest.mark.parametrize("charset", [*SINGLE_BYTE, *MULTI_BYTE])
def test_every_byte(server, charset):
    shipped(server, charset)
    if charset == "eucjpms":
        check(server, charset, 0, 0x80, 1)  # MySQL takes the first byte of a longer character for U+0000
    else:
        check(server, charset, 0, 0x100, 1)


@pytest.mark.parametrize("charset", MULTI_BYTE)
def test_every_two_bytes(server, charset):
    shipped(server, charset)
    check(server, charset, 0x8000, 0x8000, 2)


@pytest.mark.parametrize("charset", ["ujis", "eucjpms"])
def test_every_three_bytes(server, charset):
    check(server, charset, 0x8F0000, 0x10000, 3)


@pytest.mark.parametrize("charset", ["utf16", "utf16le", "ucs2"])
def test_every_unit_of_sixteen_bits(server, charset):
    check(server, charset, 0, 0x10000, 2)


def test_every_unit_of_thirty_two_bits_in_the_basic_plane(server):
    check(server, "utf32", 0, 0x10000, 4)


@pytest.mark.parametrize("charset", ["gb18030", "utf16", "utf16le", "utf32", "utf8mb4", "utf8mb3"])
def test_characters_of_all_planes(server, charset):
    shipped(server, charset)
    step = 1 if charset == "gb18030" else 37
    codes = [*range(0x80, 0xD800, step), *range(0xE000, 0x10000, step), *range(0x10000, 0x110000, 4099)]
    for start in range(0, len(codes), 8000):
        for code, data in stored(server, charset, codes[start : start + 8000]):
            assert transcoder(charset).text(data) == chr(code)


def stored(server, charset, codes):
    """Return characters with the bytes that the server stores them as, where the character set has them."""
    union = " union all ".join(f"select {code} c, x'{chr(code).encode().hex()}' b" for code in codes)
    asked = f"select c, cast(convert(convert(b using utf8mb4) using {charset}) as binary) from ({union}) t"
    question = QUESTION_MARKS.get(charset, b"?")
    return [(code, data) for code, data in server(asked) if data not in {None, question}]


def test_every_collation_has_its_character_set(server):
    """MariaDB has the ids of collations that several character sets share in another view."""
    columns = {name for (name,) in server(COLUMNS_OF_COLLATIONS)}
    view = "collation_character_set_applicability" if "id" in columns else "collations"
    found = dict(server(f"select id, character_set_name from information_schema.{view}"))
    assert len(found) > 250
    assert found == {collation: charset_of(collation) for collation in found}
    assert set(found.values()) <= set(COLLATIONS)
