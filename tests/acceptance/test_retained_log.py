"""An idle captured database beside a busy one does not make the server keep its log."""

from __future__ import annotations

import time
from contextlib import closing

import pytest

from tests.support.connector import Script, properties
from tests.support.database import created, dropped

SECONDS = 22
RETAINED = "select (pg_current_wal_lsn() - confirmed_flush_lsn)::bigint from pg_replication_slots where slot_name = %s"
WRITTEN = "select (pg_current_wal_lsn() - '0/0')::bigint"


@pytest.fixture
def busy(postgres):
    """Another database of the same server."""
    other = created(postgres)
    other.execute("create table noise (id bigint generated always as identity, filler text)")
    yield other
    dropped(other)


def test_idle_captured_database_releases_the_log_of_a_busy_one(database, busy, kafka, topic_prefix, tmp_path):
    database.execute("create table idle (id int primary key)")
    script = Script(tmp_path, properties(database, kafka.url, topic_prefix))
    script.start()
    try:
        script.wait_for("streaming from")
        written, least = write_beside(busy, topic_prefix, SECONDS)
    finally:
        script.stop()
        script.kill()
    # It is acknowledged every ten seconds: what was written in between is kept, and not much more.
    assert written > 20_000_000
    assert least < written / 10


def write_beside(busy, slot, seconds):
    """Write for so long; return how much log was written, and how little of it the slot kept in the second half."""
    kept = []
    with closing(busy.connect()) as connection:
        start = connection.execute(WRITTEN).fetchone()[0]
        began = time.monotonic()
        while time.monotonic() < began + seconds:
            connection.execute("insert into noise (filler) select repeat('x', 500) from generate_series(1, 400)")
            if time.monotonic() > began + seconds / 2:
                kept.append(connection.execute(RETAINED, (slot,)).fetchone()[0])
            time.sleep(0.1)
        return connection.execute(WRITTEN).fetchone()[0] - start, min(kept)
