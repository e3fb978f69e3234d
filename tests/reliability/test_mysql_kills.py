"""Thirty kills of the connector at random moments, and twenty of the session that reads the log, under the load of a shop."""

from __future__ import annotations

import pytest

from cdc.testing.servers import MySqlServer
from tests.support.mysql_connector import kill_dump
from tests.support.mysql_kills import again_and_again, assert_exactly_once, kills

pytestmark = [pytest.mark.reliability, pytest.mark.timeout(1800)]

VARIANTS = [{}, {"topic_creation_default_partitions": "4"}, {"transaction_max_rows": "100", "compression_type": "lz4"}]


@pytest.fixture(scope="module")
def server():
    """A server of their own: what is done to it, others would feel."""
    with MySqlServer() as server:
        yield server


@pytest.mark.parametrize("seed", range(len(VARIANTS)))
def test_every_change_arrives_once_in_order_over_thirty_kills(seed, server, kafka, tmp_path):
    assert_exactly_once(server.address, kafka.url, tmp_path, kills(30, seed=seed), **VARIANTS[seed])


def test_every_change_arrives_once_in_order_over_twenty_kills_of_the_session_that_reads_the_log(
    server, kafka, tmp_path
):
    assert_exactly_once(server.address, kafka.url, tmp_path, again_and_again(20, lambda: kill_dump(server)))


def test_every_change_arrives_once_in_order_over_ten_restarts_of_the_server(server, kafka, tmp_path):
    def restart():
        server.kill()
        server.start()

    assert_exactly_once(server.address, kafka.url, tmp_path, again_and_again(10, restart))
