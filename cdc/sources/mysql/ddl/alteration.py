"""Reads the actions of one ALTER TABLE and applies them together, in the server's order.

https://dev.mysql.com/doc/refman/9.4/en/alter-table.html, https://mariadb.com/kb/en/alter-table/. The server first drops and changes old columns
where they stand, then puts those that are new or move to their places, in the order of the statement (tried out on MySQL 9.7).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from cdc.sources.mysql.ddl.column_reader import ReadColumn, read_column, read_default
from cdc.sources.mysql.ddl.declared_types import charset_name, choice, collation_name, converted
from cdc.sources.mysql.ddl.definitions import (
    CharsetChoice,
    ColumnDefinition,
    KeyDefinition,
    TableDefinition,
)
from cdc.sources.mysql.ddl.sql_tokens import SyntaxProblem, TokenReader
from cdc.sources.mysql.ddl.table_reader import (
    ReadKeys,
    ReadOptions,
    at_key,
    period_of,
    read_elements,
    read_key,
    read_option,
    settle_columns,
    settle_keys,
)

#: The first words of actions on partitions; they change no columns, and nothing else follows them.
_PARTITIONS: Final = (
    *("PARTITION", "REMOVE", "COALESCE", "REORGANIZE", "EXCHANGE"),
    *("ANALYZE", "CHECK", "OPTIMIZE", "REBUILD", "REPAIR", "TRUNCATE"),
)
#: The first words of actions that change no definition.
_HARMLESS: Final = (
    *("FORCE", "ENABLE", "DISABLE", "DISCARD", "IMPORT", "WITH", "WITHOUT", "SECONDARY_LOAD", "SECONDARY_UNLOAD"),
    *("ALGORITHM", "LOCK", "WAIT", "NOWAIT", "ENGINE", "TYPE", "AUTO_INCREMENT", "ROW_FORMAT", "COMMENT", "DEFAULT"),
    *(
        "CHARACTER",
        "CHARSET",
        "COLLATE",
        "STATS_PERSISTENT",
        "STATS_AUTO_RECALC",
        "STATS_SAMPLE_PAGES",
        "DATA",
        "INDEX",
    ),
    *("KEY_BLOCK_SIZE", "TABLESPACE", "UNION", "AVG_ROW_LENGTH", "CHECKSUM", "COMPRESSION", "CONNECTION", "ENCRYPTION"),
    *("DELAY_KEY_WRITE", "INSERT_METHOD", "MAX_ROWS", "MIN_ROWS", "PACK_KEYS", "PASSWORD", "STORAGE", "CHAR", "START"),
)

_UNKNOWN: Final = ColumnDefinition(name="", type="")


class Alteration:
    """The actions of one ALTER TABLE on a table; `renamed` is its new name, if it gets one.

    `table` None reads the actions of a table that is not known, for its new name and for errors alone.
    """

    def __init__(self, reader: TokenReader, table: TableDefinition | None, database: str) -> None:
        self._reader = reader
        self._table = table
        self._database = database
        self._placed: list[
            tuple[str, ReadColumn]
        ] = []  # by the old name, empty for a new column, in the statement's order
        self._altered: dict[str, ColumnDefinition] = {}  # by the old name: what keeps its type
        self._dropped: set[str] = set()
        self._dropped_keys: set[str] = set()
        self._renamed_keys: dict[str, str] = {}
        self._keys = ReadKeys()
        self._options = ReadOptions()
        self._convert: tuple[str | None, str | None] | None = None
        self._versioned: bool | None = None
        self.renamed: tuple[str, str] | None = None

    def read(self) -> None:
        """Take all actions, to the end of the statement.

        Raises:
            SyntaxProblem: one is not known.
        """
        while not self._reader.at_end:
            self._action()
            self._reader.accept(",")

    def _action(self) -> None:
        word = self._reader.peek().word
        if word in _PARTITIONS:
            self._skip_rest()
        elif read := _ACTIONS.get(word):
            self._reader.take()
            read(self)
        elif word in _HARMLESS or self._reader.peek(1).word == "=":
            self._read_options()
        else:
            raise self._reader.problem("an action of ALTER TABLE")

    def _read_options(self) -> None:
        while not (self._reader.at(",") or self._reader.at_end):
            if self._reader.at_any(*_PARTITIONS, *_ACTIONS) and self._reader.peek(1).word != "=":
                return
            read_option(self._reader, self._options)

    def _skip_rest(self) -> None:
        while not self._reader.at_end:
            self._reader.take()

    def _add(self) -> None:
        reader = self._reader
        if reader.at("PARTITION"):
            self._skip_rest()
        elif reader.accept("SYSTEM", "VERSIONING"):
            self._versioned = True
        elif at_key(reader):
            read_key(reader, self._keys)
        else:
            reader.accept("COLUMN")
            exists = reader.accept("IF", "NOT", "EXISTS")
            if reader.at("("):
                self._add_several()
            else:
                self._add_column(read_column(reader, reader.name()), unless_there=exists)

    def _add_several(self) -> None:
        columns, keys = read_elements(self._reader)
        for read in columns:
            self._placed.append(("", read))
        self._keys.primary = keys.primary or self._keys.primary
        self._keys.others += keys.others

    def _add_column(self, read: ReadColumn, *, unless_there: bool = False) -> None:
        there = self._table is not None and self._table.column(read.column.name) is not None
        if not (unless_there and there):
            self._placed.append(("", read))
            self._keys.of_column(read)

    def _drop(self) -> None:
        reader = self._reader
        if reader.at("PARTITION"):
            self._skip_rest()
        elif reader.accept("SYSTEM", "VERSIONING"):
            self._versioned = False
        elif reader.accept("PRIMARY", "KEY"):
            self._dropped_keys.add("primary")
        elif reader.accept_any("INDEX", "KEY", "CONSTRAINT"):
            reader.accept("IF", "EXISTS")
            self._dropped_keys.add(reader.name().lower())
        elif reader.accept_any("FOREIGN", "CHECK", "PERIOD"):
            reader.skip_item()
        else:
            reader.accept("COLUMN")
            reader.accept("IF", "EXISTS")
            self._dropped.add(reader.name().lower())
            reader.accept_any("RESTRICT", "CASCADE")

    def _change(self) -> None:
        self._reader.accept("COLUMN")
        self._reader.accept("IF", "EXISTS")
        self._replace(self._reader.name(), self._reader.name())

    def _modify(self) -> None:
        self._reader.accept("COLUMN")
        self._reader.accept("IF", "EXISTS")
        name = self._reader.name()
        self._replace(name, self._spelled(name))

    def _replace(self, old: str, new: str) -> None:
        read = read_column(self._reader, new)
        self._placed.append((old.lower(), read))
        self._keys.of_column(read)

    def _rename(self) -> None:
        reader = self._reader
        if reader.accept("COLUMN"):
            reader.accept("IF", "EXISTS")
            old = reader.name()
            reader.expect("TO")
            self._alter_known(old, name=reader.name())
        elif reader.accept_any("INDEX", "KEY"):
            reader.accept("IF", "EXISTS")
            old = reader.name().lower()
            reader.expect("TO")
            self._renamed_keys[old] = reader.name()
        else:
            reader.accept_any("TO", "AS", "=")
            self.renamed = reader.qualified(self._database)

    def _alter(self) -> None:
        reader = self._reader
        if reader.accept_any("INDEX", "KEY", "CHECK", "CONSTRAINT"):
            reader.skip_item()
            return
        reader.accept("COLUMN")
        reader.accept("IF", "EXISTS")
        name = reader.name()
        if reader.accept("DROP", "DEFAULT"):
            also = {"updated_now": False} if reader.mariadb else {}
            self._alter_known(name, default=None, **also)
        elif reader.accept("SET", "VISIBLE"):
            self._alter_known(name, invisible=False)
        elif reader.accept("SET", "INVISIBLE"):
            self._alter_known(name, invisible=True)
        else:
            reader.expect("SET", "DEFAULT")
            self._alter_known(name, default=read_default(reader, self._known(name) or _UNKNOWN))

    def _convert_to(self) -> None:
        reader = self._reader
        if reader.at_any("PARTITION", "TABLE"):
            raise reader.problem("TO CHARACTER SET")
        reader.expect("TO")
        if not reader.accept("CHARSET"):
            reader.accept_any("CHARACTER", "CHAR")
            reader.expect("SET")
        charset = None if reader.accept("DEFAULT") else charset_name(reader.string())
        self._convert = charset, collation_name(reader.string()) if reader.accept("COLLATE") else None

    def _order(self) -> None:
        self._skip_rest()

    def _known(self, name: str) -> ColumnDefinition | None:
        """Return the column of the table before the statement, with what earlier actions have altered."""
        altered = self._altered.get(name.lower())
        return altered or (self._table.column(name) if self._table is not None else None)

    def _spelled(self, name: str) -> str:
        known = self._known(name)
        return name if known is None else known.name

    def _alter_known(self, old: str, /, **changes: object) -> None:
        known = self._known(old)
        if known is not None:
            self._altered[old.lower()] = replace(known, **changes)  # type: ignore[arg-type]

    def applied(self, default: CharsetChoice, *, explicit_timestamps: bool = True) -> TableDefinition | None:
        """Return the table after all actions, under its old name; `default` is the charset of its database.

        Raises:
            SyntaxProblem: an action names a column that the table does not have.
        """
        if self._table is None:
            return None
        table = self._with_options(self._table, default)
        inherited = CharsetChoice(table.charset or default.charset, table.collation)
        changed = [read for _, read in self._placed]
        settled = settle_columns(changed, inherited, explicit_timestamps=explicit_timestamps)
        if self._convert is not None:  # overrules even what the same statement declares
            settled = [converted(column, inherited) for column in settled]
        columns, renames = self._columns(settled, inherited)
        table = replace(table, columns=self._with_period(columns))
        return settle_keys(table, self._all_keys(renames))

    def _with_period(self, columns: tuple[ColumnDefinition, ...]) -> tuple[ColumnDefinition, ...]:
        """Return the columns with those that system versioning hides in the table behind all others, or without them."""
        shown = tuple(column for column in columns if not _is_hidden_period(column))
        hidden = tuple(column for column in columns if _is_hidden_period(column))
        match self._versioned:
            case True:
                return shown + (hidden or period_of(shown))
            case False:
                return shown
            case _:
                return shown + hidden

    def _with_options(self, table: TableDefinition, default: CharsetChoice) -> TableDefinition:
        options = self._options
        said = self._convert or (options.charset, options.collation)
        if self._convert == (None, None):
            said = default.charset, default.collation
        if said != (None, None):
            found = choice(*said, CharsetChoice(table.charset or default.charset, table.collation))
            table = replace(table, charset=found.charset, collation=found.collation)
        return table if options.comment is None else replace(table, comment=options.comment or None)

    def _columns(
        self, settled: list[ColumnDefinition], inherited: CharsetChoice
    ) -> tuple[tuple[ColumnDefinition, ...], dict[str, str]]:
        """Return the columns in their new order, and the new names of those that stay, by their old names in small letters."""
        changes = {old: column for (old, _), column in zip(self._placed, settled, strict=True) if old}
        result: list[ColumnDefinition] = []
        renames: dict[str, str] = {}
        for column in self._table.columns if self._table is not None else ():
            old = column.name.lower()
            if old not in self._dropped:
                result.append(changes.pop(old) if old in changes else self._kept(column, inherited))
                renames[old] = result[-1].name
        if changes:
            raise SyntaxProblem(f"column {next(iter(changes))} is not in the table as it is known")
        for (old, read), column in zip(self._placed, settled, strict=True):
            if old and (read.first or read.place):
                if column not in result:
                    raise SyntaxProblem(f"column {old} is changed twice")
                result.remove(column)
            if not old or read.first or read.place:
                result.insert(_place(result, read), column)
        if twice := _repeated(result):
            raise SyntaxProblem(f"column {twice} is in the table already, as it is known")
        return tuple(result), renames

    def _kept(self, column: ColumnDefinition, inherited: CharsetChoice) -> ColumnDefinition:
        altered = self._altered.get(column.name.lower(), column)
        return converted(altered, inherited) if self._convert is not None else altered

    def _all_keys(self, renames: dict[str, str]) -> ReadKeys:
        """Return the keys that stay, without columns that are dropped, and the new ones behind them."""
        table = self._table
        keys = ReadKeys(self._keys.primary)
        if table is not None:
            if not keys.primary and "primary" not in self._dropped_keys:
                keys.primary = tuple(renames[name.lower()] for name in table.primary_key if name.lower() in renames)
            kept = [key for key in table.keys if key.name.lower() not in self._dropped_keys]
            keys.others = [left for key in kept if (left := self._key_left(key, renames)).columns]
        keys.others += self._keys.others
        return keys

    def _key_left(self, key: KeyDefinition, renames: dict[str, str]) -> KeyDefinition:
        columns = tuple(
            renames.get(name.lower()) if name else None for name in key.columns if not name or name.lower() in renames
        )
        return replace(key, name=self._renamed_keys.get(key.name.lower(), key.name), columns=columns)


def _is_hidden_period(column: ColumnDefinition) -> bool:
    return column.generated and column.invisible and column.name in ("row_start", "row_end")


def _repeated(columns: Sequence[ColumnDefinition]) -> str:
    """Return the name that two columns have, "" if each has its own."""
    names = [column.name.lower() for column in columns]
    return next((name for name in names if names.count(name) > 1), "")


def _place(columns: list[ColumnDefinition], read: ReadColumn) -> int:
    if read.first:
        return 0
    if read.place is None:
        return len(columns)
    for index, column in enumerate(columns):
        if column.name.lower() == read.place.lower():
            return index + 1
    raise SyntaxProblem(f"column {read.place}, behind which another is put, is not in the table as it is known")


_ACTIONS: Final[dict[str, Callable[[Alteration], None]]] = {
    "ADD": Alteration._add,
    "DROP": Alteration._drop,
    "CHANGE": Alteration._change,
    "MODIFY": Alteration._modify,
    "RENAME": Alteration._rename,
    "ALTER": Alteration._alter,
    "CONVERT": Alteration._convert_to,
    "ORDER": Alteration._order,
}
