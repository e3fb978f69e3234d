"""Reads the definition of one column: its type and its attributes, https://dev.mysql.com/doc/refman/9.4/en/create-table.html."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Final

from cdc.sources.mysql.ddl.declared_types import (
    INTEGERS,
    SYNONYMS,
    charset_name,
    collation_name,
    completed,
    written_type,
)
from cdc.sources.mysql.ddl.definitions import NULL_DEFAULT, ColumnDefault, ColumnDefinition, DefaultKind
from cdc.sources.mysql.ddl.sql_tokens import TokenKind, TokenReader

NOW: Final = ("CURRENT_TIMESTAMP", "NOW", "LOCALTIME", "LOCALTIMESTAMP")
_NOW_FUNCTIONS: Final = (*NOW, "CURRENT_DATE", "CURDATE", "CURRENT_TIME", "CURTIME")


@dataclass(frozen=True, slots=True)
class ReadColumn:
    """A column as declared, before it inherits a charset.

    `key` is PRIMARY, UNIQUE or empty. It is to be `first`, or behind the column `place`, or where it is if neither was said. `nullable` is
    None where neither NULL nor NOT NULL was said. `binary_collation` asks for the binary collation of its charset.
    """

    column: ColumnDefinition
    key: str = ""
    place: str | None = None
    first: bool = False
    nullable: bool | None = None
    binary_collation: bool = False


def read_column(reader: TokenReader, name: str) -> ReadColumn:
    """Take type and attributes of the column of the name, up to the comma, the parenthesis or the end, FIRST and AFTER included.

    Raises:
        SyntaxProblem: what comes is no definition of a column.
    """
    return _ColumnReader(reader, ColumnDefinition(name=name, type="")).read()


def read_default(reader: TokenReader, column: ColumnDefinition) -> ColumnDefault | None:
    """Take a default behind SET DEFAULT, for the column.

    Raises:
        SyntaxProblem: what comes is no default.
    """
    return _ColumnReader(reader, column).default()


class _ColumnReader:
    def __init__(self, reader: TokenReader, column: ColumnDefinition) -> None:
        self._reader = reader
        self._read = ReadColumn(column)
        self._words = ""
        self._written: tuple[int | None, int | None] = None, None

    def default(self) -> ColumnDefault | None:
        self._default()
        return _printed(self._read.column, rounds=not self._reader.mariadb)

    def read(self) -> ReadColumn:
        self._type()
        while not (self._reader.at_any(",", ")", "FIRST", "AFTER") or self._reader.at_end):
            self._attribute()
        self._place()
        self._close()
        return self._read

    def _set(self, **changes: object) -> None:
        self._read = replace(self._read, column=replace(self._read.column, **changes))  # type: ignore[arg-type]

    def _type(self) -> None:
        start = self._reader.peek().start
        word = self._reader.name().upper()
        base = self._text_type(word) or SYNONYMS.get(word, word)
        if word == "DOUBLE":
            self._reader.accept("PRECISION")
        if word == "REAL" and self._reader.mode.real_as_float:
            base = "FLOAT"
        if self._reader.mariadb:
            base = {"GEOMCOLLECTION": "GEOMETRYCOLLECTION"}.get(base, base)
        self._set(type=base)
        self._words = " ".join(self._reader.statement[start : self._reader.end].upper().split())
        if base in ("ENUM", "SET"):
            self._values()
        elif self._reader.at("("):
            self._lengths()
        if word in ("BOOL", "BOOLEAN"):
            self._set(length=1)
        elif word == "SERIAL":
            self._set(type="BIGINT UNSIGNED")
            self._serial()
        elif base == "JSON" and self._reader.mariadb:
            self._set(type="LONGTEXT", charset="utf8mb4", collation="utf8mb4_bin")

    def _text_type(self, word: str) -> str:
        """Return the type of several words that begins with this one, or an empty string; national ones are utf8mb3."""
        accept = self._reader.accept_any
        if word == "LONG":
            if self._reader.peek(1).word == "VARYING":
                self._reader.take()
            return (
                "MEDIUMBLOB"
                if accept("VARBINARY", "VARCHAR", "VARCHARACTER", "VARYING") == "VARBINARY"
                else "MEDIUMTEXT"
            )
        national = word in ("NATIONAL", "NCHAR", "NVARCHAR")
        if word == "NATIONAL":
            word = accept("CHAR", "CHARACTER", "VARCHAR", "VARCHARACTER")
        if word not in ("CHAR", "CHARACTER", "NCHAR", "VARCHAR", "VARCHARACTER", "NVARCHAR"):
            return ""
        if national:
            self._set(charset="utf8mb3")
        varying = word.startswith(("VAR", "NVAR")) or accept("VARYING", "VARCHAR", "VARCHARACTER")
        return "VARCHAR" if varying else "CHAR"

    def _values(self) -> None:
        self._reader.expect("(")
        values = [self._value()]
        while self._reader.accept(","):
            values.append(self._value())
        self._reader.expect(")")
        self._set(values=tuple(values))

    def _value(self) -> str:
        token = self._reader.peek()
        if token.kind is TokenKind.WORD and token.text.startswith("_"):
            self._reader.take()
        if self._reader.peek().kind is TokenKind.BITS:
            return _bytes_of(self._reader.take().text).decode("utf-8", "surrogateescape").rstrip(" ")
        return self._reader.string().rstrip(" ")

    def _lengths(self) -> None:
        numbers = [int(part) for part in re.findall(r"\d+", self._reader.group())]
        self._written = numbers[0] if numbers else None, numbers[1] if len(numbers) > 1 else None
        self._set(length=self._written[0], scale=self._written[1])

    def _attribute(self) -> None:
        reader = self._reader
        word = reader.peek().word
        if word in ("NOT", "NULL"):
            self._null()
        elif read := _ATTRIBUTES.get(word):
            reader.take()
            read(self)
        elif word in ("CHAR", "CHARACTER") and reader.peek(1).word == "SET":
            reader.take()
            reader.take()
            self._charset()
        else:
            raise reader.problem("an attribute of a column")

    def _null(self) -> None:
        negated = self._reader.accept("NOT")
        if not negated or self._reader.at("NULL"):
            self._reader.expect("NULL")
            self._read = replace(self._read, nullable=not negated)
        elif not self._reader.accept_any("SECONDARY", "ENFORCED"):
            raise self._reader.problem("NULL")

    def _unsigned(self) -> None:
        self._set(type=f"{self._read.column.base_type} UNSIGNED" + " ZEROFILL" * ("ZERO" in self._read.column.type))

    def _zerofill(self) -> None:
        self._set(type=f"{self._read.column.base_type} UNSIGNED ZEROFILL")

    def _charset(self) -> None:
        self._reader.accept("=")
        self._set(charset=charset_name(self._reader.string()))

    def _collation(self) -> None:
        self._reader.accept("=")
        self._set(collation=collation_name(self._reader.string()))

    def _signed(self) -> None:
        self._words += " SIGNED"

    def _binary(self) -> None:
        self._words += " BINARY"
        self._read = replace(self._read, binary_collation=True)

    def _default(self) -> None:
        self._set(default=self._default_value())

    def _default_value(self) -> ColumnDefault:
        reader = self._reader
        if reader.at("("):
            return self._expression()
        if reader.accept("NULL"):
            return NULL_DEFAULT
        if reader.at_any(*_NOW_FUNCTIONS):
            return self._now()
        if reader.peek().kind is TokenKind.WORD and reader.peek().text.startswith("_"):
            reader.take()
        if reader.peek().kind is TokenKind.WORD and not reader.at_any("TRUE", "FALSE"):
            return self._called()
        start = reader.peek()
        text = self._literal()
        plain = start.kind not in (TokenKind.STRING, TokenKind.BITS)
        written = "".join(reader.statement[start.start : reader.end].split()) if plain else None
        if start.kind is TokenKind.STRING and self._read.column.type != "BIT":
            written = text
        elif self._read.column.type == "BIT" and start.text.startswith("0b"):
            written = start.text[2:]
        return ColumnDefault(DefaultKind.LITERAL, text, written)

    def _expression(self) -> ColumnDefault:
        """Take an expression; one that is a constant is a literal for MariaDB."""
        constant = self._reader.peek(2).word == ")" and self._reader.peek(1).kind in (
            TokenKind.STRING,
            TokenKind.NUMBER,
        )
        if not (constant and self._reader.mariadb):
            return ColumnDefault(DefaultKind.EXPRESSION, self._reader.group())
        self._reader.expect("(")
        text = self._literal()
        self._reader.expect(")")
        return ColumnDefault(DefaultKind.LITERAL, text)

    def _now(self) -> ColumnDefault:
        token = self._reader.take()
        if self._reader.at("("):
            self._reader.group()
        return (
            ColumnDefault(DefaultKind.NOW) if token.word in NOW else ColumnDefault(DefaultKind.EXPRESSION, token.text)
        )

    def _literal(self) -> str:
        if truth := self._reader.accept_any("TRUE", "FALSE"):
            return "1" if truth == "TRUE" else "0"
        if self._reader.peek().kind is TokenKind.BITS:
            return self._bits(self._reader.take().text)
        number = self._reader.peek().kind is TokenKind.NUMBER
        text = self._reader.accept_any("-", "+").replace("+", "") + self._reader.string()
        if self._read.column.type != "BIT":
            return text
        value = int(Decimal(text)) if number else int.from_bytes(text.encode("utf-8", "surrogateescape"), "big")
        return f"{value:b}"

    def _called(self) -> ColumnDefault:
        """Take MariaDB's default without parentheses around it: a function's call, or NEXT VALUE FOR a sequence."""
        begin = self._reader.take()
        if begin.word == "NEXT":
            self._reader.expect("VALUE", "FOR")
            self._reader.qualified("")
        else:
            while self._reader.accept("."):
                self._reader.name()
            self._reader.group()
        end = self._reader.peek().start
        return ColumnDefault(DefaultKind.EXPRESSION, self._reader.statement[begin.start : end].strip())

    def _bits(self, text: str) -> str:
        """Return a bit or hexadecimal literal as the column's type prints it."""
        base = self._read.column.base_type
        number = int(text, 0) if len(text) > 2 else 0
        if base == "BIT":
            return f"{number:b}"
        if base in INTEGERS or base in ("DECIMAL", "FLOAT", "DOUBLE", "YEAR"):
            return str(number)
        return _bytes_of(text).decode("utf-8", "surrogateescape")

    def _on(self) -> None:
        if not self._reader.accept("UPDATE"):
            raise self._reader.problem("UPDATE")
        self._reader.take()
        if self._reader.at("("):
            self._reader.group()
        self._set(updated_now=True)

    def _auto_increment(self) -> None:
        self._set(auto_increment=True)

    def _serial(self) -> None:
        self._reader.accept("DEFAULT", "VALUE")
        self._set(auto_increment=True)
        self._read = replace(self._read, key=self._read.key or "UNIQUE", nullable=False)

    def _unique(self) -> None:
        self._reader.accept("KEY")
        self._read = replace(self._read, key=self._read.key or "UNIQUE")

    def _primary(self) -> None:
        self._reader.accept("KEY")
        self._read = replace(self._read, key="PRIMARY")

    def _comment(self) -> None:
        self._set(comment=self._reader.string() or None)

    def _generated(self) -> None:
        self._reader.expect("ALWAYS", "AS")
        self._as()

    def _as(self) -> None:
        if self._reader.accept("ROW"):  # the period columns of MariaDB's system versioning
            self._read = replace(self._read, nullable=False)
            self._set(row_end=self._reader.take().word == "END")
        else:
            self._reader.group()
        self._reader.accept_any("VIRTUAL", "STORED", "PERSISTENT")
        self._set(generated=True)

    def _references(self) -> None:
        self._reader.qualified("")
        if self._reader.at("("):
            self._reader.group()
        while self._reader.accept_any("ON", "MATCH"):
            self._reader.accept_any("DELETE", "UPDATE")
            if self._reader.accept_any("SET", "NO"):
                self._reader.take()
            else:
                self._reader.take()

    def _constraint(self) -> None:
        if not self._reader.at("CHECK"):
            self._reader.name()

    def _check(self) -> None:
        self._reader.group()

    def _nothing(self) -> None:
        """Take an attribute of one word that changes nothing here."""

    def _one_more(self) -> None:
        """Take the value of an attribute that changes nothing here."""
        self._reader.accept("=")
        self._reader.take()

    def _compressed(self) -> None:
        if self._reader.accept("="):
            self._reader.take()

    def _invisible(self) -> None:
        self._set(invisible=True)

    def _visible(self) -> None:
        self._set(invisible=False)

    def _ascii(self) -> None:
        self._set(charset="latin1")

    def _unicode(self) -> None:
        self._set(charset="ucs2")

    def _byte(self) -> None:
        self._set(charset="binary")

    def _versioning(self) -> None:
        self._reader.expect("SYSTEM", "VERSIONING")

    def _place(self) -> None:
        if self._reader.accept("FIRST"):
            self._read = replace(self._read, first=True)
        elif self._reader.accept("AFTER"):
            self._read = replace(self._read, place=self._reader.name())

    def _close(self) -> None:
        read, column = self._read, self._read.column
        optional = read.key != "PRIMARY" if read.nullable is None else read.nullable
        if column.default is None and optional and not column.generated and not column.auto_increment:
            column = replace(column, default=NULL_DEFAULT)
        column = completed(replace(column, optional=optional), mariadb=self._reader.mariadb)
        column = replace(column, written=written_type(column, self._words, *self._written))
        self._read = replace(read, column=replace(column, default=_printed(column, rounds=not self._reader.mariadb)))


_ATTRIBUTES: Final[dict[str, Callable[[_ColumnReader], None]]] = {
    "DEFAULT": _ColumnReader._default,
    "ON": _ColumnReader._on,
    "AUTO_INCREMENT": _ColumnReader._auto_increment,
    "SERIAL": _ColumnReader._serial,
    "UNIQUE": _ColumnReader._unique,
    "PRIMARY": _ColumnReader._primary,
    "KEY": _ColumnReader._primary,
    "COMMENT": _ColumnReader._comment,
    "COLLATE": _ColumnReader._collation,
    "CHARSET": _ColumnReader._charset,
    "GENERATED": _ColumnReader._generated,
    "AS": _ColumnReader._as,
    "REFERENCES": _ColumnReader._references,
    "CONSTRAINT": _ColumnReader._constraint,
    "CHECK": _ColumnReader._check,
    "UNSIGNED": _ColumnReader._unsigned,
    "ZEROFILL": _ColumnReader._zerofill,
    "SIGNED": _ColumnReader._signed,
    "ENFORCED": _ColumnReader._nothing,
    "BINARY": _ColumnReader._binary,
    "ASCII": _ColumnReader._ascii,
    "UNICODE": _ColumnReader._unicode,
    "BYTE": _ColumnReader._byte,
    "INVISIBLE": _ColumnReader._invisible,
    "VISIBLE": _ColumnReader._visible,
    "COLUMN_FORMAT": _ColumnReader._one_more,
    "STORAGE": _ColumnReader._one_more,
    "ENGINE_ATTRIBUTE": _ColumnReader._one_more,
    "SECONDARY_ENGINE_ATTRIBUTE": _ColumnReader._one_more,
    "SRID": _ColumnReader._one_more,
    "REF_SYSTEM_ID": _ColumnReader._one_more,
    "COMPRESSED": _ColumnReader._compressed,
    "WITH": _ColumnReader._versioning,
    "WITHOUT": _ColumnReader._versioning,
}


def _bytes_of(literal: str) -> bytes:
    """Return the bytes of 0x… or 0b…, of whole bytes from the right."""
    digits = literal[2:]
    if literal[1] == "x":
        return bytes.fromhex(digits.zfill(len(digits) + len(digits) % 2))
    return int(digits or "0", 2).to_bytes((len(digits) + 7) // 8, "big")


def _printed(column: ColumnDefinition, *, rounds: bool) -> ColumnDefault | None:
    """Return the default with its literal as the server prints it after reading it into the column's type."""
    default = column.default
    if default is None or default.kind is not DefaultKind.LITERAL:
        return default
    return replace(default, text=printed_literal(column, default.text, rounds=rounds))


def printed_literal(column: ColumnDefinition, text: str, *, rounds: bool = True) -> str:
    """Return a literal as the server prints it as a value of the column; one that it would refuse stays as it is.

    A server that does not round (MariaDB) cuts off the digits of fractional seconds that the column does not have.
    """
    base, length, scale = column.base_type, column.length or 0, column.scale or 0
    if base in INTEGERS or base == "DECIMAL" or (base in ("FLOAT", "DOUBLE") and column.scale is not None):
        width = length + (1 if scale else 0) if "ZEROFILL" in column.type else 0
        return _number(text, scale).zfill(width)
    if base == "YEAR":
        return _year(text)
    if base in ("DATETIME", "TIMESTAMP") and not text.strip("0"):
        text = "0000-00-00"
    if base in ("TIME", "DATETIME", "TIMESTAMP"):
        return _time(text, length, rounds=rounds)
    if base == "BINARY":
        return text + "\0" * (length - len(text.encode("utf-8", "surrogateescape")))
    return text


def _number(text: str, scale: int) -> str:
    try:
        number = Decimal(text.strip() or "0")
    except InvalidOperation:
        return text
    whole = int((abs(number).scaleb(scale) + Decimal("0.5")).to_integral_value("ROUND_FLOOR"))
    digits = str(whole).zfill(scale + 1)
    sign = "-" if number < 0 and whole else ""
    return f"{sign}{digits[: len(digits) - scale]}.{digits[len(digits) - scale :]}" if scale else sign + digits


def _year(text: str) -> str:
    if not text.isdigit():
        return text
    year = int(text)
    return f"{year + (2000 if year < 70 else 1900) if 0 < year < 100 else year:04}"


def _time(text: str, digits: int, *, rounds: bool) -> str:
    """Return a time of day or a moment with so many digits of fractional seconds, rounded as the server does."""
    text = _with_separators(text)
    found = re.fullmatch(r"(?:(\d{4}-\d\d?-\d\d?)(?:[ T]|$))?(-?)(?:(\d+):(\d\d?)(?::(\d\d?)(?:\.(\d*))?)?)?", text)
    if found is None or not (found[1] or found[3]):
        return text
    hours, minutes, seconds = (int(found[at] or 0) for at in (3, 4, 5))
    units = (
        int(_number(f"0.{_kept(found[6] or '0', digits, rounds=rounds)}", digits).replace(".", ""))
        + (hours * 3600 + minutes * 60 + seconds) * 10**digits
    )
    seconds, fraction = divmod(units, 10**digits)
    days, hours = divmod(seconds // 3600, 24) if found[1] else (0, seconds // 3600)
    clock = f"{hours:02}:{seconds // 60 % 60:02}:{seconds % 60:02}" + (f".{fraction:0{digits}}" if digits else "")
    if not found[1]:
        return found[2] + clock
    day = "-".join(part.zfill(2) for part in found[1].split("-"))
    return f"{dt.date.fromisoformat(day) + dt.timedelta(days) if days else day} {clock}"


def _kept(fraction: str, digits: int, *, rounds: bool) -> str:
    return fraction if rounds else fraction[:digits] or "0"


def _with_separators(text: str) -> str:
    """Return a moment or a time of day that is written as one number with its separators."""
    if re.fullmatch(r"\d{8}|\d{14}", text):
        clock = f" {text[8:10]}:{text[10:12]}:{text[12:]}" if len(text) > 8 else ""
        return f"{text[:4]}-{text[4:6]}-{text[6:8]}{clock}"
    if re.fullmatch(r"\d{1,7}", text):
        digits = text.zfill(6)
        return f"{digits[:-4]}:{digits[-4:-2]}:{digits[-2:]}"
    return text
