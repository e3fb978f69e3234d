"""Distributed transactions that are prepared when the snapshot is taken: what becomes of them comes by the stream."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from cdc.config.mysql_settings import Locking
from cdc.errors import SourceRefused
from cdc.history.memory import MemorySchemaHistory
from cdc.sources.mysql.source import MySqlLog
from cdc.testing.servers import MariaDbServer, MySqlServer
from tests.integration.mysql_log import settings
from tests.integration.test_mysql_snapshot import changed, taken
from tests.support.connector import until
from tests.support.mysql_database import MySqlDatabase, created


@pytest.fixture(params=[MySqlServer, MariaDbServer, "no gtids"])
def own(request: pytest.FixtureRequest) -> Iterator[MySqlDatabase]:
    """A database of a server whose log nobody else writes."""
    options = {"gtid-mode": "OFF", "enforce-gtid-consistency": "OFF"} if request.param == "no gtids" else {}
    kind = MySqlServer if request.param == "no gtids" else request.param
    with kind(options=options) as server:
        yield created(server.address)


def purged(database: MySqlDatabase, last: str) -> bool:
    """Remove the files before the last; MariaDB keeps them until what they hold is safe in the engine."""
    database.execute(f"purge binary logs to '{last}'")
    return bool(database.execute("show binary logs")[0][0] == last)


def prepare(database: MySqlDatabase, branch: int) -> None:
    with closing(database.connect()) as other, other.cursor() as cursor:
        cursor.execute(f"xa start '{database.name}', '{branch}', 3")
        cursor.execute(f"insert into item values ({branch})")
        for verb in ("end", "prepare"):
            cursor.execute(f"xa {verb} '{database.name}', '{branch}', 3")


def end(database: MySqlDatabase, verb: str, branch: int) -> None:
    database.execute(f"xa {verb} '{database.name}', '{branch}', 3")


@pytest.mark.parametrize("locking", [Locking.MINIMAL, Locking.NONE])
async def test_what_commits_after_the_snapshot_is_streamed_and_what_is_rolled_back_is_not(own, locking):
    own.execute("create table item (id int primary key); insert into item values (0)")
    prepare(own, 9)
    end(own, "commit", 9)
    for branch in (1, 2, 3):
        prepare(own, branch)
        own.execute("flush binary logs" if branch < 3 else "insert into item values (10)")
    source = MySqlLog(settings(own, locking=locking), MemorySchemaHistory())
    await source.start(None)
    found: list[Any] = []
    waiting = True
    async with asyncio.timeout(30):
        async for batch in source.batches():
            found += [after[0] for _, _, after in changed(batch)]
            if waiting and len(found) == 3 and source.progress is None:
                waiting = False
                for verb, branch in (("rollback", 2), ("commit", 3), ("commit", 1)):
                    end(own, verb, branch)
                own.execute("insert into item values (11)")
            if len(found) >= 6:
                break
    await source.stop()
    assert found == [0, 9, 10, 3, 1, 11]
    assert batch.position.offset().get("open_xa") in (None, [])


async def test_what_is_prepared_in_log_that_is_gone_is_refused_before_a_row_is_read(own):
    own.execute("create table item (id int primary key)")
    prepare(own, 1)
    own.execute("flush binary logs")
    last = own.execute("show binary logs")[-1][0]
    until(lambda: purged(own, last), "the end of the old log")
    with pytest.raises(SourceRefused, match=f"X'{own.name.encode().hex()}',X'31',3 are prepared"):
        await taken(own)
    end(own, "rollback", 1)
    await taken(own)


async def test_the_offset_of_the_snapshot_remembers_it(own):
    own.execute("create table item (id int primary key); insert into item values (0)")
    prepare(own, 1)
    own.execute("flush binary logs")
    history = MemorySchemaHistory()
    offset = (await taken(own, history)).batches[-1].position.offset()
    end(own, "commit", 1)
    own.execute("insert into item values (2)")
    again = MySqlLog(settings(own), history, resumed=True)
    await again.start(offset)
    found: list[Any] = []
    async with asyncio.timeout(30):
        async for batch in again.batches():
            found += [after[0] for _, _, after in changed(batch)]
            if len(found) >= 2:
                break
    await again.stop()
    assert found == [1, 2]
