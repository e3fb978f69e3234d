"""The snapshot on real servers: every row once, and streaming from exactly there, while others write."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from cdc.config.mysql_settings import Locking
from cdc.history.memory import MemorySchemaHistory
from cdc.model.batch import ChangeBatch
from cdc.testing.conformance.source import Reading, snapshot_done
from tests.integration.mysql_log import read_log, settings, small_batches
from tests.support.mysql_database import MySqlDatabase


@pytest.fixture(params=["mysql_database", "mariadb_database"])
def database(request):
    return request.getfixturevalue(request.param)


def changed(batch: ChangeBatch) -> list[tuple[str, str, Any]]:
    """Return (op, table, new row) of every row."""
    return [(op, of.id.table, after) for op, of, _, after, *_ in map(batch.row, range(len(batch)))]


def rows_of(reading: Reading) -> list[tuple[str, str, Any]]:
    return [row for batch in reading.batches for row in changed(batch)]


def markers(reading: Reading) -> list[tuple[str, int, str]]:
    """Return (table, first column, marker) of every row."""
    found = []
    for batch in reading.batches:
        for op, table, _, after, _, _, source in map(batch.row, range(len(batch))):
            assert op == "r"
            assert after is not None
            assert source is not None
            found.append((table.id.table, after[0], next(each for each in source if each in MARKERS)))
    return found


MARKERS = ("first", "true", "first_in_data_collection", "last_in_data_collection", "last")


class Writer:
    """Inserts ascending ids and updates one row, each in a transaction, in threads of its own, until it is stopped."""

    def __init__(self, database: MySqlDatabase) -> None:
        self._database = database
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self.inserted: list[int] = []

    def _write(self, worker: int) -> None:
        with closing(self._database.connect(autocommit=False)) as connection, connection.cursor() as cursor:
            number = worker
            while not self._stop.is_set():
                cursor.execute("insert into item values (%s, 0)", (number,))
                cursor.execute("update item set version = version + 1 where id = %s", (-worker,))
                connection.commit()
                with self._lock:
                    self.inserted.append(number)
                number += 10

    @contextmanager
    def running(self, workers: int = 3) -> Iterator[None]:
        """Write inside the block."""
        threads = [threading.Thread(target=self._write, args=(worker,)) for worker in range(1, workers + 1)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()


def check(reading: Reading, writer: Writer) -> None:
    """Every inserted row came once, as a read or as a create; the versions of a row have no gap behind the snapshot's."""
    rows = rows_of(reading)
    arrived = [row[0] for op, _, row in rows if row[0] > 0 and op in "rc"]
    assert sorted(arrived) == sorted(writer.inserted)
    for worker in (1, 2, 3):
        versions = [row[1] for _, _, row in rows if row[0] == -worker]
        assert versions == list(range(versions[0], versions[0] + len(versions))), "a gap, or an overlap"
        assert versions[-1] == sum(1 for number in writer.inserted if number % 10 == worker)


class TestWhileOthersWrite:
    """No gap and no overlap between snapshot and stream."""

    async def race(self, database: MySqlDatabase, **options: Any) -> tuple[Reading, Writer]:
        database.execute("create table item (id int primary key, version int)")
        database.execute("insert into item values (-1, 0), (-2, 0), (-3, 0)")
        chosen, history, writer = settings(database, **options), MemorySchemaHistory(), Writer(database)
        with writer.running(), small_batches():
            reading = await read_log(
                chosen, lambda got: snapshot_done(got) and sum(op == "c" for op, *_ in rows_of(got)) > 100, history
            )
        seen = {row[0] for _, _, row in rows_of(reading)}
        wanted = set(writer.inserted)
        rest = await read_log(
            chosen,
            lambda more: wanted <= seen | {row[0] for _, _, row in rows_of(more)},
            history,
            reading.offsets[-1],
        )
        return Reading(reading.batches + rest.batches), writer

    @pytest.mark.parametrize("locking", [Locking.MINIMAL, Locking.MINIMAL_AT_LEAST_ONCE, Locking.EXTENDED])
    async def test_every_change_comes_once(self, database, locking):
        reading, writer = await self.race(database, locking=locking)
        check(reading, writer)


async def test_rows_have_the_markers_of_their_place(database):
    for table, count in (("a", 3), ("b", 0), ("c", 1), ("d", 2)):
        database.execute(f"create table {table} (id int primary key)")
        for number in range(count):
            database.execute(f"insert into {table} values ({number})")
    database.execute("create view e as select * from a")
    with small_batches():
        reading = await read_log(settings(database), snapshot_done)
    assert markers(reading) == [
        ("a", 0, "first"),
        ("a", 1, "true"),
        ("a", 2, "last_in_data_collection"),
        ("c", 0, "last_in_data_collection"),
        ("d", 0, "first_in_data_collection"),
        ("d", 1, "last"),
    ]
    assert [batch.boundary for batch in reading.batches] == [False] * (len(reading.batches) - 1) + [True]
    assert [batch.position.snapshot for batch in reading.batches] == [not batch.boundary for batch in reading.batches]
