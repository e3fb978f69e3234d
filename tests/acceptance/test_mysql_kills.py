"""Killed at any moment, or left by its server, the MySQL connector loses nothing and doubles nothing."""

from __future__ import annotations

import pytest

from cdc.testing.servers import MySqlServer
from tests.support.mysql_connector import kill_dump
from tests.support.mysql_kills import again_and_again, assert_exactly_once, kills


@pytest.fixture(scope="module")
def server():
    """A server of their own: what is done to it, others would feel."""
    with MySqlServer() as server:
        yield server


def test_every_change_arrives_once_in_order_though_the_connector_is_killed(mysql, kafka, tmp_path):
    assert_exactly_once(mysql, kafka.url, tmp_path, kills(3))


def test_every_change_arrives_once_in_order_though_the_server_ends_the_session_that_reads_its_log(
    server, kafka, tmp_path
):
    assert_exactly_once(server.address, kafka.url, tmp_path, again_and_again(3, lambda: kill_dump(server)))


def test_every_change_arrives_once_in_order_though_the_server_is_killed_and_starts_again(server, kafka, tmp_path):
    def restart():
        server.kill()
        server.start()

    assert_exactly_once(server.address, kafka.url, tmp_path, again_and_again(2, restart))
