"""Servers that go and come back under load: the connector waits, says so once, and goes on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cdc.testing.servers import KafkaServer, PostgresServer
from tests.support.connector import Script, properties
from tests.support.database import Database, created
from tests.support.load import CAPTURED, prepare
from tests.support.outages import ROWS, WAITING, assert_exactly_once_over_outages


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="module")
def own_kafka() -> Iterator[KafkaServer]:
    with KafkaServer() as server:
        yield server


@pytest.fixture
def own_database(own_postgres) -> Database:
    database = created(own_postgres.address)
    prepare(database, rows=ROWS)
    return database


@pytest.fixture
def script(own_database, own_kafka, topic_prefix, tmp_path):
    config = properties(own_database, own_kafka.address.url, topic_prefix, table_include_list=CAPTURED)
    script = Script(tmp_path, {**config, "retriable.restart.connector.wait.ms": "1000"})
    yield script
    script.kill()


def test_restart_and_crash_of_postgres_are_waited_for(script, own_database, own_postgres, own_kafka, topic_prefix):
    ends = (own_postgres.kill, own_postgres.stop)
    assert_exactly_once_over_outages(
        script, own_database, own_kafka.address.url, topic_prefix, [(end, own_postgres.start) for end in ends]
    )


def test_crash_of_kafka_is_waited_for(script, own_database, own_kafka, topic_prefix):
    assert_exactly_once_over_outages(
        script, own_database, own_kafka.address.url, topic_prefix, [(own_kafka.kill, own_kafka.start)]
    )


def test_signal_stops_within_five_seconds_while_kafka_is_gone(script, own_kafka):
    script.start()
    script.wait_for("streaming from")
    own_kafka.kill()
    try:
        script.wait_for(WAITING)
        assert script.terminate(5) == 0
    finally:
        own_kafka.start()
    assert "Traceback" not in script.output
