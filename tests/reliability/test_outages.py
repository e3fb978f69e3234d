"""Both servers go and come back, again and again, in good order and by a crash."""

from __future__ import annotations

import random

import pytest

from cdc.testing.servers import KafkaServer, PostgresServer
from tests.support.connector import Script, properties
from tests.support.database import created
from tests.support.load import CAPTURED, prepare
from tests.support.outages import ROWS, assert_exactly_once_over_outages

pytestmark = [pytest.mark.reliability, pytest.mark.timeout(1800)]


def test_every_change_arrives_once_over_twenty_outages(topic_prefix, tmp_path):
    moments = random.Random(1)
    with PostgresServer() as postgres, KafkaServer() as kafka:
        outages = [
            (moments.choice((server.stop, server.kill)), server.start)
            for server in moments.choices((postgres, kafka), k=20)
        ]
        database = created(postgres.address)
        prepare(database, rows=ROWS)
        config = properties(database, kafka.address.url, topic_prefix, table_include_list=CAPTURED)
        # A broker that stops in good order answers until the end; a commit may then wait as long as a transaction may last.
        patience = {"retriable.restart.connector.wait.ms": "2000", "transaction.timeout.ms": "15000"}
        script = Script(tmp_path, {**config, **patience})
        try:
            assert_exactly_once_over_outages(script, database, kafka.address.url, topic_prefix, outages)
        finally:
            script.kill()
