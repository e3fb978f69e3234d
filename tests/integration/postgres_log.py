"""Sources on a test's own database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from cdc.config.filters import NameFilter, TableFilter
from cdc.config.settings import PostgresSettings
from cdc.sources.postgres import source as source_module
from cdc.sources.postgres.snapshot import snapshot as snapshot_module
from cdc.sources.postgres.source import PostgresLog
from cdc.testing.conformance.source import BATCH_ROWS, Reading, Statement, read_from
from tests.support.database import Database

STATEMENTS = {
    "insert": "insert into item (id, name) values (%(id)s, %(name)s)",
    "update": "update item set name = %(name)s where id = %(id)s",
    "delete": "delete from item where id = %(id)s",
}


def settings(database: Database, *, include: str = "", **more: Any) -> PostgresSettings:
    """Return settings with a slot and a publication of the database's name."""
    return PostgresSettings(
        hostname=database.host,
        port=database.port,
        dbname=database.name,
        user=database.user,
        topic_prefix="p",
        slot_name=database.name,
        publication_name=database.name,
        tables=TableFilter(tables=NameFilter.parse(include)),
        **more,
    )


@contextmanager
def small_batches(rows: int = BATCH_ROWS) -> Iterator[None]:
    """Cut batches after so few rows, snapshot's included, and look often whether a slot is free."""
    with (
        mock.patch.multiple(source_module, BATCH_ROWS=rows, SLOT_POLL_SECONDS=0.02),
        mock.patch.multiple(snapshot_module, BATCH_BYTES=500),
    ):
        yield


class PostgresWorld:
    """The conformance suite's table, in a database."""

    def __init__(self, database: Database, **options: Any) -> None:
        self.database = database
        self.settings = settings(database, **options)
        database.execute("create table item (id bigint primary key, name text)")

    def source(self) -> PostgresLog:
        return PostgresLog(self.settings)

    async def commit(self, *statements: Statement) -> None:
        async with await self.database.connect_async(autocommit=False) as connection:
            for verb, number, name in statements:
                await connection.execute(STATEMENTS[verb].encode(), {"id": number, "name": name})

    async def read(self, offset: Any, enough: Callable[[Reading], bool]) -> Reading:
        return await read_from(self, offset, enough)
