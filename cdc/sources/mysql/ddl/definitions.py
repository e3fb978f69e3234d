"""Table definitions as values: what the server's tables looked like at one place of the binlog.

All are immutable; a change makes a new `Definitions` that shares what stayed the same, so old ones can be kept for old positions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from types import MappingProxyType
from typing import Final

from cdc.model.table import TableId

JDBC_TYPES: Final[Mapping[str, int]] = MappingProxyType(
    {
        **dict.fromkeys(("BIT",), -7),
        **dict.fromkeys(("TINYINT", "SMALLINT"), 5),
        **dict.fromkeys(("MEDIUMINT", "INT", "YEAR"), 4),
        "BIGINT": -5,
        "FLOAT": 6,
        "DOUBLE": 8,
        "DECIMAL": 3,
        "DATE": 91,
        "TIME": 92,
        "DATETIME": 93,
        "TIMESTAMP": 2014,
        **dict.fromkeys(("CHAR", "ENUM", "SET"), 1),
        **dict.fromkeys(("VARCHAR", "TINYTEXT", "TEXT", "MEDIUMTEXT", "LONGTEXT"), 12),
        "BINARY": -2,
        "VARBINARY": -3,
        **dict.fromkeys(("TINYBLOB", "BLOB", "MEDIUMBLOB", "LONGBLOB"), 2004),
    }
)
"""The numbers of `java.sql.Types` by base type, as Debezium maps them; what is not here is OTHER."""

OTHER: Final = 1111


class DefaultKind(Enum):
    """What stands behind DEFAULT."""

    NULL = "null"
    LITERAL = "literal"
    NOW = "now"
    EXPRESSION = "expression"


@dataclass(frozen=True, slots=True)
class ColumnDefault:
    """The default of a column.

    `text` is for a literal its value as the server would print it, unquoted ("101" for b'101'), for an expression its text, else empty.
    `written` is a literal as the statement has it, None where that is not known.
    """

    kind: DefaultKind
    text: str = ""
    written: str | None = field(default=None, compare=False)


NULL_DEFAULT: Final = ColumnDefault(DefaultKind.NULL)
_BYTES: Final = re.compile("[\udc80-\udcff]")


def is_utf8(text: str) -> bool:
    """Tell whether a literal has no bytes that are none of UTF-8, for which surrogates stand in its text."""
    return _BYTES.search(text) is None


@dataclass(frozen=True, slots=True)
class WrittenType:
    """A type in the words of its statement, with synonyms (INTEGER) and the lengths that the server forgets (INT(11))."""

    type: str
    jdbc_type: int
    length: int | None = None
    scale: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnDefinition:
    """One column, by the words of the server whatever synonym the statement used: BOOL is TINYINT of length 1, DEC is DECIMAL.

    `type` is in capitals, with UNSIGNED and ZEROFILL behind it. `length` is in characters or bytes as declared, the precision of numbers,
    the digits of fractional seconds (None for none), or the display width where the server keeps one; `scale` that of DECIMAL and of FLOAT(m,d).
    `charset` is set for text, ENUM and SET alone, under its present name (utf8mb3); `collation` is None where it is the charset's default.
    `values` are those of ENUM and SET. `optional` columns take NULL. `default` is None where an INSERT must name the column.
    `row_end` marks the end of a row's time in a table of MariaDB with system versioning: rows of the past have one that is over.
    `written` is the type as it was declared, where that differs; it means nothing for the rows.
    """

    name: str
    type: str
    length: int | None = None
    scale: int | None = None
    charset: str | None = None
    collation: str | None = None
    values: tuple[str, ...] = ()
    optional: bool = True
    auto_increment: bool = False
    generated: bool = False
    updated_now: bool = False
    default: ColumnDefault | None = None
    comment: str | None = None
    invisible: bool = False
    row_end: bool = False
    written: WrittenType | None = field(default=None, compare=False)

    @property
    def base_type(self) -> str:
        """The type without UNSIGNED and ZEROFILL."""
        return self.type.partition(" ")[0]

    @property
    def unsigned(self) -> bool:
        """Whether the numbers have no sign."""
        return self.type.endswith((" UNSIGNED", " ZEROFILL"))

    @property
    def jdbc_type(self) -> int:
        """The number of the type in `java.sql.Types`."""
        return JDBC_TYPES.get(self.base_type, OTHER)


@dataclass(frozen=True, slots=True)
class KeyDefinition:
    """An index other than the primary key.

    `columns` are in order, None for an expression. It is `whole` when no part is a prefix of a column, or an expression.
    """

    name: str
    columns: tuple[str | None, ...]
    unique: bool = False
    whole: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class TableDefinition:
    """One table; `columns` in their order, hidden ones included. Names in keys are spelled as the columns are.

    `complete` says that the definition came from DDL. One made of row metadata has neither defaults nor comments nor the names of keys.
    """

    id: TableId
    columns: tuple[ColumnDefinition, ...]
    primary_key: tuple[str, ...] = ()
    keys: tuple[KeyDefinition, ...] = ()
    charset: str | None = None
    collation: str | None = None
    comment: str | None = None
    complete: bool = True

    def column(self, name: str) -> ColumnDefinition | None:
        """Return the column of the name, whatever its case, or None."""
        return next((column for column in self.columns if column.name.lower() == name.lower()), None)

    @property
    def record_key(self) -> tuple[str, ...]:
        """The columns that identify a row: the primary key, else the first unique key on columns that are never null.

        A key on prefixes does as well: where those differ, the columns do.
        """
        if self.primary_key:
            return self.primary_key
        return next(filter(None, map(self._identifying, self.keys)), ())

    def _identifying(self, key: KeyDefinition) -> tuple[str, ...]:
        required = {column.name for column in self.columns if not column.optional}
        names = tuple(name for name in key.columns if name in required)
        return names if key.unique and len(names) == len(key.columns) else ()


@dataclass(frozen=True, slots=True)
class CharsetChoice:
    """A character set and its collation, None for the charset's default."""

    charset: str
    collation: str | None = None


UTF8MB4: Final = CharsetChoice("utf8mb4")


@dataclass(frozen=True, slots=True, kw_only=True)
class Definitions:
    """All tables that are known, with the defaults of databases and server.

    `lower_case_table_names` is the server's: with 1 and 2 the case of database and table does not distinguish, with 1 names are kept in
    small letters. `mariadb` says whose words apply where the two differ.
    """

    tables: Mapping[TableId, TableDefinition] = field(default_factory=dict)
    databases: Mapping[str, CharsetChoice] = field(default_factory=dict)
    server: CharsetChoice = UTF8MB4
    lower_case_table_names: int = 0
    mariadb: bool = False

    def __iter__(self) -> Iterator[TableDefinition]:
        return iter(self.tables.values())

    def __len__(self) -> int:
        return len(self.tables)

    def table_id(self, database: str, table: str) -> TableId:
        """Return the id under which a table of that name is kept."""
        return TableId(self.spelled(database), self.spelled(table))

    def spelled(self, name: str) -> str:
        """Return the name of a database or table as the server keeps it."""
        return name.lower() if self.lower_case_table_names == 1 else name

    def get(self, database: str, table: str) -> TableDefinition | None:
        """Return the definition of a table, or None when it is not known."""
        return self.tables.get(self._key(TableId(database, table)))

    def database(self, name: str) -> CharsetChoice:
        """Return the default of the database for new tables: its own, or the server's where it is not known."""
        return self.databases.get(self._folded(name), self.server)

    def with_table(self, table: TableDefinition) -> Definitions:
        """Return these with the table added or replaced."""
        return replace(self, tables={**self.tables, self._key(table.id): table})

    def without_table(self, id: TableId) -> Definitions:  # noqa: A002 (the field's word)
        """Return these without the table; it need not be known."""
        gone = self._key(id)
        return replace(self, tables={key: table for key, table in self.tables.items() if key != gone})

    def with_database(self, name: str, choice: CharsetChoice) -> Definitions:
        """Return these with the default of a database set."""
        return replace(self, databases={**self.databases, self._folded(name): choice})

    def without_database(self, name: str) -> Definitions:
        """Return these without a database and its tables."""
        gone = self._folded(name)
        tables = {key: table for key, table in self.tables.items() if key.schema != gone}
        return replace(self, tables=tables, databases={k: v for k, v in self.databases.items() if k != gone})

    def of_database(self, name: str) -> list[TableDefinition]:
        """Return the tables of a database, in the order in which they became known."""
        return [table for key, table in self.tables.items() if key.schema == self._folded(name)]

    def _key(self, id: TableId) -> TableId:  # noqa: A002 (the field's word)
        return TableId(self._folded(id.schema), self._folded(id.table))

    def _folded(self, name: str) -> str:
        return name.lower() if self.lower_case_table_names else name
