"""Table definitions in Debezium's words: for the schema changes topic, and for the schema history, and back from there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from cdc.model.table import TableId
from cdc.sources.mysql.ddl.column_reader import printed_literal
from cdc.sources.mysql.ddl.declared_types import WITH_CHARSET, charset_name, completed, smallest, type_name
from cdc.sources.mysql.ddl.definitions import (
    NULL_DEFAULT,
    ColumnDefault,
    ColumnDefinition,
    DefaultKind,
    TableDefinition,
    WrittenType,
    is_utf8,
)
from cdc.sources.mysql.ddl.statements import ChangeType, TableChange

_NATIONAL: Final = (-15, -9)
_EPOCH: Final = "1970-01-01 00:00:00"
_ESCAPED: Final = {"\\": "\\\\", "'": "''", "\0": "\\0", "\n": "\\n", "\r": "\\r", "\x1a": "\\Z"}
_ESCAPES: Final = re.compile(r"[\\'\0\n\r\x1a]")
_UNESCAPED: Final = re.compile(r"\\(.)|''", re.DOTALL)
_PLAIN: Final = {"0": "\0", "n": "\n", "r": "\r", "Z": "\x1a", "t": "\t", "b": "\b"}


def written(text: str) -> str:
    """Return text as it stands between quotes in SHOW CREATE TABLE, which is how Debezium carries it."""
    return _ESCAPES.sub(lambda found: _ESCAPED[found[0]], text)


def read(text: str) -> str:
    """Return what text between quotes stands for."""
    return _UNESCAPED.sub(lambda found: "'" if found[1] is None else _PLAIN.get(found[1], found[1]), text)


def quoted_id(table: TableId) -> str:
    """Return a table's name in double quotes."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in (table.schema, table.table))


def told_changes(changes: tuple[TableChange, ...], *, comments: bool) -> list[dict[str, Any]]:
    """Return changes as the schema changes topic has them."""
    return [
        {"type": change.type.value, "id": quoted_id(change.id), "table": _told_table(change.table, comments=comments)}
        for change in changes
    ]


def _told_table(table: TableDefinition | None, *, comments: bool) -> dict[str, Any] | None:
    if table is None:
        return None
    return {
        "defaultCharsetName": table.charset,
        "primaryKeyColumnNames": list(table.record_key),
        "columns": [_told_column(column, at, comments=comments) for at, column in enumerate(table.columns, 1)],
        "comment": written(table.comment) if comments and table.comment else None,
    }


def _told_column(column: ColumnDefinition, position: int, *, comments: bool) -> dict[str, Any]:
    # Debezium calls a column generated that the server counts up or sets at each update, and not one with an expression.
    by_server = column.auto_increment or column.updated_now
    told = column.written or WrittenType(column.type, column.jdbc_type, column.length, column.scale)
    return {
        "name": column.name,
        "jdbcType": told.jdbc_type,
        "nativeType": None,
        "typeName": told.type,
        "typeExpression": told.type,
        # The national types are always of the charset that was called utf8 once.
        "charsetName": "utf8" if told.jdbc_type in _NATIONAL and column.charset == "utf8mb3" else column.charset,
        "length": told.length,
        "scale": told.scale,
        "position": position,
        "optional": column.optional,
        "autoIncremented": by_server,
        "generated": by_server,
        "comment": written(column.comment) if comments and column.comment else None,
        "defaultValueExpression": _told_default(column),
        "enumValues": [f"'{written(value)}'" for value in column.values] or None,
    }


def _told_default(column: ColumnDefinition) -> str | None:
    default = column.default
    if default is None or default.kind in (DefaultKind.NULL, DefaultKind.EXPRESSION):
        return None
    if default.kind is DefaultKind.NOW:
        return _EPOCH
    text = default.text if default.written is None else default.written
    if is_utf8(text):
        return written(text)
    # As SHOW CREATE TABLE prints bytes that are no text.
    return f"0x{text.encode('utf-8', 'surrogateescape').hex().upper()}"


def stored_change(change: TableChange, *, comments: bool) -> dict[str, Any]:
    """Return a change as the schema history has it: with the name that RENAME TABLE took from the table, not that of ALTER TABLE … RENAME."""
    stored: dict[str, Any] = {"type": change.type.value, "id": quoted_id(change.id)}
    if change.previous is not None and change.part:
        stored["previousId"] = quoted_id(change.previous)
    table = _told_table(change.table, comments=comments)
    if change.table is None or table is None:
        return stored
    columns = [
        _stored_column(column, told) for column, told in zip(change.table.columns, table["columns"], strict=True)
    ]
    stored["table"] = {
        "defaultCharsetName": table["defaultCharsetName"],
        "primaryKeyColumnNames": table["primaryKeyColumnNames"],
        "columns": columns,
        "attributes": [],
    }
    return {**stored, "comment": table["comment"]}


def _stored_column(column: ColumnDefinition, told: dict[str, Any]) -> dict[str, Any]:
    kept = {
        name: value
        for name, value in told.items()
        if name not in ("nativeType", "defaultValueExpression", "enumValues")
    }
    absent = [name for name in ("length", "scale") if kept[name] is None]
    stored = {name: value for name, value in kept.items() if name not in absent}
    stored["hasDefaultValue"] = column.default is not None or (column.generated and column.optional)
    if told["defaultValueExpression"] is not None:
        stored["defaultValueExpression"] = told["defaultValueExpression"]
    return {**stored, "enumValues": told["enumValues"] or []}


def restored_change(stored: Mapping[str, Any]) -> TableChange:
    """Return a change of the schema history, ours or Debezium's; its table lacks what Debezium does not store, such as keys but the primary.

    Raises:
        KeyError, ValueError, TypeError: it has another form.
    """
    *earlier, table_id = _ids(stored["id"])
    previous = _ids(stored.get("previousId", "")) or earlier
    found = stored.get("table")
    table = None if found is None else _restored_table(table_id, found, stored.get("comment"))
    return TableChange(ChangeType(stored["type"]), table_id, table, previous[0] if previous else None)


def _ids(text: str) -> list[TableId]:
    """Return the tables that an id names: one, or, in histories of old, before it the one that it was renamed from."""
    return [TableId(*map(_unquoted, pair)) for pair in re.findall(r'"((?:[^"]|"")*)"\."((?:[^"]|"")*)"', text)]


def _unquoted(name: str) -> str:
    return name.replace('""', '"')


def _restored_table(table: TableId, found: Mapping[str, Any], comment: str | None) -> TableDefinition:
    return TableDefinition(
        id=table,
        columns=tuple(map(_restored_column, sorted(found["columns"], key=lambda column: column["position"]))),
        primary_key=tuple(found.get("primaryKeyColumnNames") or ()),
        charset=found.get("defaultCharsetName"),
        comment=read(comment) if comment else None,
    )


def _restored_column(found: Mapping[str, Any]) -> ColumnDefinition:
    name = type_name(found["typeName"])
    plain = name.partition(" ")[0]
    boolean = found["typeName"].upper() in ("BOOL", "BOOLEAN")
    counted = bool(found.get("autoIncremented")) and plain not in ("TIMESTAMP", "DATETIME")
    column = ColumnDefinition(
        name=found["name"],
        type=name,
        length=1 if boolean else found.get("length"),
        scale=found.get("scale"),
        charset=charset_name(found["charsetName"]) if plain in WITH_CHARSET and found.get("charsetName") else None,
        values=tuple(read(value[1:-1] if value[:1] == "'" else value) for value in found.get("enumValues") or ()),
        optional=found["optional"],
        auto_increment=counted,
        updated_now=bool(found.get("autoIncremented")) and not counted,
        default=_restored_default(found, plain),
        comment=read(found["comment"]) if found.get("comment") else None,
    )
    return _as_written(_as_printed(smallest(completed(column, mariadb=False))), found)


def _as_printed(column: ColumnDefinition) -> ColumnDefinition:
    """Return the column with its literal as the server prints it: the history has that of the statement, 1:2:3 or true."""
    default = column.default
    if default is None or default.kind is not DefaultKind.LITERAL or column.base_type in (*WITH_CHARSET, "VARBINARY"):
        return column
    number = {"true": "1", "false": "0"}.get(default.text.lower(), default.text)
    return replace(column, default=replace(default, text=printed_literal(column, number)))


def _as_written(column: ColumnDefinition, found: Mapping[str, Any]) -> ColumnDefinition:
    """Return the column with the words that the history has for its type, where the server has others."""
    told = WrittenType(found["typeName"], found["jdbcType"], found.get("length"), found.get("scale"))
    own = WrittenType(column.type, column.jdbc_type, column.length, column.scale)
    return column if told == own else replace(column, written=told)


def _restored_default(found: Mapping[str, Any], base: str) -> ColumnDefault | None:
    text = found.get("defaultValueExpression")
    if text is None:
        return NULL_DEFAULT if found.get("hasDefaultValue") and found["optional"] else None
    if text == _EPOCH and base in ("TIMESTAMP", "DATETIME"):
        return ColumnDefault(DefaultKind.NOW)
    return ColumnDefault(DefaultKind.LITERAL, _bytes_text(text) if base in ("BINARY", "VARBINARY") else read(text))


def _bytes_text(text: str) -> str:
    """Return the default of a column of bytes, from 0x… where these are no UTF-8, for others are carried as text."""
    if re.fullmatch("0x(?:[0-9A-F]{2})+", text):
        data = bytes.fromhex(text[2:]).decode("utf-8", "surrogateescape")
        if not is_utf8(data):
            return data
    return read(text)
