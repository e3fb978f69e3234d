"""Killed at any moment, the connector loses nothing and doubles nothing."""

from __future__ import annotations

from tests.support.kills import assert_exactly_once_over_kills


def test_every_change_arrives_once_in_order_though_the_connector_is_killed(database, kafka, topic_prefix, tmp_path):
    assert_exactly_once_over_kills(5, database, kafka.url, topic_prefix, tmp_path)
