"""What MySQL and MariaDB make of a declared type: one word for each, with the lengths that the server fills in.

https://dev.mysql.com/doc/refman/9.4/en/data-types.html; the names are those that SHOW CREATE TABLE prints.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from cdc.sources.mysql.ddl.definitions import CharsetChoice, ColumnDefinition, WrittenType, is_utf8
from cdc.sources.mysql.values.charsets import transcoder

SYNONYMS: Final = {
    **dict.fromkeys(("INT1", "BOOL", "BOOLEAN"), "TINYINT"),
    "INT2": "SMALLINT",
    **dict.fromkeys(("INT3", "MIDDLEINT"), "MEDIUMINT"),
    **dict.fromkeys(("INTEGER", "INT4"), "INT"),
    **dict.fromkeys(("INT8", "SERIAL"), "BIGINT"),
    **dict.fromkeys(("DEC", "FIXED", "NUMERIC"), "DECIMAL"),
    "FLOAT4": "FLOAT",
    **dict.fromkeys(("FLOAT8", "REAL"), "DOUBLE"),
    **dict.fromkeys(("CHARACTER", "NCHAR"), "CHAR"),
    **dict.fromkeys(("VARCHARACTER", "NVARCHAR"), "VARCHAR"),
    "GEOMETRYCOLLECTION": "GEOMCOLLECTION",
}
INTEGERS: Final = ("TINYINT", "SMALLINT", "MEDIUMINT", "INT", "BIGINT")
TEXTS: Final = ("TINYTEXT", "TEXT", "MEDIUMTEXT", "LONGTEXT")
BLOBS: Final = ("TINYBLOB", "BLOB", "MEDIUMBLOB", "LONGBLOB")
WITH_CHARSET: Final = frozenset(("CHAR", "VARCHAR", "ENUM", "SET", *TEXTS))
_BINARY: Final = {"CHAR": "BINARY", "VARCHAR": "VARBINARY", **dict(zip(TEXTS, BLOBS, strict=True))}
_LENGTHS: Final = {"DECIMAL": 10, "CHAR": 1, "BINARY": 1, "BIT": 1, "VECTOR": 2048}
#: How many bytes the longest value of each of TEXTS and BLOBS has.
_CAPACITY: Final = (2**8 - 1, 2**16 - 1, 2**24 - 1, 2**32 - 1)
_ZEROFILL_WIDTHS: Final = {"TINYINT": 3, "SMALLINT": 5, "MEDIUMINT": 8, "INT": 10, "BIGINT": 20}
_SIGNED_WIDTHS: Final = {"TINYINT": 4, "SMALLINT": 6, "MEDIUMINT": 9, "INT": 11, "BIGINT": 20}

#: The longest character of each charset in bytes, one where it is not named: SELECT MAXLEN FROM information_schema.CHARACTER_SETS.
CHARACTER_BYTES: Final = {
    **dict.fromkeys(("big5", "cp932", "euckr", "gb2312", "gbk", "sjis", "ucs2"), 2),
    **dict.fromkeys(("eucjpms", "ujis", "utf8mb3"), 3),
    **dict.fromkeys(("gb18030", "utf16", "utf16le", "utf32", "utf8mb4"), 4),
}


def type_name(words: str) -> str:
    """Return the server's name of a declared type, which may have several words (NATIONAL VARCHAR, DOUBLE PRECISION UNSIGNED)."""
    declared, _, signs = re.sub(r" *\b(SIGNED|UNSIGNED|ZEROFILL)\b", r"/\1", words.upper(), count=1).partition("/")
    return f"{_base_name(declared)} {signs.removeprefix('SIGNED')}".strip()


def _base_name(words: str) -> str:
    if words.startswith("LONG "):
        return "MEDIUMBLOB" if words.endswith("BINARY") else "MEDIUMTEXT"
    if words.startswith(("NATIONAL ", "NCHAR ", "CHAR ", "CHARACTER ")):
        return "VARCHAR" if "VAR" in words else "CHAR"
    if words != "BINARY":
        words = words.removesuffix(" BINARY")  # the collation of VARCHAR(9) BINARY
    return SYNONYMS.get(words, words.removesuffix(" PRECISION"))


def charset_name(name: str) -> str:
    """Return the present name of a charset: utf8 is utf8mb3."""
    lower = name.lower()
    return "utf8mb3" if lower == "utf8" else lower


def collation_name(name: str) -> str:
    """Return the present name of a collation."""
    lower = name.lower()
    return f"utf8mb3{lower[4:]}" if lower.startswith("utf8_") else lower


def choice(charset: str | None, collation: str | None, inherited: CharsetChoice) -> CharsetChoice:
    """Return the charset and collation that a declaration stands for; what it does not say is inherited.

    MariaDB's collations without charset (uca1400_ai_ci) leave the charset as it is.
    """
    if charset is None and collation is None:
        return inherited
    if charset is None and collation is not None and not collation.startswith("uca1400"):
        charset = "binary" if collation == "binary" else collation.partition("_")[0]
    return CharsetChoice(charset or inherited.charset, collation)


def completed(column: ColumnDefinition, *, mariadb: bool) -> ColumnDefinition:
    """Return the column with the lengths that the server fills in where none was declared."""
    base, length = column.base_type, column.length
    if base == "FLOAT" and length is not None and column.scale is None:
        return replace(column, length=None, type=column.type if length <= 24 else f"DOUBLE{column.type[5:]}")
    if base in INTEGERS:
        length = _width(column, mariadb)
    elif base in ("ENUM", "SET"):
        length = 1 if base == "ENUM" else max(0, 2 * len(column.values) - 1)
    elif base == "YEAR":
        length = 4 if mariadb else None
    elif base in ("TIME", "DATETIME", "TIMESTAMP"):
        length = length or None
    elif length is None or (base == "DECIMAL" and length == 0):
        length = _LENGTHS.get(base)
    return replace(column, length=length, scale=column.scale or 0 if base == "DECIMAL" else column.scale)


#: The numbers in `java.sql.Types` of words that Debezium knows as types of their own: NCHAR, NVARCHAR, BOOLEAN, NUMERIC, REAL, and FLOAT of any precision.
_WRITTEN_JDBC: Final = {
    "NCHAR": -15,
    "NVARCHAR": -9,
    **dict.fromkeys(("BOOL", "BOOLEAN"), 16),
    "NUMERIC": 2,
    "REAL": 7,
    "FLOAT": 6,
}


def written_type(column: ColumnDefinition, words: str, length: int | None, scale: int | None) -> WrittenType | None:
    """Return the type as Debezium prints it of a statement in its log: in its words, with the lengths that stand there.

    None where it is the column's own, as it always is in a definition that the server prints.
    """
    if words == "SERIAL" or column.base_type in ("ENUM", "SET"):
        return None
    if column.base_type in ("DECIMAL", "BIT"):
        length, scale = column.length, column.scale
    national = ("NVARCHAR" if "VAR" in words else "NCHAR") if words.startswith(("NCHAR", "NVAR", "NATIONAL")) else words
    length = 1 if national == "NCHAR" and length is None else length
    jdbc = _WRITTEN_JDBC.get(national, column.jdbc_type)
    found = WrittenType(words + column.type[len(column.base_type) :], jdbc, length, scale)
    own = WrittenType(column.type, column.jdbc_type, column.length, column.scale)
    # TEXT(50) becomes TINYTEXT once its charset is known.
    return None if found == own and (length is None or column.type not in ("TEXT", "BLOB")) else found


def _width(column: ColumnDefinition, mariadb: bool) -> int | None:
    """Return the display width: MySQL 8.0.19 and later keep it for TINYINT(1) and ZEROFILL alone, MariaDB always."""
    base = column.base_type
    if "ZEROFILL" in column.type or (mariadb and column.unsigned):
        return _ZEROFILL_WIDTHS[base] if column.length is None else column.length
    if mariadb:
        return _SIGNED_WIDTHS[base] if column.length is None else column.length
    return 1 if base == "TINYINT" and column.length == 1 and not column.unsigned else None


def settled(column: ColumnDefinition, inherited: CharsetChoice) -> ColumnDefinition:
    """Return the column with the charset that it inherits where it declares none, and the type that follows from the charset."""
    if column.base_type not in WITH_CHARSET and column.base_type not in BLOBS:
        return replace(column, charset=None, collation=None)
    if column.base_type in WITH_CHARSET:
        found = choice(column.charset, column.collation, inherited)
        if found.charset == "binary" and column.type in _BINARY:
            column = replace(column, type=_BINARY[column.type], charset=None, collation=None, written=None)
        else:
            column = _default_in_charset(replace(column, charset=found.charset, collation=found.collation))
    return smallest(column)


def _default_in_charset(column: ColumnDefinition) -> ColumnDefinition:
    """Return the column with a default in bytes that are no UTF-8 (0xE9) as the text that they are in its charset."""
    default = column.default
    if default is None or column.charset is None or is_utf8(default.text):
        return column
    data = default.text.encode("utf-8", "surrogateescape")
    return replace(column, default=replace(default, text=transcoder(column.charset).text(data), written=None))


def converted(column: ColumnDefinition, to: CharsetChoice) -> ColumnDefinition:
    """Return the column as ALTER TABLE … CONVERT TO CHARACTER SET makes it; texts become as long as their characters need."""
    if column.base_type not in WITH_CHARSET:
        return column
    if column.type in TEXTS and column.charset is not None:
        characters = _CAPACITY[TEXTS.index(column.type)] // CHARACTER_BYTES.get(column.charset, 1)
        column = replace(column, type="TEXT", length=characters)
    return settled(replace(column, charset=to.charset, collation=to.collation), to)


def smallest(column: ColumnDefinition) -> ColumnDefinition:
    """Return TEXT(n) and BLOB(n) as the smallest type that holds so much."""
    if column.type not in ("TEXT", "BLOB") or not column.length:
        return replace(column, length=None) if column.type in TEXTS + BLOBS else column
    size = column.length * CHARACTER_BYTES.get(column.charset or "binary", 1)
    types = TEXTS if column.type == "TEXT" else BLOBS
    index = next((i for i, capacity in enumerate(_CAPACITY) if size <= capacity), len(types) - 1)
    return replace(column, type=types[index], length=None)
