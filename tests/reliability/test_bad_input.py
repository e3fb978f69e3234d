"""Bad input that takes a server of its own to see."""

from __future__ import annotations

import pytest

from cdc.testing.servers import KafkaServer
from tests.support.connector import properties
from tests.support.refusal import refusal

pytestmark = pytest.mark.reliability


def test_kafka_that_cannot_keep_transactions(database, topic_prefix, tmp_path):
    database.execute("create table item (id int primary key)")
    with KafkaServer(properties={"transaction.state.log.replication.factor": "3"}) as server:
        config = properties(database, server.address.url, topic_prefix, request_timeout_ms="4000")
        end = refusal(tmp_path, config)
    assert end.code == 1
    assert "transaction.state.log.replication.factor" in end.line
