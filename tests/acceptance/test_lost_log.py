"""A slot that no longer holds what comes behind the stored offset: a named error, and nothing is passed over in silence."""

from __future__ import annotations

import pytest

from cdc.testing.servers import PostgresServer
from tests.support.connector import Script, SlotView, properties, until
from tests.support.database import created, dropped


@pytest.fixture
def stopped(database, kafka, topic_prefix, tmp_path):
    """A connector that has published a row and was stopped; then another row was written."""
    database.execute("create table item (id int primary key)")
    script = Script(tmp_path, properties(database, kafka.url, topic_prefix))
    script.start()
    script.wait_for("streaming from")
    view = SlotView(database, topic_prefix)
    before = view.confirmed()
    database.execute("insert into item values (1)")
    until(lambda: view.confirmed() > before, "acknowledging")
    script.stop()
    database.execute("insert into item values (2)")
    yield script
    script.kill()


def refused(script):
    """Start the connector, which must end by itself, and return its one line of error."""
    assert script.run_to_end() == 1
    (line,) = [line for line in script.output.splitlines() if "ERROR" in line]
    assert "Traceback" not in script.output
    return line


def test_slot_that_was_dropped(stopped, database, topic_prefix):
    database.execute("select pg_drop_replication_slot(%s)", topic_prefix)
    line = refused(stopped)
    assert f"slot {topic_prefix} does not exist, but the stored offset says" in line
    assert "To begin with a new snapshot, remove the stored offset: cdc-stream offsets reset" in line


def test_slot_that_was_created_anew(stopped, database, topic_prefix):
    database.execute("select pg_drop_replication_slot(%s)", topic_prefix)
    database.execute("select pg_create_logical_replication_slot(%s, 'pgoutput')", topic_prefix)
    line = refused(stopped)
    assert f"slot {topic_prefix} stands at" in line
    assert "ahead of the stored offset" in line


def test_slot_that_was_advanced(stopped, database, topic_prefix):
    database.execute("select pg_replication_slot_advance(%s, pg_current_wal_lsn())", topic_prefix)
    assert "ahead of the stored offset" in refused(stopped)


def test_slot_of_another_server_with_the_same_name(stopped, kafka, topic_prefix, tmp_path, other_server):
    beside = created(other_server)
    try:
        beside.execute("create table item (id int primary key)")
        folder = tmp_path / "other"
        folder.mkdir()
        moved = Script(folder, properties(beside, kafka.url, topic_prefix))
        beside.execute("select pg_create_logical_replication_slot(%s, 'pgoutput')", topic_prefix)
        assert "belongs to the server with system identifier" in refused(moved)
    finally:
        dropped(beside)


@pytest.fixture
def other_server():
    with PostgresServer() as server:
        yield server.address
