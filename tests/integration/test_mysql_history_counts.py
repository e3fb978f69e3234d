"""What a source tells of its schema history, on real servers."""

from __future__ import annotations

import time

import pytest

from cdc.config.history import HistorySettings
from cdc.history.memory import MemorySchemaHistory
from cdc.sources.mysql.source import MySqlLog
from cdc.testing.conformance.source import read, snapshot_done
from tests.integration.mysql_log import settings


@pytest.fixture(params=["mysql_database", "mariadb_database"])
def database(request):
    return request.getfixturevalue(request.param)


async def test_changes_are_counted_as_they_are_recovered_and_applied(database):
    await database.run("create table item (id int primary key); insert into item values (1)")
    own_alone = HistorySettings(
        only_databases=True
    )  # the server has other databases, whose statements are none of ours
    kept, chosen = MemorySchemaHistory(), settings(database, history=own_alone)
    first = MySqlLog(chosen, kept)
    counts = first.history_counts
    assert counts.status == "STOPPED"
    await first.start(None)
    found = await read(first, snapshot_done)
    assert (counts.status, counts.recovered, counts.recovery_began) == ("RUNNING", 0, None)
    for batch in found.batches:
        await kept.record(batch.history)
    told = len([record async for record in kept.records()])
    assert counts.applied == told > 0
    await first.stop()
    assert counts.status == "STOPPED"

    began = time.time()
    second = MySqlLog(chosen, kept)
    counts = second.history_counts
    try:
        await second.start(found.offsets[-1])
        assert (counts.status, counts.recovered, counts.applied) == ("RUNNING", told, told)
        assert counts.recovery_began is not None
        assert began <= counts.recovery_began <= time.time()
        await database.run("alter table item add n int; insert into item values (2, 2)")
        await read(second, lambda reading: any(len(batch) for batch in reading.batches))
    finally:
        await second.stop()
    assert (counts.recovered, counts.applied) == (told, told + 1)
