"""One transaction of the shop, planned: its statements, and the changes that they will be in the log."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from psycopg import sql

from cdc.testing.shop.ledger import Change, Key, Row
from cdc.testing.shop.schema import TABLES

Statement = tuple[sql.Composed, tuple[Any, ...]]


class Deed:
    """A transaction that is being planned; nothing happens before the writer performs it.

    `versions` are those of the present rows, `numbers` gives the versions to write. Values are parameters, or SQL expressions where
    they are `sql.Composable`. `abandoned` deeds are performed and rolled back.
    """

    def __init__(self, versions: Mapping[Row, int], numbers: Iterator[int]) -> None:
        self.statements: list[Statement] = []
        self.changes: list[Change] = []
        self.abandoned = False
        self._versions = versions
        self._written: dict[Row, int] = {}
        self._numbers = numbers
        self._afterwards: list[Callable[[], object]] = []

    def insert(self, table: str, key: Key, **values: object) -> None:
        """Plan the insert of a row."""
        version = self._write(table, key, "c")
        given = {**dict(zip(TABLES[table], key, strict=True)), **values, "version": version}
        names = sql.SQL(", ").join(map(sql.Identifier, given))
        fields = sql.SQL(", ").join(map(_expression, given.values()))
        self._plan(
            sql.SQL("insert into {} ({}) values ({})").format(sql.Identifier(table), names, fields), *given.values()
        )

    def update(self, table: str, key: Key, **values: object) -> None:
        """Plan the update of a row by its key."""
        given = {**values, "version": self._write(table, key, "u")}
        pairs = [sql.SQL("{} = {}").format(sql.Identifier(name), _expression(value)) for name, value in given.items()]
        query = sql.SQL("update {} set {} where {}").format(
            sql.Identifier(table), sql.SQL(", ").join(pairs), by_key(table)
        )
        self._plan(query, *given.values(), *key)

    def delete(self, table: str, key: Key) -> None:
        """Plan the delete of a row by its key."""
        version = self._written.pop((table, key), None) or self._versions[table, key]
        self.changes.append(Change(table, key, "d", version))
        self._plan(sql.SQL("delete from {} where {}").format(sql.Identifier(table), by_key(table)), *key)

    def then(self, what: Callable[[], object]) -> None:
        """Have something done when the transaction has committed."""
        self._afterwards.append(what)

    def finish(self) -> None:
        """Do what was to be done after the commit."""
        for what in self._afterwards:
            what()

    def _write(self, table: str, key: Key, op: str) -> int:
        version = self._written[table, key] = next(self._numbers)
        self.changes.append(Change(table, key, op, version))
        return version

    def _plan(self, query: sql.Composed, *values: object) -> None:
        self.statements.append((query, tuple(value for value in values if not isinstance(value, sql.Composable))))


def _expression(value: object) -> sql.Composable:
    return value if isinstance(value, sql.Composable) else sql.Placeholder()


def by_key(table: str) -> sql.Composed:
    """Return the condition that a row of the table has a given key; its parts are parameters."""
    return sql.SQL(" and ").join(sql.SQL("{} = %s").format(sql.Identifier(name)) for name in TABLES[table])
