"""An idle captured database beside a busy one does not make the server keep its log."""

from __future__ import annotations

import pytest

from tests.support.connector import Script, properties
from tests.support.database import created, dropped
from tests.support.retained_log import write_beside


@pytest.fixture
def busy(postgres):
    """Another database of the same server."""
    other = created(postgres)
    yield other
    dropped(other)


def test_idle_captured_database_releases_the_log_of_a_busy_one(database, busy, kafka, topic_prefix, tmp_path):
    database.execute("create table idle (id int primary key)")
    script = Script(tmp_path, properties(database, kafka.url, topic_prefix))
    script.start()
    try:
        script.wait_for("streaming from")
        written, least, _ = write_beside(busy, topic_prefix, 22)
    finally:
        script.stop()
        script.kill()
    # It is acknowledged every ten seconds, or when half a segment waits: what was written in between is kept, and not much more.
    assert written > 10_000_000
    assert least < written / 10
