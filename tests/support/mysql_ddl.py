"""Random DDL for MySQL and MariaDB, and what a server then tells of its tables, in the words of our definitions."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from cdc.sources.mysql.ddl.definitions import ColumnDefinition, DefaultKind, Definitions, TableDefinition
from cdc.sources.mysql.ddl.table_json import read

NAMES = ("a", "b", "C", "d e", "f`g", "key", "1x", "ünï", "id")
TABLES = ("t", "u", "T")
CHARSETS = ("latin1", "utf8mb4", "utf8", "sjis", "gbk", "ascii", "binary", "utf16")
#: Those between which the server converts ENUM and SET without spoiling their labels.
TABLE_CHARSETS = ("latin1", "utf8mb4", "utf8", "sjis", "gbk", "ascii")
COLLATIONS = ("latin1_bin", "utf8mb4_bin", "utf8mb4_unicode_ci", "utf8_bin", "sjis_bin", "binary")
WHOLE = ("7", "'5'", "TRUE", "0x05", "b'11'", "1e1", "(1 + 1)", "1.256", "-0", "+3")
EXACT = ("7", "-3.5", "'5'", "1.256", "TRUE", "0.005")
DAYS = ("'2020-02-03'", "('2020-01-01')")
CLOCK = ("'04:05:06'", "'-04:05:06.5'", "'100:00:00'")
MOMENTS = ("'2020-02-03'", "'2020-02-03 04:05:06.5'", "'2020-02-03T04:05:06'")
NOW = ("CURRENT_TIMESTAMP", "NOW() ON UPDATE NOW()", "LOCALTIME", "current_timestamp()")
WORDS = ("'a'", "''", '"q\'"', "0x61", "_latin1'x'", "N'y'", "5", "'it''s'", "'a\\\\b\\n'", "('x')", "'ü'")
BYTES = ("'ab'", "0x6162", "X'41'", "''", "('x')", "3")
EXPRESSION = ("('x')",)
#: Types, and what may stand behind DEFAULT for each.
TYPES: tuple[tuple[str, tuple[str, ...]], ...] = (
    *(
        (each, WHOLE)
        for each in ("INT", "INTEGER(11)", "TINYINT", "TINYINT(1)", "BOOL", "SMALLINT UNSIGNED", "BIGINT(3)", "INT8")
    ),
    *(
        (each, WHOLE)
        for each in ("MEDIUMINT(5) ZEROFILL", "INT4 UNSIGNED ZEROFILL", "MIDDLEINT SIGNED", "TINYINT(1) UNSIGNED")
    ),
    *((each, WHOLE) for each in ("INT2", "INT3 UNSIGNED", "BIGINT UNSIGNED ZEROFILL", "TINYINT ZEROFILL")),
    *((each, EXACT) for each in ("DECIMAL", "DEC(5)", "NUMERIC(12,3)", "FIXED(6,1)", "DECIMAL(65,30)")),
    *(
        (each, ("7", "'5'"))
        for each in ("FLOAT", "FLOAT(10)", "FLOAT(30)", "DOUBLE PRECISION", "REAL", "FLOAT8 UNSIGNED")
    ),
    *((each, ()) for each in ("FLOAT(7,2)", "DOUBLE(8,3) UNSIGNED", "NUMERIC(8,2) UNSIGNED ZEROFILL")),
    *((each, ("2020", "'70'", "5", "0")) for each in ("YEAR", "YEAR(4)")),
    ("DATE", DAYS),
    *((each, CLOCK) for each in ("TIME", "TIME(3)", "TIME(0)")),
    *((each, (*MOMENTS, *NOW)) for each in ("DATETIME", "DATETIME(0)", "TIMESTAMP NULL")),
    *(
        (each, (*MOMENTS, "NOW(6)", "NOW(6) ON UPDATE CURRENT_TIMESTAMP(6)"))
        for each in ("DATETIME(6)", "TIMESTAMP(6) NULL")
    ),
    *(
        (each, WORDS)
        for each in (
            "CHAR(9)",
            "VARCHAR(20)",
            "CHARACTER VARYING(7)",
            "CHARACTER(5)",
            "CHAR VARYING(6)",
            "VARCHARACTER(9)",
        )
    ),
    *(
        (each, WORDS)
        for each in ("NCHAR(6)", "NATIONAL VARCHAR(4)", "NVARCHAR(5)", "NCHAR VARYING(8)", "VARCHAR(7) UNICODE")
    ),
    *(
        (each, EXPRESSION)
        for each in ("TEXT", "TINYTEXT", "TEXT(60)", "TEXT(70000)", "MEDIUMTEXT", "LONGTEXT", "LONG", "LONG VARCHAR")
    ),
    *(
        (each, EXPRESSION)
        for each in ("TEXT(100)", "TEXT(20000000)", "BLOB", "TINYBLOB", "BLOB(200)", "BLOB(70000)", "LONG VARBINARY")
    ),
    ("CHAR", ("'c'",)),
    ("CHAR(5) ASCII", ("'c'",)),
    ("CHAR(6) BYTE", BYTES),
    ("ENUM('a','b,c','it''s','d ')", ("'b,c'", "'a'", "'it\\'s'")),
    ("SET('x','y z')", ("'x'", "''")),
    ("BIT", ("b'1'", "1", "0x00")),
    ("BIT(12)", ("b'101'", "3", "'a'")),
    ("BINARY(6)", BYTES),
    ("VARBINARY(9)", BYTES),
    ("BINARY", ("'a'",)),
    ("JSON", ("('[]')",)),
    *((each, ()) for each in ("POINT", "GEOMETRY", "GEOMETRYCOLLECTION", "MULTIPOLYGON")),
)
#: Types that take a charset behind them.
WITH_CHARSET = (
    "CHAR(9)",
    "VARCHAR(20)",
    "CHARACTER VARYING(7)",
    "CHAR",
    "TEXT",
    "TINYTEXT",
    "MEDIUMTEXT",
    "TEXT(60)",
    "TEXT(100)",
    "LONG",
)
NEW_DEFAULTS = ("5", "'5'", "NULL")
#: What makes a column hidden, or seems to: for MySQL and for MariaDB.
HIDDEN = (
    ("INVISIBLE", "/*!80023 INVISIBLE */", "/*!50606 STORAGE DISK */"),
    ("INVISIBLE", "/*!80023 BROKEN */", "/*M!100300 INVISIBLE */"),
)
#: Actions that one of the two has: for MySQL and for MariaDB.
OWN_ACTIONS = (
    ("ALTER COLUMN {old} SET VISIBLE", "ALTER COLUMN {old} SET INVISIBLE", "RENAME INDEX {index} TO {new}"),
    (
        "ADD COLUMN IF NOT EXISTS {old} INT",
        "DROP COLUMN IF EXISTS {old}",
        "DROP INDEX IF EXISTS {index}",
        "MODIFY COLUMN IF EXISTS {old} INT",
    ),
)
KEYS = ("PRIMARY KEY", "UNIQUE", "UNIQUE KEY", "KEY", "INDEX", "CONSTRAINT `c c` UNIQUE", "CONSTRAINT PRIMARY KEY")
COMMENT = "COMMENT 'it''s \\\\ /* no */ -- comment'"


def quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


class RandomDdl:
    """Statements about three tables, most of them such as a server takes; what it refuses, nobody needs to follow."""

    def __init__(self, random: Random, *, mariadb: bool = False) -> None:
        self._random = random
        self._mariadb = mariadb
        self._columns: Sequence[str] = NAMES

    def statement(self, known: Definitions, database: str) -> str:
        """Return a statement that suits the tables that are there."""
        tables = known.of_database(database)
        if not tables or self._random.random() < 0.15:
            return self._create()
        table = self._random.choice(tables)
        self._columns = [column.name for column in table.columns]
        if self._random.random() < 0.15:
            return self._other(quoted(table.id.table), *(quoted(name) for name in TABLES if name != table.id.table))
        if self._random.random() < 0.1:
            return f"ALTER TABLE {quoted(table.id.table)} {self._conversion()}"
        actions = [self._action(table, old) for old in self._old_ones(self._random.choice((1, 1, 2, 3)))]
        return f"ALTER TABLE {quoted(table.id.table)} {', '.join(actions)}"

    def _maybe(self, text: str, chance: float = 0.3) -> str:
        return text if self._random.random() < chance else ""

    def _new(self) -> str:
        free = [name for name in NAMES if name not in self._columns]
        return quoted(self._random.choice(free or NAMES))

    def _old(self) -> str:
        return quoted(self._random.choice(self._columns))

    def _column(self) -> str:
        text, defaults = self._random.choice(TYPES)
        null = " NULL" in text
        if text in WITH_CHARSET:
            collation = self._random.choice((" BINARY", f" COLLATE {self._random.choice(COLLATIONS)}"))
            text += self._maybe(f" CHARACTER SET {self._random.choice(CHARSETS)}") + self._maybe(collation, 0.1)
        if not null and self._random.random() < 0.07:
            return f"{text} {self._maybe('GENERATED ALWAYS ')}AS (NULL) {self._maybe('STORED', 0.5)}"
        parts = [
            "" if null else self._random.choice(("", "NULL", "NOT NULL")),
            self._maybe(f"DEFAULT {self._random.choice(defaults)}", 0.4) if defaults else "",
            self._maybe(self._random.choice(("UNIQUE", "UNIQUE KEY", "PRIMARY KEY")), 0.05),
            self._maybe(COMMENT, 0.1),
            self._maybe(self._random.choice(HIDDEN[self._mariadb]), 0.1),
        ]
        return " ".join((text, *filter(None, parts)))

    def _parts(self) -> str:
        names = self._random.sample(self._columns, min(len(self._columns), self._random.choice((1, 1, 2))))
        order = "" if self._mariadb else " DESC"
        return ", ".join(quoted(name) + self._maybe("(3)", 0.15) + self._maybe(order, 0.1) for name in names)

    def _key(self) -> str:
        kind = self._random.choice(KEYS)
        name = "" if "PRIMARY" in kind else self._maybe(f" {quoted(self._random.choice(NAMES))}", 0.5)
        return f"{kind}{name}{self._maybe(' USING BTREE', 0.1)} ({self._parts()})"

    def _create(self) -> str:
        table = quoted(self._random.choice(TABLES))
        if self._random.random() < 0.1:
            return f"CREATE TABLE {self._maybe('IF NOT EXISTS ')}{table} LIKE {quoted(self._random.choice(TABLES))}"
        self._columns = self._random.sample(NAMES, self._random.randint(1, 5))
        columns = [f"{quoted(name)} {self._column()}" for name in self._columns]
        keys = [self._key() for _ in range(self._random.choice((0, 0, 1, 2)))]
        options = self._maybe(f" DEFAULT CHARSET={self._random.choice(TABLE_CHARSETS)}")
        options += self._maybe(" COMMENT 'of ''tables'", 0.1) + self._maybe(" COLLATE = utf8mb4_bin", 0.05)
        options += self._maybe(" ENGINE=InnoDB ROW_FORMAT=DYNAMIC", 0.1) + self._maybe(
            " PARTITION BY HASH (1) PARTITIONS 2", 0.02
        )
        return f"CREATE TABLE {self._maybe('IF NOT EXISTS ', 0.1)}{table} ({', '.join(columns + keys)}){options}"

    def _place(self) -> str:
        return self._random.choice(("", "", " FIRST", f" AFTER {self._old()}"))

    def _conversion(self) -> str:
        """Return a conversion; of texts that the same statement declares, the server forgets how long they are."""
        to = self._random.choice((*TABLE_CHARSETS, "latin1 COLLATE latin1_bin"))
        more = self._maybe(f", ADD {self._new()} VARCHAR(9) CHARACTER SET {self._random.choice(CHARSETS)}")
        return f"CONVERT TO CHARACTER SET {to}{more}"

    def _old_ones(self, count: int) -> list[str]:
        names = self._random.sample(self._columns, min(count, len(self._columns)))
        return [quoted(name) for name in names]

    def _action(self, table: TableDefinition, old: str) -> str:
        """Return an action, on an old column that no other action of the statement touches: the two servers disagree on those."""
        new, column = self._new(), self._column()
        index = quoted(self._random.choice([key.name for key in table.keys] or ["none"]))
        own = self._random.choice(OWN_ACTIONS[self._mariadb])
        return self._random.choice(
            (
                *(f"ADD {self._maybe('COLUMN ')}{new} {column}{self._place()}",) * 3,
                f"ADD ({new} {column})",
                f"DROP {self._maybe('COLUMN ')}{old}",
                *(f"MODIFY {self._maybe('COLUMN ')}{old} {column}{self._place()}",) * 2,
                *(f"CHANGE {self._maybe('COLUMN ')}{old} {new} {column}{self._place()}",) * 2,
                f"RENAME COLUMN {old} TO {new}",
                *(f"ADD {self._key()}",) * 2,
                f"DROP PRIMARY KEY{self._maybe(f', ADD PRIMARY KEY ({old})')}",
                f"DROP {self._random.choice(('INDEX', 'KEY'))} {index}",
                f"ALTER {self._maybe('COLUMN ')}{old} SET DEFAULT {self._random.choice(NEW_DEFAULTS)}",
                f"ALTER {old} DROP DEFAULT",
                own.format(old=old, new=new, index=index),
                f"DEFAULT CHARACTER SET = {self._random.choice(TABLE_CHARSETS)}",
                self._random.choice(
                    ("COMMENT='new'", "COMMENT ''", "ENGINE=InnoDB ROW_FORMAT=DYNAMIC", "FORCE", "ALGORITHM=COPY")
                ),
                f"RENAME {self._maybe('TO ', 0.7)}{quoted(self._random.choice(TABLES))}",
            )
        )

    def _other(self, one: str, two: str, three: str) -> str:
        return self._random.choice(
            (
                f"DROP TABLE IF EXISTS {one}{self._maybe(f', {two}')}",
                f"RENAME TABLE {one} TO {two}, {three} TO {one}",
                f"RENAME TABLE {one} TO {two}",
                *(f"CREATE {self._maybe('UNIQUE ', 0.5)}INDEX {self._new()} ON {one} ({self._parts()})",) * 3,
                f"TRUNCATE {self._maybe('TABLE ')}{one}",
                f"CREATE OR REPLACE VIEW w AS SELECT 1 FROM {one}",
                f"ANALYZE TABLE {one}",
            )
        )


class ServerTables:
    """What a server tells of a database's tables: `columns` and `keys` by table, as `described` puts definitions into words."""

    def __init__(self, rows: Any, database: str) -> None:
        self._rows = rows
        self._database = database
        self._defaults = dict(
            rows("SELECT CHARACTER_SET_NAME, DEFAULT_COLLATE_NAME FROM information_schema.CHARACTER_SETS")
        )

    def tables(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for name, collation, comment in self._rows(
            "SELECT TABLE_NAME, TABLE_COLLATION, TABLE_COMMENT FROM information_schema.TABLES "
            "WHERE TABLE_SCHEMA = %s AND TABLE_TYPE = 'BASE TABLE'",
            self._database,
        ):
            found[name] = {"collation": collation, "comment": comment, "columns": [], "keys": {}}
        for table, *column in self._rows(
            "SELECT TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE, CHARACTER_SET_NAME, COLLATION_NAME, COLUMN_DEFAULT, EXTRA, "
            "COLUMN_COMMENT FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %s ORDER BY TABLE_NAME, ORDINAL_POSITION",
            self._database,
        ):
            if table in found:
                found[table]["columns"].append(_told(*column))
        for table, index, unique, column in self._rows(
            "SELECT TABLE_NAME, INDEX_NAME, NON_UNIQUE, COLUMN_NAME FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = %s "
            "ORDER BY TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX",
            self._database,
        ):
            keys = found[table]["keys"]
            keys[index] = (not unique, (*keys.get(index, (None, ()))[1], column))
        return found

    def described(self, definitions: Definitions, database: str) -> dict[str, dict[str, Any]]:
        """Return definitions in the same words."""
        return {table.id.table: self._table(table) for table in definitions.of_database(database)}

    def _table(self, table: TableDefinition) -> dict[str, Any]:
        assert table.charset
        keys = {key.name: (key.unique, key.columns) for key in table.keys}
        if table.primary_key:
            keys["PRIMARY"] = (True, table.primary_key)
        collation = table.collation or self._defaults[table.charset]
        columns = [self._column(column) for column in table.columns]
        return {"collation": collation, "comment": table.comment or "", "columns": columns, "keys": keys}

    def _column(self, column: ColumnDefinition) -> tuple[Any, ...]:
        collation = (column.collation or self._defaults[column.charset]) if column.charset else None
        kind = column.default.kind if column.default else DefaultKind.NULL
        default = column.default.text if column.default and kind is DefaultKind.LITERAL else None
        if default and column.type == "BINARY":
            default = default.rstrip("\0")
        flags = {
            "auto_increment": column.auto_increment,
            "on update": column.updated_now,
            "generated": column.generated,
            "invisible": column.invisible,
            "computed": kind in (DefaultKind.NOW, DefaultKind.EXPRESSION),
        }
        told = frozenset(word for word, said in flags.items() if said)
        return (
            column.name,
            _type(column),
            column.optional,
            column.charset,
            collation,
            default,
            told,
            column.comment or "",
        )


def _type(column: ColumnDefinition) -> str:
    base, _, signs = column.type.lower().partition(" ")
    text = base
    if column.values:
        text += (
            "(" + ",".join("'" + value.replace("\\", "\\\\").replace("'", "''") + "'" for value in column.values) + ")"
        )
    elif column.scale is not None:
        text += f"({column.length},{column.scale})"
    elif column.length is not None:
        text += f"({column.length})"
    return f"{text} {signs}".strip()


def _told(name, kind, nullable, charset, collation, default, extra, comment) -> tuple[Any, ...]:
    extra = extra.lower()
    computed = ("default_generated" in extra and default is not None) or _is_computed(default or "")
    flags = {
        "auto_increment": "auto_increment" in extra,
        "on update": "on update" in extra,
        "generated": "virtual generated" in extra or "stored generated" in extra,
        "invisible": "invisible" in extra,
        "computed": computed,
    }
    told = frozenset(word for word, said in flags.items() if said)
    if default == "NULL":
        default = None
    text = None if computed or default is None else _literal(kind, default)
    return (name, kind, nullable == "YES", charset, collation, text, told, comment)


def _is_computed(default: str) -> bool:
    return default.startswith("(") or default.lower().startswith("current_timestamp")


def _literal(kind: str, default: str) -> str:
    if default.startswith("'"):  # MariaDB prints defaults as SHOW CREATE TABLE does
        default = read(default[1:-1])
        return default.rstrip("\0") if kind.startswith("binary") else default
    if kind.startswith("bit"):
        return default.removeprefix("b'").removesuffix("'")
    if kind.startswith(("binary", "varbinary")) and default.startswith("0x"):
        return bytes.fromhex(default[2:]).decode("utf-8", "surrogateescape").rstrip("\0")
    return default
