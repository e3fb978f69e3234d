"""Reads what CREATE TABLE and ALTER TABLE have in common: columns, keys and options."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from cdc.sources.mysql.ddl.column_reader import ReadColumn, read_column
from cdc.sources.mysql.ddl.declared_types import charset_name, collation_name, settled
from cdc.sources.mysql.ddl.definitions import (
    NULL_DEFAULT,
    CharsetChoice,
    ColumnDefault,
    ColumnDefinition,
    DefaultKind,
    KeyDefinition,
    TableDefinition,
)
from cdc.sources.mysql.ddl.sql_tokens import TokenKind, TokenReader

#: The words that begin something else than a column where one may stand.
KEY_WORDS: Final = ("PRIMARY", "UNIQUE", "KEY", "INDEX", "FULLTEXT", "SPATIAL", "CONSTRAINT", "FOREIGN", "CHECK")
_ZERO: Final = ColumnDefault(DefaultKind.LITERAL, "0000-00-00 00:00:00")
_NOW: Final = ColumnDefault(DefaultKind.NOW)


@dataclass(slots=True)
class ReadOptions:
    """What the options of a table say; None is not said, and an empty comment removes it."""

    charset: str | None = None
    collation: str | None = None
    comment: str | None = None
    versioned: bool = False


@dataclass(slots=True)
class ReadKeys:
    """Keys as they are declared; a name that is empty is still to be made."""

    primary: tuple[str, ...] = ()
    others: list[KeyDefinition] = field(default_factory=list)

    def of_column(self, read: ReadColumn) -> None:
        """Add the key that a column declares for itself, if it does."""
        if read.key == "PRIMARY":
            self.primary = (read.column.name,)
        elif read.key == "UNIQUE":
            self.others.append(KeyDefinition("", (read.column.name,), unique=True))


def at_key(reader: TokenReader) -> bool:
    """Tell whether a key or another constraint comes next, rather than a column."""
    special = reader.at("PERIOD", "FOR") or reader.at("VECTOR", "KEY") or reader.at("VECTOR", "INDEX")
    return special or reader.at_any(*KEY_WORDS)


def read_key(reader: TokenReader, keys: ReadKeys) -> None:
    """Take a key, a foreign key, a check or a period, up to the comma or parenthesis; keys are added to `keys`.

    Raises:
        SyntaxProblem: it is none of them.
    """
    symbol = ""
    if reader.accept("CONSTRAINT") and not reader.at_any("PRIMARY", "UNIQUE", "FOREIGN", "CHECK"):
        symbol = reader.name()
    kind = reader.accept_any("PRIMARY", "UNIQUE", "FULLTEXT", "SPATIAL", "VECTOR", "KEY", "INDEX")
    if kind:
        _read_index(reader, keys, kind, symbol)
    elif not reader.at_any("FOREIGN", "CHECK", "PERIOD"):
        raise reader.problem("a key or a constraint")
    reader.skip_item()


def _read_index(reader: TokenReader, keys: ReadKeys, kind: str, symbol: str) -> None:
    reader.accept_any("KEY", "INDEX")
    reader.accept("IF", "NOT", "EXISTS")
    name = "" if reader.at("(") or reader.at("USING") or reader.at("TYPE") else reader.name()
    key = read_key_parts(reader, name or symbol, unique=kind == "UNIQUE")
    if kind == "PRIMARY":
        keys.primary = tuple(column for column in key.columns if column)
    else:
        keys.others.append(key)


def read_key_parts(reader: TokenReader, name: str, *, unique: bool) -> KeyDefinition:
    """Take the columns of a key in parentheses, with the kind of index before them.

    Raises:
        SyntaxProblem: it is no list of columns.
    """
    if reader.accept_any("USING", "TYPE"):
        reader.take()
    reader.expect("(")
    columns: list[str | None] = []
    whole = True
    while True:
        column, complete = _read_part(reader)
        columns.append(column)
        whole = whole and complete
        if not reader.accept(","):
            break
    reader.expect(")")
    return KeyDefinition(name, tuple(columns), unique, whole)


def _read_part(reader: TokenReader) -> tuple[str | None, bool]:
    if reader.at("("):
        reader.group()
        column, complete = None, False
    else:
        column, complete = reader.name(), not reader.at("(")
        if not complete:
            reader.group()
    reader.accept_any("ASC", "DESC")
    if reader.accept("WITHOUT"):  # MariaDB's OVERLAPS
        reader.take()
    return column, complete


def read_elements(reader: TokenReader) -> tuple[list[ReadColumn], ReadKeys]:
    """Take columns and keys in parentheses.

    Raises:
        SyntaxProblem: something is neither.
    """
    columns: list[ReadColumn] = []
    keys = ReadKeys()
    reader.expect("(")
    while True:
        if at_key(reader):
            read_key(reader, keys)
        else:
            columns.append(read_column(reader, reader.name()))
            keys.of_column(columns[-1])
        if not reader.accept(","):
            break
    reader.expect(")")
    return columns, keys


def read_option(reader: TokenReader, options: ReadOptions) -> None:
    """Take one option of a table or a database, or one token of an option that does not matter."""
    if reader.at("DEFAULT") and reader.peek(1).word in ("CHARACTER", "CHAR", "CHARSET", "COLLATE"):
        reader.take()
    if reader.accept("CHARACTER", "SET") or reader.accept("CHAR", "SET") or reader.accept("CHARSET"):
        reader.accept("=")
        options.charset = None if reader.accept("DEFAULT") else charset_name(reader.string())
    elif reader.accept("COLLATE"):
        reader.accept("=")
        options.collation = collation_name(reader.string())
    elif reader.accept("COMMENT"):
        reader.accept("=")
        options.comment = reader.string()
    elif reader.accept("WITH", "SYSTEM", "VERSIONING"):
        options.versioned = True
    else:
        reader.skip()
        if reader.accept("="):
            reader.skip()


def settle_columns(
    columns: Iterable[ReadColumn], inherited: CharsetChoice, *, explicit_timestamps: bool = True
) -> list[ColumnDefinition]:
    """Return columns as the server makes them, with the table's charset where they declare none."""
    settled_ones: list[ColumnDefinition] = []
    for read in columns:
        column = settled(read.column, inherited)
        if read.binary_collation and read.column.collation is None and column.charset:
            column = replace(column, collation=f"{column.charset}_bin")
        if not explicit_timestamps and column.type == "TIMESTAMP":
            first = not any(_by_clock(each) for each in settled_ones)
            column = _implicit_timestamp(column, read, first=first)
        settled_ones.append(column)
    return settled_ones


def _by_clock(column: ColumnDefinition) -> bool:
    return column.updated_now or (column.default is not None and column.default.kind is DefaultKind.NOW)


def _implicit_timestamp(column: ColumnDefinition, read: ReadColumn, *, first: bool) -> ColumnDefinition:
    """Return a TIMESTAMP as explicit_defaults_for_timestamp=OFF makes it: not null unless it was said, the first one by the clock."""
    if read.nullable is True or column.generated:
        return column
    column = replace(column, optional=False)
    if column.default not in (None, NULL_DEFAULT) or column.updated_now:
        return column
    return replace(column, default=_NOW, updated_now=True) if first else replace(column, default=_ZERO)


def period_of(columns: Sequence[ColumnDefinition]) -> tuple[ColumnDefinition, ...]:
    """Return the hidden columns that MariaDB's system versioning adds, none where the table names its own."""
    if any(column.row_end for column in columns):
        return ()
    hidden = ColumnDefinition(name="", type="TIMESTAMP", length=6, optional=False, generated=True, invisible=True)
    return replace(hidden, name="row_start"), replace(hidden, name="row_end", row_end=True)


def settle_keys(table: TableDefinition, keys: ReadKeys) -> TableDefinition:
    """Return the table with its keys named, in the server's order and spelling; columns of the primary key are never null."""
    spelled = {column.name.lower(): column.name for column in table.columns}
    primary = tuple(spelled.get(name.lower(), name) for name in keys.primary)
    columns = tuple(_never_null(column) if column.name in primary else column for column in table.columns)
    named: list[KeyDefinition] = []
    for key in keys.others:
        parts = tuple(part and spelled.get(part.lower(), part) for part in key.columns)
        name = key.name or _made_name(parts, [*named, *(each for each in keys.others if each.name)])
        named.append(replace(key, name=name, columns=parts))
    required = {column.name for column in columns if not column.optional}
    named.sort(key=lambda key: _rank(key, required))
    return replace(table, columns=columns, primary_key=primary, keys=tuple(named))


def _never_null(column: ColumnDefinition) -> ColumnDefinition:
    default = None if column.default == NULL_DEFAULT else column.default
    return replace(column, optional=False, default=default)


def _rank(key: KeyDefinition, required: set[str]) -> int:
    """Return the place of the key's group in the server's order: unique and never null, unique, unique with prefixes, others."""
    if not key.unique:
        return 3
    if all(column in required for column in key.columns):
        return 0
    return 1 if key.whole else 2


def _made_name(columns: Sequence[str | None], taken: Sequence[KeyDefinition]) -> str:
    """Return the name that the server makes for a key without one: that of its first column, with a number if it is taken."""
    base = columns[0] or "functional_index"
    names = {key.name.lower() for key in taken}
    candidates = [base] if base.lower() != "primary" else []
    candidates += [f"{base}_{number}" for number in range(2, len(names) + 4)]
    return next(name for name in candidates if name.lower() not in names)


def read_until_select(reader: TokenReader, options: ReadOptions) -> bool:
    """Take the options behind the columns of a CREATE TABLE, and tell whether a SELECT follows that adds columns."""
    while not reader.at_end:
        if reader.at("PARTITION", "BY"):
            return _skip_partitions(reader)
        if reader.at_any("SELECT", "AS", "VALUES", "TABLE", "IGNORE", "REPLACE", "(") or reader.at("WITH", "RECURSIVE"):
            return True
        if reader.at("WITH") and reader.peek(1).kind is not TokenKind.END and reader.peek(1).word != "SYSTEM":
            return True
        read_option(reader, options)
        reader.accept(",")
    return False


def _skip_partitions(reader: TokenReader) -> bool:
    while not reader.at_end:
        if reader.at_any("SELECT", "AS", "IGNORE", "REPLACE"):
            return True
        reader.skip()
    return False
