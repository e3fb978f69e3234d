"""Dates that are none, by Debezium's converter, in the snapshot and in the stream of real servers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from cdc.config.settings import TimeMode
from cdc.history.memory import MemorySchemaHistory
from cdc.sources.columns.converter import ColumnConverters
from cdc.sources.mysql.schema.zero_dates import ZeroDateFallbackConverter
from cdc.sources.mysql.source import MySqlLog
from tests.integration.mysql_log import settings
from tests.support.mysql_database import MySqlDatabase

TABLE = (
    "set sql_mode = ''; create table item (id int primary key, d date not null default '2001-01-01', m datetime not null,"
    " u datetime(6), t timestamp not null default '2001-01-01')"
)
ROWS = "set sql_mode = ''; insert into item values ({0}, 0, 0, 0, 0), ({0} + 1, '1970-01-01', '1970-01-01', '1970-01-01', '1970-01-02')"


@pytest.fixture(params=["mysql_database", "mariadb_database"])
def database(request: pytest.FixtureRequest) -> MySqlDatabase:
    found: MySqlDatabase = request.getfixturevalue(request.param)
    found.execute(TABLE)
    found.execute(ROWS.format(0))
    return found


async def read(database: MySqlDatabase, properties: Mapping[str, str]) -> tuple[list[tuple[Any, ...]], list[Any]]:
    """Return two rows of the snapshot and two of the stream, and the schemas of their columns."""
    converter = ZeroDateFallbackConverter()
    converter.configure(properties)
    options = settings(database, time_mode=TimeMode.ISOSTRING)
    source = MySqlLog(options, MemorySchemaHistory(), converters=ColumnConverters([converter]))
    await source.start(None)
    found: list[tuple[Any, ...]] = []
    waiting = True
    async with asyncio.timeout(30):
        async for batch in source.batches():
            rows = [batch.row(at) for at in range(len(batch))]
            found += [tuple(row[3] or ()) for row in rows]
            if rows:
                schemas = [each.schema for each in rows[0][1].columns]
            if len(found) >= 4:
                break
            if len(found) == 2 and waiting and source.progress is None:
                waiting = False
                await database.run(ROWS.format(2))
    await source.stop()
    return found, schemas


async def test_they_are_null_and_the_columns_optional(database):
    found, schemas = await read(database, {})
    assert [row[1:] for row in found] == [(None,) * 4, (0, 0, 0, "1970-01-02T00:00:00Z")] * 2
    assert [(schema.optional, schema.default) for schema in schemas[1:]] == [(True, None)] * 4


async def test_they_are_what_one_says(database):
    properties = {
        "fallback.date": "1970-01-02",
        "fallback.datetime": "1970-01-01 00:00:01",
        "fallback.timestamp": "1970-01-01T02:00:00+02:00",
        f"column.{database.name}.item.u.fallback": "1970-01-01 00:00:02",
    }
    found, schemas = await read(database, properties)
    zero = (1, 1000, 2_000_000, "1970-01-01T00:00:00Z")
    assert [row[1:] for row in found] == [zero, (0, 0, 0, "1970-01-02T00:00:00Z")] * 2
    told = [(schema.optional, schema.default) for schema in schemas[1:]]
    assert told == [(False, 1), (False, None), (False, None), (False, "1970-01-01T00:00:00Z")]
